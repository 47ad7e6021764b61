/** `reelhouse land`: local files as objects of a bucket. */
import { basename } from "node:path";
import { landingBucket } from "../config/stores.ts";
import { usageError } from "../errors.ts";
import { watchFile } from "../read/identity.ts";
import { openFile } from "../read/open.ts";
import type { SourceFile } from "../read/record.ts";
import type { Report } from "../report.ts";
import type { Bucket } from "./bucket.ts";

export interface Landed {
  /** The host's path. */
  file: string;
  /** `s3://landing/...` */
  location: string;
  byteCount: number;
}

interface Tools {
  bucket: Bucket;
  report: Report;
  signal: AbortSignal;
}

/**
 * Puts each file under its own name below `folder`, in their order; an object of that name is replaced. Looks at all
 * of them first: throws, before anything is sent, an input error (exit 3) for one that cannot be read or is empty, a
 * usage error (exit 2) for two of one name.
 */
export async function landFiles(
  files: readonly SourceFile[],
  folder: string,
  { bucket, report, signal }: Tools,
): Promise<Landed[]> {
  const prefix = prefixOf(folder);
  const names = new Map<string, string>();
  for (const file of files) {
    const name = basename(file.hostPath);
    const other = names.get(name);
    if (other !== undefined)
      throw usageError(
        `${other} and ${file.hostPath}: one would replace the other`,
        "land them with different --to",
      );
    names.set(name, file.hostPath);
    await (await openFile(file)).handle.close();
  }
  const landed: Landed[] = [];
  for (const file of files) {
    signal.throwIfAborted();
    landed.push(await landFile(file, prefix, { bucket, report, signal }));
  }
  return landed;
}

async function landFile(
  file: SourceFile,
  prefix: string,
  { bucket, report, signal }: Tools,
): Promise<Landed> {
  const key = prefix + basename(file.hostPath);
  const location = `s3://${landingBucket}/${key}`;
  const unchanged = await watchFile(file);
  const { handle, byteCount } = await openFile(file);
  await handle.close();
  report.progress(`${location}: ${byteCount} bytes`);
  await bucket.upload(key, file.path, byteCount, signal);
  await unchanged();
  report.info("landed", `${file.hostPath} is ${location}, ${byteCount} bytes`, { location, byteCount });
  return { file: file.hostPath, location, byteCount };
}

/** `critics` -> `critics/`; "" stays. Throws a usage error for what is no folder of a bucket. */
function prefixOf(folder: string): string {
  const parts = folder.replace(/\/$/, "").split("/");
  const isPlain = parts.every((part) => !/^\.{0,2}$|\p{Cc}|[:\\]/u.test(part));
  if (folder === "" || isPlain) return folder === "" ? "" : `${parts.join("/")}/`;
  throw usageError(
    `--to: expected a folder of the bucket ${landingBucket} such as critics/2026, found '${folder}'`,
  );
}
