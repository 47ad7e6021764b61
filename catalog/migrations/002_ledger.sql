-- What the ingester did with each delivery: the source of truth for exactly-once loading.
create schema ledger authorization iceberg_owner;
set role iceberg_owner;

-- Newest wins: a batch takes its load order when it is committed, never before.
create sequence ledger.load_order;

create table ledger.batch (
    source text not null,
    batch_id text not null check (batch_id ~ '^[0-9a-f]{64}$'),
    state text not null check (state in ('claimed', 'committed')),
    source_file text not null,
    byte_count bigint not null,
    rows_read bigint,
    rows_accepted bigint,
    rows_quarantined bigint,
    load_order bigint unique,
    run_id text not null,
    claimed_at timestamptz not null default now(),
    committed_at timestamptz,
    primary key (source, batch_id),
    -- Nothing lost: a batch that is visible accounts for every row of its file.
    check (state <> 'committed' or (rows_read = rows_accepted + rows_quarantined and load_order is not null))
);

-- What the latest run refused of a source; the next run of that source starts with none.
create table ledger.refusal (
    source text not null,
    source_file text not null,
    message text not null,
    run_id text not null,
    refused_at timestamptz not null default now(),
    primary key (source, source_file)
);

create table ledger.run (
    run_id text primary key,
    command text not null,
    started_at timestamptz not null default now(),
    finished_at timestamptz,
    exit_code integer
);

grant usage on schema ledger to ledger;
grant select, insert, update, delete on ledger.batch, ledger.refusal to ledger;
grant select, insert, update on ledger.run to ledger;
grant usage on sequence ledger.load_order to ledger;
reset role;
