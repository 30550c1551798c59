{# JSON text of a column that may hold JSON, JSON text or a struct; text is handed on as it is. #}
{% macro cdp_json_from(expression) %}
    {{- return(adapter.dispatch('cdp_json_from', 'cdp')(expression)) -}}
{% endmacro %}

{% macro default__cdp_json_from(expression) %}
    {{- "case when typeof(" ~ expression ~ ") in ('VARCHAR', 'JSON') then cast(" ~ expression
        ~ " as varchar) else cast(to_json(" ~ expression ~ ") as varchar) end" -}}
{% endmacro %}

{% macro bigquery__cdp_json_from(expression) %}
    {{- "coalesce(json_value(to_json_string(" ~ expression ~ ")), nullif(to_json_string(" ~ expression ~ "), 'null'))" -}}
{% endmacro %}

{% macro postgres__cdp_json_from(expression) %}
    {{- "(to_jsonb(" ~ expression ~ ") #>> '{}')" -}}
{% endmacro %}

{% macro snowflake__cdp_json_from(expression) %}
    {{- "coalesce(as_varchar(to_variant(" ~ expression ~ ")), to_json(to_variant(" ~ expression ~ ")))" -}}
{% endmacro %}
