{# One 128-bit key of several string expressions. Every part is written with its length before it,
   so that no two different lists of values give the same text; null and '' differ. #}
{% macro cdp_hash_key(expressions) %}
    {{- return(cdp.cdp_hash128(adapter.dispatch("cdp_key_text", "cdp")(expressions))) -}}
{% endmacro %}

{% macro default__cdp_key_text(expressions) %}
    {%- set parts = [] -%}
    {%- for expression in expressions -%}
        {%- do parts.append(
            "coalesce(" ~ dbt.concat([
                dbt.cast(dbt.length(expression), dbt.type_string()), "':'", expression
            ]) ~ ", '-')"
        ) -%}
    {%- endfor -%}
    {{- return(dbt.concat(parts)) -}}
{% endmacro %}

{# The same text in two thirds of the time: every || makes a text of its own. #}
{% macro duckdb__cdp_key_text(expressions) %}
    {%- set parts = [] -%}
    {%- for expression in expressions -%}
        {%- do parts.append(
            "case when " ~ expression ~ " is null then '-' else concat(length(" ~ expression ~ "), ':', " ~ expression ~ ") end"
        ) -%}
    {%- endfor -%}
    {{- return("concat(" ~ parts | join(", ") ~ ")") -}}
{% endmacro %}
