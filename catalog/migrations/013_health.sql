-- What dashboards may know of deliveries and publications, as Trino's catalog `operations` shows it: when and how much.
-- No hash, no place of an object, no row.
create role trino_operations login;
create schema health authorization iceberg_owner;
set role iceberg_owner;

create view health.deliveries as
select
    source,
    source_file,
    state,
    rows_read,
    rows_accepted,
    rows_quarantined,
    byte_count,
    claimed_at as arrived_at,
    committed_at
from ledger.batch;

create view health.publications as
select
    publication.id,
    publication.kind,
    publication.published_at,
    publication.expired_at,
    movies.row_count as film_count,
    jsonb_array_length(publication.batches) as delivery_count
from branch.publication
left join branch.publication_table as movies
    on movies.publication_id = publication.id
    and movies.table_namespace = 'gold' and movies.table_name = 'movies_unified';

grant usage on schema health to trino_operations;
grant select on health.deliveries, health.publications to trino_operations;
reset role;
