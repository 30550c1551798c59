{{ config(enabled=cdp.cdp_is_on()) }}

{%- set loaded = cdp.cdp_sources("events") | selectattr("collector", "equalto", "cdp") | list %}
{%- set sources = loaded | map(attribute="name") | list %}
{%- set dated = ["event_id", "event_type", "timestamp", "received_at", "loaded_at"] %}
{#- What a group call says of the group and not of the person. #}
{%- set of_group = {
    "email": "person_email",
    "phone": "person_phone",
    "properties": "coalesce(group_traits, properties)",
    "traits": "person_traits",
} %}
{%- set columns = cdp.cdp_event_columns().keys() | reject("in", dated) | reject("in", of_group) | list %}

with

landed as (

    select *

    from {{ ref("cdp__landing_events") }}

    where source in ({% for name in sources %}'{{ name }}', {% endfor %}'')

),

parsed as (

    {{
        cdp.cdp_json_columns(
            "landed",
            "payload",
            ["ingest_id", "source", "received_at as landed_at", "loaded_at"],
            cdp.cdp_landed_event_paths()
        ) | indent(4)
    }}

),

final as (

    select
        event_id,

        coalesce(
            event,
            case type
                when 'page' then 'page_viewed'
                when 'screen' then 'screen_viewed'
                else type
            end
        ) as event_type,

        {{ cdp.cdp_try_timestamp("timestamp") }} as timestamp,
        coalesce({{ cdp.cdp_try_timestamp("received_at") }}, landed_at) as received_at,
        loaded_at,
        {%- for column in columns %}
        {{ column }},
        {%- endfor %}
        {%- for column, own in of_group.items() %}
        case when type = 'group' then {{ own }} else {{ column }} end as {{ column }},
        {%- endfor %}
        timestamp is not null as has_timestamp,
        source,
        ingest_id as content_hash

    from parsed

)

select * from final
