{# Connected components of a graph, by SQL statements. To be called in a materialization only.

     edges    a relation or scratch table with the integer columns node_a and node_b; an edge from a node
              to itself makes the node known. Fastest where node_a is the side with fewer nodes (the hubs).
     returns  a mapping: `query`, a query (node, component), one row a node, component being the smallest
              node of the component's a side; and `scratch`, the scratch tables that the query reads, to be dropped
              after use.

   Method: every node on the b side is first contracted into its smallest neighbour on the a side, so that only
   nodes that join two hubs leave work. Then rounds of contraction: every node hooks to its smallest neighbour,
   trees are flattened by pointer jumping, edges between roots remain. A root that gains no child has only smaller-hooked neighbours and must hook in the next round, so that two
   rounds at least halve the nodes: at most 2 log2(n) rounds. Labels are composed backwards. After Kiveris et
   al. (2014), "Connected components in MapReduce and beyond", and Shiloach and Vishkin (1982) for the jumping.

   Raises a compiler error when the rounds do not come to an end, which would mean a defect. #}
{% macro cdp_solve_components(edges) %}
    {%- set max_rounds = 64 -%}
    {%- set contracted = cdp.cdp_scratch("contracted", "
        select node_b as node, min(node_a) as hub, count(*) > 1 as is_bridge
        from " ~ edges ~ " where node_a <> node_b
        group by node_b
    ") -%}
    {%- set hubs = cdp.cdp_scratch("hubs", "
        select distinct node_a as node from " ~ edges ~ " where node_a <> node_b
    ") -%}
    {%- set alone = "select node_a as node from " ~ edges ~ " where node_a = node_b" -%}
    {%- if cdp.cdp_has_rows(alone) -%}
        {%- set hubs = cdp.cdp_scratch("hubs_alone", "
            select node from " ~ hubs ~ "
            union distinct
            select node from (" ~ alone ~ ") as alone where node not in (select node from " ~ contracted ~ ")
        ") -%}
    {%- endif -%}
    {# Nodes of both sides: what leads to them on one must meet what leads to them on the other. #}
    {%- set tied = cdp.cdp_scratch("tied", "
        select contracted.node, contracted.hub
        from " ~ contracted ~ " as contracted
        inner join " ~ hubs ~ " as hubs on hubs.node = contracted.node
    ") -%}
    {%- set work = cdp.cdp_scratch("work_0", "
        select edge.node_a as u, bridge.hub as v
        from " ~ edges ~ " as edge
        inner join " ~ contracted ~ " as bridge on bridge.node = edge.node_b
        where bridge.is_bridge and edge.node_a <> bridge.hub and edge.node_a <> edge.node_b
        union distinct
        select greatest(node, hub), least(node, hub) from " ~ tied
    ) -%}

    {%- set rounds = [] -%}
    {%- set works = [work] -%}
    {%- set progress = namespace(is_open=cdp.cdp_has_rows("select * from " ~ work)) -%}
    {%- for round in range(max_rounds) if progress.is_open -%}
        {%- set roots = cdp.cdp_contraction_round(works[-1], round) -%}
        {%- do rounds.append(roots.labels) -%}
        {%- do works.append(roots.work) -%}
        {%- set progress.is_open = cdp.cdp_has_rows("select * from " ~ works[-1]) -%}
    {%- endfor -%}
    {%- if progress.is_open -%}
        {%- do exceptions.raise_compiler_error(
            "cdp_solve_components: edges remain after " ~ max_rounds ~ " rounds in " ~ this
            ~ "; please report this as a defect of dbt-cdp."
        ) -%}
    {%- endif -%}

    {%- set composed = [cdp.cdp_scratch("composed_end", "select u as node, v as root from " ~ works[-1])] -%}
    {%- for labels in rounds | reverse -%}
        {%- do composed.append(cdp.cdp_scratch("composed_" ~ loop.index, "
            select label.node, coalesce(later.root, label.root) as root
            from " ~ labels ~ " as label
            left join " ~ composed[-1] ~ " as later on later.node = label.root
            union all
            select node, root from " ~ composed[-1]
        )) -%}
    {%- endfor -%}
    {%- do cdp.cdp_drop_scratch(works + rounds + composed[:-1]) -%}
    {{- return({
        "query": "
            select contracted.node, coalesce(label.root, contracted.hub) as component
            from " ~ contracted ~ " as contracted
            left join " ~ composed[-1] ~ " as label on label.node = contracted.hub
            where contracted.node not in (select node from " ~ tied ~ ")
            union all
            select hubs.node, coalesce(label.root, hubs.node)
            from " ~ hubs ~ " as hubs
            left join " ~ composed[-1] ~ " as label on label.node = hubs.node
        ",
        "scratch": [contracted, hubs, tied, composed[-1]],
    }) -}}
{% endmacro %}


{# One round: from work (u > v) to the labels (node, root) it settles and the work it leaves. #}
{% macro cdp_contraction_round(work, round) %}
    {%- set hooked = cdp.cdp_scratch("hooked", "
        select u as node, min(v) as root, min(v) <> max(v) as has_more from " ~ work ~ " group by u
    ") -%}
    {%- set jumps = [cdp.cdp_scratch("jump_a", "
        select node, root from " ~ hooked ~ " where node in (select root from " ~ hooked ~ ")
    ")] -%}
    {%- set progress = namespace(is_open=cdp.cdp_can_jump(jumps[-1])) -%}
    {%- for jump in range(64) if progress.is_open -%}
        {# Four hops a statement. #}
        {%- do jumps.append(cdp.cdp_scratch("jump_" ~ ("b" if loop.index is odd else "a"), "
            select one.node, coalesce(four.root, three.root, two.root, one.root) as root
            from " ~ jumps[-1] ~ " as one
            left join " ~ jumps[-1] ~ " as two on two.node = one.root
            left join " ~ jumps[-1] ~ " as three on three.node = two.root
            left join " ~ jumps[-1] ~ " as four on four.node = three.root
        ")) -%}
        {%- set progress.is_open = cdp.cdp_can_jump(jumps[-1]) -%}
    {%- endfor -%}
    {%- set labels = cdp.cdp_scratch("labels_" ~ round, "
        select hooked.node, coalesce(flat.root, hooked.root) as root
        from " ~ hooked ~ " as hooked
        left join " ~ jumps[-1] ~ " as flat on flat.node = hooked.root
    ") -%}
    {# The edge to the smallest neighbour is in the tree already: only the others are left. #}
    {%- set left_over = cdp.cdp_scratch("work_" ~ (round + 1), "
        select distinct greatest(from_root, to_root) as u, least(from_root, to_root) as v
        from (
            select coalesce(flat.root, node.root) as from_root, coalesce(label.root, edge.v) as to_root
            from " ~ work ~ " as edge
            inner join (select node, root from " ~ hooked ~ " where has_more) as node
                on node.node = edge.u and node.root <> edge.v
            left join " ~ jumps[-1] ~ " as flat on flat.node = node.root
            left join " ~ labels ~ " as label on label.node = edge.v
        ) as mapped
        where from_root <> to_root
    ") -%}
    {%- do cdp.cdp_drop_scratch([hooked] + jumps | unique | list) -%}
    {{- return({"labels": labels, "work": left_over}) -}}
{% endmacro %}


{# Whether any root of a scratch table (node, root) has a root itself. #}
{% macro cdp_can_jump(jumps) %}
    {{- return(cdp.cdp_has_rows(
        "select near.node from " ~ jumps ~ " as near inner join " ~ jumps ~ " as far on far.node = near.root"
    )) -}}
{% endmacro %}
