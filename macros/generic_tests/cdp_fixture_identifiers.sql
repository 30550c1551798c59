{# A query of the rows of a fixture (group_name, identifier_type, identifier_value in any spelling; see
   cdp_resolves_together) with what the graph says of each:
     canonical_id    the person; null where there is none
     problem         why there is none: `shared`, `blocked: ` and the reason, `not seen`, `no identifier_value` or
                     `no type of cdp_identifiers`; else null
     group_size      how many rows the group has
     count_known     how many of them have a person
     count_together  how many of them have the same person, or have none as it has
   The value itself is left out: failing rows may be stored in a table that nobody thinks of when a person is erased. #}
{% macro cdp_fixture_identifiers(model) -%}
{%- set text = dbt.type_string() -%}
with

fixtures as (

    select
        cast(group_name as {{ text }}) as group_name,
        {{ cdp.cdp_trim("cast(identifier_type as " ~ text ~ ")") }} as identifier_type,
        nullif({{ cdp.cdp_trim("cast(identifier_value as " ~ text ~ ")") }}, '') as identifier_value

    from {{ model }}

),

normalized as (

    select
        group_name,
        identifier_type,
        identifier_value is not null as has_value,
        {{ cdp.cdp_normal_form("identifier_type", "identifier_value") }} as identifier_value

    from fixtures

),

-- Several raw values may have one normal form, and with it one reason.
blocked as (

    select
        identifier_type,
        identifier_value,
        min(block_reason) as block_reason

    from {{ ref("int_cdp__identifiers") }}

    where block_reason is not null

    group by identifier_type, identifier_value

),

final as (

    select
        normalized.group_name,
        normalized.identifier_type,
        graph.canonical_id,
        case
            when graph.is_shared then 'shared'
            when graph.canonical_id is not null then null
            when blocked.block_reason is not null then {{ dbt.concat(["'blocked: '", "blocked.block_reason"]) }}
            when not normalized.has_value then 'no identifier_value'
            when normalized.identifier_value is null then 'no type of cdp_identifiers'
            else 'not seen'
        end as problem,
        count(*) over (partition by normalized.group_name) as group_size,
        count(graph.canonical_id) over (partition by normalized.group_name) as count_known,
        count(*) over (partition by normalized.group_name, graph.canonical_id) as count_together

    from normalized

    left join {{ ref("cdp__identity_graph") }} as graph
        on
            normalized.identifier_type = graph.identifier_type
            and normalized.identifier_value = graph.identifier_value

    left join blocked
        on
            normalized.identifier_type = blocked.identifier_type
            and normalized.identifier_value = blocked.identifier_value

)

select * from final
{%- endmacro %}
