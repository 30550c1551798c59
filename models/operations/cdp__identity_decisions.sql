{{
    config(
        enabled=cdp.cdp_is_on(),
        alias="identity_decisions"
    )
}}

{{
    cdp.cdp_empty_rows({
        "decision_id": "text",
        "decision": "text",
        "identifier_type_a": "text",
        "identifier_value_a": "text",
        "identifier_type_b": "text",
        "identifier_value_b": "text",
        "decided_at": "timestamp",
        "decided_by": "text",
        "reason": "text",
    })
}}
