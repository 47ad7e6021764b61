with kept as (

    select
        *,
        cast(json_parse(invalid_measures) as array({{ invalid_measure_type() }})) as measures
    from {{ touched(ref('provider_rows')) }}
    where fate = 'kept'

),

invalid as (

    select
        kept.film_key,
        kept.movie_title,
        kept.release_year,
        kept.source,
        measure.column_name,
        measure.raw_value,
        measure.reason,
        kept._source_file,
        kept._row_number,
        kept._batch_id
    from kept
    cross join unnest(kept.measures) as measure (column_name, raw_value, reason)

)

select * from invalid
