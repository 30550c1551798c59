{# A query that tells of two identifiers who they belong to: one row a side. The arguments are those of cdp_explain.

     side                                 a or b
     identifier_type, identifier_value    the identifier in normal form
     status                               person, shared, blocked, or unknown: no event or record shows it
     canonical_id                         of a person's
     block_reason                         of a blocked one
     count_people                         of a shared one: how many people it leads to
     is_connected                         whether what was seen or decided connects the two, accepted or not, matches apart
     never_link_decision_id               the decision that the two are not one person's; null where there is none #}
{% macro cdp_explain_verdict(type_a, value_a, type_b, value_b) %}
    {{- return(cdp.cdp_explain_verdict_sql(*cdp.cdp_asked_literals(type_a, value_a, type_b, value_b))) -}}
{% endmacro %}


{# The same where the arguments are string expressions, such as `?` for a parameter: each is used once, in this order. #}
{% macro cdp_explain_verdict_sql(type_a, value_a, type_b, value_b) -%}
with

{{ cdp.cdp_asked_cte(type_a, value_a, type_b, value_b) }},

graph as (

    select * from {{ ref("cdp__identity_graph") }}

),

sides as (
    {% for side in ["a", "b"] %}
    select
        '{{ side }}' as side,
        identifier_type_{{ side }} as identifier_type,
        identifier_value_{{ side }} as identifier_value

    from asked
    {{ "union all" if not loop.last }}
    {%- endfor %}

),

found as (

    select
        sides.side,
        sides.identifier_type,
        sides.identifier_value,
        keys.identifier_id,
        components.component_id,
        graph.canonical_id,
        graph.is_shared

    from sides

    left join {{ ref("int_cdp__identifier_keys") }} as keys
        on
            sides.identifier_type = keys.identifier_type
            and sides.identifier_value = keys.identifier_value

    left join {{ ref("int_cdp__components") }} as components on keys.identifier_id = components.identifier_id

    left join graph on keys.identifier_id = graph.identifier_id

),

blocked as (

    select
        sides.side,
        min(identifiers.block_reason) as block_reason

    from sides

    inner join {{ ref("int_cdp__identifiers") }} as identifiers
        on
            sides.identifier_type = identifiers.identifier_type
            and sides.identifier_value = identifiers.identifier_value

    where identifiers.block_reason is not null

    group by sides.side

),

links as (

    select * from {{ ref("int_cdp__links") }}

    where is_live

),

neighbours as (

    select
        found.side,
        links.node_b as identifier_id

    from found

    inner join links on found.identifier_id = links.node_a

    union all

    select
        found.side,
        links.node_a as identifier_id

    from found

    inner join links on found.identifier_id = links.node_b

),

led_to as (

    select
        neighbours.side,
        count(distinct graph.canonical_id) as count_people

    from neighbours

    inner join graph on neighbours.identifier_id = graph.identifier_id

    group by neighbours.side

),

parted as (

    select * from {{ ref("int_cdp__decision_edges") }}

    where
        decision = 'never_link'
        and is_live

),

pair as (

    select
        coalesce(side_a.component_id = side_b.component_id, false) as is_connected,
        parted.decision_id as never_link_decision_id

    from found as side_a

    inner join found as side_b
        on
            side_a.side = 'a'
            and side_b.side = 'b'

    left join parted
        on
            least(side_a.identifier_id, side_b.identifier_id) = least(parted.node_a, parted.node_b)
            and greatest(side_a.identifier_id, side_b.identifier_id) = greatest(parted.node_a, parted.node_b)

),

final as (

    select
        found.side,
        found.identifier_type,
        found.identifier_value,
        case
            when found.is_shared then 'shared'
            when found.is_shared is not null then 'person'
            when blocked.side is not null then 'blocked'
            else 'unknown'
        end as status,
        found.canonical_id,
        case when found.is_shared is null then blocked.block_reason end as block_reason,
        case when found.is_shared then coalesce(led_to.count_people, 0) end as count_people,
        pair.is_connected,
        pair.never_link_decision_id

    from found

    cross join pair

    left join blocked on found.side = blocked.side

    left join led_to on found.side = led_to.side

)

select * from final

order by side
{%- endmacro %}
