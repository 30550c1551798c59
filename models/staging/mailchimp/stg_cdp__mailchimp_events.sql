{{ config(enabled=cdp.cdp_has_collector("mailchimp")) }}

{%- set loaded_at = ("timestamp", ["_fivetran_synced", "_airbyte_extracted_at"]) %}
{%- set activity = {
    "campaign_id": ("text", ["campaign_id", "automation_email_id"]),
    "list_id": "text",
    "member_id": ("text", ["member_id", "email_id"]),
    "email_address": "text",
    "action": "text",
    "happened_at": ("timestamp", ["timestamp"]),
    "url": "text",
    "bounce_type": ("text", ["bounce_type", "type"]),
    "loaded_at": loaded_at,
} %}

with

campaign_activity as (

    {{ cdp.cdp_source_rows(
        "mailchimp", "campaign_recipient_activity", activity, needs=["member_id"]
    ) }}

),

automation_activity as (

    {{ cdp.cdp_source_rows(
        "mailchimp", "automation_recipient_activity", activity, needs=["member_id"]
    ) }}

),

member_rows as (

    {{ cdp.cdp_source_rows("mailchimp", "member", {
        "member_id": ("text", ["id"]),
        "email_address": "text",
        "loaded_at": loaded_at,
    }, needs=["email_address"]) }}

),

activities as (

    select * from campaign_activity

    union all

    select * from automation_activity

),

-- A member's id is the MD5 of the address in lower case, the same in every list: whatever else of a member changes, one
-- id has one address, so that an event is the same in every build.
addresses as (

    select
        source,
        member_id,
        min(lower(email_address)) as email,
        max(loaded_at) as loaded_at

    from member_rows

    group by
        source,
        member_id

),

-- An event is new with its activity, and with its address, which may be loaded later. No IP address is read: that of an
-- open is a server's that fetches images for thousands of people.
events as (

    select
        activities.source,
        {{ cdp.cdp_hash_key([
            "activities.campaign_id",
            "activities.member_id",
            "activities.action",
            "cast(activities.happened_at as " ~ dbt.type_string() ~ ")",
            "activities.url",
        ]) }} as event_id,
        case activities.action
            when 'open' then 'email_opened'
            when 'click' then 'email_clicked'
            when 'bounce' then 'email_bounced'
            else activities.action
        end as event_type,
        activities.happened_at,
        greatest(activities.loaded_at, coalesce(addresses.loaded_at, activities.loaded_at)) as loaded_at,
        coalesce(lower(activities.email_address), addresses.email) as email,
        {{ cdp.cdp_json_object({
            "campaign_id": "activities.campaign_id",
            "list_id": "activities.list_id",
            "url": "activities.url",
            "bounce_type": "activities.bounce_type",
        }, keep_nulls=false) }} as properties

    from activities

    left join addresses
        on
            activities.source = addresses.source
            and activities.member_id = addresses.member_id

),

final as (

    {{ cdp.cdp_canonical_events("events", {
        "event_id": "event_id",
        "event_type": "event_type",
        "timestamp": "happened_at",
        "loaded_at": "loaded_at",
        "email": "email",
        "properties": "properties",
    }) }}

)

select * from final
