{# A query that tells why two identifiers are one person's, or how near they come to it: the shortest chain of links
   between them, one row a link, from the first identifier to the second.

     {{ cdp.cdp_explain('email', 'ann@shop.example', 'user_id', 'u-1') }}

   The arguments are the type and the value of either side as plain text; a value may be spelled as events may spell it.
   dbt writes the query to its log and its target folder, with the values: the command `cdp explain` does not.

     step                                         from 1 on
     identifier_type_a, identifier_value_a        where the link comes from; the first one is the first identifier
     identifier_type_b, identifier_value_b        where it leads; the last one is the second identifier
     rule, source, evidence_id, event_count, first_seen, last_seen
                                                  as in int_cdp__links
     event_type                                   of the event that is the evidence; null for a record or a decision
     is_accepted                                  whether the link makes the two one person's
     reason, detail                               why it does not, as in identity_conflicts; null where it does, and for a match that
                                                  was refused for another reason than a shared side

   Where the two are one person's, the chain has accepted links alone. Otherwise, where links connect them, it is the
   shortest over all live links, and the refused ones are why they are two. Otherwise, and for one identifier twice, there
   are no rows. Of several shortest chains it is the one whose first link comes first in the order of links, then the
   second, and so on.

   Method: the links of the person - or of the two components, and of those that a match joins to one of them - are gone
   through breadth first from the end of the chain; then the chain is walked from its beginning, each time by the first
   link in order that leads one step nearer. The search stops at 500 links (20 on BigQuery and Snowflake), or at 500,000
   divided by the number of identifiers where that is less, but never below 20, so that a hub of any size costs a bounded
   number of passes. #}
{% macro cdp_explain(type_a, value_a, type_b, value_b) %}
    {{- return(cdp.cdp_explain_sql(*cdp.cdp_asked_literals(type_a, value_a, type_b, value_b))) -}}
{% endmacro %}


{# The same where the arguments are string expressions, such as `?` for a parameter: each is used once, in this order. #}
{% macro cdp_explain_sql(type_a, value_a, type_b, value_b) -%}
{%- set text = dbt.type_string() %}
{%- set pair = {} %}
{%- for side in ["a", "b"] %}
{%- do pair.update({side: dbt.concat(["identifier_type_" ~ side, "' '", "identifier_value_" ~ side])}) %}
{%- endfor -%}
with recursive

{{ cdp.cdp_asked_cte(type_a, value_a, type_b, value_b) }},

keys as (

    select * from {{ ref("int_cdp__identifier_keys") }}

),

people as (

    select * from {{ ref("int_cdp__people") }}

),

components as (

    select * from {{ ref("int_cdp__components") }}

),

ends as (

    select
        keys_a.identifier_id as first_node,
        keys_b.identifier_id as last_node,
        component_a.component_id as first_component,
        component_b.component_id as last_component,
        case
            when not people_a.is_shared and not people_b.is_shared and people_a.person_id = people_b.person_id
                then people_a.person_id
        end as person_id

    from asked

    inner join keys as keys_a
        on
            asked.identifier_type_a = keys_a.identifier_type
            and asked.identifier_value_a = keys_a.identifier_value

    inner join keys as keys_b
        on
            asked.identifier_type_b = keys_b.identifier_type
            and asked.identifier_value_b = keys_b.identifier_value

    inner join components as component_a on keys_a.identifier_id = component_a.identifier_id

    inner join components as component_b on keys_b.identifier_id = component_b.identifier_id

    left join people as people_a on keys_a.identifier_id = people_a.identifier_id

    left join people as people_b on keys_b.identifier_id = people_b.identifier_id

    where keys_a.identifier_id <> keys_b.identifier_id

),

-- Components are made without matches, which may join two of them.
matched_components as (

    select
        component_a.component_id as one_component,
        component_b.component_id as other_component

    from {{ ref("int_cdp__links") }} as links

    inner join components as component_a on links.node_a = component_a.identifier_id

    inner join components as component_b on links.node_b = component_b.identifier_id

    where
        links.is_live
        and links.rule not in ('event', 'record', 'link')

),

end_components as (

    select first_component as component_id

    from ends

    union distinct

    select last_component as component_id

    from ends

),

near_components as (

    select component_id

    from end_components

    union distinct

    select matched_components.other_component as component_id

    from end_components

    inner join matched_components on end_components.component_id = matched_components.one_component

    union distinct

    select matched_components.one_component as component_id

    from end_components

    inner join matched_components on end_components.component_id = matched_components.other_component

    union distinct

    select components.component_id

    from ends

    inner join people on ends.person_id = people.person_id

    inner join components on people.identifier_id = components.identifier_id

),

-- What the chain may lead through. What nobody has seen is there by decisions alone, which also may hold a person together.
members as (

    select
        components.identifier_id as node,
        people.person_id,
        people.is_shared

    from near_components

    inner join components on near_components.component_id = components.component_id

    cross join ends

    left join people on components.identifier_id = people.identifier_id

    where
        ends.person_id is null
        or people.person_id is null
        or (people.person_id = ends.person_id and not people.is_shared)

),

links as (

    select
        links.*,
        keys_a.identifier_type as type_a,
        keys_a.identifier_value as value_a,
        keys_b.identifier_type as type_b,
        keys_b.identifier_value as value_b

    from {{ ref("int_cdp__links") }} as links

    inner join members as member_a on links.node_a = member_a.node

    inner join members as member_b on links.node_b = member_b.node

    inner join keys as keys_a on links.node_a = keys_a.identifier_id

    inner join keys as keys_b on links.node_b = keys_b.identifier_id

    where links.is_live

),

-- The order of links. It must not depend on the keys, which tell who came first.
placed as (

    select
        *,
        row_number() over (
            order by
                tier,
                event_count desc,
                coalesce(first_seen, cast('9999-12-31' as {{ dbt.type_timestamp() }})),
                type_a,
                value_a,
                type_b,
                value_b,
                rule,
                evidence_id
        ) as place

    from links

),

steps as (

    select
        node_a as from_node,
        node_b as to_node,
        place

    from placed

    union all

    select
        node_b as from_node,
        node_a as to_node,
        place

    from placed

),

last_nodes as (

    select last_node as node

    from ends

),

bounds as (

    select least(count(*) - 1, greatest(20, least(500, 500000 / nullif(count(*), 0)))) as depth

    from members

),

{{ cdp.cdp_distances("last_nodes", "steps", "bounds") }},

nearest as (

    select
        node,
        min(depth) as depth

    from distances

    group by node

),

best_steps as (

    select
        steps.from_node,
        min(steps.place) as place,
        {{ cdp.cdp_arg_min("steps.to_node", "steps.place") }} as to_node

    from steps

    inner join nearest as here on steps.from_node = here.node

    inner join nearest as there
        on
            steps.to_node = there.node
            and here.depth - 1 = there.depth

    group by steps.from_node

),

chain as (

    select
        1 as step,
        best_steps.from_node,
        best_steps.to_node,
        best_steps.place

    from ends

    inner join best_steps on ends.first_node = best_steps.from_node

    union all

    select
        chain.step + 1 as step,
        best_steps.from_node,
        best_steps.to_node,
        best_steps.place

    from chain

    inner join best_steps on chain.to_node = best_steps.from_node

),

judged as (

    select
        chain.*,
        coalesce(from_member.is_shared, false) or coalesce(to_member.is_shared, false) as is_shared,
        coalesce(from_member.person_id = to_member.person_id, true) as is_one_person

    from chain

    inner join members as from_member on chain.from_node = from_member.node

    inner join members as to_member on chain.to_node = to_member.node

),

conflicts as (

    select
        least({{ pair.a }}, {{ pair.b }}) as one_side,
        greatest({{ pair.a }}, {{ pair.b }}) as other_side,
        min(reason) as reason,
        min(detail) as detail

    from {{ ref("cdp__identity_conflicts") }}

    where reason <> 'blocked'

    group by 1, 2

),

told as (

    select
        judged.step,
        from_keys.identifier_type as identifier_type_a,
        from_keys.identifier_value as identifier_value_a,
        to_keys.identifier_type as identifier_type_b,
        to_keys.identifier_value as identifier_value_b,
        placed.rule,
        placed.source,
        placed.evidence_id,
        placed.event_count,
        placed.first_seen,
        placed.last_seen,
        judged.is_one_person and not judged.is_shared as is_accepted,
        judged.is_shared

    from judged

    inner join placed on judged.place = placed.place

    inner join keys as from_keys on judged.from_node = from_keys.identifier_id

    inner join keys as to_keys on judged.to_node = to_keys.identifier_id

),

final as (

    select
        told.step,
        told.identifier_type_a,
        told.identifier_value_a,
        told.identifier_type_b,
        told.identifier_value_b,
        told.rule,
        told.source,
        told.evidence_id,
        events.event_type,
        told.event_count,
        told.first_seen,
        told.last_seen,
        told.is_accepted,
        case
            when told.is_accepted then cast(null as {{ text }})
            else coalesce(conflicts.reason, case when told.is_shared then 'shared' end)
        end as reason,
        case when not told.is_accepted then conflicts.detail end as detail

    from told

    left join {{ ref("cdp__raw_events") }} as events
        on
            told.rule = 'event'
            and told.evidence_id = events.event_id
            and told.source = events.source

    left join conflicts
        on
            least({{ pair.a | replace("identifier_", "told.identifier_") }}, {{ pair.b | replace("identifier_", "told.identifier_") }}) = conflicts.one_side
            and greatest({{ pair.a | replace("identifier_", "told.identifier_") }}, {{ pair.b | replace("identifier_", "told.identifier_") }}) = conflicts.other_side

)

select * from final

order by step
{%- endmacro %}


{# Type and value of either side as literals; an unknown type is an error. #}
{% macro cdp_asked_literals(type_a, value_a, type_b, value_b) %}
    {%- set types = cdp.cdp_identifier_types() | map(attribute="name") | list -%}
    {%- for type in [type_a, type_b] if type not in types -%}
        {%- do exceptions.raise_compiler_error("cdp_explain: '" ~ type ~ "' is no identifier type; the types are " ~ types | join(", ") ~ ".") -%}
    {%- endfor -%}
    {%- set literals = [] -%}
    {%- for part in [type_a, value_a, type_b, value_b] -%}
        {%- do literals.append(cdp.cdp_text_literal(part)) -%}
    {%- endfor -%}
    {{- return(literals) -}}
{% endmacro %}


{# The CTE `asked`, one row: the two identifiers in normal form (identifier_type_a, identifier_value_a, and _b). #}
{% macro cdp_asked_cte(type_a, value_a, type_b, value_b) -%}
{%- set text = dbt.type_string() -%}
written as (

    select
        cast({{ type_a }} as {{ text }}) as identifier_type_a,
        cast({{ value_a }} as {{ text }}) as written_a,
        cast({{ type_b }} as {{ text }}) as identifier_type_b,
        cast({{ value_b }} as {{ text }}) as written_b

),

asked as (

    select
        identifier_type_a,
        {{ cdp.cdp_normal_form("identifier_type_a", "written_a") }} as identifier_value_a,
        identifier_type_b,
        {{ cdp.cdp_normal_form("identifier_type_b", "written_b") }} as identifier_value_b

    from written

)
{%- endmacro %}
