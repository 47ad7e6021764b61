-- The tables of Iceberg's JDBC catalog (schema version V1), one row per table and branch, and who may touch which.
-- A branch of the lakehouse is a value of catalog_name: `lakehouse` is what readers see, `audit` is what dbt builds.

create role iceberg_owner nologin;
create role trino_reader login;
create role trino_ingest login;
create role trino_audit login;
create role publisher login;
create role ledger login;

revoke all on schema public from public;
revoke temporary on database lakehouse from public;
grant temporary on database lakehouse to iceberg_owner;

create schema iceberg authorization iceberg_owner;
set role iceberg_owner;

create table iceberg.iceberg_tables (
    catalog_name varchar(255) not null,
    table_namespace varchar(255) not null,
    table_name varchar(255) not null,
    metadata_location varchar(1000),
    previous_metadata_location varchar(1000),
    iceberg_type varchar(5),
    primary key (catalog_name, table_namespace, table_name)
);

create table iceberg.iceberg_namespace_properties (
    catalog_name varchar(255) not null,
    namespace varchar(255) not null,
    property_key varchar(255) not null,
    property_value varchar(1000),
    primary key (catalog_name, namespace, property_key)
);

grant usage on schema iceberg to trino_reader, trino_ingest, trino_audit, publisher, ledger;
grant select on all tables in schema iceberg to trino_reader, trino_ingest, trino_audit, publisher, ledger;
grant insert, update, delete on all tables in schema iceberg to trino_ingest, trino_audit;

-- Row-level security: the ingester's Trino catalog writes bronze of `lakehouse`, dbt's writes the branch, nobody
-- but the functions of schema `branch` (owned by iceberg_owner) writes silver and gold of `lakehouse`.
alter table iceberg.iceberg_tables enable row level security;
alter table iceberg.iceberg_namespace_properties enable row level security;
create policy everyone_reads on iceberg.iceberg_tables for select using (true);
create policy everyone_reads on iceberg.iceberg_namespace_properties for select using (true);

create policy ingest_writes_bronze on iceberg.iceberg_tables to trino_ingest
    using (catalog_name = 'lakehouse' and table_namespace = 'bronze')
    with check (catalog_name = 'lakehouse' and table_namespace = 'bronze');
create policy ingest_writes_bronze on iceberg.iceberg_namespace_properties to trino_ingest
    using (catalog_name = 'lakehouse' and namespace = 'bronze')
    with check (catalog_name = 'lakehouse' and namespace = 'bronze');

create policy audit_writes_its_branch on iceberg.iceberg_tables to trino_audit
    using (catalog_name = 'audit' and table_namespace <> 'bronze')
    with check (catalog_name = 'audit' and table_namespace <> 'bronze');
create policy audit_writes_its_branch on iceberg.iceberg_namespace_properties to trino_audit
    using (catalog_name = 'audit' and namespace <> 'bronze')
    with check (catalog_name = 'audit' and namespace <> 'bronze');

reset role;
