{# The query that reads one event source of the user's own: a model and an SQL expression for each
   canonical column. Columns that are not mapped are null. Identifiers and text are cast to text, so that
   a source with numbers for ids fits as well. #}
{% macro cdp_mapped_events(source) %}
    {%- set content = [] -%}
    {%- for column, expression in source.columns.items() if column != "loaded_at" -%}
        {%- do content.append("cast(" ~ expression ~ " as " ~ dbt.type_string() ~ ")") -%}
    {%- endfor %}
    select
        {%- for column, kind in cdp.cdp_event_columns().items() %}
        {%- set expression = source.columns.get(column) %}
        {% if expression is none -%}
        cast(null as {{ cdp.cdp_type(kind) }})
        {%- elif kind == "timestamp" -%}
        {{ cdp.cdp_try_timestamp(expression) }}
        {%- elif kind == "json" -%}
        {{ cdp.cdp_json_from(expression) }}
        {%- else -%}
        cast({{ expression }} as {{ dbt.type_string() }})
        {%- endif %} as {{ column }},
        {%- endfor %}
        ({{ source.columns.timestamp }}) is not null as has_timestamp,
        '{{ source.name }}' as source,
        {{ cdp.cdp_hash_key(["'" ~ source.name ~ "'"] + content) }} as content_hash

    from {{ ref(source.events) }}
{%- endmacro %}
