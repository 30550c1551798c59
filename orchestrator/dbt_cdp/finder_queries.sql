{# What leads from an identifier to a person. It is compiled along with other queries: dbt takes seconds to start. #}

{# Who an identifier may mean: a row for each type that it could be of, and one for a canonical id (without a person where
   that has ended). The parameter is the identifier as it was written. #}
{% set types = cdp.cdp_identifier_types() %}
{% set found %}
with

asked as (

    select cast(? as {{ dbt.type_string() }}) as written

),

spelled as (
    {% for type in types %}
    select
        '{{ type.name }}' as identifier_type,
        {{ cdp.cdp_normalize_identifier(type.form, "written") }} as identifier_value

    from asked
    {{ "union all" if not loop.last }}
    {% endfor %}
),

blocked as (

    select
        spelled.identifier_type,
        min(identifiers.block_reason) as block_reason

    from spelled

    inner join {{ ref("int_cdp__identifiers") }} as identifiers
        on
            spelled.identifier_type = identifiers.identifier_type
            and spelled.identifier_value = identifiers.identifier_value

    where identifiers.block_reason is not null

    group by spelled.identifier_type

)

select
    spelled.identifier_type,
    spelled.identifier_value,
    graph.canonical_id,
    coalesce(graph.is_shared, false) as is_shared,
    case when graph.identifier_id is null then blocked.block_reason end as block_reason

from spelled

left join {{ ref("cdp__identity_graph") }} as graph
    on
        spelled.identifier_type = graph.identifier_type
        and spelled.identifier_value = graph.identifier_value

left join blocked on spelled.identifier_type = blocked.identifier_type

union all

select
    'canonical_id' as identifier_type,
    asked.written as identifier_value,
    history.current_canonical_id as canonical_id,
    false as is_shared,
    null as block_reason

from asked

inner join {{ ref("cdp__canonical_id_history") }} as history on asked.written = history.canonical_id
{% endset %}

{# Whom a shared identifier leads to, and how many they are. The parameters are its type and its value. #}
{% set shared_by %}
with

shared as (

    select identifier_id

    from {{ ref("cdp__identity_graph") }}

    where
        identifier_type = ?
        and identifier_value = ?

),

linked as (

    select case when links.node_a = shared.identifier_id then links.node_b else links.node_a end as identifier_id

    from shared

    inner join {{ ref("int_cdp__links") }} as links on shared.identifier_id in (links.node_a, links.node_b)

    where links.is_live

),

people as (

    select distinct graph.canonical_id

    from linked

    inner join {{ ref("cdp__identity_graph") }} as graph on linked.identifier_id = graph.identifier_id

    where graph.canonical_id is not null

)

select
    canonical_id,
    count(*) over () as total

from people

order by canonical_id

limit 10
{% endset %}
