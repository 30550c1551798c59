{{
    config(
        enabled=cdp.cdp_is_on(),
        alias="run_sources"
    )
}}

{{
    cdp.cdp_empty_rows({
        "run_id": "text",
        "source": "text",
        "entered_at": "timestamp",
        "new_events": "bigint",
        "arrived_at": "timestamp",
    })
}}
