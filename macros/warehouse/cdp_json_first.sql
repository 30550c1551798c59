{# The first element of a JSON text expression that is an array, as JSON text; null where there is none. #}
{% macro cdp_json_first(expression) %}
    {{- return(adapter.dispatch('cdp_json_first', 'cdp')(expression)) -}}
{% endmacro %}

{% macro default__cdp_json_first(expression) %}
    {{- "cast(json_extract(" ~ expression ~ ", '$[0]') as varchar)" -}}
{% endmacro %}

{% macro bigquery__cdp_json_first(expression) %}
    {{- "json_query(" ~ expression ~ ", '$[0]')" -}}
{% endmacro %}

{# What is no array is its own first element there. #}
{% macro postgres__cdp_json_first(expression) %}
    {%- set json = "cast(" ~ expression ~ " as jsonb)" -%}
    {{- "case when jsonb_typeof(" ~ json ~ ") = 'array' then cast(" ~ json ~ " -> 0 as text) end" -}}
{% endmacro %}

{% macro snowflake__cdp_json_first(expression) %}
    {{- "to_json(get(as_array(parse_json(" ~ expression ~ ")), 0))" -}}
{% endmacro %}
