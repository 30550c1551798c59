{# The shape of stg_cdp__incoming_records without a row, where no record source is configured. #}
{% macro cdp_empty_records() %}
    {%- set columns = {
        "source": "text", "record_id": "text", "merged_into": "text", "updated_at": "text", "loaded_at": "timestamp",
        "ingest_id": "text"
    } -%}
    {%- for type in cdp.cdp_identifier_types() -%}
        {%- do columns.update({type.name: "text"}) -%}
    {%- endfor -%}
    {%- for attribute in cdp.cdp_record_attributes() -%}
        {%- do columns.update({"attribute_" ~ attribute: "text"}) -%}
    {%- endfor -%}
    {%- do columns.update({"identifier_type": "text"}) -%}
    {{- cdp.cdp_empty_rows(columns) -}}
{% endmacro %}
