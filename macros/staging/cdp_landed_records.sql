{# The query that reads one record source from the landing table, in the wide shape of stg_cdp__records:
   a column for every identifier type and attribute that any source maps, from a field of the record. #}
{% macro cdp_landed_records(source, types, attributes) %}
    {%- set fields = {
        "record_id": [cdp.cdp_json_path(source.record_id)],
        "updated_at": [cdp.cdp_json_path(source.get("updated_at") or "updated_at")],
    } %}
    {%- for type, field in (source.get("identifiers") or {}).items() %}
        {%- do fields.update({type: [cdp.cdp_json_path(field)]}) %}
    {%- endfor %}
    {%- do fields.update({source.identifier_type: [cdp.cdp_json_path(source.record_id)]}) %}
    {%- for attribute, field in (source.get("attributes") or {}).items() %}
        {%- do fields.update({"attribute_" ~ attribute: [cdp.cdp_json_path(field)]}) %}
    {%- endfor %}
    select
        '{{ source.name }}' as source,
        record_id,
        coalesce(updated_at, cast(landed_at as {{ dbt.type_string() }})) as updated_at,
        loaded_at,
        {%- for type in types %}
        {{ type if type in fields else "cast(null as " ~ dbt.type_string() ~ ")" }} as {{ type }},
        {%- endfor %}
        {%- for attribute in attributes %}
        {%- set column = "attribute_" ~ attribute %}
        {{ column if column in fields else "cast(null as " ~ dbt.type_string() ~ ")" }} as {{ column }},
        {%- endfor %}
        '{{ source.identifier_type }}' as identifier_type

    from (
        {{ cdp.cdp_json_columns(
            "(select * from " ~ ref("cdp__landing_records") ~ " where source = '" ~ source.name ~ "') as landed",
            "payload", ["received_at as landed_at", "loaded_at"], fields
        ) }}
    ) as parsed
{%- endmacro %}
