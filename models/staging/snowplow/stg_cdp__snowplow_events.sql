{{ config(enabled=cdp.cdp_has_collector("snowplow")) }}

{%- set zeros = "'00000000-0000-0000-0000-000000000000'" %}

with

event_rows as (

    {{ cdp.cdp_source_rows("snowplow", "events", {
        "event_id": "text",
        "event": "text",
        "event_name": "text",
        "derived_tstamp": "timestamp",
        "collector_tstamp": "timestamp",
        "load_tstamp": "timestamp",
        "user_id": "text",
        "domain_userid": "text",
        "network_userid": "text",
        "domain_sessionid": "text",
        "user_ipaddress": "text",
        "useragent": "text",
        "dvce_type": "text",
        "geo_country": "text",
        "geo_region": "text",
        "geo_region_name": "text",
        "geo_city": "text",
        "page_url": "text",
        "page_urlpath": "text",
        "page_title": "text",
        "page_referrer": "text",
        "se_category": "text",
        "se_action": "text",
        "se_label": "text",
        "se_property": "text",
        "se_value": "number",
        "tr_orderid": "text",
        "tr_total": "number",
        "tr_currency": "text",
        "self_describing_event": ("json", ["re:unstruct_event_.+"]),
        "sessions": ("json", ["re:contexts_com_snowplowanalytics_snowplow_client_session_1(_.+)?"]),
        "mobiles": ("json", ["re:contexts_com_snowplowanalytics_snowplow_mobile_context_1(_.+)?"]),
        "agents": ("json", ["re:contexts_nl_basjes_yauaa_context_1(_.+)?"]),
    }, needs=["domain_userid", "network_userid", "user_id"]) }}

),

entities as (

    select
        *,
        {{ cdp.cdp_json_first("sessions") }} as session_entity,
        {{ cdp.cdp_json_first("mobiles") }} as mobile_entity,
        {{ cdp.cdp_json_first("agents") }} as agent_entity

    from event_rows

),

-- Loaders of columns that have a type write the fields in snake_case, Snowflake's as they were sent.
fields as (

    select
        {%- for name, entity, spellings in [
            ("session_user_id", "session_entity", ["user_id", "userId"]),
            ("session_session_id", "session_entity", ["session_id", "sessionId"]),
            ("apple_idfv", "mobile_entity", ["apple_idfv", "appleIdfv"]),
            ("android_idfa", "mobile_entity", ["android_idfa", "androidIdfa"]),
            ("app_set_id", "mobile_entity", ["app_set_id", "appSetId"]),
            ("apple_idfa", "mobile_entity", ["apple_idfa", "appleIdfa"]),
            ("device_class", "agent_entity", ["device_class", "deviceClass"]),
        ] %}
        coalesce(
            {{ cdp.cdp_json_text(entity, "$." ~ spellings[0]) }},
            {{ cdp.cdp_json_text(entity, "$." ~ spellings[1]) }}
        ) as {{ name }},
        {%- endfor %}
        *

    from entities

),

devices as (

    select
        *,
        coalesce(
            apple_idfv,
            nullif(android_idfa, {{ zeros }}),
            app_set_id,
            nullif(apple_idfa, {{ zeros }})
        ) as device_id,
        lower(coalesce(dvce_type, device_class)) as device_type

    from fields

),

described as (

    select
        *,

        case
            when event_name = 'page_view' then 'page_viewed'
            when event_name = 'screen_view' then 'screen_viewed'
            when event = 'struct' then {{ cdp.cdp_regexp_replace("lower(se_action)", "[ -]+", "_") }}
            else coalesce(event_name, event)
        end as event_type,

        -- The collector makes a new network_userid for every request that brings no cookie, of a server for one: beside
        -- another identifier it would give one person more browsers than anybody has.
        coalesce(
            domain_userid,
            session_user_id,
            case when user_id is null and device_id is null then network_userid end
        ) as anonymous_id,

        case device_type
            when 'computer' then 'desktop'
            when 'phone' then 'mobile'
            else device_type
        end as device_kind,

        coalesce(
            self_describing_event,
            {{ cdp.cdp_json_object({
                "title": "case when event_name = 'page_view' then page_title end",
                "category": "se_category",
                "action": "se_action",
                "label": "se_label",
                "property": "se_property",
                "value": "se_value",
                "order_id": "tr_orderid",
                "total": "tr_total",
                "currency": "tr_currency",
            }, keep_nulls=false) }}
        ) as properties

    from devices

),

final as (

    {{ cdp.cdp_canonical_events("described", {
        "event_id": "event_id",
        "event_type": "event_type",
        "timestamp": "coalesce(derived_tstamp, collector_tstamp)",
        "received_at": "collector_tstamp",
        "loaded_at": "load_tstamp",
        "user_id": "user_id",
        "device_id": "device_id",
        "anonymous_id": "anonymous_id",
        "session_id": "coalesce(domain_sessionid, session_session_id)",
        "ip": "user_ipaddress",
        "user_agent": "useragent",
        "device_type": "device_kind",
        "country": "geo_country",
        "region": "coalesce(geo_region_name, geo_region)",
        "city": "geo_city",
        "page_url": "page_url",
        "page_path": "page_urlpath",
        "referrer": "page_referrer",
        "properties": "properties",
    }) }}

)

select * from final
