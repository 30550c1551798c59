{%- set text = dbt.type_string() %}
{%- set visit = ["device_type", "city", "page_url", "referrer", "ip", "fingerprint"] %}
{%- set identifiers = ["user_id", "email", "phone", "device_id", "anonymous_id"] %}

with

events as (

    select * from {{ ref("events") }}

    union all

    select * from {{ ref("generated_events") }}

),

unioned as (

    select
        load,
        event_id,
        occurred_at,
        received_at,
        {%- for column in identifiers %}
        {{ column }},
        {%- endfor %}
        {%- for column in visit %}
        cast(null as {{ text }}) as {{ column }}{{ "," if not loop.last }}
        {%- endfor %}

    from events

    union all

    select
        load,
        event_id,
        occurred_at,
        cast(null as {{ text }}) as received_at,
        user_id,
        cast(null as {{ text }}) as email,
        cast(null as {{ text }}) as phone,
        cast(null as {{ text }}) as device_id,
        anonymous_id,
        'mobile' as device_type,
        city,
        page_url,
        referrer,
        ip,
        fingerprint

    from {{ ref("visits") }}

)

select
    event_id,
    occurred_at,
    coalesce(received_at, occurred_at) as received_at,
    {{ dbt.concat(["'2024-07-0'", "cast(load as " ~ text ~ ")", "' 00:00:00'"]) }} as loaded_at,
    {{ (identifiers + visit) | join(",
    ") }}

from unioned

where load <= {{ var("load") }}
