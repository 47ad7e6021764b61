-- A rename is an update, which the guard of drops does not see: what readers find under a name would be gone at once.
-- dbt may rename on its branch; in the lakehouse a name comes and goes with publications alone, and bronze keeps its own.
set role iceberg_owner;

create function branch.refuse_rename_of_published() returns trigger
language plpgsql as $$
begin
    if current_user = 'iceberg_owner' then
        return new;
    end if;
    raise exception 'rename of %.%.% refused: readers know it by its name',
        old.catalog_name, old.table_namespace, old.table_name;
end $$;

create trigger refuse_rename_of_published before update on iceberg.iceberg_tables
for each row when (
    old.catalog_name = 'lakehouse'
    and (old.catalog_name, old.table_namespace, old.table_name)
        is distinct from (new.catalog_name, new.table_namespace, new.table_name)
) execute function branch.refuse_rename_of_published();

revoke all on function branch.refuse_rename_of_published() from public;
reset role;
