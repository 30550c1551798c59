{{ config(enabled=cdp.cdp_has_collector("mixpanel")) }}

{%- set text = dbt.type_string() %}

with

event_rows as (

    {{ cdp.cdp_source_rows("mixpanel", "mp_master_event", {
        "event_name": ("text", ["event_name", "name"]),
        "happened_at": ("timestamp", ["time"]),
        "loaded_at": ("timestamp", ["_fivetran_synced"]),
        "processed_ms": ("text", ["mp_processing_time_ms"]),
        "distinct_id": "text",
        "device_column": ("text", ["device_id"]),
        "user_column": ("text", ["user_id"]),
        "insert_column": ("text", ["insert_id"]),
        "properties": "json",
    }, needs=["distinct_id"]) }}

),

fields as (

    select
        {%- for name, key in [
            ("device_property", "$device_id"),
            ("user_property", "$user_id"),
            ("identified_id", "$identified_id"),
            ("anon_id", "$anon_id"),
            ("insert_property", "$insert_id"),
            ("processed_property", "mp_processing_time_ms"),
            ("page_url", "$current_url"),
            ("page_referrer", "$referrer"),
            ("country", "mp_country_code"),
            ("region", "$region"),
            ("city", "$city"),
        ] %}
        {{ cdp.cdp_json_text("properties", cdp.cdp_json_path(key)) }} as {{ name }},
        {%- endfor %}
        *

    from event_rows

),

ids as (

    select
        *,
        coalesce(user_column, user_property, identified_id) as user_id,
        coalesce(anon_id, device_column, device_property) as browser_id,
        coalesce(insert_column, insert_property) as insert_id,
        {{ cdp.cdp_try_number("coalesce(processed_ms, processed_property)") }} as processed_at_ms

    from fields

),

-- Whom an event without other ids is for, is somebody: their browser, or a user id that nobody says to be one.
named as (

    select
        *,
        coalesce(
            {{ cdp.cdp_regexp_replace("browser_id", "^[$]device:", "") }},
            case
                when user_id is null or distinct_id <> user_id
                    then {{ cdp.cdp_regexp_replace("distinct_id", "^[$]device:", "") }}
            end
        ) as anonymous_id,

        -- What Mixpanel itself tells one event from another by.
        case
            when insert_id is not null then
                {{ cdp.cdp_hash_key([
                    "event_name", "distinct_id", "cast(happened_at as " ~ text ~ ")", "insert_id"
                ]) }}
        end as event_id,

        case event_name
            when '$mp_web_page_view' then 'page_viewed'
            when '$identify' then 'identify'
            when '$create_alias' then 'alias'
            else event_name
        end as event_type,

        {{ cdp.cdp_url_path("page_url") }} as page_path,
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
        "anonymous_id": "anonymous_id",
        "country": "country",
        "region": "region",
        "city": "city",
        "page_url": "page_url",
        "page_path": "page_path",
        "referrer": "nullif(page_referrer, '$direct')",
        "properties": "properties",
    }) }}

)

select * from final
