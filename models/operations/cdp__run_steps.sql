{{
    config(
        enabled=cdp.cdp_is_on(),
        alias="run_steps"
    )
}}

{{
    cdp.cdp_empty_rows({
        "run_id": "text",
        "position": "bigint",
        "step": "text",
        "started_at": "timestamp",
        "ended_at": "timestamp",
        "status": "text",
        "summary": "text",
    })
}}
