with

events as (

    select * from {{ ref("events") }}

    union all

    select * from {{ ref("generated_events") }}

)

select
    event_id,
    occurred_at,
    coalesce(received_at, occurred_at) as received_at,
    {{ dbt.concat(["'2024-07-0'", "cast(load as " ~ dbt.type_string() ~ ")", "' 00:00:00'"]) }} as loaded_at,
    user_id,
    email,
    phone,
    device_id,
    anonymous_id

from events

where load <= {{ var("load") }}
