{#- The five files, in the order of preference for the spelling of a film's title and year: names, separated by blanks. -#}
{% macro source_names() -%}
box_office_domestic box_office_international box_office_financials critic_agg audience_pulse
{%- endmacro %}

{#- Every source that the project declares, as a list: bronze has a table of that name. While dbt only parses there is no
    graph; the five stand for all of them then, as a name that is no source would disable the test that asks. -#}
{% macro delivered_sources() -%}
{%- if not execute -%}{{ return(source_names().split()) }}{%- endif -%}
{%- set names = [] -%}
{%- for node in graph.sources.values() if node.source_name == 'bronze' -%}
{%- if node.name not in ['batches', 'quarantine'] -%}{%- do names.append(node.name) -%}{%- endif -%}
{%- endfor -%}
{{ return(names | sort) }}
{%- endmacro %}

{#- The bronze rows of a source that count: those of committed batches that are not excluded. `columns` maps the source's columns to the names
    that they get here; they are named one by one, because bronze keeps whatever other columns a provider sends. -#}
{% macro committed_rows(source_name, columns={}) -%}
select
    {% for column, name in columns.items() -%}
    bronze_rows.{{ column }} as {{ name }},
    {% endfor -%}
    batches.load_order,
    bronze_rows._source_file,
    bronze_rows._row_number,
    bronze_rows._batch_id
from {{ source('bronze', source_name) }} as bronze_rows
inner join {{ source('bronze', 'batches') }} as batches
    on batches.source = '{{ source_name }}' and bronze_rows._batch_id = batches.batch_id
where batches.excluded_at is null
{%- endmacro %}

{#- A staging model: every row of one file kind, cleaned, typed and judged. Nothing is dropped here.
    `title` and `year` name the columns that identify the film; `measures` maps each measure's column to its kind:
    money, count, percentage or score. -#}
{% macro staged_rows(source_name, title, year, measures) -%}
{%- set raw_columns = {title: 'raw_title', year: 'raw_year'} -%}
{%- for measure in measures -%}
{%- do raw_columns.update({measure: 'raw_' ~ measure}) -%}
{%- endfor -%}
with source as (

    {{ committed_rows(source_name, raw_columns) | indent }}

),

trimmed as (

    select
        *,
        {{ clean_title('raw_title') }} as movie_title,
        {{ blank_to_null('raw_year') }} as year_text,
        {%- for measure in measures %}
        {{ blank_to_null('raw_' ~ measure) }} as {{ measure }}_text{{ "," if not loop.last }}
        {%- endfor %}
    from source

),

keyed as (

    select
        *,
        {%- for measure, kind in measures.items() %}
        {{ number_parts(measure, kind) | indent(8) }}
        {%- endfor %}
        {{ film_key('movie_title') | indent(8) }} as film_key
    from trimmed

),

judged as (

    select
        *,
        {{ reject_reason('movie_title', 'film_key', 'year_text') | indent(8) }} as reject_reason,
        {%- for measure, kind in measures.items() %}
        {{ number_reason(measure, kind) | indent(8) }} as {{ measure }}_reason{{ "," if not loop.last }}
        {%- endfor %}
    from keyed

),

cleaned as (

    select
        '{{ source_name }}' as source,
        film_key,
        movie_title,
        if(reject_reason is null, try_cast(year_text as integer)) as release_year,
        {%- for measure, kind in measures.items() %}
        if({{ measure }}_reason is null, {{ number_value(measure, kind) | indent(8) }}) as {{ measure }},
        {{ measure }}_reason,
        {%- endfor %}
        reject_reason,
        raw_title,
        raw_year,
        json_format(
            cast(
                map(
                    array['{{ measures | join("', '") }}'],
                    array[raw_{{ measures | join(", raw_") }}]
                ) as json
            )
        ) as raw_measures,
        json_format(
            cast(
                filter(
                    array[
                        {%- for measure in measures %}
                        cast(
                            row('{{ measure }}', raw_{{ measure }}, {{ measure }}_reason) as {{ invalid_measure_type() }}
                        ){{ "," if not loop.last }}
                        {%- endfor %}
                    ],
                    measure -> measure.reason is not null
                ) as json
            )
        ) as invalid_measures,
        load_order,
        _source_file,
        _row_number,
        _batch_id
    from judged

)

select * from cleaned
{%- endmacro %}

{#- The typed measures of all sources, each with its type and the sources that have it: columns of one table that has every
    source's rows. -#}
{% macro measure_columns() -%}
{{ return({
    'critic_score_percentage': {'type': 'double', 'sources': ['critic_agg']},
    'top_critic_score': {'type': 'double', 'sources': ['critic_agg']},
    'total_critic_reviews_counted': {'type': 'bigint', 'sources': ['critic_agg']},
    'audience_average_score': {'type': 'double', 'sources': ['audience_pulse']},
    'total_audience_ratings': {'type': 'bigint', 'sources': ['audience_pulse']},
    'domestic_box_office_gross': {'type': 'bigint', 'sources': ['audience_pulse']},
    'box_office_gross_usd': {'type': 'bigint', 'sources': ['box_office_domestic', 'box_office_international']},
    'production_budget_usd': {'type': 'bigint', 'sources': ['box_office_financials']},
    'marketing_spend_usd': {'type': 'bigint', 'sources': ['box_office_financials']},
}) }}
{%- endmacro %}

{% macro staged_columns() -%}
{{ return([
    'source', '_source_file', '_row_number', '_batch_id', 'load_order', 'raw_title', 'raw_year', 'raw_measures',
    'reject_reason', 'film_key', 'movie_title', 'release_year', 'invalid_measures',
] + (measure_columns() | list)) }}
{%- endmacro %}

{#- The staged rows of all sources, under each other; `change`: only those of the batches that were `added`. -#}
{% macro staged_rows_of_all_sources(change=none) -%}
{%- for source_name in source_names().split() -%}
select
    {%- for name in staged_columns() %}
    {{ staged_column(name, source_name) }}{{ "," if not loop.last }}
    {%- endfor %}
from {{ ref('stg_' ~ source_name) }}
{{ 'where ' ~ in_batches_of(change, source_name) if change }}
{{ 'union all' if not loop.last }}
{% endfor -%}
{%- endmacro %}

{#- A column of a source's staging model; null where it is the measure of others. -#}
{% macro staged_column(name, source_name) -%}
{%- set measure = measure_columns().get(name) -%}
{{ name if measure is none or source_name in measure.sources else 'cast(null as ' ~ measure.type ~ ') as ' ~ name }}
{%- endmacro %}

{% macro invalid_measure_type() -%}
row(column_name varchar, raw_value varchar, reason varchar)
{%- endmacro %}
