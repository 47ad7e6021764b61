{% for source_name in source_names().split() %}
select
    cast(source as varchar) as source,
    _source_file,
    _row_number,
    _batch_id,
    raw_title,
    raw_year,
    raw_measures,
    cast(fate as varchar) as fate,
    cast(reject_reason as varchar) as reject_reason,
    film_key,
    movie_title,
    release_year,
    invalid_measures
from {{ ref('stg_' ~ source_name) }}
{% if not loop.last %}union all{% endif %}
{% endfor %}
