-- A person goes by one id after every build, and an id is one person's.
with

log as (

    select
        {{ dbt.concat(["scenario", "': '", "person"]) }} as person,
        canonical_id

    from {{ ref("canonical_id_log") }}

)

select
    'several ids of one person' as problem,
    person

from log

group by person

having count(distinct canonical_id) > 1

union all

select
    'one id of several people' as problem,
    min(person) as person

from log

group by canonical_id

having count(distinct person) > 1
