-- What an object of an S3 store held when it was last downloaded: one that is known is not downloaded again.
set role iceberg_owner;

create table ledger.landed_object (
    -- s3://bucket/key
    location text primary key,
    -- ETag, bytes and time of change, as the store lists them
    identity text not null,
    -- sha256 of the bytes, hex: with a source, the key of ledger.batch
    content_hash text not null check (content_hash ~ '^[0-9a-f]{64}$'),
    noted_at timestamptz not null default now()
);

grant select, insert, update on ledger.landed_object to ledger;
reset role;
