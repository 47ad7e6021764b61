-- Fork and publish: branches are rows of iceberg.iceberg_tables, so both are a few statements in one transaction.
-- The role `publisher` may call these functions and nothing else.
create schema branch authorization iceberg_owner;
set role iceberg_owner;

create table branch.publication (
    id bigint primary key,
    kind text not null check (kind in ('build')),
    run_id text not null,
    published_at timestamptz not null,
    fingerprint text not null,
    batches jsonb not null,
    details jsonb not null
);

create table branch.publication_table (
    publication_id bigint not null references branch.publication (id),
    table_namespace text not null,
    table_name text not null,
    old_metadata_location text,
    new_metadata_location text,
    row_count bigint,
    primary key (publication_id, table_namespace, table_name)
);

-- The directory that holds a table's files, with a slash at its end. `s3`, `s3a` and `s3n` name the same object.
create function branch.table_directory(metadata_location text) returns text
language sql immutable
return regexp_replace(regexp_replace(metadata_location, '/metadata/[^/]*$', '/'), '^s3[an]:', 's3:');

-- Whether deleting one directory takes files of the other: a table may be told to lie inside another one's.
create function branch.overlap(one text, other text) returns boolean
language sql immutable
return starts_with(one, other) or starts_with(other, one);

-- The trigger below runs as the role that drops, which must not read the journal itself.
create function branch.is_published(directory text) returns boolean
language sql stable security definer set search_path = pg_catalog
return exists (
    select from branch.publication_table
    where branch.overlap(branch.table_directory(new_metadata_location), directory)
        or branch.overlap(branch.table_directory(old_metadata_location), directory)
);

-- Guards DROP TABLE: Trino deletes the catalog row first, then the table's whole directory. Where another branch or
-- a publication still reads from that directory, the row stays, so the drop fails before a file is touched.
create function branch.refuse_drop_of_shared_files() returns trigger
language plpgsql as $$
declare
    directory constant text := branch.table_directory(old.metadata_location);
begin
    if current_user = 'iceberg_owner' then
        return old;
    end if;
    if exists (
        select from iceberg.iceberg_tables as other
        where branch.overlap(branch.table_directory(other.metadata_location), directory)
            and (other.catalog_name, other.table_namespace, other.table_name)
                is distinct from (old.catalog_name, old.table_namespace, old.table_name)
    ) or branch.is_published(directory) then
        raise exception 'drop of %.%.% refused: its files are shared with another branch or a publication',
            old.catalog_name, old.table_namespace, old.table_name
            using hint = 'remove the model instead; the next publication takes the table away';
    end if;
    return old;
end $$;

create trigger refuse_drop_of_shared_files before delete on iceberg.iceberg_tables
for each row execute function branch.refuse_drop_of_shared_files();

-- Makes `audit` a copy of `lakehouse`: pointers only, no data. Whatever an unfinished build left there is forgotten.
create function branch.fork() returns setof iceberg.iceberg_tables
language plpgsql security definer set search_path = pg_catalog as $$
begin
    delete from iceberg.iceberg_tables where catalog_name = 'audit';
    delete from iceberg.iceberg_namespace_properties where catalog_name = 'audit';
    insert into iceberg.iceberg_namespace_properties
    select 'audit', namespace, property_key, property_value
    from iceberg.iceberg_namespace_properties where catalog_name = 'lakehouse';
    return query
    insert into iceberg.iceberg_tables
    select 'audit', table_namespace, table_name, metadata_location, previous_metadata_location, iceberg_type
    from iceberg.iceberg_tables where catalog_name = 'lakehouse'
    returning *;
end $$;

-- The number and the time of the next publication; all its tables carry both.
create function branch.next_publication(out id bigint, out published_at timestamptz)
language sql security definer set search_path = pg_catalog
begin atomic
    -- A clock that was set back must not put a publication before the last one: Iceberg refuses such a history.
    select
        coalesce(max(publication.id), 0) + 1,
        greatest(
            date_trunc('milliseconds', clock_timestamp()),
            max(publication.published_at) + interval '1 millisecond'
        )
    from branch.publication;
