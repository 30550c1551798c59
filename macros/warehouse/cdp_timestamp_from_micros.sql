{# The UTC timestamp of a number of microseconds since 1970; null for what no calendar has. #}
{% macro cdp_timestamp_from_micros(expression) %}
    {%- set timestamp = adapter.dispatch('cdp_timestamp_from_micros', 'cdp')(expression) -%}
    {{- return("case when " ~ expression ~ " between 0 and 253402300799999999 then " ~ timestamp ~ " end") -}}
{% endmacro %}

{% macro default__cdp_timestamp_from_micros(expression) %}
    {{- "make_timestamp(" ~ expression ~ ")" -}}
{% endmacro %}

{% macro bigquery__cdp_timestamp_from_micros(expression) %}
    {{- "timestamp_micros(" ~ expression ~ ")" -}}
{% endmacro %}

{% macro postgres__cdp_timestamp_from_micros(expression) %}
    {{- "timestamp '1970-01-01' + " ~ expression ~ " * interval '1 microsecond'" -}}
{% endmacro %}

{% macro snowflake__cdp_timestamp_from_micros(expression) %}
    {{- "to_timestamp_ntz(" ~ expression ~ ", 6)" -}}
{% endmacro %}
