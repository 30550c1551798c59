{{ config(enabled=cdp.cdp_is_on()) }}

select
    {%- for column in cdp.cdp_event_columns() %}
    {{ column }},
    {%- endfor %}
    source,
    content_hash,
    is_expired

from {{ ref("stg_cdp__incoming_events") }}

where reject_reason is null
