{{ config(enabled=cdp.cdp_is_on()) }}

select
    source,
    content_hash,
    {% for column in cdp.cdp_event_columns() -%}
    {{ column }}{{ "," if not loop.last }}
    {% endfor %}
from {{ ref("stg_cdp__incoming_events") }}

where reject_reason is null
