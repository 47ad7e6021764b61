-- A code that no description explains leaves the reader of a report with a word to guess at.
select distinct source, fate, reject_reason as code
from {{ ref('provider_rows') }}
where
    not contains(split('{{ source_names() }}', ' '), source)
    or fate not in ('kept', 'superseded', 'rejected')
    or reject_reason not in (
        'title_missing',
        'title_without_letters',
        'release_year_missing',
        'release_year_not_four_digits',
        'release_year_out_of_range'
    )

union all

select distinct source, 'kept' as fate, match_rule as code
from {{ ref('film_xref') }}
where match_rule not in ('single', 'exact', 'year_bridge')

union all

select distinct source, 'kept' as fate, reason as code
from {{ ref('invalid_values') }}
where reason not in ('not_a_number', 'not_whole', 'negative', 'out_of_range')
