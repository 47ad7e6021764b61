{#- The films of each provider, as its own silver table has them: what the two completeness tests start from. -#}
{% macro silver_films() -%}
{% for provider, model in {
    'critic_agg': 'critic_agg', 'audience_pulse': 'audience_pulse', 'box_office': 'box_office_metrics',
}.items() -%}
select '{{ provider }}' as provider, film_key, release_year from {{ ref(model) }}
{{ "union all" if not loop.last }}
{% endfor %}
{%- endmacro %}
