/** What the stack's own buckets are called on its store. */

/**
 * By what they are for. A service that others use, too, has one bucket of a name: `STORE_PREFIX` makes names that are
 * free. People write `s3://landing/...` whatever it says.
 */
export const bucketsOf = (prefix: string) => ({
  landing: `${prefix}landing`,
  bronze: `${prefix}bronze`,
  warehouse: `${prefix}warehouse`,
});

export const storePrefix = process.env.STORE_PREFIX ?? "";
export const stackBuckets = Object.freeze(bucketsOf(storePrefix));

/** Where the bucket for bronze has what the batches of a source were loaded from, and what they were written as. */
export const batchFolders = (source: string) =>
  ["originals", "rows", "quarantine"].map((kind) => `${kind}/${source}/`);

/** Where that lies which people write as `s3://landing/...`. */
export const onStore = (location: string, { landing } = stackBuckets) =>
  location.replace(/^s3:\/\/landing\//, `s3://${landing}/`);

/** What to do where another prefix is expected. */
export const setPrefix = (prefix: string) =>
  prefix === "" ? "take STORE_PREFIX out of .env" : `set STORE_PREFIX=${prefix} in .env`;
