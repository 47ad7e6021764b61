-- A film in gold that no provider sent, or that claims a provider who does not know it, is an invention with figures.
-- Its counterpart is every_silver_film_reaches_gold.
with silver_films as (

    {{ silver_films() | indent }}

)

select movies.movie_title, movies.release_year, claimed.provider
from {{ ref('movies_unified') }} as movies
cross join unnest(split(movies.sources_present, ',')) as claimed (provider)
left join {{ ref('film_xref') }} as film_xref
    on movies.movie_title = film_xref.movie_title
    and movies.release_year = film_xref.release_year
    and claimed.provider = film_xref.provider
left join silver_films
    on film_xref.provider = silver_films.provider
    and film_xref.film_key = silver_films.film_key
    and film_xref.source_year = silver_films.release_year
where silver_films.film_key is null
