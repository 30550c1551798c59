{{
    config(
        enabled=cdp.cdp_is_on(),
        alias="runs"
    )
}}

{{
    cdp.cdp_empty_rows({
        "run_id": "text",
        "started_at": "timestamp",
        "ended_at": "timestamp",
        "status": "text",
        "error": "text",
        "version": "text",
        "host": "text",
        "process_id": "bigint",
    })
}}
