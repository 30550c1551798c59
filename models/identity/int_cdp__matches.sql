{{ config(enabled=cdp.cdp_is_on(), materialized="cdp_matches") }}

{#- The materialization reads them. -#}
{%- set people = ref("int_cdp__deterministic_people") %}
{%- set decisions = ref("int_cdp__decision_edges") %}

select
    candidates.node_a,
    candidates.node_b,
    keys_a.identifier_type as type_a,
    keys_a.identifier_value as value_a,
    keys_b.identifier_type as type_b,
    keys_b.identifier_value as value_b,
    candidates.score

from {{ ref("int_cdp__candidates") }} as candidates

inner join {{ ref("int_cdp__identifier_keys") }} as keys_a on candidates.node_a = keys_a.identifier_id

inner join {{ ref("int_cdp__identifier_keys") }} as keys_b on candidates.node_b = keys_b.identifier_id

where
    candidates.is_live
    and candidates.is_merge
