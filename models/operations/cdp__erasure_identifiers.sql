{{
    config(
        enabled=cdp.cdp_is_on(),
        alias="erasure_identifiers"
    )
}}

{{
    cdp.cdp_empty_rows({
        "entry_id": "text",
        "request_id": "text",
        "identifier_type": "text",
        "identifier_value": "text",
        "stage": "text",
    })
}}
