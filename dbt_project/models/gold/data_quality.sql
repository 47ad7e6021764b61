-- Of the sources that silver is made of: nobody here says what becomes of another one's rows.
with batches as (

    select * from {{ source('bronze', 'batches') }}
    where contains(split('{{ source_names() }}', ' '), source)

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

-- Every source has these five figures, though it may never have delivered.
zeros as (

    select
        sources.source,
        metrics.metric,
        cast(null as varchar) as detail,
        0 as value
    from unnest(split('{{ source_names() }}', ' ')) as sources (source)
    cross join unnest(array['rows_in', 'excluded', 'quarantined', 'kept', 'superseded']) as metrics (metric)

),

figures as (

    select * from zeros
    union all
    select source, 'rows_in' as metric, null as detail, rows_read as value from batches
    union all
    select source, 'excluded' as metric, null as detail, rows_read as value
    from batches
    where excluded_at is not null
    union all
    select quarantine.source, 'quarantined' as metric, null as detail, 1 as value
    from quarantine
    inner join batches
        on quarantine.source = batches.source
        and quarantine.batch_id = batches.batch_id
    where batches.excluded_at is null
    union all
    select source, fate as metric, reject_reason as detail, 1 as value from provider_rows
    union all
    select source, 'invalid' as metric, column_name as detail, 1 as value from invalid_values

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
