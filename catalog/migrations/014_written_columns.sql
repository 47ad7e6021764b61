-- With what columns a batch was written: `rename` of its source may say something else when a later run goes on with it.
set role iceberg_owner;

-- As bronze names them; null: noted by an earlier release.
alter table ledger.batch add column row_columns text[];
reset role;
