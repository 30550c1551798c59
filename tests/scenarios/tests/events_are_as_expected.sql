with

ranked as (

    select
        *,
        row_number() over (
            partition by event_id
            order by load desc
        ) as age

    from {{ ref("expected_events") }}

    where load <= {{ var("load") }}

),

people as (

    select
        expected.scenario,
        expected.person,
        min(graph.canonical_id) as canonical_id

    from {{ ref("expected_now") }} as expected

    inner join {{ ref("cdp", "cdp__identity_graph") }} as graph
        on
            expected.identifier_type = graph.identifier_type
            and expected.identifier_value = graph.identifier_value

    group by
        expected.scenario,
        expected.person

),

compared as (

    select
        ranked.scenario,
        ranked.event_id,
        ranked.person,
        people.canonical_id as expected_id,
        events.canonical_id as found_id,
        case
            when events.event_id is not null then 'event'
            when rejected.event_id is not null then 'rejected'
        end as found

    from ranked

    left join people
        on
            ranked.scenario = people.scenario
            and ranked.person = people.person

    left join {{ ref("cdp", "cdp__resolved_events") }} as events on ranked.event_id = events.event_id

    left join {{ ref("cdp", "stg_cdp__rejected_events") }} as rejected on ranked.event_id = rejected.event_id

    where ranked.age = 1

)

select *

from compared

where
    found is null
    or (person = 'rejected') <> (found = 'rejected')
    or (person in ('nobody', 'rejected')) <> (expected_id is null)
    or expected_id is distinct from found_id
