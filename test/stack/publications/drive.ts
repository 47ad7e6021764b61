/** Talks with driver.ts in its container. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline/promises";
import { containerWords } from "../cli.ts";
import { projectFolder, type Row, type Stack } from "../stack.ts";

export interface Driver {
  /** One call, by its name and words; throws what the publish functions refuse. */
  call(line: string): Promise<Row>;
  end(): Promise<void>;
}

/** `name`: the container's, for who wants to end it. */
export async function openDriver(stack: Stack, name?: string): Promise<Driver> {
  const { PG_TRINO_AUDIT_PASSWORD = "" } = await stack.secrets("trino");
  const folder = "/app/test/stack/publications";
  const words = containerWords(stack, [`${folder}/driver.ts`], {
    program: "node",
    folders: { [folder]: `${projectFolder}/test/stack/publications` },
    env: { PG_TRINO_AUDIT_PASSWORD },
    ...(name ? { name } : {}),
  });
  const [program, ...first] = stack.composeCommand;
  const child = spawn(program, [...first, ...words], {
    cwd: stack.folder,
    env: { ...process.env, ...stack.env },
    stdio: ["pipe", "pipe", "pipe"],
  });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (chunk) => (stderr += chunk));
  child.stdin.on("error", () => undefined);
  const ended = new Promise<void>((done) => child.on("close", () => done()));
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async call(line) {
      child.stdin.write(`${line}\n`);
      const { value, done } = await answers.next();
      if (done) throw new Error(`driver: ${line}: it has ended\n${stderr}`);
      const answer = JSON.parse(value) as Row;
      if (answer.refused) throw new Error(String(answer.refused));
      return answer;
    },
    async end() {
      child.stdin.end();
      await ended;
    },
  };
}
