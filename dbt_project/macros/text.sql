{#- Every character with the Unicode property White_Space. Trino's `\s` is ASCII only, and its `\p{Space}` is an older
    Unicode's, so the class is spelled out. -#}
{% macro blank_class() -%}
[\x{9}-\x{D}\x{20}\x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}]
{%- endmacro %}

{#- Text without outer blanks, each run of inner blanks as one space; null when nothing is left.
    Collapsing first keeps it linear: a pattern for trailing blanks would look at a long run again from each position. -#}
{% macro blank_to_null(text) -%}
nullif(trim(both ' ' from regexp_replace({{ text }}, '{{ blank_class() }}+', ' ')), '')
{%- endmacro %}
