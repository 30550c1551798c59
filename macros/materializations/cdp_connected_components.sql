{# Builds a table (identifier_id, component_id, batch_id) of the connected components of the edges that the
   model's query gives.

   The query has node_a, node_b (integers), is_live (boolean) and batch_id (of the build that last changed the
   edge); an edge is undirected and keeps its row with is_live = false when it is gone.
   component_id is one of the component's nodes.

   First build and full refresh solve the whole graph. Later builds take the edges of newer builds alone:
   components that lost an edge are solved again from their own edges, the others are contracted to single
   nodes first, and only nodes whose component changes are written. #}
{% materialization cdp_connected_components, default %}
    {%- set target_relation = this.incorporate(type="table") -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- set is_full = existing is none or not existing.is_table or should_full_refresh() -%}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {%- if is_full -%}
        {%- set solved = cdp.cdp_components(sql) -%}
        {%- do cdp.cdp_run_steps(solved.steps) -%}
        {%- do cdp.cdp_replace_table(
            target_relation, existing, "select identifier_id, component_id, " ~ cdp.cdp_batch_id() ~ " as batch_id from " ~ solved.components
        ) -%}
        {%- do cdp.cdp_run_steps([cdp.cdp_drop_scratch(solved.scratch)]) -%}
    {%- else -%}
        {%- set last_batch = run_query("select coalesce(max(batch_id), -1) from " ~ existing).columns[0].values()[0] -%}
        {%- set changes = cdp.cdp_components_changes(sql, existing, last_batch) -%}
        {%- do cdp.cdp_run_steps(changes.steps) -%}
        {%- do cdp.cdp_replace_rows(
            target_relation,
            "identifier_id in (select identifier_id from " ~ changes.written ~ ")",
            "identifier_id, component_id, batch_id",
            "select identifier_id, component_id, " ~ cdp.cdp_batch_id() ~ " from " ~ changes.written ~ " where component_id is not null"
        ) -%}
        {%- do cdp.cdp_run_steps([cdp.cdp_drop_scratch([changes.written])]) -%}
    {%- endif -%}

    {%- do persist_docs(target_relation, model) -%}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {%- do adapter.commit() -%}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({"relations": [target_relation]}) }}
{% endmaterialization %}


{# All components: `steps`; `components`, what a query can take (identifier_id, component_id) from after them; and
   `scratch`, the tables to be dropped after use. #}
{% macro cdp_components(sql) %}
    {%- set live = cdp.cdp_scratch_name("live") -%}
    {%- set solved = cdp.cdp_solve_components(live) -%}
    {{- return({
        "steps": [
            cdp.cdp_scratch(live, "select node_a, node_b from (" ~ sql ~ ") as edges where is_live"),
        ] + solved.steps,
        "components": "(select node as identifier_id, component as component_id from (" ~ solved.query ~ ") as solved) as components",
        "scratch": [live] + solved.scratch,
    }) -}}
{% endmacro %}


{# What edges that are newer than last_batch change: `steps`, and the scratch table `written` (identifier_id,
   component_id) of the nodes whose row must be written again; component_id is null for a node that no live edge
   names any more. #}
{% macro cdp_components_changes(sql, known, last_batch) %}
    {%- set edges = "(" ~ sql ~ ") as edges" -%}
    {%- set changed = cdp.cdp_scratch_name("changed") -%}
    {%- set dissolved = cdp.cdp_scratch_name("dissolved") -%}
    {%- set mapped = cdp.cdp_scratch_name("mapped") -%}
    {%- set written = cdp.cdp_scratch_name("written") -%}
    {%- set solved = cdp.cdp_solve_components(mapped) -%}
    {%- set kept = "(select identifier_id, component_id from " ~ known
        ~ " where identifier_id not in (select identifier_id from " ~ dissolved ~ "))" -%}
    {{- return({
        "written": written,
        "steps": [
            cdp.cdp_scratch(changed, "
                select node_a, node_b, is_live from " ~ edges ~ " where batch_id > " ~ last_batch
            ),
            cdp.cdp_scratch(dissolved, "
                select identifier_id from " ~ known ~ " where component_id in (
                    select component_id from " ~ known ~ " where identifier_id in (
                        select node_a from " ~ changed ~ " where not is_live
                        union all
                        select node_b from " ~ changed ~ " where not is_live
                    )
                )"
            ),
            cdp.cdp_scratch(mapped, "
                select distinct
                    edge.node_a as raw_a,
                    edge.node_b as raw_b,
                    coalesce(side_a.component_id, edge.node_a) as node_a,
                    coalesce(side_b.component_id, edge.node_b) as node_b
                from (
                    select node_a, node_b from " ~ changed ~ " where is_live
                    union all
                    select node_a, node_b from " ~ edges ~ " where is_live and batch_id <= " ~ last_batch ~ "
                        and node_a in (select identifier_id from " ~ dissolved ~ ")
                ) as edge
                left join " ~ kept ~ " as side_a on side_a.identifier_id = edge.node_a
                left join " ~ kept ~ " as side_b on side_b.identifier_id = edge.node_b"
            ),
        ] + solved.steps + [
            cdp.cdp_scratch(written, "
                with solved as (" ~ solved.query ~ "),
                mentioned as (
                    select raw_a as identifier_id, node_a as node from " ~ mapped ~ "
                    union distinct
                    select raw_b, node_b from " ~ mapped ~ "
                ),
                present as (
                    select mentioned.identifier_id, solved.component as component_id
                    from mentioned
                    inner join solved on solved.node = mentioned.node
                    union distinct
                    select kept.identifier_id, solved.component
                    from " ~ kept ~ " as kept
                    inner join solved on solved.node = kept.component_id
                    where solved.component <> kept.component_id
                )
                select present.identifier_id, present.component_id
                from present
                left join " ~ kept ~ " as kept on kept.identifier_id = present.identifier_id
                where kept.component_id is null or kept.component_id <> present.component_id
                union all
                select identifier_id, null from " ~ dissolved ~ "
                where identifier_id not in (select identifier_id from present)"
            ),
            cdp.cdp_drop_scratch([changed, dissolved, mapped] + solved.scratch),
        ],
    }) -}}
{% endmacro %}