end;

-- Moves every silver and gold table of `lakehouse` to what was tested on `audit`: all or none.
-- plan: {"id", "kind", "run_id", "published_at", "fingerprint", "batches", "details",
--        "tables": [{"namespace", "name", "base", "tested", "published", "rowCount"}]}
--   base: the pointer of `lakehouse` at the fork (null: new table); tested: the pointer of `audit` when its tests
--   passed (null: the model is gone); published: the metadata file derived from the tested one (null: remove).
create function branch.publish(plan jsonb) returns void
language plpgsql security definer set search_path = pg_catalog as $$
declare
    stray text;
begin
    -- Key order, so that two publishers wait for each other instead of deadlocking.
    perform from iceberg.iceberg_tables
    where catalog_name in ('lakehouse', 'audit') and table_namespace in ('silver', 'gold')
    order by catalog_name, table_namespace, table_name for update;

    create temporary table moved on commit drop as
    select * from jsonb_to_recordset(plan -> 'tables')
        as t(namespace text, name text, base text, tested text, published text, "rowCount" bigint);

    select string_agg(coalesce(namespace, production.table_namespace) || '.' || coalesce(name, production.table_name), ', ')
    into stray from moved
    full join (
        select * from iceberg.iceberg_tables
        where catalog_name = 'lakehouse' and table_namespace in ('silver', 'gold')
    ) as production on production.table_namespace = namespace and production.table_name = name
    where production.metadata_location is distinct from base;
    if stray is not null then
        raise exception 'publish refused: % moved in lakehouse since the fork', stray
            using errcode = '40001', hint = 'run the build again: it starts from a new fork';
    end if;

    select string_agg(coalesce(namespace, audit.table_namespace) || '.' || coalesce(name, audit.table_name), ', ')
    into stray from moved
    full join (
        select * from iceberg.iceberg_tables
        where catalog_name = 'audit' and table_namespace in ('silver', 'gold')
            and iceberg_type is distinct from 'VIEW'
    ) as audit on audit.table_namespace = namespace and audit.table_name = name
    where audit.metadata_location is distinct from tested;
    if stray is not null then
        raise exception 'publish refused: % changed on audit since its tests', stray
            using errcode = '40001', hint = 'run the build again: it tests what it publishes';
    end if;

    insert into branch.publication (id, kind, run_id, published_at, fingerprint, batches, details)
    values ((plan ->> 'id')::bigint, plan ->> 'kind', plan ->> 'run_id', (plan ->> 'published_at')::timestamptz,
            plan ->> 'fingerprint', plan -> 'batches', plan -> 'details');
    insert into branch.publication_table
    select (plan ->> 'id')::bigint, namespace, name, base, published, "rowCount" from moved;

    insert into iceberg.iceberg_namespace_properties
    select 'lakehouse', namespace, property_key, property_value
    from iceberg.iceberg_namespace_properties
    where catalog_name = 'audit' and namespace in ('silver', 'gold')
    on conflict do nothing;
    insert into iceberg.iceberg_tables
    select 'lakehouse', namespace, name, published, base, 'TABLE' from moved where published is not null
    on conflict (catalog_name, table_namespace, table_name) do update
    set metadata_location = excluded.metadata_location,
        previous_metadata_location = excluded.previous_metadata_location;
    delete from iceberg.iceberg_tables using moved
    where catalog_name = 'lakehouse' and table_namespace = namespace and table_name = name and published is null;
end $$;

revoke all on all functions in schema branch from public;
grant usage on schema branch to publisher, ledger, trino_ingest, trino_audit;
grant execute on function branch.fork(), branch.next_publication(), branch.publish(jsonb) to publisher;
grant execute on function branch.table_directory(text), branch.overlap(text, text), branch.is_published(text)
to trino_ingest, trino_audit;
grant select on branch.publication, branch.publication_table to ledger;
reset role;
