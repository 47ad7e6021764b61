-- A code that no description explains leaves the reader of a report with a word to guess at.
with codes as (

    select codes.kind, codes.code
    from {{ ref('provider_rows') }}
    cross join unnest(
        array['source', 'fate', 'reject reason'], array[source, fate, reject_reason]
    ) as codes (kind, code)
    union all
    select 'match rule' as kind, match_rule as code from {{ ref('film_xref') }}
    union all
    select 'invalid reason' as kind, reason as code from {{ ref('invalid_values') }}

)

select distinct kind, code
from codes
where (kind, code) not in (
    {% for source_name in source_names() %}
    ('source', '{{ source_name }}'),
    {% endfor %}
    ('fate', 'kept'),
    ('fate', 'superseded'),
    ('fate', 'rejected'),
    ('match rule', 'exact'),
    ('match rule', 'year_bridge'),
    ('reject reason', 'title_missing'),
    ('reject reason', 'title_without_letters'),
    ('reject reason', 'release_year_missing'),
    ('reject reason', 'release_year_not_four_digits'),
    ('reject reason', 'release_year_out_of_range'),
    ('invalid reason', 'not_a_number'),
    ('invalid reason', 'not_whole'),
    ('invalid reason', 'negative'),
    ('invalid reason', 'out_of_range')
)
