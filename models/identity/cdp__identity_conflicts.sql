{{ config(enabled=cdp.cdp_is_on(), materialized="view", alias="identity_conflicts") }}

with

graph as (

    select * from {{ ref("cdp__identity_graph") }}

),

refused as (

    {{ cdp.cdp_refused_links(ref("cdp__identity_graph")) | indent(4) }}

),

refused_links as (

    select
        identifier_type_a,
        identifier_value_a,
        canonical_id_a,
        identifier_type_b,
        identifier_value_b,
        canonical_id_b,
        reason,
        detail,
        rule,
        source,
        evidence_id,
        event_count,
        first_seen,
        last_seen

    from refused

),

members as (

    select
        tuple_key,
        identifier_type,
        raw_value,
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

    inner join {{ ref("int_cdp__identifiers") }} as identifiers
        on
            members.identifier_type = identifiers.identifier_type
            and members.raw_value = identifiers.raw_value

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
