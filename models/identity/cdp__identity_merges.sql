{{ config(enabled=cdp.cdp_is_on(), materialized="view", alias="identity_merges") }}

{{ cdp.cdp_id_changes("merge", "merged_canonical_id", "merged_at") }}
