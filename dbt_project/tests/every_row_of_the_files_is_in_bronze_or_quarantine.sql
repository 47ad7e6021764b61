-- A reader that skips a row of a file, or takes one twice, makes figures that nobody can check against the file.
-- So bronze + quarantine = rows in the files, batch by batch, and a batch is committed once. This holds for every
-- source that the project declares; one that it does not know is loaded all the same, and read by nobody here.
{% set sources = delivered_sources() %}
with batches as (

    select
        source,
        batch_id,
        count(*) as times_committed,
        max(rows_read) as rows_read,
        max(rows_accepted) as rows_accepted,
        max(rows_quarantined) as rows_quarantined
    from {{ source('bronze', 'batches') }}
    where source in ('{{ sources | join("', '") }}')
    group by source, batch_id

),

bronze_rows as (

    {% for source_name in sources %}
    select '{{ source_name }}' as source, _batch_id as batch_id, count(*) as row_count
    from {{ source('bronze', source_name) }}
    group by _batch_id
    {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

quarantined_rows as (

    select source, batch_id, count(*) as row_count
    from {{ source('bronze', 'quarantine') }}
    group by source, batch_id

)

select
    batches.*,
    bronze_rows.row_count as bronze_rows,
    quarantined_rows.row_count as quarantined_rows
from batches
left join bronze_rows
    on batches.source = bronze_rows.source and batches.batch_id = bronze_rows.batch_id
left join quarantined_rows
    on batches.source = quarantined_rows.source and batches.batch_id = quarantined_rows.batch_id
where
    batches.times_committed != 1
    or batches.rows_read != batches.rows_accepted + batches.rows_quarantined
    or batches.rows_accepted != coalesce(bronze_rows.row_count, 0)
    or batches.rows_quarantined != coalesce(quarantined_rows.row_count, 0)
