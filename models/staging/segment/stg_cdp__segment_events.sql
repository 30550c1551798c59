{{ config(enabled=cdp.cdp_has_collector("segment")) }}

with

calls as (

    {{ cdp.cdp_client_calls("segment") }}

),

final as (

    {{ cdp.cdp_canonical_events("calls", {
        "event_id": "id",
        "event_type": "event_type",
        "timestamp": "timestamp",
        "received_at": "received_at",
        "loaded_at": "loaded_at",
        "user_id": "user_id",
        "email": "coalesce(email, context_email)",
        "phone": "coalesce(phone, context_phone)",
        "device_id": "device_id",
        "anonymous_id": "coalesce(previous_id, anonymous_id)",
        "session_id": "session_id",
        "group_id": "coalesce(group_id, context_group_id)",
        "ip": "ip",
        "fingerprint": "fingerprint",
        "user_agent": "user_agent",
        "device_type": "device_type",
        "country": "country",
        "region": "region",
        "city": "city",
        "page_url": "coalesce(url, context_page_url)",
        "page_path": "coalesce(path, context_page_path)",
        "referrer": "coalesce(referrer, context_page_referrer)",
        "properties": "properties",
        "traits": "traits",
    }) }}

)

select * from final
