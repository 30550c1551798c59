{# The shape of stg_cdp__incoming_records without a row, where no record source is configured. #}
{% macro cdp_empty_records(types, attributes) %}
    {%- set columns = {"source": "text", "record_id": "text", "updated_at": "text", "loaded_at": "timestamp"} -%}
    {%- for type in types -%}
        {%- do columns.update({type: "text"}) -%}
    {%- endfor -%}
    {%- for attribute in attributes -%}
        {%- do columns.update({"attribute_" ~ attribute: "text"}) -%}
    {%- endfor -%}
    {%- do columns.update({"identifier_type": "text"}) -%}
    {{- cdp.cdp_empty_rows(columns) -}}
{% endmacro %}
