{{ config(enabled=cdp.cdp_is_on()) }}

select
    source,
    record_id,
    merged_into,
    identifier_type,
    updated_at,
    {%- for type in cdp.cdp_identifier_types() %}
    {{ type.name }},
    {%- endfor %}
    {%- for attribute in cdp.cdp_record_attributes() %}
    attribute_{{ attribute }},
    {%- endfor %}
    loaded_at

from {{ ref("stg_cdp__incoming_records") }}

where
    reject_reason is null
    and version_rank = 1
