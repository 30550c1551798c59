{{
    config(
        enabled=cdp.cdp_is_on(),
        alias="suppression_keys"
    )
}}

{{
    cdp.cdp_empty_rows({
        "key_id": "text",
        "secret": "text",
        "made_at": "timestamp",
    })
}}
