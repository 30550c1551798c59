{{ config(enabled=cdp.cdp_is_on(), materialized="view", alias="resolved_events") }}

{%- set columns = cdp.cdp_event_columns().keys() | reject("equalto", "loaded_at") | list %}

with

events as (

    select * from {{ ref("cdp__raw_events") }}

),

people as (

    select * from {{ ref("int_cdp__tuple_people") }}

),

final as (

    select
        {%- for column in columns %}
        events.{{ column }},
        {%- endfor %}
        events.source,
        people.canonical_id

    from events

    left join people on events.tuple_key = people.tuple_key

)

select * from final
