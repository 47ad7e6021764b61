with provider_rows as (

    select * from {{ touched(ref('provider_rows')) }}

),

kept as (

    select
        film_key,
        movie_title,
        release_year,
        audience_average_score,
        total_audience_ratings,
        domestic_box_office_gross as domestic_box_office_gross_usd,
        _source_file,
        _row_number,
        _batch_id
    from provider_rows
    where source = 'audience_pulse' and fate = 'kept'

)

select * from kept
