{# JSON text of an object: `values` maps a key to a SQL expression. #}
{% macro cdp_json_object(values) %}
    {%- set arguments = [] -%}
    {%- for key, value in values.items() -%}
        {%- do arguments.append("'" ~ key ~ "', " ~ value) -%}
    {%- endfor -%}
    {{- return(adapter.dispatch('cdp_json_object', 'cdp')(arguments | join(", "))) -}}
{% endmacro %}

{% macro default__cdp_json_object(arguments) %}
    {{- "cast(json_object(" ~ arguments ~ ") as " ~ dbt.type_string() ~ ")" -}}
{% endmacro %}

{% macro bigquery__cdp_json_object(arguments) %}
    {{- "to_json_string(json_object(" ~ arguments ~ "))" -}}
{% endmacro %}

{% macro postgres__cdp_json_object(arguments) %}
    {{- "cast(jsonb_build_object(" ~ arguments ~ ") as text)" -}}
{% endmacro %}

{% macro snowflake__cdp_json_object(arguments) %}
    {{- "to_json(object_construct_keep_null(" ~ arguments ~ "))" -}}
{% endmacro %}
