{# The query that reads one event source of the user's own: a model and an SQL expression for each
   canonical column. Identifiers and text are cast to text, so that a source with numbers for ids fits as well. #}
{% macro cdp_mapped_events(source) %}
    {%- set kinds = cdp.cdp_event_columns() -%}
    {%- set columns = {} -%}
    {%- set content = [] -%}
    {%- for column, expression in source.columns.items() -%}
        {%- set text = "cast(" ~ expression ~ " as " ~ dbt.type_string() ~ ")" -%}
        {%- if column != "loaded_at" -%}
            {%- do content.append(text) -%}
        {%- endif -%}
        {%- if kinds[column] == "timestamp" -%}
            {%- do columns.update({column: cdp.cdp_try_timestamp(expression)}) -%}
        {%- elif kinds[column] == "json" -%}
            {%- do columns.update({column: cdp.cdp_json_from(expression)}) -%}
        {%- else -%}
            {%- do columns.update({column: text}) -%}
        {%- endif -%}
    {%- endfor -%}
    {{- cdp.cdp_canonical_events(
        ref(source.events), columns, "'" ~ source.name ~ "'", content, "(" ~ source.columns.timestamp ~ ") is not null"
    ) -}}
{%- endmacro %}
