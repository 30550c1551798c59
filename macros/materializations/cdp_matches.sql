{# Builds a table (person_id, matched_person_id, batch_id) of the people of int_cdp__deterministic_people that
   probable matches make one: a row for each of them, matched_person_id being one of their ids.

   The query has node_a and node_b of every match that is to be taken, type_a, value_a, type_b, value_b, and score.
   Matches are taken in the order of their scores as long as the union keeps every limit and everything
   that people have decided. A person that is matched no more keeps a row, with matched_person_id null; whoever is matched
   with a person that changes gets a new row too, since later models read a changed person as a whole. #}
{% materialization cdp_matches, default %}
    {%- set target_relation = this.incorporate(type="table") -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- set columns = "person_id, matched_person_id, batch_id" -%}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {%- if existing is none or not existing.is_table or should_full_refresh() -%}
        {%- do cdp.cdp_replace_table(
            target_relation,
            existing,
            cdp.cdp_empty_rows({"person_id": "bigint", "matched_person_id": "bigint", "batch_id": "bigint"})
        ) -%}
    {%- endif -%}
    {%- set changes = cdp.cdp_match_changes(
        sql, ref("int_cdp__deterministic_people"), ref("int_cdp__decision_edges"), target_relation
    ) -%}
    {%- do cdp.cdp_run_steps(changes.steps) -%}
    {%- do cdp.cdp_replace_rows(
        target_relation,
        "person_id in (select person_id from " ~ changes.written ~ ")",
        columns,
        "select person_id, matched_person_id, " ~ cdp.cdp_batch_id() ~ " from " ~ changes.written ~ " where not is_gone"
    ) -%}
    {%- do cdp.cdp_run_steps([cdp.cdp_drop_scratch([changes.written])]) -%}

    {%- do persist_docs(target_relation, model) -%}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {%- do adapter.commit() -%}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({"relations": [target_relation]}) }}
{% endmaterialization %}


{# What has to be written again: `steps`, and the scratch table `written` (person_id, matched_person_id, is_gone). #}
{% macro cdp_match_changes(sql, people, decisions, known) %}
    {%- set pairs = cdp.cdp_scratch_name("matched_pairs") -%}
    {%- set groups = cdp.cdp_scratch_name("matched_people") -%}
    {%- set written = cdp.cdp_scratch_name("written") -%}
    {{- return({
        "written": written,
        "steps": [
            cdp.cdp_scratch(pairs, "
                select
                    least(side_a.person_id, side_b.person_id) as piece_a,
                    greatest(side_a.person_id, side_b.person_id) as piece_b,
                    row_number() over (
                        order by matches.score desc, matches.type_a, matches.value_a, matches.type_b, matches.value_b
                    ) as place
                from (" ~ sql ~ ") as matches
                inner join " ~ people ~ " as side_a on side_a.identifier_id = matches.node_a
                inner join " ~ people ~ " as side_b on side_b.identifier_id = matches.node_b
                where not side_a.is_shared and not side_b.is_shared and side_a.person_id <> side_b.person_id"
            ),
            cdp.cdp_scratch(groups, "select piece_a as person_id, piece_b as matched_person_id from " ~ pairs ~ " limit 0"),
            cdp.cdp_scratch(written, "
                select person_id, matched_person_id, false as is_gone from " ~ groups
            ),
            {
                "if": "select piece_a from " ~ pairs,
                "do": cdp.cdp_join_matches(pairs, people, "(select * from " ~ decisions ~ " where is_live)", groups),
            },
            {
                "if": "
                    select person_id from " ~ groups ~ "
                    union all
                    select person_id from " ~ known ~ " where matched_person_id is not null",
                "do": [cdp.cdp_scratch(written, cdp.cdp_changed_matches_sql(groups, people, known))],
            },
            cdp.cdp_drop_scratch([pairs, groups]),
        ],
    }) -}}
{% endmacro %}


{# Joins people along pairs, as steps that leave the table `groups`. It is the last tier of cdp_resolve_people, on the
   people that the others have made. #}
{% macro cdp_join_matches(pairs, people, decisions, groups) %}
    {%- set types = cdp.cdp_identifier_types() -%}
    {%- set state = cdp.cdp_scratch_name("state") -%}
    {%- set open = cdp.cdp_scratch_name("open") -%}
    {%- set joined = cdp.cdp_join_pieces(state, open, types, decisions, "joining of matches") -%}
    {{- return([
        cdp.cdp_scratch(state, "
            select
                identifier_id as node, identifier_type as type, " ~ cdp.cdp_type_setting("identifier_type", "priority", types) ~ " as priority,
                person_id as piece, cast(null as " ~ dbt.type_bigint() ~ ") as link_group, false as is_cleared, false as is_marked
            from " ~ people ~ "
            where not is_shared and (
                person_id in (select piece_a from " ~ pairs ~ ") or person_id in (select piece_b from " ~ pairs ~ ")
            )"
        ),
        cdp.cdp_scratch(open, "
            select piece_a, piece_b, min(place) as place from " ~ pairs ~ " group by piece_a, piece_b"
        ),
    ] + joined.steps + [
        cdp.cdp_scratch(groups, "
            select distinct people.person_id, state.piece as matched_person_id
            from " ~ state ~ " as state
            inner join " ~ people ~ " as people on people.identifier_id = state.node
            where state.piece in (
                select piece from " ~ state ~ " as state
                inner join " ~ people ~ " as people on people.identifier_id = state.node
                where people.person_id <> state.piece
            )"
        ),
        cdp.cdp_drop_scratch([state, open] + joined.scratch),
    ]) -}}
{% endmacro %}


{# The rows of all groups, as they were and as they are, in which a person has come, has gone or was written again
   since the table's last build. #}
{% macro cdp_changed_matches_sql(groups, people, known) -%}
    with stored as (
        select person_id, matched_person_id from {{ known }} where matched_person_id is not null
    ),
    memberships as (
        select person_id, matched_person_id from {{ groups }}
        union all
        select person_id, matched_person_id from stored
    ),
    moved as (
        select person_id from memberships
        group by person_id
        having count(*) < 2 or min(matched_person_id) <> max(matched_person_id)
    ),
    rewritten as (
        select person_id from {{ people }}
        where batch_id > (select coalesce(max(batch_id), -1) from {{ known }})
    ),
    touched as (
        select distinct matched_person_id from memberships
        where person_id in (select person_id from moved) or person_id in (select person_id from rewritten)
    ),
    concerned as (
        select distinct person_id from memberships where matched_person_id in (select matched_person_id from touched)
    )
    select
        concerned.person_id,
        present.matched_person_id,
        concerned.person_id not in (select person_id from {{ people }}) as is_gone
    from concerned
    left join {{ groups }} as present on present.person_id = concerned.person_id
{%- endmacro %}
