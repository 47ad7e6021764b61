with staged as (

    {% for source_name in source_names().split() %}
    select
        source,
        _source_file,
        _row_number,
        _batch_id,
        load_order,
        raw_title,
        raw_year,
        raw_measures,
        reject_reason,
        film_key,
        movie_title,
        release_year,
        {% for name, measure in measure_columns().items() %}
        {{ name if source_name in measure.sources else 'cast(null as ' ~ measure.type ~ ')' }} as {{ name }},
        {% endfor %}
        invalid_measures
    from {{ ref('stg_' ~ source_name) }}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

ranked as (

    select
        *,
        row_number() over (
            partition by source, film_key, release_year, reject_reason
            order by load_order desc, _row_number desc
        ) as newest_rank
    from staged

),

final as (

    select
        cast(source as varchar) as source,
        _source_file,
        _row_number,
        _batch_id,
        raw_title,
        raw_year,
        raw_measures,
        cast(
            case
                when reject_reason is not null then 'rejected'
                when newest_rank > 1 then 'superseded'
                else 'kept'
            end as varchar
        ) as fate,
        cast(reject_reason as varchar) as reject_reason,
        film_key,
        movie_title,
        release_year,
        {% for name in measure_columns() %}
        {{ name }},
        {% endfor %}
        invalid_measures
    from ranked

)

select * from final
