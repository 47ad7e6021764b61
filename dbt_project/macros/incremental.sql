{#- Incremental builds. The CLI gives `changed_batches`, {"added": {source: [batch id]}, "removed": {source: [batch id]}}: the
    difference between what counts and what the publication has seen that the branch was forked from. Only the films of
    their rows are computed anew. Without it every table is built whole.

    A film is all rows of one film_key, its years and bridges included, and each model below gives a film's rows from that
    film's rows alone. So the same SQL over the touched films' rows gives what a whole build would give for them. -#}

{#- A source that is not among the films' own may be read by any model, so a change of it builds everything. -#}
{% macro is_incremental_build() -%}
{%- set changed = var('changed_batches', none) -%}
{%- if not execute or changed is none -%}{{ return(false) }}{%- endif -%}
{#- Another project may have tables of the same names, and no memory of the rows. -#}
{%- if 'model.' ~ project_name ~ '.provider_rows' not in graph.nodes -%}{{ return(false) }}{%- endif -%}
{%- set others = (changed.added.keys() | list + changed.removed.keys() | list) | reject('in', source_names().split()) -%}
{{ return(others | list | length == 0) }}
{%- endmacro %}

{#- The rows of a table in stale_rows that a model of its list reads: in an incremental build the touched ones only. -#}
{% macro touched(relation) -%}
{{ return(touched_rows(relation) if is_incremental_build() else relation) }}
{%- endmacro %}

{#- By table: the rows that an incremental build takes away, to put those in their place that the model gives for the
    touched films. A rejected row belongs to no film, but to its batch. None: the table is built whole every time. -#}
{% macro stale_rows(table) -%}
{%- set of_films = 'film_key in (select film_key from ' ~ build_table('touched_films') ~ ')' -%}
{%- set of_titles -%}
(movie_title, release_year) in (select movie_title, release_year from {{ build_table('touched_titles') }})
{%- endset -%}
{%- set of_batches = [in_batches('removed')] if var('changed_batches').removed else [] -%}
{{ return({
    'provider_rows': [of_films ~ " and fate != 'rejected'"] + of_batches,
    'critic_agg': [of_films],
    'audience_pulse': [of_films],
    'box_office_metrics': [of_films],
    'film_xref': [of_films],
    'invalid_values': [of_films],
    'rejected_rows': of_batches,
    'movies_unified': [of_titles],
}.get(table)) }}
{%- endmacro %}

{#- Whether a row is of a batch that was added or removed. Spelled out, so that Iceberg need not open other files. -#}
{% macro in_batches(change) -%}
{%- set conditions = [] -%}
{%- for source_name in source_names().split() -%}
{%- do conditions.append("(source = '" ~ source_name ~ "' and " ~ in_batches_of(change, source_name) ~ ")") -%}
{%- endfor -%}
({{ conditions | join(' or ') }})
{%- endmacro %}

{% macro in_batches_of(change, source_name) -%}
{%- set batches = var('changed_batches')[change].get(source_name, []) -%}
{{ "_batch_id in ('" ~ batches | join("', '") ~ "')" if batches else "false" }}
{%- endmacro %}

{#- Before anything is changed: the rows of the added batches, the films of all changed rows, and how gold calls these. -#}
{% macro find_touched_films() -%}
{%- if is_incremental_build() -%}
{%- call statement('added_rows') -%}
create table {{ build_table('added_rows') }} as
{{ staged_rows_of_all_sources('added') }}
{%- endcall -%}
{%- call statement('touched_films') -%}
create table {{ build_table('touched_films') }} as
select film_key from {{ build_table('added_rows') }}
where reject_reason is null
union
select film_key from {{ this }}
where {{ in_batches('removed') }} and fate != 'rejected'
{%- endcall -%}
{%- call statement('touched_titles') -%}
create table {{ build_table('touched_titles') }} as
select distinct movie_title, release_year from {{ this.incorporate(path={'identifier': 'film_xref'}) }}
where film_key in (select film_key from {{ build_table('touched_films') }})
{%- endcall -%}
{%- endif -%}
{%- endmacro %}

{#- Puts what the model gives for the touched films in the place of what was there. Three commits, which is safe because
    they are made on a branch. -#}
{% macro replace_touched_rows(relation, sql) -%}
{%- set columns = model.columns.values() | map(attribute='name') | join(', ') -%}
{%- call statement('touched_rows') -%}
create table {{ touched_rows(relation) }} as {{ get_select_subquery(sql) }}
{%- endcall -%}
{%- for condition in stale_rows(relation.identifier) -%}
{%- call statement('stale_rows') -%}
delete from {{ relation }} where {{ condition }}
{%- endcall -%}
{%- endfor -%}
{%- call statement('main') -%}
insert into {{ relation }} ({{ columns }}) select {{ columns }} from {{ touched_rows(relation) }}
{%- endcall -%}
{%- endmacro %}

{% macro touched_rows(relation) -%}
{{ return(build_table('touched_' ~ relation.identifier)) }}
{%- endmacro %}

{#- A table that one build needs: the next one starts from a fork, which has no staging. -#}
{% macro build_table(name) -%}
{{ return(api.Relation.create(database=target.database, schema=target.schema, identifier=name, type='table')) }}
{%- endmacro %}
