{#- Two rows under one key would count a film or a row twice in everything that joins or sums. -#}
{% test is_unique_key(model, columns) %}
select {{ columns | join(", ") }}, count(*) as row_count
from {{ model }}
group by {{ columns | join(", ") }}
having count(*) > 1
{% endtest %}
