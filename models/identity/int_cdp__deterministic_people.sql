{{ config(enabled=cdp.cdp_is_on(), materialized="cdp_people") }}

{#- The materialization reads the decisions. -#}
{%- set decisions = ref("int_cdp__decision_edges") %}

select
    edges.node_a,
    edges.node_b,
    edges.type_a,
    edges.type_b,
    keys_a.identifier_value as value_a,
    keys_b.identifier_value as value_b,
    edges.event_count,
    edges.first_seen,
    edges.is_live,
    edges.batch_id as edge_batch_id,
    components.component_id,
    components.batch_id as component_batch_id

from {{ ref("int_cdp__edges") }} as edges

left join {{ ref("int_cdp__components") }} as components on edges.node_a = components.identifier_id

left join {{ ref("int_cdp__identifier_keys") }} as keys_a on edges.node_a = keys_a.identifier_id

left join {{ ref("int_cdp__identifier_keys") }} as keys_b on edges.node_b = keys_b.identifier_id
