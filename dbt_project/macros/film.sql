{#- A title as it is shown. The article stays where the provider has it. -#}
{% macro clean_title(title) -%}
{{ blank_to_null("normalize(" ~ title ~ ", NFC)") }}
{%- endmacro %}

{#- The name under which the same film is found in every file; null when the title has no letter and no digit.
    Takes a clean title: `Dark Knight, The` and `The Dark Knight` are both `thedarkknight`. -#}
{% macro film_key(clean_title) -%}
nullif(
    regexp_replace(
        replace(
            regexp_replace(
                {{ lower_case("regexp_replace(normalize(" ~ clean_title ~ ", NFKD), '" ~ combining_mark_class() ~ "')") }},
                '\A(.*), (the|a|an)\z',
                '$2 $1'
            ),
            '&',
            'and'
        ),
        '[^{{ letters_and_digits() }}]'
    ),
    ''
)
{%- endmacro %}

{#- Trino lowers each letter by itself, so a capital sigma at a word's end becomes another letter than the one that is
    written there in lower case: here both are one. -#}
{% macro lower_case(text) -%}
replace(lower({{ text }}), U&'\03C2', U&'\03C3')
{%- endmacro %}

{#- The last year that a film may carry: what is announced today comes out within five years.
    A macro of its own, so that unit tests can fix the day. -#}
{% macro last_release_year() -%}
year(current_date) + 5
{%- endmacro %}

{#- Why a row is no film, or null. The first reason counts. `year_text` has been through blank_to_null. -#}
{% macro reject_reason(clean_title, film_key, year_text) -%}
case
    when {{ clean_title }} is null then 'title_missing'
    when {{ film_key }} is null then 'title_without_letters'
    when {{ year_text }} is null then 'release_year_missing'
    when not regexp_like({{ year_text }}, '\A[0-9]{4}\z') then 'release_year_not_four_digits'
    when try_cast({{ year_text }} as integer) not between 1888 and {{ last_release_year() }}
        then 'release_year_out_of_range'
end
{%- endmacro %}
