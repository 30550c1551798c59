{{ config(enabled=cdp.cdp_is_on()) }}

select
    {%- for column in cdp.cdp_event_columns() %}
    {{ column }},
    {%- endfor %}
    source,
    content_hash,
    coalesce(reject_reason, 'older than cdp_retention keeps events') as reject_reason

from {{ ref("stg_cdp__incoming_events") }}

where
    reject_reason is not null
    or is_expired
