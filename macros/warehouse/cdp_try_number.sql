{# A string expression to an exact decimal; null when it is none, or so large that a sum of many such numbers
   would overflow. #}
{% macro cdp_try_number(expression) %}
    {%- set number = adapter.dispatch('cdp_try_number', 'cdp')(expression) -%}
    {{- return("case when abs(" ~ number ~ ") < 1000000000000000000 then " ~ number ~ " end") -}}
{% endmacro %}

{% macro default__cdp_try_number(expression) %}
    {{- "try_cast(" ~ expression ~ " as " ~ cdp.cdp_type_number() ~ ")" -}}
{% endmacro %}

{% macro bigquery__cdp_try_number(expression) %}
    {{- "safe_cast(" ~ expression ~ " as numeric)" -}}
{% endmacro %}

{# `substring` gives what matches the pattern, or null: a cast in a `case` may be computed before its condition. #}
{% macro postgres__cdp_try_number(expression) %}
    {{- "cast(substring(" ~ expression ~ " from '^([+-]?[0-9]{1,28}(?:[.][0-9]*)?)$') as decimal(38, 9))" -}}
{% endmacro %}

{% macro snowflake__cdp_try_number(expression) %}
    {{- "try_to_decimal(" ~ expression ~ ", 38, 9)" -}}
{% endmacro %}
