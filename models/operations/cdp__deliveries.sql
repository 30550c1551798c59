{{
    config(
        enabled=cdp.cdp_is_on(),
        alias="deliveries",
        cluster_by=cdp.cdp_cluster_by(["sync_name", "state"])
    )
}}

{{
    cdp.cdp_empty_rows({
        "delivery_id": "text",
        "sync_name": "text",
        "destination": "text",
        "object": "text",
        "record_id": "text",
        "row_id": "text",
        "key_value": "text",
        "remote_id": "text",
        "action": "text",
        "state": "text",
        "row_hash": "text",
        "sent": "json",
        "sync_run_id": "text",
        "acknowledged_at": "timestamp",
    })
}}
