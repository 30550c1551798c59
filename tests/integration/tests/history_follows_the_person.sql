-- What Ada did before she was known belongs to her; what was done on the shared kiosk belongs to nobody.
with

ada as (

    select canonical_id

    from {{ ref("cdp", "cdp__identity_graph") }}

    where
        identifier_type = 'anonymous_id'
        and identifier_value = 'ada-laptop'

),

expected as (

    select
        'e102' as event_id,
        canonical_id

    from ada

    union all

    select
        'e107' as event_id,
        canonical_id

    from ada

    union all

    select
        'e204' as event_id,
        null as canonical_id

)

select expected.*

from expected

inner join {{ ref("cdp", "cdp__resolved_events") }} as events on expected.event_id = events.event_id

where
    {{ var("batch") }} = 2
    and expected.canonical_id is distinct from events.canonical_id
