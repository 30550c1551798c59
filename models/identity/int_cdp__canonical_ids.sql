{{
    config(
        enabled=cdp.cdp_is_on(),
        full_refresh=false,
        unique_key="canonical_id",
        incremental_strategy=cdp.cdp_incremental_strategy()
    )
}}

with

people as (

    select
        identifier_id,
        person_id,
        {{ cdp.cdp_type_setting("identifier_type", "priority") }} as priority,
        batch_id

    from {{ ref("int_cdp__people") }}

    where not is_shared

),

changed_people as (

    select distinct person_id

    from people

    where batch_id > {{ cdp.cdp_last_batch() }}

),

-- Where the id of a person is anchored: on the strongest identifier, the oldest of several.
anchors as (

    select
        people.person_id,
        people.identifier_id,
        people.priority

    from people

    inner join changed_people on people.person_id = changed_people.person_id

    qualify row_number() over (
        partition by people.person_id
        order by people.priority, people.identifier_id
    ) = 1

),

{%- if cdp.cdp_is_incremental() %}

-- The id that a person goes by: the one born first of those whose anchors it holds.
held as (

    select
        stored.canonical_id,
        stored.birth_number,
        stored.assigned_at,
        people.person_id,
        people.priority

    from {{ this }} as stored

    inner join people on stored.anchor_id = people.identifier_id

    qualify row_number() over (
        partition by people.person_id
        order by stored.birth_number
    ) = 1

),

-- A cookie that was the first sign of a person may turn out to be shared one day: the id moves on to the
-- first stronger identifier that the person gets.
moved as (

    select
        held.canonical_id,
        anchors.identifier_id as anchor_id,
        held.birth_number,
        held.assigned_at

    from held

    inner join anchors on held.person_id = anchors.person_id

    where anchors.priority < held.priority

),
{%- endif %}

born as (

    select
        {{ cdp.cdp_uuid() }} as canonical_id,
        anchors.identifier_id as anchor_id,
        {% if cdp.cdp_is_incremental() %}(select coalesce(max(birth_number), 0) from {{ this }}) + {% endif -%}
        row_number() over (order by anchors.identifier_id) as birth_number,
        {{ cdp.cdp_as_of() }} as assigned_at

    from anchors

    {%- if cdp.cdp_is_incremental() %}

    where anchors.person_id not in (select held.person_id from held)
    {%- endif %}

),

changed as (

    select * from born

    {%- if cdp.cdp_is_incremental() %}

    union all

    select * from moved
    {%- endif %}

),

final as (

    select
        canonical_id,
        anchor_id,
        birth_number,
        assigned_at,
        {{ cdp.cdp_batch_id() }} as batch_id

    from changed

)

select * from final
