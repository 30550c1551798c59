{# Which identifiers are one person, as steps for cdp_run_steps.

     edges      a scratch table of live edges with node_a (the stronger or equal side), node_b, type_a, type_b,
                value_a, value_b, event_count, first_seen, component_id; an edge from a node to itself for every node
     decisions  a relation of what people have decided, with decision_id, decision (link, never_link, shared, not_shared),
                node_a, node_b (null for the latter two), is_live and problem (text, or null)
     returns    a mapping: `steps`; `people`, the scratch table that they leave: (identifier_id, identifier_type,
                person_id, is_shared), one row a node, person_id being one of the person's nodes

   A component in which no identifier has more stronger neighbours than the people it may touch, that is within
   every max_per_person and about which nobody has decided to link or to part, is one person. Any other is split by walking
   the tiers from strong to weak, from its own edges alone, so that the result depends neither on other people nor on
   the order of builds. Decisions come before every tier. #}
{% macro cdp_resolve_people(edges, decisions) %}
    {%- set types = cdp.cdp_identifier_types() -%}
    {%- set nodes = cdp.cdp_scratch_name("nodes") -%}
    {%- set doubtful = cdp.cdp_scratch_name("doubtful") -%}
    {%- set state = cdp.cdp_scratch_name("state") -%}
    {%- set people = cdp.cdp_scratch_name("resolved") -%}
    {%- set decided = cdp.cdp_apply_decisions(decisions) -%}

    {%- set walk = [
        cdp.cdp_scratch(state, "
            select
                nodes.node, nodes.type, " ~ cdp.cdp_type_setting("nodes.type", "priority", types) ~ " as priority,
                coalesce(linked.piece, nodes.node) as piece,
                linked.piece as link_group,
                nodes.node in (select node_a from " ~ decided.decisions ~ " where decision = 'not_shared') as is_cleared,
                nodes.node in (select node_a from " ~ decided.decisions ~ " where decision = 'shared') as is_marked
            from " ~ nodes ~ " as nodes
            left join (" ~ cdp.cdp_linked_pieces_sql(nodes, decided.groups) ~ ") as linked on linked.node = nodes.node
            where nodes.component_id in (select component_id from " ~ doubtful ~ ")"
        ),
    ] -%}
    {%- for tier in types | map(attribute="priority") | unique | sort -%}
        {%- do walk.extend(cdp.cdp_walk_tier(tier, types, edges, state, doubtful, decided)) -%}
    {%- endfor -%}

    {%- set steps = decided.steps + [
        cdp.cdp_scratch(nodes, "
            select node_a as node, type_a as type, component_id
            from " ~ edges ~ " where node_a = node_b"
        ),
        cdp.cdp_scratch(doubtful, cdp.cdp_doubtful_components_sql(nodes, edges, decided.decisions, decided.groups, types)),
        cdp.cdp_scratch(people, "
            select node as identifier_id, type as identifier_type, component_id as person_id, false as is_shared
            from " ~ nodes ~ "
            where component_id not in (select component_id from " ~ doubtful ~ ")"
        ),
        {"if": "select component_id from " ~ doubtful, "do": walk + [
            "insert into " ~ people ~ " (identifier_id, identifier_type, person_id, is_shared)
            select node, type, piece, is_marked and link_group is null from " ~ state,
            cdp.cdp_drop_scratch([state]),
        ]},
        cdp.cdp_drop_scratch([nodes, doubtful] + decided.scratch),
    ] -%}
    {{- return({"steps": steps, "people": people}) -}}
{% endmacro %}


{# What has been decided, as steps: `decisions` in force and the `groups` (node, component) of nodes that are linked
   by a decision. A set of decisions that cannot all be kept is an error. #}
{% macro cdp_apply_decisions(source) %}
    {%- set decisions = cdp.cdp_scratch_name("decisions") -%}
    {%- set links = cdp.cdp_scratch_name("decided_links") -%}
    {%- set groups = cdp.cdp_scratch_name("linked_groups") -%}
    {%- set solved = cdp.cdp_solve_components(links) -%}
    {%- set impossible = "
        select " ~ dbt.concat(["links.decision_id", "' contradicts '", "apart.decision_id"]) ~ " as problem
        from " ~ decisions ~ " as apart
        inner join " ~ groups ~ " as group_a on group_a.node = apart.node_a
        inner join " ~ groups ~ " as group_b on group_b.node = apart.node_b
        inner join " ~ groups ~ " as grouped on grouped.component = group_a.component
        inner join " ~ decisions ~ " as links on links.node_a = grouped.node
        where apart.decision = 'never_link' and links.decision = 'link' and group_a.component = group_b.component
        order by 1 limit 20" -%}
    {{- return({
        "decisions": decisions,
        "groups": groups,
        "scratch": [decisions, links, groups],
        "steps": [
            {
                "fail_if": "
                    select " ~ dbt.concat(["decision_id", "' '", "problem"]) ~ " as problem
                    from " ~ source ~ " where problem is not null order by 1 limit 20",
                "message": "Identity decisions that cannot be followed, by decision_id:",
            },
            cdp.cdp_scratch(decisions, "
                select decision_id, decision, node_a, node_b from " ~ source ~ " where is_live"
            ),
            cdp.cdp_scratch(links, "
                select node_a, node_b from " ~ decisions ~ " where decision = 'link'"
            ),
            cdp.cdp_scratch(groups, "select node_a as node, node_b as component from " ~ links ~ " limit 0"),
            {"if": "select node_a from " ~ links, "do": solved.steps + [
                cdp.cdp_scratch(groups, solved.query),
                cdp.cdp_drop_scratch(solved.scratch),
                {
                    "fail_if": impossible,
                    "message": "Identity decisions that contradict one another, by decision_id (a chain of links joins"
                        ~ " what must never be linked; take one of them back):",
                },
            ]},
        ],
    }) -}}
{% endmacro %}


{# The nodes that decisions link to another one that has been seen, with the first node of their group. #}
{% macro cdp_linked_pieces_sql(nodes, groups) -%}
    select node, piece
    from (
        select
            grouped.node,
            min(grouped.node) over (partition by grouped.component) as piece,
            count(*) over (partition by grouped.component) as seen
        from {{ groups }} as grouped
        inner join {{ nodes }} as nodes on nodes.node = grouped.node
    ) as grouped
    where seen > 1
{%- endmacro %}


{# The components that counting alone does not prove to be one person. #}
{% macro cdp_doubtful_components_sql(nodes, edges, decisions, groups, types) -%}
    select component_id
    from (
        select component_id, type, count(*) as held from {{ nodes }} group by component_id, type
    ) as counted
    where held > {{ cdp.cdp_type_setting("type", "max_per_person", types) }}
    union distinct
    select component_id
    from (
        select component_id, node_b, type_b, count(*) as stronger
        from {{ edges }}
        where {{ cdp.cdp_type_setting("type_a", "priority", types) }} < {{ cdp.cdp_type_setting("type_b", "priority", types) }}
        group by component_id, node_b, type_b
    ) as touched
    where stronger > {{ cdp.cdp_type_setting("type_b", "max_people", types) }}
    union distinct
    select side_a.component_id
    from {{ decisions }} as decisions
    inner join {{ nodes }} as side_a on side_a.node = decisions.node_a
    inner join {{ nodes }} as side_b on side_b.node = decisions.node_b
    where decisions.decision = 'never_link' and side_a.component_id = side_b.component_id
    union distinct
    select nodes.component_id
    from {{ decisions }} as decisions
    inner join {{ nodes }} as nodes on nodes.node = decisions.node_a
    where decisions.decision = 'shared'
    union distinct
    select component_id from {{ nodes }} where node in (select node from {{ groups }})
{%- endmacro %}


{# One tier, as steps: marks the identifiers of the tier that lead to too many people, then joins pieces along the
   edges of the others. #}
{% macro cdp_walk_tier(tier, types, edges, state, doubtful, decided) %}
    {%- set links = cdp.cdp_scratch_name("links") -%}
    {%- set open = cdp.cdp_scratch_name("open") -%}
    {%- set joined = cdp.cdp_join_pieces(state, open, types, decided.decisions, "joining of tier " ~ tier) -%}
    {%- set tier_of_edge = cdp.cdp_type_setting("link.type_b", "priority", types) -%}
    {{- return([
        cdp.cdp_scratch(links, "
            select
                link.node_a, link.node_b, link.type_a, link.type_b, link.value_a, link.value_b, link.event_count, link.first_seen,
                " ~ cdp.cdp_type_setting("link.type_a", "priority", types) ~ " as priority_a
            from " ~ edges ~ " as link
            where link.node_a <> link.node_b and " ~ tier_of_edge ~ " = " ~ tier ~ "
                and link.component_id in (select component_id from " ~ doubtful ~ ")"
        ),
        {"if": "select node_a from " ~ links, "do": [
            cdp.cdp_scratch(state, "
                select
                    state.node, state.type, state.priority, state.piece, state.link_group, state.is_cleared,
                    state.is_marked or (marked.node is not null and not state.is_cleared) as is_marked
                from " ~ state ~ " as state
                left join (" ~ cdp.cdp_marked_nodes_sql(tier, types, links, state, decided) ~ ") as marked on marked.node = state.node"
            ),
            cdp.cdp_scratch(open, "
                with placed as (
                    select
                        least(side_a.piece, side_b.piece) as piece_a,
                        greatest(side_a.piece, side_b.piece) as piece_b,
                        row_number() over (
                            order by link.event_count desc, coalesce(link.first_seen, cast('9999-12-31' as " ~ dbt.type_timestamp() ~ ")),
                                link.type_a, link.value_a, link.type_b, link.value_b
                        ) as place
                    from " ~ links ~ " as link
                    inner join " ~ state ~ " as side_a on side_a.node = link.node_a
                    inner join " ~ state ~ " as side_b on side_b.node = link.node_b
                    where not side_a.is_marked and not side_b.is_marked and side_a.piece <> side_b.piece
                )
                select piece_a, piece_b, min(place) as place from placed group by piece_a, piece_b"
            ),
        ] + joined.steps},
        cdp.cdp_drop_scratch([links, open] + joined.scratch),
    ]) -}}
{% endmacro %}


{# The nodes of a tier that lead to more people than their type may, counted in the pieces that decisions and
   stronger tiers have made, or whose own neighbours are in several pieces and more than one person may have.
   What a decision links a node to counts as a neighbour too; what a record was merged into does not: a record that
   has swallowed many others is no less somebody's. #}
{% macro cdp_marked_nodes_sql(tier, types, links, state, decided) -%}
    {%- set counted = {} -%}
    {%- for type in types -%}
        {%- do counted.update({type.name: {"all": "true", "user_id": "has_user_id", "named": "is_named"}[type.counts]}) -%}
    {%- endfor -%}
    with pieces as (
        select
            piece,
            max(case when type = 'user_id' then 1 else 0 end) = 1 as has_user_id,
            max(case when type in ('user_id', 'email') then 1 else 0 end) = 1 as is_named
        from {{ state }}
        group by piece
    ),
    neighbours as (
        select node_b as node, type_b as type, node_a as neighbour, type_a as neighbour_type, priority_a as neighbour_priority
        from {{ links }}
        where type_a <> type_b
        union distinct
        select node_a, type_a, node_b, type_b, priority_a
        from {{ links }}
        where priority_a = {{ tier }} and type_a <> type_b
        union distinct
        select node.node, node.type, other.node, other.type, other.priority
        from {{ state }} as node
        inner join {{ state }} as other on other.link_group = node.link_group and other.node <> node.node
        where node.priority = {{ tier }}
    ),
    usable as (
        select neighbours.*, side.piece
        from neighbours
        inner join {{ state }} as side on side.node = neighbours.neighbour
        where not side.is_marked
    )
    select usable.node
    from usable
    inner join pieces on pieces.piece = usable.piece
    where usable.neighbour_priority < {{ tier }} and {{ cdp.cdp_by_type("usable.type", counted) }}
    group by usable.node, usable.type
    having count(distinct usable.piece) > {{ cdp.cdp_type_setting("usable.type", "max_people", types) }}
    union distinct
    select node
    from (
        select node, neighbour_type, count(distinct neighbour) as held, count(distinct piece) as count_pieces
        from usable
        group by node, neighbour_type
    ) as held_by_type
    where held > {{ cdp.cdp_type_setting("neighbour_type", "max_per_person", types) }} and count_pieces > 1
{%- endmacro %}


{# Joins pieces along open edges (piece_a, piece_b, place) in their order, as far as they may be one person: `steps`, and the
   tables `scratch` to be dropped after them. `what` names the work in an error. #}
{% macro cdp_join_pieces(state, open, types, decisions, what) %}
    {{- return({
        "steps": [
            {"if": "select place from " ~ open, "do": cdp.cdp_join_groups(state, open, types, decisions)},
            {
                "while": "select place from " ~ open,
                "what": what,
                "limit": 1000000,
                "do": cdp.cdp_join_pairs(state, open, types, decisions),
            },
        ],
        "scratch": [cdp.cdp_scratch_name("verdicts"), cdp.cdp_scratch_name("moves")],
    }) -}}
{% endmacro %}


{# Joins, as steps, every group of pieces that open edges connect and that may be one person as a whole. The edges of
   other groups stay open. #}
{% macro cdp_join_groups(state, open, types, decisions) %}
    {%- set pairs = cdp.cdp_scratch_name("pairs") -%}
    {%- set groups = cdp.cdp_scratch_name("groups") -%}
    {%- set solved = cdp.cdp_solve_components(pairs) -%}
    {{- return([
        cdp.cdp_scratch(pairs, "select distinct piece_a as node_a, piece_b as node_b from " ~ open),
    ] + solved.steps + [
        cdp.cdp_scratch(groups, solved.query),
        cdp.cdp_scratch(groups, "
            with holdings as (
                select grouped.component, state.piece, state.type, count(*) as held
                from " ~ state ~ " as state
                inner join " ~ groups ~ " as grouped on grouped.node = state.piece
                group by grouped.component, state.piece, state.type
            ),
            excessive as (
                select component from holdings group by component, type
                having " ~ cdp.cdp_too_many("type", types) ~ "
                union distinct
                select group_a.component
                from (" ~ cdp.cdp_parted_pieces_sql(state, decisions) ~ ") as parted
                inner join " ~ groups ~ " as group_a on group_a.node = parted.piece_a
                inner join " ~ groups ~ " as group_b on group_b.node = parted.piece_b
                where group_a.component = group_b.component
            )
            select node, component from " ~ groups ~ " where component not in (select component from excessive)"
        ),
        cdp.cdp_move_pieces(state, groups),
        cdp.cdp_scratch(open, "
            select piece_a, piece_b, place from " ~ open ~ " where piece_a not in (select node from " ~ groups ~ ")"
        ),
        cdp.cdp_drop_scratch([pairs, groups] + solved.scratch),
    ]) -}}
{% endmacro %}


{# One round of joining two by two, as steps: an edge that is the first in order for both its pieces is decided. The two
   are joined if they may be one person, else the edges between them are refused. That gives the same result as taking
   the edges one by one in order, since what forbids a union forbids every larger one. #}
{% macro cdp_join_pairs(state, open, types, decisions) %}
    {%- set verdicts = cdp.cdp_scratch_name("verdicts") -%}
    {%- set moves = cdp.cdp_scratch_name("moves") -%}
    {{- return([
        cdp.cdp_scratch(verdicts, "
            with best as (
                select piece, min(place) as place
                from (
                    select piece_a as piece, place from " ~ open ~ "
                    union all
                    select piece_b, place from " ~ open ~ "
                ) as sides
                group by piece
            ),
            mutual as (
                select link.piece_a, link.piece_b
                from " ~ open ~ " as link
                inner join best as best_a on best_a.piece = link.piece_a and best_a.place = link.place
                inner join best as best_b on best_b.piece = link.piece_b and best_b.place = link.place
            ),
            sides as (
                select piece_a, piece_b, piece_a as piece from mutual
                union all
                select piece_a, piece_b, piece_b from mutual
            ),
            holdings as (
                select sides.piece_a, sides.piece_b, sides.piece, state.type, count(*) as held
                from sides
                inner join " ~ state ~ " as state on state.piece = sides.piece
                group by sides.piece_a, sides.piece_b, sides.piece, state.type
            ),
            forbidden as (
                select piece_a, piece_b from holdings group by piece_a, piece_b, type
                having " ~ cdp.cdp_too_many("type", types) ~ "
                union distinct
                select piece_a, piece_b from (" ~ cdp.cdp_parted_pieces_sql(state, decisions) ~ ") as parted
            )
            select mutual.piece_a, mutual.piece_b, forbidden.piece_a is null as is_accepted
            from mutual
            left join forbidden on forbidden.piece_a = mutual.piece_a and forbidden.piece_b = mutual.piece_b"
        ),
        cdp.cdp_scratch(moves, "
            select piece_b as node, piece_a as component from " ~ verdicts ~ " where is_accepted"
        ),
        cdp.cdp_scratch(open, "
            select
                least(coalesce(move_a.component, link.piece_a), coalesce(move_b.component, link.piece_b)) as piece_a,
                greatest(coalesce(move_a.component, link.piece_a), coalesce(move_b.component, link.piece_b)) as piece_b,
                min(link.place) as place
            from " ~ open ~ " as link
            left join " ~ verdicts ~ " as verdicts on verdicts.piece_a = link.piece_a and verdicts.piece_b = link.piece_b
            left join " ~ moves ~ " as move_a on move_a.node = link.piece_a
            left join " ~ moves ~ " as move_b on move_b.node = link.piece_b
            where verdicts.piece_a is null
            group by 1, 2"
        ),
        cdp.cdp_move_pieces(state, moves),
    ]) -}}
{% endmacro %}


{# Several pieces that hold a type are too many together above the limit. One alone may be, by decision, and whoever
   has none of the type may join it. #}
{% macro cdp_too_many(type, types) %}
    {{- return("sum(held) > " ~ cdp.cdp_type_setting(type, "max_per_person", types) ~ " and count(*) > 1") -}}
{% endmacro %}


{# Pairs of pieces that somebody has decided are two people, the smaller piece first. #}
{% macro cdp_parted_pieces_sql(state, decisions) -%}
    select distinct least(side_a.piece, side_b.piece) as piece_a, greatest(side_a.piece, side_b.piece) as piece_b
    from {{ decisions }} as decisions
    inner join {{ state }} as side_a on side_a.node = decisions.node_a
    inner join {{ state }} as side_b on side_b.node = decisions.node_b
    where decisions.decision = 'never_link'
{%- endmacro %}


{# The statement that gives the nodes of pieces to other pieces; moves is a table (node, component). #}
{% macro cdp_move_pieces(state, moves) %}
    {{- return(cdp.cdp_scratch(state, "
        select
            state.node, state.type, state.priority, coalesce(moves.component, state.piece) as piece,
            state.link_group, state.is_cleared, state.is_marked
        from " ~ state ~ " as state
        left join " ~ moves ~ " as moves on moves.node = state.piece"
    )) -}}
{% endmacro %}
