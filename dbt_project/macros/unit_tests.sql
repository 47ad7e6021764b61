{#- A unit test makes an empty table to learn its columns' types, and drops it when it is through. One that fails or is
    killed leaves it behind: so it is in no published schema, and the next run replaces it. -#}
{% macro trino__make_temp_relation(base_relation, suffix) -%}
{{ return(base_relation.incorporate(path={'schema': target.schema, 'identifier': base_relation.identifier ~ suffix})) }}
{%- endmacro %}

{% macro trino__get_create_table_as_sql(temporary, relation, sql) -%}
{{ create_table_as(temporary, relation, sql, 'replace') }}
{%- endmacro %}
