{#- A value that is no value of its column's type is null from staging on: a figure that is missing without a word.
    One row per column; the test's result is the number of values. -#}
{% test survives_its_casts(model) %}
{{ config(fail_calc='coalesce(sum(value_count), 0)') }}
select failed.column_name, count(*) as value_count
from {{ model }}
cross join unnest(failed_casts) as failed (column_name)
group by failed.column_name
{% endtest %}
