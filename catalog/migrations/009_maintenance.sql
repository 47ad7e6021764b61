-- Upkeep: tables are rewritten on a fork of their own, and what comes of it is published like everything else.
create role trino_maintenance login;
set role iceberg_owner;

alter table branch.publication
    drop constraint publication_kind_check,
    add constraint publication_kind_check check (kind in ('build', 'rollback', 'maintenance')),
    -- it left retention: its tags are gone, and what it alone had may be collected
    add column expired_at timestamptz;

-- Trino's upkeep changes tables that are there, on its own fork.
grant usage on schema iceberg to trino_maintenance;
grant select on all tables in schema iceberg to trino_maintenance;
grant update on iceberg.iceberg_tables to trino_maintenance;
create policy maintenance_writes_its_fork on iceberg.iceberg_tables for update to trino_maintenance
    using (catalog_name = 'maintenance') with check (catalog_name = 'maintenance');

-- Makes `maintenance` a copy of the tables of `lakehouse`: pointers only. Whatever a killed run left there is forgotten.
create function branch.fork_for_maintenance() returns setof iceberg.iceberg_tables
language plpgsql security definer set search_path = pg_catalog as $$
begin
    delete from iceberg.iceberg_tables where catalog_name = 'maintenance';
    delete from iceberg.iceberg_namespace_properties where catalog_name = 'maintenance';
    insert into iceberg.iceberg_namespace_properties
    select 'maintenance', namespace, property_key, property_value
    from iceberg.iceberg_namespace_properties where catalog_name = 'lakehouse';
    return query
    insert into iceberg.iceberg_tables
    select 'maintenance', table_namespace, table_name, metadata_location, previous_metadata_location, iceberg_type
    from iceberg.iceberg_tables where catalog_name = 'lakehouse' and iceberg_type is distinct from 'VIEW'
    returning *;
end $$;

-- Publishes what upkeep made: silver and gold as branch.publish does, and in the same transaction the pointers of bronze
-- and the publications that leave retention.
-- plan: as of branch.publish, and
--   "bronze": [{"namespace", "name", "base", "published"}]: each as `lakehouse` had it, and its new metadata file
--   "expired": [ids of publications]
create function branch.maintain(plan jsonb) returns void
language plpgsql security definer set search_path = pg_catalog as $$
declare
    stray text;
begin
    perform branch.publish(plan);

    select string_agg(name, ', ') into stray
    from branch.branch where plan -> 'expired' @> to_jsonb(forked_from);
    if stray is not null then
        raise exception 'publish refused: branch % was made meanwhile, from a publication that leaves', stray
            using errcode = '40001', hint = 'run the command again';
    end if;

    perform from iceberg.iceberg_tables
    where catalog_name = 'lakehouse' and table_namespace = 'bronze'
    order by table_name for update;
    select string_agg(namespace || '.' || name, ', ') into stray
    from jsonb_to_recordset(plan -> 'bronze') as t(namespace text, name text, base text)
    where namespace <> 'bronze' or not exists (
        select from iceberg.iceberg_tables
        where catalog_name = 'lakehouse' and table_namespace = namespace and table_name = name
            and metadata_location = base
    );
    if stray is not null then
        raise exception 'publish refused: % moved in lakehouse since the fork', stray
            using errcode = '40001', hint = 'run the command again: it starts from what is published now';
    end if;
    update iceberg.iceberg_tables
    set metadata_location = published, previous_metadata_location = base
    from jsonb_to_recordset(plan -> 'bronze') as t(namespace text, name text, base text, published text)
    where catalog_name = 'lakehouse' and table_namespace = namespace and table_name = name;

    update branch.publication set expired_at = (plan ->> 'published_at')::timestamptz
    where expired_at is null and plan -> 'expired' @> to_jsonb(id);
    -- The states as of those publications go with them.
    delete from iceberg.iceberg_tables
    where catalog_name in (select 'at_' || expired from jsonb_array_elements_text(plan -> 'expired') as expired);
    delete from iceberg.iceberg_namespace_properties
    where catalog_name in (select 'at_' || expired from jsonb_array_elements_text(plan -> 'expired') as expired);
    delete from iceberg.iceberg_tables where catalog_name = 'maintenance';
    delete from iceberg.iceberg_namespace_properties where catalog_name = 'maintenance';
end $$;

-- Rows that were taken out for good. What they were is noted nowhere.
create table ledger.erasure (
    id bigint generated always as identity primary key,
    run_id text not null,
    begun_at timestamptz not null default now(),
    -- nothing on the store holds the rows any more
    finished_at timestamptz,
    -- the publication with which bronze lost them
    publication_id bigint not null references branch.publication (id),
    -- [{"source", "batchId", "rows", "rejects"}]
    batches jsonb not null,
    -- locations of the objects that held them, the deliveries' originals among them
    objects text[] not null
);
grant select, update on ledger.erasure to ledger;
-- rows of it were erased: it cannot be read again
alter table ledger.batch add column erased_at timestamptz;

-- As branch.maintain, for tables of bronze without the erased rows; notes in the same transaction what was done.
-- plan: as of branch.maintain, and "erasure": {"batches", "objects"} as in ledger.erasure
create function branch.erase(plan jsonb) returns void
language plpgsql security definer set search_path = pg_catalog as $$
begin
    perform branch.maintain(plan);
    -- States as of a publication show bronze as it was; they are made anew when somebody asks for them.
    delete from iceberg.iceberg_tables where starts_with(catalog_name, 'at_');
    delete from iceberg.iceberg_namespace_properties where starts_with(catalog_name, 'at_');
    insert into ledger.erasure (run_id, publication_id, batches, objects)
    select plan ->> 'run_id', (plan ->> 'id')::bigint, plan #> '{erasure,batches}',
        array(select jsonb_array_elements_text(plan #> '{erasure,objects}'));
    update ledger.batch as batch
    set erased_at = now(),
        -- it shows rows
        hold = null,
        rows_read = rows_read - erased.rows - erased.rejects,
        rows_accepted = rows_accepted - erased.rows,
        rows_quarantined = rows_quarantined - erased.rejects
    from jsonb_to_recordset(plan #> '{erasure,batches}')
        as erased (source text, "batchId" text, rows bigint, rejects bigint)
    where batch.source = erased.source and batch_id = "batchId";
end $$;

revoke all on function branch.fork_for_maintenance(), branch.maintain(jsonb), branch.erase(jsonb) from public;
grant execute on function branch.fork_for_maintenance(), branch.maintain(jsonb), branch.erase(jsonb) to publisher;
reset role;
