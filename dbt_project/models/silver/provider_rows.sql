-- In an incremental build: all rows of each touched film, and the rejected rows of the added batches.
with staged as (

    {% if is_incremental_build() %}
    select * from {{ build_table('added_rows') }}
    union all
    -- The other rows of the touched films: those of batches that are removed do not count any more.
    select
        {% for name in staged_columns() %}
        {{ 'batches' if name == 'load_order' else 'earlier' }}.{{ name }}{{ "," if not loop.last }}
        {% endfor %}
    from {{ this }} as earlier
    inner join {{ build_table('touched_films') }} as touched_films on earlier.film_key = touched_films.film_key
    inner join {{ source('bronze', 'batches') }} as batches
        on earlier.source = batches.source and earlier._batch_id = batches.batch_id
    where batches.excluded_at is null and earlier.fate != 'rejected'
    {% else %}
    {{ staged_rows_of_all_sources() | indent }}
    {% endif %}

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
