{{ config(enabled=cdp.cdp_is_on(), full_refresh=false) }}

with

people as (

    select
        identifier_id,
        person_id,
        {{ cdp.cdp_type_setting("identifier_type", "priority") }} as priority

    from {{ ref("int_cdp__people") }}

    where not is_shared

),

changed_people as (

    select distinct person_id

    from {{ ref("int_cdp__people") }}

    where
        not is_shared
        and batch_id > {{ cdp.cdp_last_batch() }}

),

{%- if cdp.cdp_is_incremental() %}

holders as (

    select distinct people.person_id

    from {{ this }} as stored

    inner join people on stored.anchor_id = people.identifier_id

),
{%- endif %}

-- A person without an id is born on the strongest identifier.
anchors as (

    select
        people.person_id,
        people.identifier_id

    from people

    inner join changed_people on people.person_id = changed_people.person_id

    {%- if cdp.cdp_is_incremental() %}

    where people.person_id not in (select person_id from holders)
    {%- endif %}

    qualify row_number() over (
        partition by people.person_id
        order by people.priority, people.identifier_id
    ) = 1

),

final as (

    select
        {{ cdp.cdp_uuid() }} as canonical_id,
        identifier_id as anchor_id,
        {% if cdp.cdp_is_incremental() %}(select coalesce(max(birth_number), 0) from {{ this }}) + {% endif -%}
        row_number() over (order by identifier_id) as birth_number,
        {{ cdp.cdp_as_of() }} as assigned_at,
        {{ cdp.cdp_batch_id() }} as batch_id

    from anchors

)

select * from final
