with provider_rows as (

    select
        *,
        if(source like 'box_office_%', 'box_office', source) as provider
    from {{ touched(ref('provider_rows')) }}
    where fate = 'kept'

),

-- What exact joins give: every key and year that any provider knows, and who knows it.
film_years as (

    select
        film_key,
        release_year,
        array_agg(distinct provider) as providers
    from provider_rows
    group by film_key, release_year

),

-- Years of one key without a gap share a run: the year less its rank is the same for all of them.
numbered as (

    select
        *,
        release_year - row_number() over (partition by film_key order by release_year) as run
    from film_years

),

runs as (

    select
        *,
        count(*) over (partition by film_key, run) as run_length,
        min(release_year) over (partition by film_key, run) as first_year,
        coalesce(
            lag(providers) over (partition by film_key, run order by release_year),
            lead(providers) over (partition by film_key, run order by release_year)
        ) as neighbour_providers
    from numbered

),

-- The year bridge. In a run of two, each is the other's only neighbour; a longer run is a chain and stays apart.
bridged as (

    select
        film_key,
        release_year,
        if(
            run_length = 2
            and least(cardinality(providers), cardinality(neighbour_providers)) = 1
            and not arrays_overlap(providers, neighbour_providers),
            first_year,
            release_year
        ) as group_year
    from runs

),

grouped as (

    select
        provider_rows.*,
        bridged.group_year
    from provider_rows
    inner join bridged
        on provider_rows.film_key = bridged.film_key
        and provider_rows.release_year = bridged.release_year

),

-- The best speller of a film gives its title and its year.
spelled as (

    select
        *,
        first_value(movie_title) over best_speller_first as film_title,
        first_value(release_year) over best_speller_first as film_year,
        case
            when min(release_year) over film != max(release_year) over film then 'year_bridge'
            when min(provider) over film != max(provider) over film then 'exact'
            else 'single'
        end as match_rule
    from grouped
    window
        film as (partition by film_key, group_year),
        best_speller_first as (
            film
            order by array_position(split('{{ source_names() }}', ' '), source)
        )

),

final as (

    select
        film_key,
        film_title as movie_title,
        film_year as release_year,
        cast(provider as varchar) as provider,
        source,
        movie_title as source_title,
        release_year as source_year,
        cast(match_rule as varchar) as match_rule,
        _source_file,
        _row_number,
        _batch_id
    from spelled

)

select * from final
