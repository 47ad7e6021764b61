/** Objects of the stack's store, with the rights of its root. */
import type { Stack } from "../stack.ts";

/** A shell script in the store's container, which knows its root's login; `mc` knows the store as `store`. */
export async function inStore(stack: Stack, script: string, input?: string): Promise<string> {
  const login =
    '. /run/secrets/store/env; export MC_CONFIG_DIR=/tmp/mc-test MC_HOST_store="http://$STORE_ROOT_USER:$STORE_ROOT_PASSWORD@localhost:9000"';
  const options = input === undefined ? {} : { input };
  const { code, stdout, stderr } = await stack.exec("store", ["sh", "-ec", `${login}; ${script}`], options);
  if (code !== 0) throw new Error(`${script}: ${stderr}`);
  return stdout;
}

/** `place`: bucket/key; what is put there is empty. Answers the body, or the store's complaint in XML. */
export function objectAt(stack: Stack, method: "GET" | "PUT" | "DELETE", place: string): Promise<string> {
  const body = method === "PUT" ? "--data-binary ''" : "";
  const login = `--aws-sigv4 aws:amz:us-east-1:s3 --user "$STORE_ROOT_USER:$STORE_ROOT_PASSWORD"`;
  return inStore(
    stack,
    `curl --silent ${body} --request ${method} ${login} "http://localhost:9000/${place}"`,
  );
}

/** All objects of a bucket, by key, with their sizes. */
export async function objectList(stack: Stack, bucket: string): Promise<string[]> {
  return (await inStore(stack, `mc ls --recursive --json store/${bucket}`))
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line))
    .map(({ key, size, etag }) => `${key} ${size} ${etag}`);
}
