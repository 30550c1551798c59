{# The query that reads one record source of the user's own in the wide shape of stg_cdp__incoming_records. #}
{% macro cdp_mapped_records(source) %}
    {%- set identifiers = dict(source.get("identifiers") or {}) -%}
    {%- do identifiers.update({source.identifier_type: source.record_id}) -%}
    {{- cdp.cdp_canonical_records(
        ref(source.records), identifiers, source.get("attributes") or {}, "'" ~ source.identifier_type ~ "'", "'" ~ source.name ~ "'",
        source.record_id, source.get("updated_at"), none, source.get("merged_into")
    ) -}}
{%- endmacro %}
