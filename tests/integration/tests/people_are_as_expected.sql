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
        count(distinct graph.canonical_id) over (partition by expected.person) as count_ids,
        count(distinct expected.person) over (partition by graph.canonical_id) as count_people

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
    or (person is not null and (count_ids <> 1 or count_people <> 1))
