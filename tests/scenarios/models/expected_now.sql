-- Who is who after this build: of every identifier what was said last.
with

said as (

    select * from {{ ref("expected_people") }}

    where load <= {{ var("load") }}

    union all

    select * from {{ ref("generated_people") }}

),

ranked as (

    select
        *,
        row_number() over (
            partition by scenario, identifier_type, identifier_value
            order by load desc
        ) as age

    from said

)

select
    scenario,
    identifier_type,
    identifier_value,
    person

from ranked

where age = 1
