{# Which identifiers are one person. To be called in a materialization only.

     edges    a scratch table of live edges with node_a (the stronger or equal side), node_b, type_a, type_b,
              value_a, value_b, event_count, first_seen, component_id; an edge from a node to itself for every node
     returns  the name of a scratch table (identifier_id, identifier_type, person_id, is_shared), one row a node;
              person_id is one of the person's nodes

   A component in which no identifier has more stronger neighbours than the people it may touch, and that is
   within every max_per_person, is one person. Any other is split by walking the tiers from strong to weak,
   from its own edges alone, so that the result depends neither on other people nor on the order of builds. #}
{% macro cdp_resolve_people(edges) %}
    {%- set types = cdp.cdp_identifier_types() -%}
    {%- set nodes = cdp.cdp_scratch("nodes", "
        select node_a as node, type_a as type, component_id
        from " ~ edges ~ " where node_a = node_b
    ") -%}
    {%- set doubtful = cdp.cdp_scratch("doubtful", cdp.cdp_doubtful_components_sql(nodes, edges, types)) -%}
    {%- set state = cdp.cdp_scratch("state", "
        select node, type, " ~ cdp.cdp_type_setting("type", "priority", types) ~ " as priority, node as piece, false as is_shared
        from " ~ nodes ~ " where component_id in (select component_id from " ~ doubtful ~ ")
    ") -%}
    {%- if cdp.cdp_has_rows("select * from " ~ state) -%}
        {%- set links = cdp.cdp_scratch("links", "
            select
                node_a, node_b, type_a, type_b, event_count, first_seen, value_a, value_b,
                " ~ cdp.cdp_type_setting("type_a", "priority", types) ~ " as priority_a,
                " ~ cdp.cdp_type_setting("type_b", "priority", types) ~ " as tier
            from " ~ edges ~ "
            where node_a <> node_b and component_id in (select component_id from " ~ doubtful ~ ")
        ") -%}
        {%- for tier in run_query("select distinct tier from " ~ links ~ " order by tier").columns[0].values() -%}
            {%- do cdp.cdp_walk_tier(state, links, tier, types) -%}
        {%- endfor -%}
        {%- do cdp.cdp_drop_scratch([links]) -%}
    {%- endif -%}
    {%- set resolved = cdp.cdp_scratch("resolved", "
        select
            nodes.node as identifier_id,
            nodes.type as identifier_type,
            coalesce(state.piece, nodes.component_id) as person_id,
            coalesce(state.is_shared, false) as is_shared
        from " ~ nodes ~ " as nodes
        left join " ~ state ~ " as state on state.node = nodes.node
    ") -%}
    {%- do cdp.cdp_drop_scratch([nodes, doubtful, state]) -%}
    {{- return(resolved) -}}
{% endmacro %}


{# The components that counting alone does not prove to be one person. #}
{% macro cdp_doubtful_components_sql(nodes, edges, types) -%}
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
{%- endmacro %}


{# One tier: marks the identifiers of the tier that are shared, then joins pieces along the other edges. #}
{% macro cdp_walk_tier(state, links, tier, types) %}
    {%- do cdp.cdp_scratch("state", "
        select
            state.node, state.type, state.priority, state.piece,
            state.is_shared or shared.node is not null as is_shared
        from " ~ state ~ " as state
        left join (" ~ cdp.cdp_shared_nodes_sql(state, links, tier, types) ~ ") as shared on shared.node = state.node
    ") -%}
    {# The place of every edge in the total order of the tier. #}
    {%- set open = cdp.cdp_scratch("open", "
        select
            link.node_a, link.node_b,
            row_number() over (
                order by link.event_count desc, coalesce(link.first_seen, cast('9999-12-31' as " ~ dbt.type_timestamp() ~ ")),
                    link.type_a, link.value_a, link.type_b, link.value_b
            ) as place
        from " ~ links ~ " as link
        inner join " ~ state ~ " as side_a on side_a.node = link.node_a
        inner join " ~ state ~ " as side_b on side_b.node = link.node_b
        where link.tier = " ~ tier ~ " and not side_a.is_shared and not side_b.is_shared
    ") -%}
    {# Each round joins or refuses at least the first of all open edges, so it ends. A loop goes over its whole
       range even when nothing is open any more; two loops, one inside the other, make that short. #}
    {%- set progress = namespace(is_open=true) -%}
    {%- for thousand in range(1000) if progress.is_open -%}
        {%- for round in range(1000) if progress.is_open -%}
            {%- set progress.is_open = cdp.cdp_join_pieces(state, open, types) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- if progress.is_open -%}
        {%- do exceptions.raise_compiler_error(
            "cdp_resolve_people: edges of tier " ~ tier ~ " remain undecided in " ~ this ~ "; please report this as a defect of dbt-cdp."
        ) -%}
    {%- endif -%}
    {%- do cdp.cdp_drop_scratch([open]) -%}
{% endmacro %}


{# The nodes of a tier that touch more people than their type may, counted in the pieces that stronger tiers
   have made, or whose own neighbours alone are more than one person may have. #}
{% macro cdp_shared_nodes_sql(state, links, tier, types) -%}
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
        where not is_shared
        group by piece
    ),
    neighbours as (
        select link.node_b as node, link.type_b as type, link.node_a as neighbour, link.type_a as neighbour_type, link.priority_a as neighbour_priority
        from {{ links }} as link
        where link.tier = {{ tier }}
        union all
        select link.node_a, link.type_a, link.node_b, link.type_b, link.tier
        from {{ links }} as link
        where link.tier = {{ tier }} and link.priority_a = {{ tier }}
    ),
    usable as (
        select neighbours.*, side.piece
        from neighbours
        inner join {{ state }} as side on side.node = neighbours.neighbour
        where not side.is_shared
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
        select node, neighbour_type, count(distinct neighbour) as held from usable group by node, neighbour_type
    ) as held_by_type
    where held > {{ cdp.cdp_type_setting("neighbour_type", "max_per_person", types) }}
{%- endmacro %}


{# One round of joining: a group of pieces that open edges connect and that is within every limit as a whole
   is joined at once. In other groups an edge that is the first in order for both its pieces is decided: the
   two are joined if the limits allow, else the edges between them are refused. That gives the same result as
   taking the edges one by one in order, since a limit that is broken once stays broken.
   Returns whether open edges are left. #}
{% macro cdp_join_pieces(state, open, types) %}
    {%- set pairs = cdp.cdp_scratch("pairs", "
        select least(side_a.piece, side_b.piece) as node_a, greatest(side_a.piece, side_b.piece) as node_b, min(link.place) as place
        from " ~ open ~ " as link
        inner join " ~ state ~ " as side_a on side_a.node = link.node_a
        inner join " ~ state ~ " as side_b on side_b.node = link.node_b
        where side_a.piece <> side_b.piece
        group by 1, 2
    ") -%}
    {%- if not cdp.cdp_has_rows("select * from " ~ pairs) -%}
        {{- return(false) -}}
    {%- endif -%}
    {%- set solution = cdp.cdp_solve_components(pairs) -%}
    {%- set groups = cdp.cdp_scratch("groups", solution.query) -%}
    {%- do cdp.cdp_drop_scratch(solution.scratch) -%}
    {%- set held = cdp.cdp_scratch("held", "
        select piece, type, count(*) as held
        from " ~ state ~ "
        where piece in (select node from " ~ groups ~ ")
        group by piece, type
    ") -%}
    {%- set excessive = cdp.cdp_scratch("excessive", "
        select component from (
            select groups.component, held.type, sum(held.held) as held
            from " ~ held ~ " as held
            inner join " ~ groups ~ " as groups on groups.node = held.piece
            group by groups.component, held.type
        ) as summed
        where held > " ~ cdp.cdp_type_setting("type", "max_per_person", types) ~ "
    ") -%}
    {%- if not cdp.cdp_has_rows("select * from " ~ excessive) -%}
        {%- do cdp.cdp_move_pieces(state, "select node as piece, component as target from " ~ groups) -%}
        {%- do cdp.cdp_drop_scratch([pairs, groups, held, excessive]) -%}
        {{- return(false) -}}
    {%- endif -%}
    {%- set decided = cdp.cdp_scratch("decided", "
        with disputed as (
            select pairs.node_a, pairs.node_b, pairs.place
            from " ~ pairs ~ " as pairs
            inner join " ~ groups ~ " as groups on groups.node = pairs.node_a
            where groups.component in (select component from " ~ excessive ~ ")
        ),
        best as (
            select piece, min(place) as place
            from (
                select node_a as piece, place from disputed
                union all
                select node_b, place from disputed
            ) as sides
            group by piece
        ),
        mutual as (
            select disputed.node_a, disputed.node_b
            from disputed
            inner join best as best_a on best_a.piece = disputed.node_a and best_a.place = disputed.place
            inner join best as best_b on best_b.piece = disputed.node_b and best_b.place = disputed.place
        ),
        joined as (
            select mutual.node_a, mutual.node_b, held.type, sum(held.held) as held
            from mutual
            inner join " ~ held ~ " as held on held.piece in (mutual.node_a, mutual.node_b)
            group by mutual.node_a, mutual.node_b, held.type
        )
        select
            node_a, node_b,
            max(case when held > " ~ cdp.cdp_type_setting("type", "max_per_person", types) ~ " then 1 else 0 end) = 0 as is_accepted
        from joined
        group by node_a, node_b
    ") -%}
    {%- do cdp.cdp_move_pieces(state, "
        select node as piece, component as target from " ~ groups ~ "
        where component not in (select component from " ~ excessive ~ ")
        union all
        select node_b, node_a from " ~ decided ~ " where is_accepted
    ") -%}
    {# What stays open are the edges of excessive groups, less those inside a piece and those refused. #}
    {%- set refused = cdp.cdp_scratch("refused", "
        select link.place
        from " ~ open ~ " as link
        inner join " ~ state ~ " as side_a on side_a.node = link.node_a
        inner join " ~ state ~ " as side_b on side_b.node = link.node_b
        inner join " ~ decided ~ " as decided
            on decided.node_a = least(side_a.piece, side_b.piece)
            and decided.node_b = greatest(side_a.piece, side_b.piece)
        where not decided.is_accepted
    ") -%}
    {%- do cdp.cdp_scratch("open", "
        select link.node_a, link.node_b, link.place
        from " ~ open ~ " as link
        inner join " ~ state ~ " as side_a on side_a.node = link.node_a
        inner join " ~ state ~ " as side_b on side_b.node = link.node_b
        where side_a.piece <> side_b.piece and link.place not in (select place from " ~ refused ~ ")
    ") -%}
    {%- set is_open = cdp.cdp_has_rows("select * from " ~ open) -%}
    {%- do cdp.cdp_drop_scratch([pairs, groups, held, excessive, decided, refused]) -%}
    {{- return(is_open) -}}
{% endmacro %}


{# Gives the nodes of pieces to other pieces; `moves` is a query (piece, target). #}
{% macro cdp_move_pieces(state, moves) %}
    {%- do cdp.cdp_scratch("state", "
        select state.node, state.type, state.priority, coalesce(moves.target, state.piece) as piece, state.is_shared
        from " ~ state ~ " as state
        left join (" ~ moves ~ ") as moves on moves.piece = state.piece
    ") -%}
{% endmacro %}
