{#- A table is replaced whole, in place. dbt-trino's own materialization renames and drops by default, and a drop on a branch
    deletes shared files; whatever its setting, it first asks what is there. The same for views: replacing needs no look. -#}
{% materialization table, adapter='trino' %}
    {% set target_relation = this.incorporate(type='table') %}
    {% call statement('main') %}
        {{ create_table_as(false, target_relation, sql, 'replace') }}
    {% endcall %}
    {% do persist_docs(target_relation, model) %}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{% materialization view, adapter='trino' %}
    {% set target_relation = this.incorporate(type='view') %}
    {% call statement('main') %}
        {{ get_create_view_as_sql(target_relation, sql) }}
    {% endcall %}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}
