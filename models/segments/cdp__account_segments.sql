{{
    config(
        enabled=cdp.cdp_is_on(),
        full_refresh=false,
        alias="account_segments",
        unique_key="membership_id",
        incremental_strategy=cdp.cdp_incremental_strategy(),
        on_schema_change="append_new_columns"
    )
}}

{{ cdp.cdp_memberships("account") }}
