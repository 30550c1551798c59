{{
    config(
        enabled=cdp.cdp_is_on(),
        alias="retention_runs"
    )
}}

{{
    cdp.cdp_empty_rows({
        "retention_id": "text",
        "source": "text",
        "table_name": "text",
        "kept_since": "date",
        "deleted_rows": "bigint",
        "archived_rows": "bigint",
        "archive": "text",
        "retained_at": "timestamp",
    })
}}
