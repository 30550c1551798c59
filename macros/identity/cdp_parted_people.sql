{# A query of the pairs of people of whose identifiers somebody has decided that they are two people's: (canonical_id_a,
   canonical_id_b, decision_id), the smaller id first, with the first of the decisions. `identity_graph` is that table or a
   relation like it. #}
{% macro cdp_parted_people(identity_graph) -%}
    select
        least(side_a.canonical_id, side_b.canonical_id) as canonical_id_a,
        greatest(side_a.canonical_id, side_b.canonical_id) as canonical_id_b,
        min(decisions.decision_id) as decision_id

    from {{ ref("int_cdp__decision_edges") }} as decisions

    inner join {{ identity_graph }} as side_a on decisions.node_a = side_a.identifier_id

    inner join {{ identity_graph }} as side_b on decisions.node_b = side_b.identifier_id

    where
        decisions.decision = 'never_link'
        and decisions.is_live
        and side_a.canonical_id is not null
        and side_b.canonical_id is not null

    group by 1, 2
{%- endmacro %}
