{# A number as text without zeros at its end: 49.5 and not 49.500000000, which only some warehouses write. #}
{% macro cdp_number_text(expression) %}
    {%- set text = "cast(" ~ expression ~ " as " ~ dbt.type_string() ~ ")" -%}
    {{- return(
        "case when " ~ text ~ " like '%.%' then " ~ cdp.cdp_regexp_replace(text, "[.]?0+$", "") ~ " else " ~ text ~ " end"
    ) -}}
{% endmacro %}
