{# Whole seconds from one timestamp expression to another; negative when the second is earlier. #}
{% macro cdp_seconds_between(start, end) %}
    {{- return(adapter.dispatch('cdp_seconds_between', 'cdp')(start, end)) -}}
{% endmacro %}

{% macro default__cdp_seconds_between(start, end) %}
    {{- "cast(floor(extract(epoch from " ~ end ~ " - " ~ start ~ ")) as " ~ dbt.type_bigint() ~ ")" -}}
{% endmacro %}

{% macro bigquery__cdp_seconds_between(start, end) %}
    {{- "timestamp_diff(" ~ end ~ ", " ~ start ~ ", second)" -}}
{% endmacro %}

{# Its difference in seconds counts the changes of second between the two. #}
{% macro snowflake__cdp_seconds_between(start, end) %}
    {{- "cast(floor(timestampdiff('microsecond', " ~ start ~ ", " ~ end ~ ") / 1000000) as " ~ dbt.type_bigint() ~ ")" -}}
{% endmacro %}
