-- A refusal belongs to the configuration that led to the file: a run with another one says nothing about it.
set role iceberg_owner;
alter table ledger.refusal
    add column configuration text not null default '',
    drop constraint refusal_pkey,
    add primary key (configuration, source, source_file);
reset role;
