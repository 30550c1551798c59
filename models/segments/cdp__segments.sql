{{
    config(
        enabled=cdp.cdp_is_on(),
        full_refresh=false,
        alias="segments",
        unique_key="membership_id",
        cluster_by=cdp.cdp_cluster_by("segment_name"),
        incremental_strategy=cdp.cdp_incremental_strategy(),
        on_schema_change="append_new_columns",
        post_hook="{{ cdp.cdp_delete_rows('canonical_id is null') }}"
    )
}}

{{ cdp.cdp_memberships("person") }}
