{{ config(enabled=cdp.cdp_is_on(), materialized="table") }}

{%- set types = cdp.cdp_identifier_types() | map(attribute="name") | list %}
{%- set has_suppressed = {} %}
{%- for type in types %}
{%- do has_suppressed.update({type: "suppressed.has_suppressed_" ~ type}) %}
{%- endfor %}

with

present as (

    select * from {{ ref("stg_cdp__incoming_records") }}

    where
        reject_reason is null
        and version_rank = 1

),

suppressed as (

    {{ cdp.cdp_suppressed_rows("present", ["source", "record_id"], types) | indent(4) }}

),

merged as (

    select
        source,
        record_id,
        identifier_type,
        {{ cdp.cdp_normal_form("identifier_type", "merged_into") }} as identifier_value

    from present

    where merged_into is not null

),

merged_into_suppressed as (

    {{ cdp.cdp_suppressed("merged", ["source", "record_id"]) | indent(4) }}

)

-- Who was erased does not come back by a record that is still there; whoever else it names has no id for it.
select
    present.source,
    present.record_id,
    case when merged_into_suppressed.record_id is null then present.merged_into end as merged_into,
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

left join merged_into_suppressed
    on
        present.source = merged_into_suppressed.source
        and present.record_id = merged_into_suppressed.record_id

where not coalesce(suppressed.is_dropped or {{ cdp.cdp_by_type("present.identifier_type", has_suppressed) }}, false)
