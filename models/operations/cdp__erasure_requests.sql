{{
    config(
        enabled=cdp.cdp_is_on(),
        alias="erasure_requests"
    )
}}

{%- do cdp.cdp_erasure() %}

{{
    cdp.cdp_empty_rows({
        "entry_id": "text",
        "request_id": "text",
        "position": "bigint",
        "status": "text",
        "entered_at": "timestamp",
        "entered_by": "text",
        "note": "text",
        "due_at": "timestamp",
        "count_people": "bigint",
        "count_identifiers": "bigint",
        "review": "text",
        "previous_hash": "text",
        "entry_hash": "text",
    })
}}
