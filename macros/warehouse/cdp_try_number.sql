{# A string expression to an exact decimal; null when it is none. #}
{% macro cdp_try_number(expression) %}
    {{- return(adapter.dispatch('cdp_try_number', 'cdp')(expression)) -}}
{% endmacro %}

{% macro default__cdp_try_number(expression) %}
    {{- "try_cast(" ~ expression ~ " as " ~ cdp.cdp_type_number() ~ ")" -}}
{% endmacro %}

{% macro bigquery__cdp_try_number(expression) %}
    {{- "safe_cast(" ~ expression ~ " as numeric)" -}}
{% endmacro %}

{% macro postgres__cdp_try_number(expression) %}
    {{- "case when " ~ expression ~ " ~ '^[+-]?[0-9]{1,28}([.][0-9]*)?$' then cast(" ~ expression
        ~ " as decimal(38, 9)) end" -}}
{% endmacro %}

{% macro snowflake__cdp_try_number(expression) %}
    {{- "try_to_decimal(" ~ expression ~ ", 38, 9)" -}}
{% endmacro %}
