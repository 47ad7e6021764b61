/** The running stack with all its secrets: what each part of the access tests starts from. */
import type { Stack } from "../stack.ts";

export interface Running {
  stack: Stack;
  /** Every generated password, key and token by name, e.g. `TRINO_BI_PASSWORD`. */
  secrets: Record<string, string>;
  /** The certificate of the stack's own authority (PEM). */
  authority: string;
  /** The private keys, line by line, without their frames. */
  privateKeys: string[];
}

/** Reads them where they were made; no other container sees that folder. */
export async function readSecrets(stack: Stack): Promise<Running> {
  const files = ["secrets.json", "ca.crt", "ca.key", "server.key", "direct.key"].map(
    (name) => `/secrets/root/${name}`,
  );
  const run = ["run", "--rm", "--no-deps", "-T", "--entrypoint", "cat", "secrets"];
  const { stdout } = await stack.compose([...run, ...files]);
  const [json = "", authority = "", ...keys] = stdout.split(/(?=-----BEGIN)/);
  const privateKeys = keys.flatMap((key) => key.trim().split("\n").slice(1, -1));
  return { stack, secrets: JSON.parse(json), authority, privateKeys };
}
