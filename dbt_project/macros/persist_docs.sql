{#- dbt-trino writes persist_docs as one statement for the table and one for each column. On Iceberg each is a commit, and
    so a metadata file of its own: some 100 in a build. Here the descriptions are part of CREATE TABLE instead. -#}

{#- The column list of a table with a contract: name, type, constraints, description. -#}
{% macro trino__get_table_columns_and_constraints() %}
(
    {%- for column in adapter.render_raw_columns_constraints(raw_columns=model['columns']) %}
    {{ column }} {{ comment((model['columns'].values() | list)[loop.index0].description) }}
    {{- "," if not loop.last }}
    {%- endfor %}
)
{% endmacro %}

{#- Takes the place of dbt-trino's, which keeps the line breaks of the yml: BI tools show one line. -#}
{% macro comment(description) -%}
comment '{{ description.split() | join(" ") | replace("'", "''") }}'
{%- endmacro %}

{#- Nothing is left to do after CREATE TABLE; a table without a contract has no such column list, so it is refused. -#}
{% macro trino__persist_docs(relation, model, for_relation, for_columns) %}
{%- if config.persist_column_docs() and not config.get('contract').enforced %}
    {{ exceptions.raise_compiler_error("persist_docs: " ~ relation ~ " has no enforced contract: set contract.enforced") }}
{%- endif %}
{% endmacro %}

{#- dbt asks Trino for the columns of the model and of its yml before it makes the table, in two statements. The CLI wants
    that only of models that the newest publication was not made with: afterwards the answer is known. -#}
{% macro trino__get_assert_columns_equivalent(sql) %}
{%- if var('check_contracts', true) -%}
{{ return(default__get_assert_columns_equivalent(sql)) }}
{%- endif -%}
{% endmacro %}
