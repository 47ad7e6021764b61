/** The database as rows of one moment: pg_dump, as a role that reads everything and writes nothing. */
import { spawn } from "node:child_process";
import { createReadStream, createWriteStream } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip, createGzip } from "node:zlib";
import { connectCatalog } from "../catalog.ts";
import { serviceError } from "../errors.ts";
import type { Settings } from "../settings.ts";
import type { Migration } from "./folder.ts";

/** What catalog/restore.sh looks for. */
const lastLine = "-- end of the backup";

/** The schema is that of the migrations, so rows are all that a backup needs. Theirs tell which schema it was. */
const whatToDump = ["--data-only", "--exclude-schema=public"];
/** A server that is gone is noticed within 30 s. */
const connection =
  "dbname=lakehouse connect_timeout=10 keepalives_idle=10 keepalives_interval=10 keepalives_count=2";

/** Writes all rows, as they are at one moment, into `file` (SQL, gzip). */
export async function dumpCatalog(
  { catalog }: Settings,
  file: string,
  { migrations, signal }: { migrations: readonly Migration[]; signal: AbortSignal },
): Promise<void> {
  const words = [...whatToDump, "--no-password", "--host", catalog.host, "--username", "backup"];
  const dump = spawn("pg_dump", [...words, "--dbname", connection], {
    // Not a word of the command line, which others may read.
    env: { ...process.env, PGPASSWORD: catalog.backupPassword },
    stdio: ["ignore", "pipe", "pipe"],
    signal,
  });
  let complaint = "";
  dump.stderr.setEncoding("utf8").on("data", (text) => (complaint += text));
  const ended = new Promise<number | null>((resolve, reject) => {
    dump.on("error", reject).on("close", resolve);
  });
  const text = framed(dump.stdout, migrations.at(-1)?.name ?? "");
  const target = createWriteStream(file, { flush: true });
  const [code] = await Promise.all([ended, pipeline(text, createGzip(), target)]).catch((cause) => {
    signal.throwIfAborted();
    throw cause;
  });
  if (code !== 0) throw serviceError("catalog", "dump", new Error(complaint.trim() || `exit code ${code}`));
}

/** With its first line, which names the schema, and its last, without which it is cut off. */
const framed = (text: Readable, migration: string) =>
  Readable.from(
    (async function* () {
      yield `-- migration ${migration}\n`;
      yield* text;
      yield `\n${lastLine}\n`;
    })(),
  );

/** The text that `dumpCatalog` wrote, piece by piece. */
export const dumpedText = (file: string): AsyncIterable<Buffer> => {
  const text = createGunzip();
  createReadStream(file)
    .on("error", (error) => text.destroy(error))
    .pipe(text);
  return text;
};

/** The migrations that the database has, in their order. */
export async function appliedMigrations(settings: Settings): Promise<Migration[]> {
  const backup = await connectCatalog(settings, "backup");
  try {
    return (await backup.query("select name, sha256 from public.migration order by name")).rows;
  } finally {
    await backup.end();
  }
}
