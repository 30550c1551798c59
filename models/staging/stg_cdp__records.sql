{{ config(enabled=cdp.cdp_is_on()) }}

{%- set types = cdp.cdp_identifier_types() | map(attribute="name") | list %}

with

present as (

    select * from {{ ref("stg_cdp__incoming_records") }}

    where
        reject_reason is null
        and version_rank = 1

),

suppressed as (

    {{ cdp.cdp_suppressed_rows("present", ["source", "record_id"], types) | indent(4) }}

)

-- Who was erased does not come back by a record that is still there.
select
    present.source,
    present.record_id,
    present.merged_into,
    present.identifier_type,
    present.updated_at,
    {%- for type in types %}
    case when suppressed.has_suppressed_{{ type }} then null else present.{{ type }} end as {{ type }},
    {%- endfor %}
    {%- for attribute in cdp.cdp_record_attributes() %}
    present.attribute_{{ attribute }},
    {%- endfor %}
    present.loaded_at

from present

left join suppressed
    on
        present.source = suppressed.source
        and present.record_id = suppressed.record_id

where not coalesce(suppressed.is_dropped, false)
