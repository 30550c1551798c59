{# The engine's type for a kind of column: text, json (kept as text), timestamp, date, bigint, number
   (an exact decimal) or boolean. #}
{% macro cdp_type(kind) %}
    {%- set types = {
        "text": dbt.type_string(),
        "json": dbt.type_string(),
        "timestamp": dbt.type_timestamp(),
        "date": "date",
        "bigint": dbt.type_bigint(),
        "number": cdp.cdp_type_number(),
        "boolean": dbt.type_boolean(),
    } -%}
    {{- return(types[kind]) -}}
{% endmacro %}
