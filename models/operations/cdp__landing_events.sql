{{
    config(
        enabled=cdp.cdp_is_on(),
        alias="landing_events",
        partition_by=cdp.cdp_partition_by("loaded_at"),
        cluster_by=cdp.cdp_cluster_by("source")
    )
}}

{{
    cdp.cdp_empty_rows({
        "ingest_id": "text",
        "source": "text",
        "received_at": "timestamp",
        "loaded_at": "timestamp",
        "payload": "json",
    })
}}
