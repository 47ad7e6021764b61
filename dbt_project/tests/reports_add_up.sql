-- A report that disagrees with the table beside it is believed by nobody, and then neither is the table.
-- The figures of a source add up to the rows of its files, and the films of all years to all films.
select
    source as part,
    sum(if(metric = 'rows_in', value)) as expected,
    sum(if(metric in ('quarantined', 'kept', 'superseded', 'rejected'), value)) as found
from {{ ref('data_quality') }}
group by source
having
    sum(if(metric = 'rows_in', value))
    != sum(if(metric in ('quarantined', 'kept', 'superseded', 'rejected'), value))

union all

select
    'kpis_by_year' as part,
    movies.film_count as expected,
    years.film_count as found
from (select count(*) as film_count from {{ ref('movies_unified') }}) as movies
cross join (select coalesce(sum(film_count), 0) as film_count from {{ ref('kpis_by_year') }}) as years
where movies.film_count != years.film_count
