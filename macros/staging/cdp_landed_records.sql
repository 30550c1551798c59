{# The query that reads one record source from the landing table in the wide shape of stg_cdp__incoming_records, each column
   from a field of the record. #}
{% macro cdp_landed_records(source) %}
    {%- set own = {
        "record_id": source.record_id,
        "updated_at": source.get("updated_at") or "updated_at",
        "merged_into": source.get("merged_into") or "merged_into",
    } -%}
    {%- set identifiers = {source.identifier_type: "record_id"} -%}
    {%- set attributes = {} -%}
    {%- set fields = {} -%}
    {%- for column, field in own.items() -%}
        {%- do fields.update({column: [cdp.cdp_json_path(field)]}) -%}
    {%- endfor -%}
    {%- for type, field in (source.get("identifiers") or {}).items() if type != source.identifier_type -%}
        {%- do fields.update({type: [cdp.cdp_json_path(field)]}) -%}
        {%- do identifiers.update({type: type}) -%}
    {%- endfor -%}
    {%- for attribute, field in (source.get("attributes") or {}).items() -%}
        {%- do fields.update({"attribute_" ~ attribute: [cdp.cdp_json_path(field)]}) -%}
        {%- do attributes.update({attribute: "attribute_" ~ attribute}) -%}
    {%- endfor -%}
    {%- set landed = "(select * from " ~ ref("cdp__landing_records") ~ " where source = '" ~ source.name ~ "') as landed" -%}
    {%- set parsed = cdp.cdp_json_columns(landed, "payload", ["received_at as landed_at", "loaded_at", "ingest_id"], fields) -%}
    {{- cdp.cdp_canonical_records(
        "(" ~ parsed ~ ") as parsed", identifiers, attributes, "'" ~ source.identifier_type ~ "'", "'" ~ source.name ~ "'",
        updated_at="coalesce(updated_at, cast(landed_at as " ~ dbt.type_string() ~ "))", ingest_id="ingest_id"
    ) -}}
{%- endmacro %}
