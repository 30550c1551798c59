{{ config(enabled=cdp.cdp_has_collector("zendesk")) }}

with

ticket_rows as (

    {{ cdp.cdp_source_rows("zendesk", "ticket", {
        "ticket_id": ("text", ["id"]),
        "requester_id": "text",
        "created_at": "timestamp",
        "via_channel": "text",
        "via": "json",
        "loaded_at": ("timestamp", ["_fivetran_synced", "_airbyte_extracted_at"]),
        "version_at": ("timestamp", ["_fivetran_start", "_fivetran_synced", "_airbyte_extracted_at", "updated_at"]),
    }, needs=["requester_id"]) }}

),

-- What an agent may change, such as status, priority and brand, is left out: an event says the same whenever it is
-- read. Only the requester may change too, and without one there is no event: the one whom the ticket's newest version
-- names counts. Its time of change may stay as it was, so that when it was loaded tells which one is newer. What people
-- wrote is not read at all.
tickets as (

    select
        source,
        {{ dbt.concat(["'ticket-'", "ticket_id", "'-created'"]) }} as event_id,
        'ticket_created' as event_type,
        created_at,
        loaded_at,
        version_at,
        requester_id,
        {{ cdp.cdp_json_object({
            "ticket_id": "ticket_id",
            "channel": "coalesce(via_channel, " ~ cdp.cdp_json_text("via", "$.channel") ~ ")",
        }, keep_nulls=false) }} as properties

    from ticket_rows

),

final as (

    {{ cdp.cdp_canonical_events("tickets", {
        "event_id": "event_id",
        "event_type": "event_type",
        "timestamp": "created_at",
        "received_at": "created_at",
        "loaded_at": "loaded_at",
        "support_id": "requester_id",
        "properties": "properties",
    }, version_at="version_at") }}

)

select * from final
