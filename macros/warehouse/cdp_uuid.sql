{# A random, opaque identifier as text, a new one for every row. #}
{% macro cdp_uuid() %}
    {{- return(adapter.dispatch('cdp_uuid', 'cdp')()) -}}
{% endmacro %}

{% macro default__cdp_uuid() %}{{ "cast(gen_random_uuid() as " ~ dbt.type_string() ~ ")" }}{% endmacro %}

{% macro bigquery__cdp_uuid() %}{{ "generate_uuid()" }}{% endmacro %}

{% macro snowflake__cdp_uuid() %}{{ "uuid_string()" }}{% endmacro %}
