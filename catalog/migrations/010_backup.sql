-- Backup reads everything and writes nothing; recovery fills a lakehouse that is empty, and no other.

-- All rows, whatever row-level security a table has: a backup without some of them would look whole.
create role backup login bypassrls;
grant usage on schema public to backup;
grant select on public.migration to backup;

do $$
declare
    schema_name text;
begin
    for schema_name in select nspname from pg_namespace where nspowner = 'iceberg_owner'::regrole loop
        execute format('grant usage on schema %I to backup', schema_name);
        execute format('grant select on all tables in schema %I to backup', schema_name);
        execute format('grant select on all sequences in schema %I to backup', schema_name);
    end loop;
end $$;
-- And what later migrations add.
alter default privileges for role iceberg_owner grant usage on schemas to backup;
alter default privileges for role iceberg_owner grant select on tables to backup;
alter default privileges for role iceberg_owner grant select on sequences to backup;

set role iceberg_owner;

-- Whether nothing was loaded or published: no restore goes over what is there.
create function branch.is_empty() returns boolean
language sql stable security definer set search_path = pg_catalog
begin atomic
    select not exists (select from iceberg.iceberg_tables where catalog_name = 'lakehouse')
        and not exists (select from branch.publication)
        and not exists (select from ledger.batch);
end;

-- Recovery fills a lakehouse that has nothing from what the object store has: first the publications, then the
-- pointers, in one transaction. With the pointers it has something, and none of the functions works any more.
create function branch.refuse_recovery_of_what_is_there() returns void
language plpgsql security definer set search_path = pg_catalog as $$
begin
    -- One at a time: the second of two sees what the first one did.
    lock table branch.publication in share row exclusive mode;
    if exists (select from iceberg.iceberg_tables where catalog_name = 'lakehouse')
        or exists (select from ledger.batch) then
        raise exception 'recovery refused: the lakehouse is not empty'
            using hint = 'remove the volume of the catalog first, if what it has is of no use';
    end if;
end $$;

-- manifest: `_publications/<n>.json`, as it was written
create function branch.recover_publication(manifest jsonb) returns void
language plpgsql security definer set search_path = pg_catalog as $$
begin
    perform branch.refuse_recovery_of_what_is_there();
    insert into branch.publication
    select (jsonb_populate_record(null::branch.publication, manifest -> 'publication')).*;
    insert into branch.publication_table
    select (jsonb_populate_record(
        null::branch.publication_table,
        one || jsonb_build_object('publication_id', manifest #> '{publication,id}'))).*
    from jsonb_array_elements(manifest -> 'tables') as one;
end $$;

-- pointers: [{"table_namespace", "table_name", "metadata_location", "iceberg_type", ...}] of `lakehouse`
-- namespaces: [{"namespace", "property_key", "property_value"}]
create function branch.recover_pointers(pointers jsonb, namespaces jsonb) returns void
language plpgsql security definer set search_path = pg_catalog as $$
begin
    perform branch.refuse_recovery_of_what_is_there();
    insert into iceberg.iceberg_namespace_properties (catalog_name, namespace, property_key, property_value)
    select 'lakehouse', namespace, property_key, property_value
    from jsonb_to_recordset(namespaces) as n(namespace text, property_key text, property_value text);
    insert into iceberg.iceberg_tables
    select (jsonb_populate_record(null::iceberg.iceberg_tables, pointer || '{"catalog_name": "lakehouse"}')).*
    from jsonb_array_elements(pointers) as pointer;
end $$;

revoke all on function branch.is_empty(), branch.refuse_recovery_of_what_is_there(),
    branch.recover_publication(jsonb), branch.recover_pointers(jsonb, jsonb) from public;
grant execute on function branch.is_empty() to ledger;
grant execute on function branch.recover_publication(jsonb), branch.recover_pointers(jsonb, jsonb) to publisher;
reset role;
