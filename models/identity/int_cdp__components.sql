{{ config(enabled=cdp.cdp_is_on(), materialized="cdp_connected_components") }}

select
    node_a,
    node_b,
    is_live,
    batch_id

from {{ ref("int_cdp__edges") }}

union all

select
    node_a,
    node_b,
    is_live and decision = 'link' as is_live,
    batch_id

from {{ ref("int_cdp__decision_edges") }}

where node_b is not null
