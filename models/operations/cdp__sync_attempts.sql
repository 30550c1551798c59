{{
    config(
        enabled=cdp.cdp_is_on(),
        alias="sync_attempts"
    )
}}

{{
    cdp.cdp_empty_rows({
        "attempt_id": "text",
        "delivery_id": "text",
        "sync_name": "text",
        "destination": "text",
        "object": "text",
        "record_id": "text",
        "row_id": "text",
        "key_value": "text",
        "remote_id": "text",
        "action": "text",
        "row_hash": "text",
        "sent": "json",
        "sync_run_id": "text",
        "attempted_at": "timestamp",
    })
}}
