-- Fixtures for cdp_resolves_together: a group for every person of more than one identifier.
with

people as (

    select
        {{ dbt.concat(["scenario", "': '", "person"]) }} as group_name,
        identifier_type,
        identifier_value,
        count(*) over (partition by scenario, person) as held

    from {{ ref("expected_now") }}

    where person not in ('nobody', 'blocked', 'gone')

)

select
    group_name,
    identifier_type,
    identifier_value

from people

where held > 1
