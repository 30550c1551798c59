{# Whether a text expression is JSON; null for null. #}
{% macro cdp_json_is_valid(expression) %}
    {{- return(adapter.dispatch('cdp_json_is_valid', 'cdp')(expression)) -}}
{% endmacro %}

{% macro default__cdp_json_is_valid(expression) %}
    {{- "json_valid(" ~ expression ~ ")" -}}
{% endmacro %}

{# A null parses to null, as what is no JSON does. #}
{% macro bigquery__cdp_json_is_valid(expression) %}
    {{- "(case when " ~ expression ~ " is not null then safe.parse_json(" ~ expression ~ ") is not null end)" -}}
{% endmacro %}

{# Before version 16 Postgres cannot tell without an error; what does not even begin as an object is none. #}
{% macro postgres__cdp_json_is_valid(expression) %}
    {{- "(" ~ expression ~ " ~ '^[[:space:]]*[{].*[}][[:space:]]*$')" -}}
{% endmacro %}

{% macro snowflake__cdp_json_is_valid(expression) %}
    {{- "(case when " ~ expression ~ " is not null then check_json(" ~ expression ~ ") is null end)" -}}
{% endmacro %}
