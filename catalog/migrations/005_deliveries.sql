-- Deliveries that are held back, restated or replayed, and the schemas of their sources.
set role iceberg_owner;

-- A restatement loads bytes again that were loaded before: same content, a batch of its own.
alter table ledger.batch
    add column content_hash text,
    add column restatement integer not null default 0,
    -- what a written batch consists of: the locations of its Parquet objects
    add column row_objects text[],
    add column reject_object text,
    add column held_at timestamptz,
    add column hold jsonb,
    add column released_at timestamptz,
    -- the batch of the same bytes that this one takes the place of
    add column replaces text,
    -- deferred: a batch hands its load order on in one statement
    drop constraint batch_load_order_key,
    add constraint batch_load_order_key unique (load_order) deferrable initially deferred,
    drop constraint batch_state_check,
    add constraint batch_state_check check (state in ('claimed', 'held', 'written', 'committed', 'replaced', 'dropped'));
update ledger.batch set content_hash = batch_id;
alter table ledger.batch
    alter column content_hash set not null,
    add constraint batch_content_key unique (source, content_hash, restatement);

-- A source's columns as they changed: a version never changes.
create table ledger.source_schema (
    source text not null,
    version integer not null,
    -- [{"name", "required"}], in the order of the source
    columns jsonb not null,
    -- where it comes from: a schema file, or the first delivery that had these columns
    origin text not null,
    run_id text not null,
    registered_at timestamptz not null default now(),
    primary key (source, version)
);

grant select, insert on ledger.source_schema to ledger;
reset role;
