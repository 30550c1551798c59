{{ config(enabled=cdp.cdp_is_on(), materialized="view", alias="identity_conflicts") }}

with

graph as (

    select * from {{ ref("cdp__identity_graph") }}

),

refused as (

    select
        edges.*,
        side_a.identifier_value as value_a,
        side_b.identifier_value as value_b,
        side_a.canonical_id as canonical_id_a,
        side_b.canonical_id as canonical_id_b,
        side_a.is_shared as is_shared_a,
        side_b.is_shared as is_shared_b

    from {{ ref("int_cdp__edges") }} as edges

    inner join graph as side_a on edges.node_a = side_a.identifier_id

    inner join graph as side_b on edges.node_b = side_b.identifier_id

    where
        edges.is_live
        and edges.node_a <> edges.node_b
        and (
            side_a.is_shared
            or side_b.is_shared
            or side_a.canonical_id <> side_b.canonical_id
        )

),

final as (

    select
        type_a as identifier_type_a,
        value_a as identifier_value_a,
        canonical_id_a,
        type_b as identifier_type_b,
        value_b as identifier_value_b,
        canonical_id_b,
        case
            when is_shared_a or is_shared_b then 'shared'
            else 'limit'
        end as reason,
        rule,
        source,
        evidence_id,
        event_count,
        first_seen,
        last_seen

    from refused

)

select * from final
