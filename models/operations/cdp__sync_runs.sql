{{
    config(
        enabled=cdp.cdp_is_on(),
        alias="sync_runs"
    )
}}

{{
    cdp.cdp_empty_rows({
        "sync_run_id": "text",
        "run_id": "text",
        "sync_name": "text",
        "destination": "text",
        "object": "text",
        "mode": "text",
        "started_at": "timestamp",
        "ended_at": "timestamp",
        "status": "text",
        "source_rows": "bigint",
        "without_key": "bigint",
        "withheld": "bigint",
        "to_add": "bigint",
        "to_change": "bigint",
        "to_remove": "bigint",
        "acknowledged": "bigint",
        "rejected": "bigint",
        "pending": "bigint",
        "error": "text",
    })
}}
