{#- A unit test makes an empty table to learn its columns' types. It belongs to no published schema: a run that is killed
    would leave it there. -#}
{% macro trino__make_temp_relation(base_relation, suffix) -%}
{{ return(base_relation.incorporate(path={'schema': target.schema, 'identifier': base_relation.identifier ~ suffix})) }}
{%- endmacro %}
