{{
    config(
        enabled=cdp.cdp_is_on(),
        alias="sync_pauses"
    )
}}

{{
    cdp.cdp_empty_rows({
        "pause_id": "text",
        "sync_name": "text",
        "is_paused": "boolean",
        "reason": "text",
        "decided_by": "text",
        "decided_at": "timestamp",
    })
}}
