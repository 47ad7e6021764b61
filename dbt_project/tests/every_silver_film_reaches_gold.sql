-- A film that a provider knows and gold does not is revenue that no report will ever show.
-- Its counterpart is gold_holds_no_film_without_a_source.
with silver_films as (

    {{ silver_films() | indent }}

)

select silver_films.*
from silver_films
left join {{ ref('film_xref') }} as film_xref
    on silver_films.provider = film_xref.provider
    and silver_films.film_key = film_xref.film_key
    and silver_films.release_year = film_xref.source_year
left join {{ ref('movies_unified') }} as movies
    on film_xref.movie_title = movies.movie_title
    and film_xref.release_year = movies.release_year
    and contains(split(movies.sources_present, ','), silver_films.provider)
where movies.movie_title is null
