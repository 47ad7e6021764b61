{#- A table is replaced whole, in place; in an incremental build, the rows of the touched films are. dbt-trino's own
    materialization renames and drops by default, and a drop on a branch deletes shared files; whatever its setting, it
    first asks what is there. The same for views: replacing needs no look. -#}
{% materialization table, adapter='trino' %}
    {% set target_relation = this.incorporate(type='table') %}
    {{ run_hooks(pre_hooks) }}
    {% if is_incremental_build() and stale_rows(this.identifier) is not none %}
        {% do replace_touched_rows(target_relation, sql) %}
    {% else %}
        {% call statement('main') %}
            {{ create_table_as(false, target_relation, sql, 'replace') }}
        {% endcall %}
        {% do persist_docs(target_relation, model) %}
    {% endif %}
    {{ run_hooks(post_hooks) }}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{% materialization view, adapter='trino' %}
    {% set target_relation = this.incorporate(type='view') %}
    {{ run_hooks(pre_hooks) }}
    {% call statement('main') %}
        {{ get_create_view_as_sql(target_relation, sql) }}
    {% endcall %}
    {{ run_hooks(post_hooks) }}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}
