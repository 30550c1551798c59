{# One 128-bit key of several string expressions. Every part is written with its length before it,
   so that no two different lists of values give the same text; null and '' differ. #}
{% macro cdp_hash_key(expressions) %}
    {%- set parts = [] -%}
    {%- for expression in expressions -%}
        {%- do parts.append(
            "coalesce(" ~ dbt.concat([
                dbt.cast(dbt.length(expression), dbt.type_string()), "':'", expression
            ]) ~ ", '-')"
        ) -%}
    {%- endfor -%}
    {{- return(cdp.cdp_hash128(dbt.concat(parts))) -}}
{% endmacro %}
