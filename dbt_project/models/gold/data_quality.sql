with batches as (

    select * from {{ source('bronze', 'batches') }}

),

quarantine as (

    select * from {{ source('bronze', 'quarantine') }}

),

provider_rows as (

    select * from {{ ref('provider_rows') }}

),

invalid_values as (

    select * from {{ ref('invalid_values') }}

),

-- Every source has these four figures, though it may never have delivered.
zeros as (

    select
        source,
        metric,
        cast(null as varchar) as detail,
        0 as value
    from unnest(array['{{ source_names() | join("', '") }}']) as sources (source)
    cross join unnest(array['rows_in', 'quarantined', 'kept', 'superseded']) as metrics (metric)

),

figures as (

    select * from zeros
    union all
    select source, 'rows_in', null, rows_read from batches
    union all
    select source, 'quarantined', null, 1 from quarantine
    inner join batches using (source, batch_id)
    union all
    select source, fate, reject_reason, 1 from provider_rows
    union all
    select source, 'invalid', column_name, 1 from invalid_values

),

final as (

    select
        cast(source as varchar) as source,
        cast(metric as varchar) as metric,
        detail,
        sum(value) as value
    from figures
    group by source, metric, detail

)

select * from final
