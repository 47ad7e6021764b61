/** Objects of the stack's store, with the rights of its root. */
import type { Stack } from "../stack.ts";

/** `place`: bucket/key; what is put there is empty. Answers the body, or the store's complaint in XML. */
export async function objectAt(
  stack: Stack,
  method: "GET" | "PUT" | "DELETE",
  place: string,
): Promise<string> {
  const { MINIO_ROOT_USER, MINIO_ROOT_PASSWORD } = await stack.secrets("minio");
  const login = `LOGIN=${MINIO_ROOT_USER}:${MINIO_ROOT_PASSWORD}`;
  const body = method === "PUT" ? "--data-binary ''" : "";
  const request = `curl --silent ${body} --request ${method} --aws-sigv4 aws:amz:us-east-1:s3 --user "$LOGIN" "http://localhost:9000/${place}"`;
  const { code, stdout, stderr } = await stack.compose([
    "exec",
    "-T",
    "-e",
    login,
    "minio",
    "sh",
    "-c",
    request,
  ]);
  if (code !== 0) throw new Error(`${method} ${place}: ${stderr}`);
  return stdout;
}

/** All objects of a bucket, by key, with their sizes. */
export async function objectList(stack: Stack, bucket: string): Promise<string[]> {
  const { MINIO_ROOT_USER, MINIO_ROOT_PASSWORD } = await stack.secrets("minio");
  const host = `MC_HOST_store=http://${MINIO_ROOT_USER}:${MINIO_ROOT_PASSWORD}@localhost:9000`;
  const settings = ["-e", "MC_CONFIG_DIR=/tmp/mc-test", "-e", host];
  const list = ["mc", "ls", "--recursive", "--json", `store/${bucket}`];
  const { code, stdout, stderr } = await stack.compose(["exec", "-T", ...settings, "minio", ...list]);
  if (code !== 0) throw new Error(`list ${bucket}: ${stderr}`);
  return stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line))
    .map(({ key, size, etag }) => `${key} ${size} ${etag}`);
}
