{{ config(enabled=cdp.cdp_is_on(), materialized="view", alias="identity_candidates") }}

with

candidates as (

    select * from {{ ref("int_cdp__candidates") }}

),

graph as (

    select * from {{ ref("cdp__identity_graph") }}

),

decisions as (

    select * from {{ ref("int_cdp__decision_edges") }}

    where
        is_live
        and node_b is not null

),

-- Also what was decided on other identifiers of the two people.
parted as (

    {{ cdp.cdp_parted_people("graph") | indent(4) }}

),

sided as (

    select
        candidates.*,
        keys_a.identifier_type as identifier_type_a,
        keys_a.identifier_value as identifier_value_a,
        side_a.canonical_id as canonical_id_a,
        keys_b.identifier_type as identifier_type_b,
        keys_b.identifier_value as identifier_value_b,
        side_b.canonical_id as canonical_id_b,
        coalesce(side_a.canonical_id = side_b.canonical_id, false) as is_one_person

    from candidates

    inner join {{ ref("int_cdp__identifier_keys") }} as keys_a on candidates.node_a = keys_a.identifier_id

    inner join {{ ref("int_cdp__identifier_keys") }} as keys_b on candidates.node_b = keys_b.identifier_id

    left join graph as side_a on candidates.node_a = side_a.identifier_id

    left join graph as side_b on candidates.node_b = side_b.identifier_id

),

decided as (

    select
        sided.*,
        coalesce(parted.decision_id, pairwise.decision_id) as decision_id,
        case
            when parted.decision_id is not null or pairwise.decision = 'never_link' then 'refused'
            when pairwise.decision = 'link' then 'accepted'
            when sided.is_live and sided.is_merge and sided.is_one_person then 'merged'
            when sided.is_live and sided.is_merge then 'limit'
            when sided.is_live and sided.is_above_threshold then 'open'
            when sided.is_live then 'below_threshold'
        end as status

    from sided

    left join parted
        on
            least(sided.canonical_id_a, sided.canonical_id_b) = parted.canonical_id_a
            and greatest(sided.canonical_id_a, sided.canonical_id_b) = parted.canonical_id_b

    left join decisions as pairwise
        on
            least(sided.node_a, sided.node_b) = least(pairwise.node_a, pairwise.node_b)
            and greatest(sided.node_a, sided.node_b) = greatest(pairwise.node_a, pairwise.node_b)

),

final as (

    select
        candidate_id,
        rule,
        score,
        status,
        identifier_type_a,
        identifier_value_a,
        canonical_id_a,
        identifier_type_b,
        identifier_value_b,
        canonical_id_b,
        evidence,
        matched_at,
        found_at,
        decision_id

    from decided

    where status is not null

)

select * from final
