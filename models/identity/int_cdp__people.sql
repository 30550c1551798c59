{{ config(enabled=cdp.cdp_is_on(), materialized="view") }}

with

people as (

    select * from {{ ref("int_cdp__deterministic_people") }}

),

matches as (

    select * from {{ ref("int_cdp__matches") }}

),

final as (

    select
        people.identifier_id,
        people.identifier_type,
        coalesce(matches.matched_person_id, people.person_id) as person_id,
        people.is_shared,
        greatest(people.batch_id, coalesce(matches.batch_id, people.batch_id)) as batch_id

    from people

    -- A shared identifier is nobody's, whatever person_id it has.
    left join matches
        on
            people.person_id = matches.person_id
            and not people.is_shared

)

select * from final
