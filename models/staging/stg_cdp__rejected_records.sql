{{ config(enabled=cdp.cdp_is_on()) }}

select
    source,
    record_id,
    identifier_type,
    loaded_at,
    reject_reason

from {{ ref("stg_cdp__incoming_records") }}

where reject_reason is not null
