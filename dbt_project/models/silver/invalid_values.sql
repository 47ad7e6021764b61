with provider_rows as (

    select * from {{ ref('provider_rows') }}

),

invalid as (

    select
        provider_rows.film_key,
        provider_rows.movie_title,
        provider_rows.release_year,
        provider_rows.source,
        measure.column_name,
        measure.raw_value,
        measure.reason,
        provider_rows._source_file,
        provider_rows._row_number,
        provider_rows._batch_id
    from provider_rows
    cross join unnest(
        cast(json_parse(provider_rows.invalid_measures) as array({{ invalid_measure_type() }}))
    ) as measure (column_name, raw_value, reason)
    where provider_rows.fate = 'kept'

)

select * from invalid
