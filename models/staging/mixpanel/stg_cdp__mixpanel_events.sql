{{ config(enabled=cdp.cdp_has_collector("mixpanel")) }}

{%- set text = dbt.type_string() %}
{%- set uuid = "^([$]device:)?[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-4[0-9A-Fa-f]{3}-[89ABab][0-9A-Fa-f]{3}-[0-9A-Fa-f]{12}$" %}

with

event_rows as (

    {{ cdp.cdp_source_rows("mixpanel", "mp_master_event", {
        "event_name": ("text", ["event_name", "name"]),
        "happened_at": ("timestamp", ["time"]),
        "loaded_at": ("timestamp", ["_fivetran_synced"]),
        "distinct_id": "text",
        "first_distinct_column": ("text", ["distinct_id_before_identity"]),
        "device_column": ("text", ["device_id"]),
        "user_column": ("text", ["user_id"]),
        "insert_column": ("text", ["insert_id"]),
        "processed_column": ("text", ["mp_processing_time_ms"]),
        "page_url_column": ("text", ["current_url"]),
        "page_referrer_column": ("text", ["referrer"]),
        "country_column": ("text", ["mp_country_code"]),
        "region_column": ("text", ["region"]),
        "city_column": ("text", ["city"]),
        "properties": "json",
    }, needs=["event_name"]) }}

),

-- Mixpanel's export has most of its own properties in the document, Fivetran in columns.
fields as (

    select
        {%- for name, key in [
            ("first_distinct", "$distinct_id_before_identity"),
            ("device", "$device_id"),
            ("user", "$user_id"),
            ("insert", "$insert_id"),
            ("processed", "mp_processing_time_ms"),
            ("page_url", "$current_url"),
            ("page_referrer", "$referrer"),
            ("country", "mp_country_code"),
            ("region", "$region"),
            ("city", "$city"),
        ] %}
        coalesce(
            nullif({{ name }}_column, ''), {{ cdp.cdp_json_text("properties", cdp.cdp_json_path(key)) }}
        ) as {{ name }}_value,
        {%- endfor %}
        {%- for name, key in [
            ("identified_id", "$identified_id"),
            ("anon_id", "$anon_id"),
            ("had_persisted_id", "$had_persisted_distinct_id"),
        ] %}
        {{ cdp.cdp_json_text("properties", cdp.cdp_json_path(key)) }} as {{ name }},
        {%- endfor %}
        event_name,
        happened_at,
        loaded_at,
        distinct_id,
        properties,
        source

    from event_rows

),

ids as (

    select
        *,
        coalesce(nullif(user_value, ''), identified_id) as user_id,

        -- Mixpanel puts another id of its cluster in the place of the one that was sent, and keeps that.
        coalesce(nullif(first_distinct_value, ''), distinct_id) as sent_id,

        -- Clients that find an id of before take it for the device's, though it may be that of the user before.
        case when coalesce(had_persisted_id, '') <> 'true' then device_value end as device_id,

        -- Mixpanel takes none but a UUID, and does not join users by it.
        case when {{ cdp.cdp_regexp_like("anon_id", uuid) }} then anon_id end as anonymous_uuid,

        {{ cdp.cdp_try_number("processed_value") }} as processed_at_ms

    from fields

),

-- Whom an event without other ids is for, is somebody: their browser, or a user id that nobody says to be one. Beside a
-- user it must be a browser's, or it would join what it is the id of with them.
named as (

    select
        *,
        coalesce(
            nullif(device_id, ''),
            anonymous_uuid,
            case when user_id is null or sent_id like '$device:%' then sent_id end
        ) as browser_id,

        -- What Mixpanel itself tells one event from another by.
        case
            when insert_value is not null then
                {{ cdp.cdp_hash_key([
                    "event_name", "sent_id", "cast(happened_at as " ~ text ~ ")", "insert_value"
                ]) }}
        end as event_id,

        case event_name
            when '$mp_web_page_view' then 'page_viewed'
            when '$identify' then 'identify'
            when '$create_alias' then 'alias'
            else event_name
        end as event_type,

        {{ cdp.cdp_url_path("page_url_value") }} as page_path,
        cast(processed_at_ms * 1000 as {{ dbt.type_bigint() }}) as processed_at_micros

    from ids

),

final as (

    {{ cdp.cdp_canonical_events("named", {
        "event_id": "event_id",
        "event_type": "event_type",
        "timestamp": "happened_at",
        "received_at": cdp.cdp_timestamp_from_micros("processed_at_micros"),
        "loaded_at": "loaded_at",
        "user_id": "user_id",
        "anonymous_id": cdp.cdp_regexp_replace("browser_id", "^[$]device:", ""),
        "country": "country_value",
        "region": "region_value",
        "city": "city_value",
        "page_url": "page_url_value",
        "page_path": "page_path",
        "referrer": "nullif(page_referrer_value, '$direct')",
        "properties": "properties",
    }) }}

)

select * from final
