{{ config(enabled=cdp.cdp_is_on(), materialized="view", alias="identity_conflicts") }}

{%- set by_priority = dbt.concat(["cast(priority + 1000 as " ~ dbt.type_string() ~ ")", "identifier_type"]) %}

with

graph as (

    select * from {{ ref("cdp__identity_graph") }}

),

decisions as (

    select * from {{ ref("int_cdp__decision_edges") }}

    where
        decision = 'never_link'
        and is_live

),

refused as (

    select
        edges.*,
        side_a.identifier_value as value_a,
        side_b.identifier_value as value_b,
        side_a.canonical_id as canonical_id_a,
        side_b.canonical_id as canonical_id_b,
        side_a.is_shared or side_b.is_shared as is_shared

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

refused_people as (

    select distinct
        canonical_id_a,
        canonical_id_b

    from refused

    where not is_shared

),

held as (

    select
        canonical_id,
        identifier_type,
        count(*) as held

    from graph

    where canonical_id is not null

    group by canonical_id, identifier_type

),

-- Types of which the two people together would have more than one person may have.
exceeded as (

    select
        refused_people.canonical_id_a,
        refused_people.canonical_id_b,
        held_a.identifier_type,
        {{ cdp.cdp_type_setting("held_a.identifier_type", "priority") }} as priority

    from refused_people

    inner join held as held_a on refused_people.canonical_id_a = held_a.canonical_id

    inner join held as held_b
        on
            refused_people.canonical_id_b = held_b.canonical_id
            and held_a.identifier_type = held_b.identifier_type

    where
        held_a.held + held_b.held
        > {{ cdp.cdp_type_setting("held_a.identifier_type", "max_per_person") }}

),

limits as (

    select
        canonical_id_a,
        canonical_id_b,
        {{ cdp.cdp_arg_min("identifier_type", by_priority) }} as identifier_type

    from exceeded

    group by canonical_id_a, canonical_id_b

),

decided_people as (

    select
        decisions.decision_id,
        least(side_a.canonical_id, side_b.canonical_id) as canonical_id_a,
        greatest(side_a.canonical_id, side_b.canonical_id) as canonical_id_b

    from decisions

    inner join graph as side_a on decisions.node_a = side_a.identifier_id

    inner join graph as side_b on decisions.node_b = side_b.identifier_id

    where
        side_a.canonical_id is not null
        and side_b.canonical_id is not null

),

parted as (

    select
        canonical_id_a,
        canonical_id_b,
        min(decision_id) as decision_id

    from decided_people

    group by canonical_id_a, canonical_id_b

),

refused_links as (

    select
        refused.type_a as identifier_type_a,
        refused.value_a as identifier_value_a,
        refused.canonical_id_a,
        refused.type_b as identifier_type_b,
        refused.value_b as identifier_value_b,
        refused.canonical_id_b,
        case
            when parted.decision_id is not null then 'never_link'
            when limits.identifier_type is not null then 'limit'
            else 'shared'
        end as reason,
        coalesce(parted.decision_id, limits.identifier_type) as detail,
        refused.rule,
        refused.source,
        refused.evidence_id,
        refused.event_count,
        refused.first_seen,
        refused.last_seen

    from refused

    left join parted
        on
            not refused.is_shared
            and least(refused.canonical_id_a, refused.canonical_id_b) = parted.canonical_id_a
            and greatest(refused.canonical_id_a, refused.canonical_id_b) = parted.canonical_id_b

    left join limits
        on
            refused.canonical_id_a = limits.canonical_id_a
            and refused.canonical_id_b = limits.canonical_id_b

),

members as (

    select
        tuple_key,
        identifier_type,
        identifier_id,
        is_usable

    from {{ ref("int_cdp__tuple_members") }}

),

blocked as (

    select
        members.tuple_key,
        members.identifier_type,
        identifiers.identifier_value,
        identifiers.block_reason,
        {{ cdp.cdp_type_setting("members.identifier_type", "priority") }} as priority

    from members

    inner join {{ ref("int_cdp__identifier_tuples") }} as tuples
        on
            members.tuple_key = tuples.tuple_key
            and members.identifier_type = tuples.identifier_type

    inner join {{ ref("int_cdp__identifiers") }} as identifiers
        on
            tuples.identifier_type = identifiers.identifier_type
            and tuples.raw_value = identifiers.raw_value

    where not members.is_usable

),

-- What a blocked value was seen with: a link that was never made.
blocked_links as (

    select
        graph.identifier_id,
        blocked.identifier_type,
        blocked.identifier_value,
        blocked.priority,
        min(blocked.block_reason) as block_reason,
        {{ cdp.cdp_summed_observations() | indent(8) }}

    from blocked

    inner join members
        on
            blocked.tuple_key = members.tuple_key
            and members.is_usable

    inner join graph on members.identifier_id = graph.identifier_id

    inner join {{ ref("int_cdp__identity_observations") }} as observations
        on blocked.tuple_key = observations.tuple_key

    where observations.event_count > 0

    group by
        graph.identifier_id,
        blocked.identifier_type,
        blocked.identifier_value,
        blocked.priority

),

usable_sides as (

    select
        blocked_links.*,
        graph.identifier_type as usable_type,
        graph.identifier_value as usable_value,
        graph.canonical_id,
        blocked_links.priority < {{ cdp.cdp_type_setting("graph.identifier_type", "priority") }} as is_stronger

    from blocked_links

    inner join graph on blocked_links.identifier_id = graph.identifier_id

),

refused_values as (

    select
        case when is_stronger then identifier_type else usable_type end as identifier_type_a,
        case when is_stronger then identifier_value else usable_value end as identifier_value_a,
        case when not is_stronger then canonical_id end as canonical_id_a,
        case when is_stronger then usable_type else identifier_type end as identifier_type_b,
        case when is_stronger then usable_value else identifier_value end as identifier_value_b,
        case when is_stronger then canonical_id end as canonical_id_b,
        'blocked' as reason,
        block_reason as detail,
        rule,
        source,
        evidence_id,
        cast(event_count as {{ dbt.type_bigint() }}) as event_count,
        first_seen,
        last_seen

    from usable_sides

),

final as (

    select * from refused_links

    union all

    select * from refused_values

)

select * from final
