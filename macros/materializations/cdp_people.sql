{# Builds a table (identifier_id, identifier_type, person_id, is_shared, rules_hash, batch_id) of the people
   that the edges of the model's query make (see cdp_resolve_people).

   The query has, for every edge, the columns of cdp_resolve_people's edges and is_live, edge_batch_id (of the
   build that last changed the edge) and component_batch_id (of the build that last changed its component).

   Later builds resolve the components with a changed edge alone, and write the people whose identifiers have
   changed, all their identifiers. Other rules (see cdp_rules_hash) resolve everything again. #}
{% materialization cdp_people, default %}
    {%- set target_relation = this.incorporate(type="table") -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- set rules_hash = cdp.cdp_rules_hash() -%}
    {%- set is_full = existing is none or not existing.is_table or should_full_refresh()
        or cdp.cdp_has_rows("select * from " ~ existing ~ " where rules_hash <> '" ~ rules_hash ~ "'") -%}
    {%- set edges = "(" ~ sql ~ ") as edges" -%}
    {%- set columns = "identifier_id, identifier_type, person_id, is_shared" -%}
    {%- set stamp = "'" ~ rules_hash ~ "' as rules_hash, " ~ cdp.cdp_batch_id() ~ " as batch_id" -%}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {%- if is_full -%}
        {%- set live = cdp.cdp_scratch("live", "select * from " ~ edges ~ " where is_live") -%}
        {%- set resolved = cdp.cdp_resolve_people(live) -%}
        {%- do cdp.cdp_replace_table(target_relation, existing, "select " ~ columns ~ ", " ~ stamp ~ " from " ~ resolved) -%}
    {%- else -%}
        {%- set last_batch = run_query("select coalesce(max(batch_id), -1) from " ~ existing).columns[0].values()[0] -%}
        {%- set touched = cdp.cdp_scratch("touched", "
            select distinct component_id from " ~ edges ~ "
            where component_id is not null and (edge_batch_id > " ~ last_batch ~ " or component_batch_id > " ~ last_batch ~ ")
        ") -%}
        {%- set gone = cdp.cdp_scratch("gone", "
            select node_a as identifier_id from " ~ edges ~ "
            where node_a = node_b and not is_live and edge_batch_id > " ~ last_batch
        ) -%}
        {%- set live = cdp.cdp_scratch("live", "
            select * from " ~ edges ~ " where is_live and component_id in (select component_id from " ~ touched ~ ")
        ") -%}
        {%- set resolved = cdp.cdp_resolve_people(live) -%}
        {%- set changed = cdp.cdp_scratch("changed", "
            select resolved.person_id as new_person_id, stored.person_id as old_person_id
            from " ~ resolved ~ " as resolved
            left join " ~ existing ~ " as stored on stored.identifier_id = resolved.identifier_id
            where
                stored.identifier_id is null
                or stored.person_id <> resolved.person_id
                or stored.is_shared <> resolved.is_shared
            union all
            select null, person_id from " ~ existing ~ "
            where identifier_id in (select identifier_id from " ~ gone ~ ")
        ") -%}
        {%- set written = cdp.cdp_scratch("written", "
            with people as (
                select new_person_id as person_id from " ~ changed ~ "
                union distinct
                select old_person_id from " ~ changed ~ "
            )
            select resolved.*
            from " ~ resolved ~ " as resolved
            left join " ~ existing ~ " as stored on stored.identifier_id = resolved.identifier_id
            where
                resolved.person_id in (select person_id from people where person_id is not null)
                or stored.person_id in (select person_id from people where person_id is not null)
        ") -%}
        {%- do cdp.cdp_replace_rows(
            target_relation,
            "identifier_id in (select identifier_id from " ~ written ~ " union all select identifier_id from " ~ gone ~ ")",
            columns ~ ", rules_hash, batch_id",
            "select " ~ columns ~ ", " ~ stamp ~ " from " ~ written
        ) -%}
        {%- do cdp.cdp_drop_scratch([touched, gone, changed, written]) -%}
    {%- endif -%}
    {%- do cdp.cdp_drop_scratch([live, resolved]) -%}

    {%- do persist_docs(target_relation, model) -%}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {%- do adapter.commit() -%}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({"relations": [target_relation]}) }}
{% endmaterialization %}
