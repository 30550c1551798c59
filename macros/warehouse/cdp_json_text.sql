{# One field of a JSON text expression, as text; `path` is a JSON path such as $.plan. #}
{% macro cdp_json_text(expression, path) %}
    {{- return(adapter.dispatch('cdp_json_text', 'cdp')(expression, path)) -}}
{% endmacro %}

{% macro default__cdp_json_text(expression, path) %}
    {{- "json_extract_string(" ~ expression ~ ", '" ~ path ~ "')" -}}
{% endmacro %}

{% macro bigquery__cdp_json_text(expression, path) %}
    {{- "json_value(" ~ expression ~ ", '" ~ path ~ "')" -}}
{% endmacro %}

{% macro postgres__cdp_json_text(expression, path) %}
    {{- "(cast(" ~ expression ~ " as jsonb) #>> '{" ~ path.replace("$.", "").split(".") | join(",") ~ "}')" -}}
{% endmacro %}

{% macro snowflake__cdp_json_text(expression, path) %}
    {{- "get_path(parse_json(" ~ expression ~ "), '" ~ path.replace("$.", "") ~ "')::varchar" -}}
{% endmacro %}
