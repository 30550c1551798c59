{# The query that brings what a collector's tables hold into the wide shape of stg_cdp__incoming_records: see
   cdp_canonical_records. The relation has the columns source, record_id, updated_at and merged_into. The record's own id needs no
   mapping: the entry says what type of identifier it is, else the collector. #}
{% macro cdp_collector_records(collector, relation, identifiers, attributes) %}
    {%- set collected = cdp.cdp_collectors()[collector] -%}
    {%- if attributes.keys() | sort != collected.attributes | sort -%}
        {%- do exceptions.raise_compiler_error(
            "cdp_collector_records: the attributes of " ~ collector ~ " are " ~ collected.attributes | join(", ") ~ "."
        ) -%}
    {%- endif -%}
    {%- set owners = {} -%}
    {%- for entry in cdp.cdp_sources_of(collector) if entry.identifier_type -%}
        {%- do owners.setdefault(entry.identifier_type, []).append("'" ~ entry.name ~ "'") -%}
    {%- endfor -%}
    {%- set all_identifiers = dict(identifiers) -%}
    {%- set types = [] -%}
    {%- for type, names in owners.items() -%}
        {%- set is_own = "source in (" ~ names | join(", ") ~ ")" -%}
        {%- do types.append("when " ~ is_own ~ " then '" ~ type ~ "'") -%}
        {%- do all_identifiers.update({
            type: "case when " ~ is_own ~ " then record_id else " ~ identifiers.get(type, "null") ~ " end"
        }) -%}
    {%- endfor -%}
    {{- cdp.cdp_canonical_records(
        relation, all_identifiers, attributes,
        "case " ~ types | join(" ") ~ " end" if types else "cast(null as " ~ dbt.type_string() ~ ")",
        loaded_at=none
    ) -}}
{%- endmacro %}
