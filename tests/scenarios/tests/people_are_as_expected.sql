with

expected as (

    select
        *,
        {{ dbt.concat(["scenario", "': '", "person"]) }} as person_key

    from {{ ref("expected_now") }}

),

graph as (

    select * from {{ ref("cdp", "cdp__identity_graph") }}

),

blocked as (

    select distinct
        identifier_type,
        identifier_value

    from {{ ref("cdp", "int_cdp__identifiers") }}

    where block_reason is not null

),

compared as (

    select
        coalesce(expected.identifier_type, graph.identifier_type) as identifier_type,
        coalesce(expected.identifier_value, graph.identifier_value) as identifier_value,
        expected.scenario,
        expected.person,
        graph.canonical_id,
        case
            when graph.is_shared then 'nobody'
            when graph.canonical_id is not null then 'somebody'
            when blocked.identifier_type is not null then 'blocked'
            else 'gone'
        end as found,
        min(graph.canonical_id) over (partition by expected.person_key) as first_id,
        max(graph.canonical_id) over (partition by expected.person_key) as last_id,
        min(expected.person_key) over (partition by graph.canonical_id) as first_person,
        max(expected.person_key) over (partition by graph.canonical_id) as last_person

    from expected

    full outer join graph
        on
            expected.identifier_type = graph.identifier_type
            and expected.identifier_value = graph.identifier_value

    left join blocked
        on
            expected.identifier_type = blocked.identifier_type
            and expected.identifier_value = blocked.identifier_value

)

select *

from compared

where
    person is null
    or found <> case when person in ('nobody', 'blocked', 'gone') then person else 'somebody' end
    or (found = 'somebody' and (first_id <> last_id or first_person <> last_person))
