{{ config(materialized="cdp_connected_components") }}

select
    node_a,
    node_b,
    true as is_live,
    0 as batch_id

from {{ source("bench", "edges") }}
