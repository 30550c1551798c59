{# Aggregates: the value of `expression` where `order_by` (one comparable expression) is largest; see cdp_arg_min. #}
{% macro cdp_arg_max(expression, order_by) %}
    {{- return(adapter.dispatch('cdp_arg_max', 'cdp')(expression, order_by)) -}}
{% endmacro %}

{% macro default__cdp_arg_max(expression, order_by) %}
    {{- "arg_max(" ~ expression ~ ", " ~ order_by ~ ")" -}}
{% endmacro %}

{% macro bigquery__cdp_arg_max(expression, order_by) %}
    {{- "array_agg(" ~ expression ~ " order by " ~ order_by ~ " desc limit 1)[safe_offset(0)]" -}}
{% endmacro %}

{% macro postgres__cdp_arg_max(expression, order_by) %}
    {{- "(array_agg(" ~ expression ~ " order by " ~ order_by ~ " desc))[1]" -}}
{% endmacro %}

{% macro snowflake__cdp_arg_max(expression, order_by) %}
    {{- "max_by(" ~ expression ~ ", " ~ order_by ~ ")" -}}
{% endmacro %}
