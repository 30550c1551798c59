{{
    config(
        enabled=cdp.cdp_is_on(),
        alias="erasure_actions"
    )
}}

{{
    cdp.cdp_empty_rows({
        "entry_id": "text",
        "request_id": "text",
        "position": "bigint",
        "kind": "text",
        "subject": "text",
        "action": "text",
        "status": "text",
        "count_rows": "bigint",
        "detail": "text",
        "entered_at": "timestamp",
        "entered_by": "text",
        "previous_hash": "text",
        "entry_hash": "text",
    })
}}
