{# Connected components of a graph, as steps for cdp_run_steps.

     edges    a relation or scratch table with the integer columns node_a and node_b; an edge from a node
              to itself makes the node known. Fastest where node_a is the side with fewer nodes (the hubs).
     returns  a mapping: `steps`; `query`, which after the steps gives (node, component), one row a node,
              component being the smallest node of the component's a side; and `scratch`, the tables
              that the query reads, to be dropped after use.

   Method: every node on the b side is first contracted into its smallest neighbour on the a side, so that only
   nodes that join two hubs leave work. Then rounds of contraction: every node hooks to its smallest neighbour,
   trees are flattened by pointer jumping, edges between roots remain. A root that gains no child has only
   smaller-hooked neighbours and must hook in the next round, so that two rounds at least halve the nodes: at most
   2 log2(n) rounds. Every node hooks once; what it hooked to makes a forest as deep as there were rounds, which
   is flattened at the end. After Kiveris et al. (2014), "Connected components in MapReduce and beyond", and
   Shiloach and Vishkin (1982) for the jumping. The rounds end when nothing is left to do; if they do not come to
   an end, that is an error. #}
{% macro cdp_solve_components(edges) %}
    {%- set contracted = cdp.cdp_scratch_name("contracted") -%}
    {%- set hubs = cdp.cdp_scratch_name("hubs") -%}
    {%- set tied = cdp.cdp_scratch_name("tied") -%}
    {%- set work = cdp.cdp_scratch_name("work") -%}
    {%- set forest = cdp.cdp_scratch_name("forest") -%}
    {%- set hooked = cdp.cdp_scratch_name("hooked") -%}
    {%- set flat = cdp.cdp_scratch_name("flat") -%}

    {%- set steps = [
        cdp.cdp_scratch(contracted, "
            select node_b as node, min(node_a) as hub, count(*) > 1 as is_bridge
            from " ~ edges ~ " where node_a <> node_b
            group by node_b"
        ),
        cdp.cdp_scratch(hubs, "
            select distinct node_a as node from " ~ edges ~ " where node_a <> node_b
            union distinct
            select alone.node_a
            from (select node_a from " ~ edges ~ " where node_a = node_b) as alone
            left join " ~ contracted ~ " as contracted on contracted.node = alone.node_a
            where contracted.node is null"
        ),
        cdp.cdp_scratch(tied, "
            select contracted.node, contracted.hub
            from " ~ contracted ~ " as contracted
            inner join " ~ hubs ~ " as hubs on hubs.node = contracted.node"
        ),
        cdp.cdp_scratch(work, "
            select edge.node_a as u, bridge.hub as v
            from " ~ edges ~ " as edge
            inner join " ~ contracted ~ " as bridge on bridge.node = edge.node_b
            where bridge.is_bridge and edge.node_a <> bridge.hub and edge.node_a <> edge.node_b
            union distinct
            select greatest(node, hub), least(node, hub) from " ~ tied
        ),
        cdp.cdp_scratch(forest, "select u as node, v as root from " ~ work ~ " limit 0"),
        {
            "while": "select u from " ~ work,
            "what": "contraction",
            "at_least": 2,
            "do": [
                cdp.cdp_scratch(hooked, "
                    select u as node, min(v) as root, min(v) <> max(v) as has_more from " ~ work ~ " group by u"
                ),
                cdp.cdp_scratch(flat, "
                    select node, root from " ~ hooked ~ " where node in (select root from " ~ hooked ~ ")"
                ),
                cdp.cdp_flatten(flat),
                "insert into " ~ forest ~ " (node, root)
                select hooked.node, coalesce(flat.root, hooked.root)
                from " ~ hooked ~ " as hooked
                left join " ~ flat ~ " as flat on flat.node = hooked.root",
                cdp.cdp_scratch(work, cdp.cdp_remaining_work_sql(work, hooked, flat, forest)),
            ],
        },
        cdp.cdp_flatten(forest),
        cdp.cdp_drop_scratch([work, hooked, flat]),
    ] -%}
    {{- return({
        "steps": steps,
        "query": "
            select contracted.node, coalesce(tree.root, contracted.hub) as component
            from " ~ contracted ~ " as contracted
            left join " ~ forest ~ " as tree on tree.node = contracted.hub
            where contracted.node not in (select node from " ~ tied ~ ")
            union all
            select hubs.node, coalesce(tree.root, hubs.node)
            from " ~ hubs ~ " as hubs
            left join " ~ forest ~ " as tree on tree.node = hubs.node",
        "scratch": [contracted, hubs, tied, forest],
    }) -}}
{% endmacro %}


{# A step that makes every root of a scratch table (node, root) a last one, four hops a round. #}
{% macro cdp_flatten(table) %}
    {{- return({
        "while": "select near.node from " ~ table ~ " as near inner join " ~ table ~ " as far on far.node = near.root",
        "what": "flattening",
        "at_least": 1,
        "do": [cdp.cdp_scratch(table, "
            select one.node, coalesce(four.root, three.root, two.root, one.root) as root
            from " ~ table ~ " as one
            left join " ~ table ~ " as two on two.node = one.root
            left join " ~ table ~ " as three on three.node = two.root
            left join " ~ table ~ " as four on four.node = three.root"
        )],
    }) -}}
{% endmacro %}


{# The edges between roots. The one to the smallest neighbour is in the tree already: only the others are left. #}
{% macro cdp_remaining_work_sql(work, hooked, flat, forest) %}
    {{- return("
        select distinct greatest(from_root, to_root) as u, least(from_root, to_root) as v
        from (
            select coalesce(flat.root, node.root) as from_root, coalesce(tree.root, edge.v) as to_root
            from " ~ work ~ " as edge
            inner join (select node, root from " ~ hooked ~ " where has_more) as node
                on node.node = edge.u and node.root <> edge.v
            left join " ~ flat ~ " as flat on flat.node = node.root
            left join " ~ forest ~ " as tree on tree.node = edge.v
        ) as mapped
        where from_root <> to_root"
    ) -}}
{% endmacro %}
