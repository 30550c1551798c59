{{ config(enabled=cdp.cdp_has_collector("ga4")) }}

{%- set text = dbt.type_string() %}
{%- set zeros = "'00000000-0000-0000-0000-000000000000'" %}

with

event_rows as (

    {{ cdp.cdp_source_rows("ga4", "events", {
        "table_day": ("text", ["_table_suffix", "event_date"]),
        "event_timestamp": "bigint",
        "event_name": "text",
        "event_params": "raw",
        "user_properties": "raw",
        "user_id": "text",
        "user_pseudo_id": "text",
        "device": "json",
        "geo": "json",
        "batch_page_id": "text",
        "batch_ordering_id": "text",
        "batch_event_index": "text",
    }, needs=["user_pseudo_id"]) }}

),

-- The table of the running day has the events of the daily table that follows it in another form, and for some hours
-- both are there: read with the daily ones it would give events twice.
daily as (

    select
        *,
        {{ dbt.right("replace(table_day, '-', '')", 6) }} as day_digits

    from event_rows

    where
        coalesce(table_day, '') not like 'intraday%'
        and coalesce(table_day, '') not like 'fresh%'

),

objects as (

    select
        *,
        {{ cdp.cdp_timestamp_from_micros("event_timestamp") }} as happened_at,
        {{ cdp.cdp_json_from_pairs("event_params") }} as params,
        {{ cdp.cdp_json_from_pairs("user_properties") }} as traits,

        case
            when {{ cdp.cdp_regexp_like("day_digits", "^[0-9]{6}$") }}
                then {{ dbt.concat([
                    "'20'",
                    "substr(day_digits, 1, 2)",
                    "'-'",
                    "substr(day_digits, 3, 2)",
                    "'-'",
                    "substr(day_digits, 5, 2)",
                    "'T00:00:00Z'",
                ]) }}
        end as day_began

    from daily

),

fields as (

    select
        {%- for name in ["country", "region", "city"] %}
        nullif(nullif({{ cdp.cdp_json_text("geo", "$." ~ name) }}, ''), '(not set)') as {{ name }},
        {%- endfor %}
        {{ cdp.cdp_json_text("params", "$.ga_session_id") }} as ga_session_id,
        nullif({{ cdp.cdp_json_text("params", "$.page_location") }}, '') as page_url,
        nullif({{ cdp.cdp_json_text("params", "$.page_referrer") }}, '') as page_referrer,
        nullif({{ cdp.cdp_json_text("device", "$.category") }}, '') as device_type,
        nullif(nullif({{ cdp.cdp_json_text("device", "$.advertising_id") }}, ''), {{ zeros }}) as advertising_id,
        nullif({{ cdp.cdp_json_text("device", "$.vendor_id") }}, '') as vendor_id,
        *

    from objects

),

described as (

    select
        *,

        case event_name
            when 'page_view' then 'page_viewed'
            when 'screen_view' then 'screen_viewed'
            else event_name
        end as event_type,

        -- What the device says of the event and no rewriting of the table changes. What was exported before events had
        -- an index in their batch is told apart by its parameters.
        {{ cdp.cdp_hash_key([
            "coalesce(user_pseudo_id, user_id)",
            "cast(event_timestamp as " ~ text ~ ")",
            "event_name",
            "batch_page_id",
            "batch_ordering_id",
            "batch_event_index",
            "case when batch_event_index is null then params end",
        ]) }} as event_id,

        {{ cdp.cdp_url_path("page_url") }} as page_path

    from fields

),

final as (

    {{ cdp.cdp_canonical_events("described", {
        "event_id": "event_id",
        "event_type": "event_type",
        "timestamp": "happened_at",
        "loaded_at": cdp.cdp_try_timestamp("day_began"),
        "user_id": "user_id",
        "device_id": "coalesce(advertising_id, vendor_id)",
        "anonymous_id": "user_pseudo_id",
        "session_id": dbt.concat(["user_pseudo_id", "'.'", "ga_session_id"]),
        "device_type": "device_type",
        "country": "country",
        "region": "region",
        "city": "city",
        "page_url": "page_url",
        "page_path": "page_path",
        "referrer": "page_referrer",
        "properties": "params",
        "traits": "traits",
    }) }}

)

select * from final
