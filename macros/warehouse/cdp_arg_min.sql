{# Aggregates: the value of `expression` where `order_by` (one comparable expression) is smallest or
   largest. `order_by` must be unique within the group for the answer to be stable. #}
{% macro cdp_arg_min(expression, order_by) %}
    {{- return(adapter.dispatch('cdp_arg_min', 'cdp')(expression, order_by)) -}}
{% endmacro %}

{% macro default__cdp_arg_min(expression, order_by) %}
    {{- "arg_min(" ~ expression ~ ", " ~ order_by ~ ")" -}}
{% endmacro %}

{% macro bigquery__cdp_arg_min(expression, order_by) %}
    {{- "array_agg(" ~ expression ~ " order by " ~ order_by ~ " limit 1)[safe_offset(0)]" -}}
{% endmacro %}

{% macro postgres__cdp_arg_min(expression, order_by) %}
    {{- "(array_agg(" ~ expression ~ " order by " ~ order_by ~ "))[1]" -}}
{% endmacro %}

{% macro snowflake__cdp_arg_min(expression, order_by) %}
    {{- "min_by(" ~ expression ~ ", " ~ order_by ~ ")" -}}
{% endmacro %}
