/** Objects of the stack's store, with the rights of its root. */
import type { Stack } from "../stack.ts";

/** `place`: bucket/key. Answers the body, or the store's complaint in XML. */
export async function objectAt(stack: Stack, method: "GET" | "DELETE", place: string): Promise<string> {
  const { MINIO_ROOT_USER, MINIO_ROOT_PASSWORD } = await stack.secrets("minio");
  const login = `LOGIN=${MINIO_ROOT_USER}:${MINIO_ROOT_PASSWORD}`;
  const request = `curl --silent --request ${method} --aws-sigv4 aws:amz:us-east-1:s3 --user "$LOGIN" "http://localhost:9000/${place}"`;
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
