/** The ingester's way from a file to Parquet on local disk, with all that it promises: INPUT OUTPUT FORMAT */
import { mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { writeBatch } from "../../../ingest/src/bronze/batch.ts";
import { openEngine } from "../../../ingest/src/bronze/engine.ts";
import { type FormatName, formats } from "../../../ingest/src/read/formats.ts";
import { hashFile, watchFile } from "../../../ingest/src/read/identity.ts";
import type { Store } from "../../../ingest/src/store.ts";
import { usage } from "./usage.ts";

const [input = "", output = "", formatName = "csv"] = process.argv.slice(2);
mkdirSync(output);
const folder = mkdtempSync(join(output, "temporary-"));
const unused = () => Promise.reject(new Error("not part of a load"));
/** Keeps the Parquet files; the original is on this disk already. */
const store: Store = {
  putFile: async (_, key, file) => {
    if (!key.startsWith("originals/")) renameSync(file, join(output, key.replaceAll("/", ".")));
  },
  metadataOf: async () => undefined,
  putBytes: unused,
  getFile: unused,
  getText: unused,
};

const file = { path: input, hostPath: input };
const format = formats[formatName as FormatName];
const engine = await openEngine(folder);
const unchanged = await watchFile(file);
const columns = await format.columns(file);
const { contentHash: batchId, byteCount } = await hashFile(file);
const claim = {
  source: "films",
  batchId,
  sourceFile: input,
  claimedAt: new Date(),
  state: "claimed" as const,
  restatement: 0,
  replaces: undefined,
  isReleased: false,
  isErased: false,
};
const { counts } = await writeBatch(
  { claim, columns, names: columns, format, options: {}, file, byteCount, unchanged },
  { store, engine, folder, onRead: () => {}, signal: new AbortController().signal },
);
engine.close();
rmSync(folder, { recursive: true });
process.stdout.write(JSON.stringify({ rows: counts.rowsAccepted, ...usage() }));
