{{ config(enabled=cdp.cdp_is_on(), materialized="view", alias="identity_splits") }}

{{ cdp.cdp_id_changes("split", "split_canonical_id", "split_at") }}
