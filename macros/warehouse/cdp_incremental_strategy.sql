{# How the package's incremental models write changed rows: by key, with what the engine has for that. #}
{% macro cdp_incremental_strategy() %}
    {{- return("merge" if target.type == "bigquery" else "delete+insert") -}}
{% endmacro %}
