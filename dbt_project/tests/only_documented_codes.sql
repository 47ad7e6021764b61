-- A code that no description explains leaves the reader of a report with a word to guess at.
with used as (

    select 'source' as kind, source as code from {{ ref('provider_rows') }}
    union all
    select 'fate' as kind, fate as code from {{ ref('provider_rows') }}
    union all
    select 'match rule' as kind, match_rule as code from {{ ref('film_xref') }}
    union all
    select 'reject reason' as kind, reason as code from {{ ref('rejected_rows') }}
    union all
    select 'invalid reason' as kind, reason as code from {{ ref('invalid_values') }}

)

select distinct kind, code
from used
where
    case kind
        when 'source' then not contains(split('{{ source_names() }}', ' '), code)
        when 'fate' then code not in ('kept', 'superseded', 'rejected')
        when 'match rule' then code not in ('single', 'exact', 'year_bridge')
        when 'reject reason'
            then code not in (
                    'title_missing',
                    'title_without_letters',
                    'release_year_missing',
                    'release_year_not_four_digits',
                    'release_year_out_of_range'
                )
        when 'invalid reason' then code not in ('not_a_number', 'not_whole', 'negative', 'out_of_range')
    end
