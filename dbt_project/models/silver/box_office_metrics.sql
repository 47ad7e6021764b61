with provider_rows as (

    select * from {{ touched(ref('provider_rows')) }}
    where fate = 'kept'

),

domestic as (

    select * from provider_rows
    where source = 'box_office_domestic'

),

international as (

    select * from provider_rows
    where source = 'box_office_international'

),

financials as (

    select * from provider_rows
    where source = 'box_office_financials'

),

joined as (

    select
        coalesce(domestic.film_key, international.film_key, financials.film_key) as film_key,
        coalesce(domestic.movie_title, international.movie_title, financials.movie_title) as movie_title,
        coalesce(domestic.release_year, international.release_year, financials.release_year) as release_year,
        domestic.box_office_gross_usd as domestic_box_office_gross_usd,
        international.box_office_gross_usd as international_box_office_gross_usd,
        financials.production_budget_usd,
        financials.marketing_spend_usd,
        domestic._source_file as domestic_source_file,
        domestic._row_number as domestic_row_number,
        domestic._batch_id as domestic_batch_id,
        international._source_file as international_source_file,
        international._row_number as international_row_number,
        international._batch_id as international_batch_id,
        financials._source_file as financials_source_file,
        financials._row_number as financials_row_number,
        financials._batch_id as financials_batch_id
    from domestic
    full outer join international
        on domestic.film_key = international.film_key
        and domestic.release_year = international.release_year
    full outer join financials
        on coalesce(domestic.film_key, international.film_key) = financials.film_key
        and coalesce(domestic.release_year, international.release_year) = financials.release_year

)

select * from joined
