{# A query that brings records into the wide shape of stg_cdp__incoming_records: a column for every identifier type and attribute
   that any source has. What is not mapped is null.

     relation         has whatever the SQL expressions of the others read
     identifiers      identifier type -> expression, the record's own id among them
     attributes       attribute -> expression
     identifier_type  of the type of identifier that the record's id is
     source           of the entry's name
     record_id, updated_at, loaded_at, merged_into: of the id of the record that this one was merged into, and ingest_id: of the
                      row of the landing table #}
{% macro cdp_canonical_records(
    relation, identifiers, attributes, identifier_type, source="source",
    record_id="record_id", updated_at="updated_at", loaded_at="loaded_at", merged_into="merged_into", ingest_id=none
) %}
    {%- set text = dbt.type_string() -%}
    select
        {{ source }} as source,
        cast({{ record_id }} as {{ text }}) as record_id,
        cast({{ merged_into or "null" }} as {{ text }}) as merged_into,
        cast({{ updated_at or "null" }} as {{ text }}) as updated_at,
        cast({{ loaded_at or "null" }} as {{ dbt.type_timestamp() }}) as loaded_at,
        cast({{ ingest_id or "null" }} as {{ text }}) as ingest_id,
        {%- for type in cdp.cdp_identifier_types() | map(attribute="name") %}
        cast({{ identifiers.get(type, "null") }} as {{ text }}) as {{ type }},
        {%- endfor %}
        {%- for attribute in cdp.cdp_record_attributes() %}
        cast({{ attributes.get(attribute, "null") }} as {{ text }}) as attribute_{{ attribute }},
        {%- endfor %}
        {{ identifier_type }} as identifier_type

    from {{ relation }}
{%- endmacro %}
