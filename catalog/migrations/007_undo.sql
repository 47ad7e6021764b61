-- Publications that can be undone, and batches that do not count. What undoing needs is in the journal: nothing of it
-- hangs on an old metadata file.
set role iceberg_owner;

alter table branch.publication
    drop constraint publication_kind_check,
    add constraint publication_kind_check check (kind in ('build', 'rollback'));

-- The state of each table as it was published; all null where the publication removed it, or an earlier release made it.
alter table branch.publication_table
    -- another one under the same name: the table was removed and made anew
    add column table_uuid uuid,
    add column snapshot_id bigint,
    add column schema_id integer,
    add column partition_spec_id integer,
    add column sort_order_id integer,
    add column properties jsonb,
    -- [{"name", "type"}], in the order of the table
    add column columns jsonb,
    -- {"passed", "warned"}: of the tests that read it
    add column tests jsonb;

-- Moves silver and gold of `lakehouse` to what the plan says: all or none.
-- plan: {"id", "kind", "run_id", "published_at", "fingerprint", "batches", "details", "branch",
--        "tables": [{"namespace", "name", "base", "tested", "published", "rowCount", "tests", and of what is published
--                    "uuid", "snapshotId", "schemaId", "specId", "sortOrderId", "properties", "columns"}]}
--   branch: where the tables were tested; null: they come from `lakehouse` itself, as a rollback's do
--   base: the pointer of `lakehouse` that the plan was made from (null: no such table)
--   tested: the pointer of the branch when its tests passed (null: the model is gone)
--   published: the new metadata file (null: remove)
create or replace function branch.publish(plan jsonb) returns void
language plpgsql security definer set search_path = pg_catalog as $$
declare
    tested_branch constant text := plan ->> 'branch';
    stray text;
begin
    -- One publisher at a time: the second of two sees what the first one did, the first tables of all included.
    lock table branch.publication in share row exclusive mode;
    -- Key order, so that no two transactions wait for each other.
    perform from iceberg.iceberg_tables
    where catalog_name in ('lakehouse', tested_branch) and table_namespace in ('silver', 'gold')
    order by catalog_name, table_namespace, table_name for update;

    create temporary table moved on commit drop as
    select * from jsonb_to_recordset(plan -> 'tables') as t(
        namespace text, name text, base text, tested text, published text, "rowCount" bigint, tests jsonb,
        uuid uuid, "snapshotId" bigint, "schemaId" integer, "specId" integer, "sortOrderId" integer,
        properties jsonb, columns jsonb);

    select string_agg(coalesce(namespace, production.table_namespace) || '.' || coalesce(name, production.table_name), ', ')
    into stray from moved
    full join (
        select * from iceberg.iceberg_tables
        where catalog_name = 'lakehouse' and table_namespace in ('silver', 'gold')
    ) as production on production.table_namespace = namespace and production.table_name = name
    where production.metadata_location is distinct from base;
    if stray is not null then
        raise exception 'publish refused: % moved in lakehouse since the fork', stray
            using errcode = '40001', hint = 'run the command again: it starts from what is published now';
    end if;

    select string_agg(coalesce(namespace, origin.table_namespace) || '.' || coalesce(name, origin.table_name), ', ')
    into stray from moved
    full join (
        select * from iceberg.iceberg_tables
        where catalog_name = tested_branch and table_namespace in ('silver', 'gold')
            and iceberg_type is distinct from 'VIEW'
    ) as origin on origin.table_namespace = namespace and origin.table_name = name
    where origin.metadata_location is distinct from tested;
    if stray is not null then
        raise exception 'publish refused: % changed on % since its tests', stray, tested_branch
            using errcode = '40001', hint = 'run the build again: it tests what it publishes';
    end if;

    insert into branch.publication (id, kind, run_id, published_at, fingerprint, batches, details)
    values ((plan ->> 'id')::bigint, plan ->> 'kind', plan ->> 'run_id', (plan ->> 'published_at')::timestamptz,
            plan ->> 'fingerprint', plan -> 'batches', plan -> 'details');
    insert into branch.publication_table (
        publication_id, table_namespace, table_name, old_metadata_location, new_metadata_location, row_count, tests,
        table_uuid, snapshot_id, schema_id, partition_spec_id, sort_order_id, properties, columns)
    select (plan ->> 'id')::bigint, namespace, name, base, published, "rowCount", tests,
        uuid, "snapshotId", "schemaId", "specId", "sortOrderId", properties, columns
    from moved;

    insert into iceberg.iceberg_namespace_properties
    select 'lakehouse', namespace, property_key, property_value
    from iceberg.iceberg_namespace_properties
    where catalog_name = tested_branch and namespace in ('silver', 'gold')
    on conflict do nothing;
    insert into iceberg.iceberg_tables
    select 'lakehouse', namespace, name, published, base, 'TABLE' from moved where published is not null
    on conflict (catalog_name, table_namespace, table_name) do update
    set metadata_location = excluded.metadata_location,
        previous_metadata_location = excluded.previous_metadata_location;
    delete from iceberg.iceberg_tables using moved
    where catalog_name = 'lakehouse' and table_namespace = namespace and table_name = name and published is null;
end $$;

alter table ledger.batch
    add column excluded_at timestamptz,
    -- bronze.batches is about to be changed, or was: the next run looks there how it ended
    add column exclusion_asked_at timestamptz,
    drop constraint batch_state_check,
    add constraint batch_state_check
    check (state in ('claimed', 'held', 'written', 'committed', 'excluded', 'replaced', 'dropped'));
reset role;
