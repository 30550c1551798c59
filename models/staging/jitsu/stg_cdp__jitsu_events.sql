{{ config(enabled=cdp.cdp_has_collector("jitsu")) }}

with

-- The properties are columns of the same table, so that whatever is not known to be something else is one.
event_rows as (

    {{ cdp.cdp_source_rows("jitsu", "events", {
        "message_id": "text",
        "type": "text",
        "event": "text",
        "timestamp": "timestamp",
        "received_at": "timestamp",
        "loaded_at": "timestamp",
        "user_id": "text",
        "anonymous_id": "text",
        "previous_id": "text",
        "context_group_id": "text",
        "email": ("text", ["context_traits_email"]),
        "phone": ("text", ["context_traits_phone"]),
        "device_id": ("text", ["context_device_id"]),
        "device_type": ("text", ["context_device_type"]),
        "session_id": ("text", ["context_session_id"]),
        "ip": ("text", ["re:context_ip|request_ip"]),
        "user_agent": ("text", ["context_user_agent"]),
        "country": ("text", ["context_geo_country_code"]),
        "region": ("text", ["context_geo_region_name", "context_geo_region_code"]),
        "city": ("text", ["context_geo_city_name"]),
        "url": "text",
        "path": "text",
        "referrer": "text",
        "context_page_url": "text",
        "context_page_path": "text",
        "context_page_referrer": "text",
    }, others={"properties": "", "traits": "context_traits_"}, ignored=[
        "context_.*", "sent_at", "original_timestamp", "write_key", "channel", "source_id", "group_id", "_timestamp",
    ], needs=["user_id", "anonymous_id"]) }}

),

described as (

    select
        *,

        case type
            when 'page' then 'page_viewed'
            when 'screen' then 'screen_viewed'
            when 'track' then event
            else type
        end as event_type

    from event_rows

),

final as (

    {{ cdp.cdp_canonical_events("described", {
        "event_id": "message_id",
        "event_type": "event_type",
        "timestamp": "timestamp",
        "received_at": "received_at",
        "loaded_at": "loaded_at",
        "user_id": "user_id",
        "email": "email",
        "phone": "phone",
        "device_id": "device_id",
        "anonymous_id": "coalesce(previous_id, anonymous_id)",
        "session_id": "session_id",
        "group_id": "context_group_id",
        "ip": "ip",
        "user_agent": "user_agent",
        "device_type": "device_type",
        "country": "country",
        "region": "region",
        "city": "city",
        "page_url": "coalesce(context_page_url, url)",
        "page_path": "coalesce(context_page_path, path)",
        "referrer": "coalesce(context_page_referrer, referrer)",
        "properties": "properties",
        "traits": "traits",
    }) }}

)

select * from final
