/** Old backups leave their folder, and with them the objects that no other one has. */
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { backupNames, type Place, savedObjects } from "./folder.ts";
import { objectPath } from "./shared.ts";

export interface Removed {
  backups: string[];
  objectCount: number;
}

/** Keeps the newest `count` backups. Also removes what no backup has: an interrupted one, or one deleted by hand, left it. */
export async function keepNewest(place: Place, count: number): Promise<Removed> {
  const names = await backupNames(place);
  const backups = names.slice(0, -count);
  for (const name of backups) await rm(join(place.path, name), { recursive: true });
  const named = new Set<string>();
  for (const name of names.slice(-count))
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
