{#- Numbers arrive as text. Judging one takes three steps, each a column that the next one uses: its parts, the reason why
    it is no such number (null when it is one), and its value, to be taken only when there is no reason. `name` is the
    measure's; `<name>_text` has been through blank_to_null. Nothing in here throws, whatever the text: money and counts
    are judged by their digits, so nothing is rounded and nothing overflows. -#}

{% macro number_parts(name, kind) -%}
{%- if is_whole(kind) -%}
{{ digits(name ~ '_text') }} as {{ name }}_digits,
{{ digits_before_point(name ~ '_text') }} as {{ name }}_digits_before_point,
{%- endif -%}
{%- endmacro %}

{% macro number_reason(name, kind) -%}
{%- if is_whole(kind) -%}
{{ whole_number_reason(name) }}
{%- else -%}
{{ bounded_number_reason(name, maximum={'percentage': 100, 'score': 10}[kind]) }}
{%- endif -%}
{%- endmacro %}

{% macro number_value(name, kind) -%}
{%- if is_whole(kind) -%}
{{ whole_number_value(name) }}
{%- else -%}
{{ bounded_number_value(name) }}
{%- endif -%}
{%- endmacro %}

{% macro is_whole(kind) -%}
{{ return(kind in ('money', 'count')) }}
{%- endmacro %}

{% macro bounded_number_reason(name, maximum) -%}
case
    when {{ name }}_text is null then null
    when not regexp_like({{ name }}_text, '\A-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?\z') then 'not_a_number'
    when {{ bounded_number_value(name) }} not between 0 and {{ maximum }} then 'out_of_range'
end
{%- endmacro %}

{#- Adding zero makes -0.0 a plain 0.0. -#}
{% macro bounded_number_value(name) -%}
try_cast({{ name }}_text as double) + 0e0
{%- endmacro %}

{% macro whole_number_reason(name) -%}
case
    when {{ name }}_text is null then null
    when not regexp_like(
        {{ name }}_text, '\A\$?-?([0-9]+|[0-9]{1,3}(,[0-9]{3})+)(\.[0-9]+)?([eE][+-]?[0-9]+)?\z'
    ) then 'not_a_number'
    when regexp_like(substr({{ name }}_digits, {{ name }}_digits_before_point + 1), '[1-9]') then 'not_whole'
    when regexp_like({{ name }}_text, '\A\$?-') and regexp_like({{ name }}_digits, '[1-9]') then 'negative'
    when {{ whole_number_value(name) }} is null then 'out_of_range'
end
{%- endmacro %}

{#- rpad cuts what stands right of the decimal point, or adds the zeros that a positive exponent asks for. Of a whole
    number with no digit left of the point, one zero is left. -#}
{% macro whole_number_value(name) -%}
try_cast(rpad({{ name }}_digits, greatest({{ name }}_digits_before_point, 1), '0') as bigint)
{%- endmacro %}

{#- The digits of a number without its exponent: those of `$1,234.50e2` are 123450. -#}
{% macro digits(text) -%}
regexp_replace({{ text }}, '[eE].*|[^0-9]')
{%- endmacro %}

{#- How many of the digits stand left of the decimal point once the exponent is applied: 6 of 123450 in `$1,234.50e2`.
    Kept between 0 and twenty more than the text has: no bigint is that long, and rpad gets a length that it can take. -#}
{% macro digits_before_point(text) -%}
cast(
    greatest(
        0e0,
        least(
            length(regexp_replace({{ text }}, '[.eE].*|[^0-9]'))
            + coalesce(try_cast(regexp_extract({{ text }}, '[eE]([+-]?[0-9]+)\z', 1) as double), 0e0),
            length({{ text }}) + 20e0
        )
    ) as bigint
)
{%- endmacro %}
