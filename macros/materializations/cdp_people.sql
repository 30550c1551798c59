{# Builds a table (identifier_id, identifier_type, person_id, is_shared, rules_hash, batch_id) of the people
   that the edges of the model's query make (see cdp_resolve_people).

   The query has, for every edge, the columns of cdp_resolve_people's edges and is_live, edge_batch_id (of the
   build that last changed the edge) and component_batch_id (of the build that last changed its component). What people
   have decided is taken from int_cdp__decision_edges, which the query has to name.

   Later builds resolve the components with a changed edge or decision alone, and write the people whose identifiers
   have changed, all their identifiers. Other rules (see cdp_rules_hash) resolve everything again. #}
{% materialization cdp_people, default %}
    {%- set target_relation = this.incorporate(type="table") -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- set rules_hash = cdp.cdp_rules_hash() -%}
    {%- set is_full = existing is none or not existing.is_table or should_full_refresh()
        or cdp.cdp_has_rows("select * from " ~ existing ~ " where rules_hash <> '" ~ rules_hash ~ "'") -%}
    {%- set decisions = ref("int_cdp__decision_edges") -%}
    {%- set columns = "identifier_id, identifier_type, person_id, is_shared" -%}
    {%- set stamp = "'" ~ rules_hash ~ "' as rules_hash, " ~ cdp.cdp_batch_id() ~ " as batch_id" -%}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {%- if is_full -%}
        {%- set resolved = cdp.cdp_all_people(sql, decisions) -%}
        {%- do cdp.cdp_run_steps(resolved.steps) -%}
        {%- do cdp.cdp_replace_table(target_relation, existing, "select " ~ columns ~ ", " ~ stamp ~ " from " ~ resolved.people) -%}
        {%- do cdp.cdp_run_steps([cdp.cdp_drop_scratch([resolved.people])]) -%}
    {%- else -%}
        {%- set last_batch = run_query("select coalesce(max(batch_id), -1) from " ~ existing).columns[0].values()[0] -%}
        {%- set changes = cdp.cdp_people_changes(sql, decisions, existing, last_batch) -%}
        {%- do cdp.cdp_run_steps(changes.steps) -%}
        {%- do cdp.cdp_replace_rows(
            target_relation,
            "identifier_id in (select identifier_id from " ~ changes.written ~ ")",
            columns ~ ", rules_hash, batch_id",
            "select " ~ columns ~ ", " ~ stamp ~ " from " ~ changes.written ~ " where person_id is not null"
        ) -%}
        {%- do cdp.cdp_run_steps([cdp.cdp_drop_scratch([changes.written])]) -%}
    {%- endif -%}

    {%- do persist_docs(target_relation, model) -%}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {%- do adapter.commit() -%}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({"relations": [target_relation]}) }}
{% endmaterialization %}


{# All people: `steps`, and the scratch table `people` that they leave, as cdp_resolve_people makes it. #}
{% macro cdp_all_people(sql, decisions) %}
    {%- set live = cdp.cdp_scratch_name("live") -%}
    {%- set resolved = cdp.cdp_resolve_people(live, decisions) -%}
    {{- return({
        "people": resolved.people,
        "steps": [
            cdp.cdp_scratch(live, "select * from (" ~ sql ~ ") as edges where is_live"),
        ] + resolved.steps + [
            cdp.cdp_drop_scratch([live]),
        ],
    }) -}}
{% endmacro %}


{# What edges and decisions that are newer than last_batch change: `steps`, and the scratch table `written` of the rows
   to be written again; person_id is null for an identifier that is gone. #}
{% macro cdp_people_changes(sql, decisions, known, last_batch) %}
    {%- set edges = "(" ~ sql ~ ") as edges" -%}
    {%- set touched = cdp.cdp_scratch_name("touched") -%}
    {%- set gone = cdp.cdp_scratch_name("gone") -%}
    {%- set live = cdp.cdp_scratch_name("live") -%}
    {%- set changed = cdp.cdp_scratch_name("changed") -%}
    {%- set written = cdp.cdp_scratch_name("written") -%}
    {%- set resolved = cdp.cdp_resolve_people(live, decisions) -%}
    {{- return({
        "written": written,
        "steps": [
            cdp.cdp_scratch(touched, "
                select distinct component_id from " ~ edges ~ "
                where component_id is not null and (
                    edge_batch_id > " ~ last_batch ~ " or component_batch_id > " ~ last_batch ~ "
                    or node_a = node_b and node_a in (
                        select node_a from " ~ decisions ~ " where batch_id > " ~ last_batch ~ "
                        union all
                        select node_b from " ~ decisions ~ " where batch_id > " ~ last_batch ~ " and node_b is not null
                    )
                )"
            ),
            cdp.cdp_scratch(gone, "
                select node_a as identifier_id from " ~ edges ~ "
                where node_a = node_b and not is_live and edge_batch_id > " ~ last_batch
            ),
            cdp.cdp_scratch(live, "
                select * from " ~ edges ~ " where is_live and component_id in (select component_id from " ~ touched ~ ")"
            ),
        ] + resolved.steps + [
            cdp.cdp_scratch(changed, "
                select resolved.person_id as new_person_id, stored.person_id as old_person_id
                from " ~ resolved.people ~ " as resolved
                left join " ~ known ~ " as stored on stored.identifier_id = resolved.identifier_id
                where
                    stored.identifier_id is null
                    or stored.person_id <> resolved.person_id
                    or stored.is_shared <> resolved.is_shared
                union all
                select null, person_id from " ~ known ~ "
                where identifier_id in (select identifier_id from " ~ gone ~ ")"
            ),
            cdp.cdp_scratch(written, "
                with people as (
                    select new_person_id as person_id from " ~ changed ~ " where new_person_id is not null
                    union distinct
                    select old_person_id from " ~ changed ~ " where old_person_id is not null
                )
                select resolved.identifier_id, resolved.identifier_type, resolved.person_id, resolved.is_shared
                from " ~ resolved.people ~ " as resolved
                left join " ~ known ~ " as stored on stored.identifier_id = resolved.identifier_id
                where
                    resolved.person_id in (select person_id from people)
                    or stored.person_id in (select person_id from people)
                union all
                select identifier_id, null, null, null from " ~ gone
            ),
            cdp.cdp_drop_scratch([touched, gone, live, changed, resolved.people]),
        ],
    }) -}}
{% endmacro %}
