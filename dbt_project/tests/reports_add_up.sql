-- A report that disagrees with the table beside it is believed by nobody, and then neither is the table.
-- The figures of a source add up to the rows of its files, and the films of all years to all films.
with figures as (

    select
        source as part,
        if(metric = 'rows_in', value, 0) as expected,
        if(metric in ('excluded', 'quarantined', 'kept', 'superseded', 'rejected'), value, 0) as found
    from {{ ref('data_quality') }}
    union all
    select 'kpis_by_year' as part, 1 as expected, 0 as found from {{ ref('movies_unified') }}
    union all
    select 'kpis_by_year' as part, 0 as expected, film_count as found from {{ ref('kpis_by_year') }}

)

select part, sum(expected) as expected, sum(found) as found
from figures
group by part
having sum(expected) != sum(found)
