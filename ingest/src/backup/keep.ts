/** Old backups leave their folder, and with them the objects that no other one has. */
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { backupNames, type Place, savedObjects } from "./folder.ts";
import { objectPath } from "./shared.ts";

export interface Removed {
  backups: string[];
  objectCount: number;
}

/** All but the newest `count` backups, oldest first. */
export const olderThan = async (place: Place, count: number) => (await backupNames(place)).slice(0, -count);

/** Removes these backups, and what no other one has: an interrupted one, or one deleted by hand, left such objects too. */
export async function removeBackups(place: Place, backups: string[]): Promise<Removed> {
  for (const name of backups) await rm(join(place.path, name), { recursive: true });
  const named = new Set<string>();
  for (const name of await backupNames(place))
    for await (const object of savedObjects(join(place.path, name))) named.add(objectPath(object));
  let objectCount = 0;
  for (const folder of await readdir(join(place.path, "objects"))) {
    for (const file of await readdir(join(place.path, "objects", folder))) {
      const path = join("objects", folder, file);
      if (named.has(path)) continue;
      await rm(join(place.path, path));
      objectCount += 1;
    }
  }
  return { backups, objectCount };
}
