/**
 * What objects held when they were read, so that ten thousand known ones cost a listing and not ten thousand downloads.
 *
 * Objects only. A store gives an object a new ETag with every write. A local file's size, time and inode promise
 * nothing of the kind: `cp -p`, `rsync` and a restored backup keep the time, an edit can keep the size, and a new file
 * may get an old inode. So local files are hashed in every run, which is as fast as their disk.
 */
import type { Database } from "../catalog.ts";
import type { Claim } from "../ledger.ts";
import type { ListedObject } from "./bucket.ts";
import type { Delivered } from "./delivered.ts";

const identityOf = ({ etag, byteCount, modifiedAt }: ListedObject) =>
  `${etag}/${byteCount}/${modifiedAt.toISOString()}`;

/** `contentHash`: of the bytes that were downloaded as this object. */
export async function rememberObjects(
  ledger: Database,
  objects: readonly { object: ListedObject; contentHash: string }[],
): Promise<void> {
  if (objects.length === 0) return;
  const entries = objects.map(({ object, contentHash }) => ({
    location: object.hostPath,
    identity: identityOf(object),
    contentHash,
  }));
  await ledger.query(
    `insert into ledger.landed_object (location, identity, content_hash)
     select * from jsonb_to_recordset($1) as object (location text, identity text, "contentHash" text)
     on conflict (location) do update
     set identity = excluded.identity, content_hash = excluded.content_hash, noted_at = now()`,
    [JSON.stringify(entries)],
  );
}

/** Of objects that are as they were when they were read, and whose bytes are loaded for the source: their batches, by location. */
export async function loadedObjects(
  ledger: Database,
  source: string,
  deliveries: readonly Delivered[],
): Promise<Map<string, Pick<Claim, "batchId" | "state">>> {
  const listed = deliveries.flatMap((delivery) =>
    "key" in delivery ? [{ location: delivery.hostPath, identity: identityOf(delivery) }] : [],
  );
  if (listed.length === 0) return new Map();
  // The newest batch of the bytes decides, as in `findKnown`.
  const { rows } = await ledger.query(
    `select location, newest.batch_id, newest.state
     from jsonb_to_recordset($2) as listed (location text, identity text)
     join ledger.landed_object as known using (location, identity)
     cross join lateral (
         select batch_id, state from ledger.batch
         where source = $1 and content_hash = known.content_hash and state <> 'dropped'
         order by restatement desc limit 1
     ) as newest
     where newest.state in ('committed', 'excluded')`,
    [source, JSON.stringify(listed)],
  );
  return new Map(rows.map(({ location, batch_id, state }) => [location, { batchId: batch_id, state }]));
}
