{{
    config(
        enabled=cdp.cdp_is_on(),
        alias="suppressions"
    )
}}

{{
    cdp.cdp_empty_rows({
        "suppression_id": "text",
        "key_id": "text",
        "identifier_type": "text",
        "digest": "text",
        "request_id": "text",
        "suppressed_at": "timestamp",
        "lifted_at": "timestamp",
        "lifted_by": "text",
        "lift_reason": "text",
    })
}}
