-- Branches for people: writable copies of the lakehouse, under the catalog name `br_<name>`. And read-only states of it
-- as of a publication, under `at_<id>`. As with `audit`, both are pointers: no data is copied.
create role trino_branch login;
set role iceberg_owner;

grant usage on schema iceberg, branch to trino_branch;
grant select, insert, update, delete on iceberg.iceberg_tables, iceberg.iceberg_namespace_properties to trino_branch;
grant execute on function branch.table_directory(text), branch.overlap(text, text), branch.is_published(text)
to trino_branch;

-- Row-level security keeps the catalogs of branches to branches: no bronze, no `audit`, no `lakehouse`, no `at_`.
create policy branches_are_written on iceberg.iceberg_tables to trino_branch
    using (starts_with(catalog_name, 'br_') and table_namespace <> 'bronze')
    with check (starts_with(catalog_name, 'br_') and table_namespace <> 'bronze');
create policy branches_are_written on iceberg.iceberg_namespace_properties to trino_branch
    using (starts_with(catalog_name, 'br_') and namespace <> 'bronze')
    with check (starts_with(catalog_name, 'br_') and namespace <> 'bronze');

create table branch.branch (
    name text primary key check (name ~ '^[a-z][a-z0-9_]{0,30}$'),
    created_at timestamptz not null default now(),
    -- must not be collected while the branch is there
    forked_from bigint not null references branch.publication (id),
    -- {"schema.table": pointer}, bronze included: what the branch started from
    base jsonb not null,
    -- ["source/batch"]: what counts in its bronze
    batches jsonb not null,
    -- what the newest build on the branch made and tested (ingest/src/branches/branch.ts); null: none, or it failed
    tested jsonb
);
grant select on branch.branch to ledger;

-- tables: [{"namespace", "name", "location"}]. Their namespaces are those of `lakehouse`.
create function branch.point(branch_name text, tables jsonb) returns void
language sql security definer set search_path = pg_catalog
begin atomic
    delete from iceberg.iceberg_tables where catalog_name = branch_name;
    delete from iceberg.iceberg_namespace_properties where catalog_name = branch_name;
    insert into iceberg.iceberg_namespace_properties
    select branch_name, namespace, property_key, property_value
    from iceberg.iceberg_namespace_properties where catalog_name = 'lakehouse'
    -- Two may ask at once for the state as of a publication.
    on conflict do nothing;
    insert into iceberg.iceberg_tables
    select branch_name, namespace, name, location, null, 'TABLE'
    from jsonb_to_recordset(tables) as t(namespace text, name text, location text)
    on conflict (catalog_name, table_namespace, table_name) do update
    set metadata_location = excluded.metadata_location;
end;

-- A branch of what is published now; with `tables`, of an earlier publication, as whose state they were derived.
create function branch.create_branch(
    branch_name text, publication_id bigint, batches jsonb, tables jsonb default null
) returns void
language plpgsql security definer set search_path = pg_catalog as $$
begin
    -- No publication meanwhile: the pointers are those of the publication that is noted.
    lock table branch.publication in share mode;
    if tables is null then
        if publication_id is distinct from (select max(id) from branch.publication) then
            raise exception 'branch % not made: publication % is not the newest any more', branch_name, publication_id
                using errcode = '40001', hint = 'run the command again';
        end if;
        select jsonb_agg(jsonb_build_object(
            'namespace', table_namespace, 'name', table_name, 'location', metadata_location))
        into tables from iceberg.iceberg_tables where catalog_name = 'lakehouse';
    end if;
    insert into branch.branch (name, forked_from, base, batches)
    select branch_name, publication_id, jsonb_object_agg(namespace || '.' || t.name, location), create_branch.batches
    from jsonb_to_recordset(tables) as t(namespace text, name text, location text);
    perform branch.point('br_' || branch_name, tables);
end $$;

-- Forgets the branch and its pointers. The files that only it named stay until maintenance removes them.
create function branch.drop_branch(branch_name text) returns void
language sql security definer set search_path = pg_catalog
begin atomic
    delete from iceberg.iceberg_tables where catalog_name = 'br_' || branch_name;
    delete from iceberg.iceberg_namespace_properties where catalog_name = 'br_' || branch_name;
    delete from branch.branch where name = branch_name;
end;

create function branch.note_tested(branch_name text, outcome jsonb) returns void
language sql security definer set search_path = pg_catalog
begin atomic
    update branch.branch set tested = outcome where name = branch_name;
end;

-- Makes `at_<id>` the state as of a publication.
create function branch.point_as_of(publication_id bigint, tables jsonb) returns void
language sql security definer set search_path = pg_catalog
begin atomic
    select branch.point('at_' || id, tables) from branch.publication where id = publication_id;
end;

-- For a publication that leaves retention.
create function branch.drop_as_of(publication_id bigint) returns void
language sql security definer set search_path = pg_catalog
begin atomic
    delete from iceberg.iceberg_tables where catalog_name = 'at_' || publication_id;
    delete from iceberg.iceberg_namespace_properties where catalog_name = 'at_' || publication_id;
end;

revoke all on function
    branch.point(text, jsonb), branch.create_branch(text, bigint, jsonb, jsonb), branch.drop_branch(text),
    branch.note_tested(text, jsonb), branch.point_as_of(bigint, jsonb), branch.drop_as_of(bigint)
from public;
grant execute on function
    branch.create_branch(text, bigint, jsonb, jsonb), branch.drop_branch(text), branch.note_tested(text, jsonb),
    branch.point_as_of(bigint, jsonb), branch.drop_as_of(bigint)
to publisher;
reset role;
