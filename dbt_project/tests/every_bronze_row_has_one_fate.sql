-- A row lost between bronze and silver is a film that is missing without a word about it, and a row that is there
-- twice counts its money twice. So kept + superseded + rejected = bronze, row by row, each in the table that holds it.
-- The rows of an excluded batch have no fate: one that had would be counted against somebody's word.
with bronze_rows as (

    {% for source_name in source_names().split() %}
    select '{{ source_name }}' as source, _batch_id, _row_number
    from {{ source('bronze', source_name) }}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

committed_rows as (

    select bronze_rows.*
    from bronze_rows
    inner join {{ source('bronze', 'batches') }} as batches
        on bronze_rows.source = batches.source
        and bronze_rows._batch_id = batches.batch_id
    where batches.excluded_at is null

),

fates as (

    select source, _batch_id, _row_number from {{ ref('film_xref') }}
    union all
    select source, _batch_id, _row_number from {{ ref('rejected_rows') }}
    union all
    select source, _batch_id, _row_number from {{ ref('provider_rows') }}
    where fate = 'superseded'

),

counted as (

    select source, _batch_id, _row_number, 1 as in_bronze, 0 as with_a_fate from committed_rows
    union all
    select source, _batch_id, _row_number, 0 as in_bronze, 1 as with_a_fate from fates

)

select source, _batch_id, _row_number, sum(in_bronze) as in_bronze, sum(with_a_fate) as with_a_fate
from counted
group by source, _batch_id, _row_number
having sum(in_bronze) != 1 or sum(with_a_fate) != 1
