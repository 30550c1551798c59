{{
    config(
        enabled=cdp.cdp_is_on(),
        alias="landing_rejects"
    )
}}

{{
    cdp.cdp_empty_rows({
        "ingest_id": "text",
        "source": "text",
        "kind": "text",
        "file_name": "text",
        "line_number": "bigint",
        "reason": "text",
        "payload": "text",
        "loaded_at": "timestamp",
    })
}}
