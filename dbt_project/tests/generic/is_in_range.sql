{#- A figure outside of all that was ever seen is a new unit or a damaged file more often than news. `least` and
    `greatest` are SQL; null is no matter of this test. -#}
{% test is_in_range(model, column_name, least, greatest) %}
select {{ column_name }}
from {{ model }}
where {{ column_name }} not between {{ least }} and {{ greatest }}
{% endtest %}
