{{
    config(
        enabled=cdp.cdp_is_on(),
        alias="sync_rejects"
    )
}}

{{
    cdp.cdp_empty_rows({
        "reject_id": "text",
        "delivery_id": "text",
        "sync_name": "text",
        "destination": "text",
        "object": "text",
        "record_id": "text",
        "row_id": "text",
        "key_value": "text",
        "action": "text",
        "attempt": "bigint",
        "is_retryable": "boolean",
        "reason": "text",
        "sync_run_id": "text",
        "rejected_at": "timestamp",
    })
}}
