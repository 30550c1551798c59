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
    {%- set holdings = cdp.cdp_scratch_name("holdings") -%}
    {%- set parted = cdp.cdp_scratch_name("parted") -%}
    {%- set moved = cdp.cdp_scratch_name("moved") -%}
    {%- set moves = cdp.cdp_scratch_name("moves") -%}
    {%- set join_in_order = [
        cdp.cdp_scratch(moved, "
            select piece_a as node, piece_a as component from " ~ open ~ "
            union distinct
            select piece_b, piece_b from " ~ open
        ),
        cdp.cdp_scratch(holdings, "
            select piece, type, count(*) as held from " ~ state ~ "
            where piece in (select node from " ~ moved ~ ") group by piece, type"
        ),
        cdp.cdp_scratch(parted, cdp.cdp_parted_pieces_sql(state, decisions)),
        cdp.cdp_scratch(open, cdp.cdp_joinable_edges_sql(open, holdings, parted, types)),
        {
            "while": "select place from " ~ open,
            "what": what,
            "limit": 1000000,
            "do": cdp.cdp_join_runs(open, holdings, parted, moved, moves, types),
        },
        cdp.cdp_move_pieces(state, moved),
    ] -%}
    {{- return({
        "steps": [
            {"if": "select place from " ~ open, "do": cdp.cdp_join_groups(state, open, types, decisions)},
            {"if": "select place from " ~ open, "do": join_in_order},
        ],
        "scratch": [holdings, parted, moved, moves],
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
                having sum(held) > " ~ cdp.cdp_type_setting("type", "max_per_person", types) ~ " and count(*) > 1
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


{# The open edges whose pieces may be one person. What forbids a union forbids every larger one, so that the others need
   not wait until it is their turn. Two pieces that hold a type are too many together above its limit. One alone may be, by
   decision, and whoever has none of the type may join it. #}
{% macro cdp_joinable_edges_sql(open, holdings, parted, types) -%}
    with forbidden as (
        select link.place
        from {{ open }} as link
        inner join {{ holdings }} as side_a on side_a.piece = link.piece_a
        inner join {{ holdings }} as side_b on side_b.piece = link.piece_b and side_b.type = side_a.type
        where side_a.held + side_b.held > {{ cdp.cdp_type_setting("side_a.type", "max_per_person", types) }}
        union all
        select link.place
        from {{ open }} as link
        inner join {{ parted }} as parted on parted.piece_a = link.piece_a and parted.piece_b = link.piece_b
    )
    select piece_a, piece_b, place from {{ open }} where place not in (select place from forbidden)
{%- endmacro %}


{# One round of joining, as steps, with the same result as taking the edges one by one in order. Open edges are of two pieces
   that may be one person.

   An edge that is the first in order for both its pieces can be decided at once, and so can every edge after it that one of them,
   the hub, has to a piece for which it is the first: nothing has happened to that leaf before. The run of a hub's edges ends where the
   next one is not the first of its leaf, where an edge that a leaf has brought along comes before, or where the leaves so far and the
   hub would be too many together. The first edge of all open ones is always in a run, so that every round decides some. #}
{% macro cdp_join_runs(open, holdings, parted, moved, moves, types) %}
    {{- return([
        cdp.cdp_scratch(moves, "
            with sides as (
                select piece_a as piece, piece_b as other, place from " ~ open ~ "
                union all
                select piece_b, piece_a, place from " ~ open ~ "
            ),
            ranked as (
                select
                    piece, other, place,
                    row_number() over (partition by piece order by place) as turn,
                    lead(place) over (partition by piece order by place) as next_place
                from sides
            ),
            -- Of the two pieces of an edge that is the first for both, the hub is the one that has more to do first.
            edges as (
                select
                    side.piece as hub, side.other as leaf, side.place, side.turn,
                    leaf.turn = 1 as is_first_of_leaf,
                    leaf.next_place as place_brought,
                    side.turn = 1 and leaf.turn = 1 and (
                        coalesce(side.next_place < leaf.next_place, side.next_place is not null)
                        or side.next_place is null and leaf.next_place is null and side.piece < side.other
                    ) as is_start
                from ranked as side
                inner join ranked as leaf on leaf.piece = side.other and leaf.place = side.place
            ),
            hubs as (
                select hub from edges where is_start
            ),
            walked as (
                select
                    hub, leaf, place, is_first_of_leaf,
                    min(place_brought) over (
                        partition by hub order by place rows between unbounded preceding and 1 preceding
                    ) as first_brought
                from edges
                where hub in (select hub from hubs)
            ),
            ends as (
                select hub, min(place) as place from walked
                where not is_first_of_leaf or first_brought < place
                group by hub
            ),
            runs as (
                select walked.hub, walked.leaf, walked.place
                from walked
                left join ends on ends.hub = walked.hub
                where ends.place is null or walked.place < ends.place
            ),
            members as (
                select hub, hub as piece, 0 as place from hubs
                union all
                select hub, leaf, place from runs
            ),
            summed as (
                select
                    members.hub, members.place, holdings.type,
                    sum(holdings.held) over (
                        partition by members.hub, holdings.type order by members.place rows unbounded preceding
                    ) as held,
                    row_number() over (partition by members.hub, holdings.type order by members.place) as holders
                from members
                inner join " ~ holdings ~ " as holdings on holdings.piece = members.piece
            ),
            too_many as (
                select hub, place from summed
                where held > " ~ cdp.cdp_type_setting("type", "max_per_person", types) ~ " and holders > 1
                union all
                select side_a.hub, greatest(side_a.place, side_b.place)
                from " ~ parted ~ " as parted
                inner join members as side_a on side_a.piece = parted.piece_a
                inner join members as side_b on side_b.piece = parted.piece_b and side_b.hub = side_a.hub
            ),
            limits as (
                select hub, min(place) as place from too_many group by hub
            ),
            joined as (
                select members.hub, members.piece
                from members
                left join limits on limits.hub = members.hub
                where limits.place is null or members.place < limits.place
            )
            select piece as node, min(piece) over (partition by hub) as component from joined"
        ),
        cdp.cdp_scratch(moved, "
            select moved.node, coalesce(moves.component, moved.component) as component
            from " ~ moved ~ " as moved
            left join " ~ moves ~ " as moves on moves.node = moved.component"
        ),
        cdp.cdp_scratch(holdings, "
            select coalesce(moves.component, holdings.piece) as piece, holdings.type, sum(holdings.held) as held
            from " ~ holdings ~ " as holdings
            left join " ~ moves ~ " as moves on moves.node = holdings.piece
            group by 1, 2"
        ),
        cdp.cdp_scratch(parted, cdp.cdp_moved_pairs_sql(parted, moves)),
        cdp.cdp_scratch(open, cdp.cdp_moved_pairs_sql(open, moves, "min(link.place) as place")),
        cdp.cdp_scratch(open, cdp.cdp_joinable_edges_sql(open, holdings, parted, types)),
    ]) -}}
{% endmacro %}


{# Pairs of pieces after a round of moves, the smaller piece first. #}
{% macro cdp_moved_pairs_sql(pairs, moves, value=none) -%}
    select
        least(coalesce(move_a.component, link.piece_a), coalesce(move_b.component, link.piece_b)) as piece_a,
        greatest(coalesce(move_a.component, link.piece_a), coalesce(move_b.component, link.piece_b)) as piece_b
        {{ "," ~ value if value }}
    from {{ pairs }} as link
    left join {{ moves }} as move_a on move_a.node = link.piece_a
    left join {{ moves }} as move_b on move_b.node = link.piece_b
    where coalesce(move_a.component, link.piece_a) <> coalesce(move_b.component, link.piece_b)
    group by 1, 2
{%- endmacro %}


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
