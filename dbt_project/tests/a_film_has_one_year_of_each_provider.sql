-- A bridge too far makes one film of a remake and its original, and adds up what both earned.
select
    film_key,
    release_year,
    min(source_year) as first_year,
    max(source_year) as last_year
from {{ ref('film_xref') }}
group by film_key, release_year
having
    max(source_year) - min(source_year) > 1
    or count(distinct provider) != count(distinct provider || cast(source_year as varchar))
