with

expected as (

    select *

    from {{ ref("expected_people") }}

    where batch = {{ var("batch") }}

),

compared as (

    select
        coalesce(expected.identifier_type, graph.identifier_type) as identifier_type,
        coalesce(expected.identifier_value, graph.identifier_value) as identifier_value,
        expected.identifier_type is not null as is_expected,
        graph.identifier_id is not null as is_found,
        expected.person,
        graph.canonical_id,
        graph.is_shared,
        min(graph.canonical_id) over (partition by expected.person) as first_id,
        max(graph.canonical_id) over (partition by expected.person) as last_id,
        min(expected.person) over (partition by graph.canonical_id) as first_person,
        max(expected.person) over (partition by graph.canonical_id) as last_person

    from expected

    full outer join {{ ref("cdp", "cdp__identity_graph") }} as graph
        on
            expected.identifier_type = graph.identifier_type
            and expected.identifier_value = graph.identifier_value

)

select *

from compared

where
    not is_expected
    or not is_found
    or (person is null) <> is_shared
    or (canonical_id is null) <> is_shared
    or (person is not null and (first_id <> last_id or first_person <> last_person))
