-- Fixtures for cdp_never_together: a group for every scenario, with one identifier of every person and all of nobody's.
with

ranked as (

    select
        scenario as group_name,
        identifier_type,
        identifier_value,
        person,
        row_number() over (
            partition by scenario, person
            order by identifier_type, identifier_value
        ) as place

    from {{ ref("expected_now") }}

    where person <> 'gone'

),

chosen as (

    select
        *,
        count(*) over (partition by group_name) as group_size

    from ranked

    where
        place = 1
        or person in ('nobody', 'blocked')

)

select
    group_name,
    identifier_type,
    identifier_value

from chosen

where group_size > 1
