/** Whether a backup has what its rows point to: whoever drops a table meanwhile takes the objects of a row that is saved. */
import { exitCode, ReelhouseError } from "../errors.ts";
import { type CatalogRow, unreadable } from "../maintain/survey.ts";
import type { Report } from "../report.ts";
import { splitLocation } from "../store.ts";
import { savedObjects } from "./folder.ts";

/**
 * Tells of each row of a branch without its metadata: restored, `maintain` leaves it out. Throws for a table that readers
 * see: such a backup must not take the place of an earlier, whole one. `folder`: of the backup. `rows`: read before it.
 */
export async function requireMetadata(
  folder: string,
  rows: readonly CatalogRow[],
  report: Report,
): Promise<void> {
  const keyOf = ({ location }: CatalogRow) => Object.values(splitLocation(location)).join("/");
  const missing = Map.groupBy(rows, keyOf);
  for await (const { bucket, key } of savedObjects(folder)) missing.delete(`${bucket}/${key}`);
  const lost = [...missing.values()].flat();
  const published = lost.find(({ catalog }) => catalog === "lakehouse");
  if (published)
    throw new ReelhouseError(
      `backup: ${published.catalog}.${published.table}: ${published.location} is not on the store`,
      exitCode.failed,
      { next: "put it back from an earlier backup: it stays, whatever --keep says" },
    );
  for (const one of unreadable(lost, [])) report.warn("table_unreadable", one);
}
