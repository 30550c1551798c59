{{ config(enabled=cdp.cdp_has_collector("amplitude")) }}

with

event_rows as (

    {{ cdp.cdp_source_rows("amplitude", "event", {
        "uuid": "text",
        "insert_id": ("text", ["_insert_id", "$insert_id", "insert_id"]),
        "event_type": "text",
        "event_time": "timestamp",
        "client_event_time": "timestamp",
        "received_at": ("timestamp", ["server_received_time", "server_upload_time"]),
        "loaded_at": ("timestamp", ["_fivetran_synced", "_airbyte_extracted_at"]),
        "user_id": "text",
        "device_id": "text",
        "idfv": "text",
        "ad_id": ("text", ["ad_id", "adid"]),
        "idfa": "text",
        "session_id": "number",
        "ip_address": "text",
        "device_type": "text",
        "country": "text",
        "region": "text",
        "city": "text",
        "event_properties": "json",
        "user_properties": "json",
    }, needs=["device_id", "user_id"]) }}

),

described as (

    select
        *,

        case event_type
            when '[Amplitude] Page Viewed' then 'page_viewed'
            when '[Amplitude] Screen Viewed' then 'screen_viewed'
            when '$identify' then 'identify'
            when '$groupidentify' then 'group'
            else event_type
        end as event_name,

        coalesce(
            {{ cdp.cdp_json_text("event_properties", cdp.cdp_json_path("[Amplitude] Page Location")) }},
            {{ cdp.cdp_json_text("event_properties", cdp.cdp_json_path("[Amplitude] Page URL")) }}
        ) as page_url,
        {{ cdp.cdp_json_text("event_properties", cdp.cdp_json_path("[Amplitude] Page Path")) }} as page_path,
        -- Some loaders make it a number with a fraction; -1 is none.
        {{ cdp.cdp_number_text("nullif(session_id, -1)") }} as session_text,

        {{ cdp.cdp_json_text("user_properties", "$.email") }} as email,
        {{ cdp.cdp_json_text("user_properties", "$.phone") }} as phone

    from event_rows

),

final as (

    {{ cdp.cdp_canonical_events("described", {
        "event_id": "coalesce(uuid, " ~ dbt.concat(["device_id", "' '", "insert_id"]) ~ ")",
        "event_type": "event_name",
        "timestamp": "coalesce(event_time, client_event_time)",
        "received_at": "received_at",
        "loaded_at": "loaded_at",
        "user_id": "user_id",
        "email": "email",
        "phone": "phone",
        "device_id": "coalesce(idfv, ad_id, idfa)",
        "anonymous_id": "device_id",
        "session_id": "session_text",
        "ip": "ip_address",
        "device_type": "device_type",
        "country": "country",
        "region": "region",
        "city": "city",
        "page_url": "page_url",
        "page_path": "page_path",
        "properties": "event_properties",
        "traits": "user_properties",
    }) }}

)

select * from final
