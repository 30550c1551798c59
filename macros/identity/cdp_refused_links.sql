{# A query of the edges that were refused, those with a shared side and those between two people, and why. The columns
   are those of identity_conflicts, and the keys node_a and node_b. `identity_graph` is that table or a relation like it.

   Whatever splits a component leaves one of the reasons. An edge without any is `unexplained`: a defect, or the work of a
   model that has taken the place of one of the package's. #}
{% macro cdp_refused_links(identity_graph) -%}
{%- set priority = cdp.cdp_type_setting("identifier_type", "priority") -%}
{%- set by_priority = dbt.concat(["cast(" ~ priority ~ " + 1000 as " ~ dbt.type_string() ~ ")", "identifier_type"]) -%}
with

graph as (

    select * from {{ identity_graph }}

),

decisions as (

    select * from {{ ref("int_cdp__decision_edges") }}

    where is_live

),

-- A link by decision gives a shared identifier to one person, and leaves its other links refused.
linked as (

    select node_a as identifier_id

    from decisions

    where decision = 'link'

    union distinct

    select node_b as identifier_id

    from decisions

    where decision = 'link'

),

refused as (

    select
        edges.*,
        side_a.identifier_value as value_a,
        side_b.identifier_value as value_b,
        side_a.canonical_id as canonical_id_a,
        side_b.canonical_id as canonical_id_b,
        side_a.is_shared or side_b.is_shared as is_shared,
        side_a.identifier_id in (select linked.identifier_id from linked)
        or side_b.identifier_id in (select linked.identifier_id from linked) as is_linked

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

-- Types of which the two people together would have more than one person may have.
exceeded as (

    {{ cdp.cdp_exceeded_limits("refused_people", "graph", "canonical_id") | indent(4) }}

),

limits as (

    select
        canonical_id_a,
        canonical_id_b,
        {{ cdp.cdp_arg_min("identifier_type", by_priority) }} as identifier_type

    from exceeded

    group by canonical_id_a, canonical_id_b

),

parted as (

    {{ cdp.cdp_parted_people("graph") | indent(4) }}

),

final as (

    select
        refused.node_a,
        refused.node_b,
        refused.type_a as identifier_type_a,
        refused.value_a as identifier_value_a,
        refused.canonical_id_a,
        refused.type_b as identifier_type_b,
        refused.value_b as identifier_value_b,
        refused.canonical_id_b,
        case
            when parted.decision_id is not null then 'never_link'
            when limits.identifier_type is not null then 'limit'
            when refused.is_shared or refused.is_linked then 'shared'
            else 'unexplained'
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

)

select * from final
{%- endmacro %}
