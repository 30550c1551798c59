{# JSON text of an object: `values` maps a key to a SQL expression, or to such a mapping for an object within. Without nulls,
   it is null itself if there is nothing in it. #}
{% macro cdp_json_object(values, keep_nulls=true) %}
    {%- set arguments = cdp.cdp_json_arguments(values) -%}
    {%- if keep_nulls -%}
        {{- return(adapter.dispatch('cdp_json_object', 'cdp')(arguments)) -}}
    {%- endif -%}
    {{- return("nullif(" ~ adapter.dispatch('cdp_json_object_without_nulls', 'cdp')(arguments) ~ ", '{}')") -}}
{% endmacro %}

{# An object's keys and values in turn. #}
{% macro cdp_json_arguments(values) %}
    {%- set arguments = [] -%}
    {%- for key, value in values.items() -%}
        {%- if value is mapping -%}
            {%- set value = adapter.dispatch('cdp_json_inner_object', 'cdp')(cdp.cdp_json_arguments(value)) -%}
        {%- endif -%}
        {%- do arguments.append(cdp.cdp_text_literal(key) ~ ", " ~ value) -%}
    {%- endfor -%}
    {{- return(arguments | join(", ")) -}}
{% endmacro %}

{% macro default__cdp_json_object(arguments) %}
    {{- "cast(json_object(" ~ arguments ~ ") as " ~ dbt.type_string() ~ ")" -}}
{% endmacro %}

{% macro default__cdp_json_inner_object(arguments) %}
    {{- "json_object(" ~ arguments ~ ")" -}}
{% endmacro %}

{% macro default__cdp_json_object_without_nulls(arguments) %}
    {{- "cast(json_merge_patch('{}', json_object(" ~ arguments ~ ")) as " ~ dbt.type_string() ~ ")" -}}
{% endmacro %}

{% macro bigquery__cdp_json_object(arguments) %}
    {{- "to_json_string(json_object(" ~ arguments ~ "))" -}}
{% endmacro %}

{% macro bigquery__cdp_json_object_without_nulls(arguments) %}
    {{- "to_json_string(json_strip_nulls(json_object(" ~ arguments ~ ")))" -}}
{% endmacro %}

{% macro postgres__cdp_json_object(arguments) %}
    {{- "cast(jsonb_build_object(" ~ arguments ~ ") as text)" -}}
{% endmacro %}

{% macro postgres__cdp_json_inner_object(arguments) %}
    {{- "jsonb_build_object(" ~ arguments ~ ")" -}}
{% endmacro %}

{% macro postgres__cdp_json_object_without_nulls(arguments) %}
    {{- "cast(jsonb_strip_nulls(jsonb_build_object(" ~ arguments ~ ")) as text)" -}}
{% endmacro %}

{% macro snowflake__cdp_json_object(arguments) %}
    {{- "to_json(object_construct_keep_null(" ~ arguments ~ "))" -}}
{% endmacro %}

{% macro snowflake__cdp_json_inner_object(arguments) %}
    {{- "object_construct_keep_null(" ~ arguments ~ ")" -}}
{% endmacro %}

{% macro snowflake__cdp_json_object_without_nulls(arguments) %}
    {{- "to_json(object_construct(" ~ arguments ~ "))" -}}
{% endmacro %}
