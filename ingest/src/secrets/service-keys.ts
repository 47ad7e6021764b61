/** The keys of an object store that somebody else runs: from a file of the user's, for STORE=s3. */
import { readFileSync } from "node:fs";
import { usageError } from "../errors.ts";

/**
 * What `file` gives each of `users` (INGEST, ...), and the root, by the names that the stack knows them by. A line is
 * `S3_INGEST_ACCESS_KEY=...`; `S3_ACCESS_KEY=...` is for everyone who has none of their own. Throws exit 2 with all
 * names that are missing, and with the number of a line that cannot be read; no value is part of a message.
 */
export function serviceKeys(file: string, users: readonly string[]): Record<string, string> {
  const said = readLines(file);
  const keys: Record<string, string> = {};
  const missing: string[] = [];
  const take = (name: string, ...sources: string[]) => {
    const source = sources.find((candidate) => said[candidate] !== undefined);
    if (source === undefined) missing.push(sources.at(0) ?? name);
    else keys[name] = said[source] as string;
  };
  for (const part of ["ACCESS_KEY", "SECRET_KEY"]) {
    for (const user of users) take(`S3_${user}_${part}`, `S3_${user}_${part}`, `S3_${part}`);
  }
  take("STORE_ROOT_USER", "S3_BUCKETS_ACCESS_KEY", "S3_ACCESS_KEY");
  take("STORE_ROOT_PASSWORD", "S3_BUCKETS_SECRET_KEY", "S3_SECRET_KEY");
  if (missing.length === 0) return keys;
  throw usageError(
    `STORE_KEYS: missing: ${missing.join(", ")}`,
    "name the file with the keys in .env (STORE_KEYS=/path), with S3_ACCESS_KEY and S3_SECRET_KEY, or a pair per user: docs/object-store.md",
  );
}

// Shells read what is handed over, so there is nothing in it that one would take for its own.
const assignment = /^(S3_(?:[A-Z]+_)*(?:ACCESS|SECRET)_KEY)=([\w/+=.~-]+)$/;

function readLines(file: string): Record<string, string> {
  const said: Record<string, string> = {};
  for (const [index, text] of readFileSync(file, "utf8").split("\n").entries()) {
    const line = text.trim();
    if (line === "" || line.startsWith("#")) continue;
    const match = assignment.exec(line);
    if (!match)
      throw usageError(
        `STORE_KEYS:${index + 1}: expected NAME=value, with a name such as S3_INGEST_ACCESS_KEY and a value of letters, digits and / + = . ~ _ -`,
      );
    said[match[1] as string] = match[2] as string;
  }
  return said;
}
