{# The query that reads one record source of the user's own in the wide shape of stg_cdp__records:
   a column for every identifier type and attribute that any source maps. #}
{% macro cdp_mapped_records(source, types, attributes) %}
    {%- set identifiers = source.get("identifiers") or {} %}
    {%- set mapped = source.get("attributes") or {} %}
    select
        '{{ source.name }}' as source,
        cast({{ source.record_id }} as {{ dbt.type_string() }}) as record_id,
        cast({{ source.get("updated_at") or "null" }} as {{ dbt.type_string() }}) as updated_at,
        cast(null as {{ dbt.type_timestamp() }}) as loaded_at,
        {%- for type in types %}
        cast({{ source.record_id if type == source.identifier_type else identifiers.get(type, "null") }} as {{ dbt.type_string() }}) as {{ type }},
        {%- endfor %}
        {%- for attribute in attributes %}
        cast({{ mapped.get(attribute, "null") }} as {{ dbt.type_string() }}) as attribute_{{ attribute }},
        {%- endfor %}
        '{{ source.identifier_type }}' as identifier_type

    from {{ ref(source.records) }}
{%- endmacro %}
