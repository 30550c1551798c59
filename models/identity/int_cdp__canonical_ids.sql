{{
    config(
        enabled=cdp.cdp_is_on(),
        full_refresh=false,
        unique_key="canonical_id",
        incremental_strategy=cdp.cdp_incremental_strategy()
    )
}}

{#- So many identifiers have to leave a person in one build for the id to be lost. -#}
{%- set count_heirs = 20 %}

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

-- The identifiers of a person from strong to weak, the older first.
members as (

    select
        people.*,
        row_number() over (
            partition by people.person_id
            order by people.priority, people.identifier_id
        ) as rank

    from people

    inner join changed_people on people.person_id = changed_people.person_id

),

-- The id of a person is anchored on the strongest identifier; the next ones are its heirs.
anchors as (

    select
        person_id,
        min(case when rank = 1 then identifier_id end) as identifier_id,
        min(priority) as priority,
        {{ dbt.listagg("cast(identifier_id as " ~ dbt.type_string() ~ ")", "';'", "order by rank") }} as heirs

    from members

    where rank <= {{ count_heirs }}

    group by person_id

),

{%- if cdp.cdp_is_incremental() %}

-- An anchor may leave the graph or turn out to be shared: the id goes to the strongest heir that is left.
inherited as (

    select
        heirs.canonical_id,
        people.identifier_id as anchor_id

    from (
        {{
            cdp.cdp_split_rows(
                "(select * from " ~ this ~ " where anchor_id not in (select identifier_id from people)) as orphans",
                "heirs",
                ";",
                "heir",
                ["canonical_id"]
            )
        }}
    ) as heirs

    inner join people on heirs.heir = cast(people.identifier_id as {{ dbt.type_string() }})

    qualify row_number() over (
        partition by heirs.canonical_id
        order by people.priority, people.identifier_id
    ) = 1

),

stored as (

    select
        registry.canonical_id,
        coalesce(inherited.anchor_id, registry.anchor_id) as anchor_id,
        registry.birth_number,
        registry.assigned_at,
        registry.heirs,
        inherited.anchor_id is not null as has_moved

    from {{ this }} as registry

    left join inherited on registry.canonical_id = inherited.canonical_id

),

-- The id that a person goes by: the one born first of those whose anchors it holds.
held as (

    select
        stored.*,
        people.person_id,
        people.priority

    from stored

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
        stored.canonical_id,
        case when anchors.priority < held.priority then anchors.identifier_id else stored.anchor_id end as anchor_id,
        stored.birth_number,
        stored.assigned_at,
        coalesce(anchors.heirs, stored.heirs) as heirs

    from stored

    left join held on stored.canonical_id = held.canonical_id

    left join anchors on held.person_id = anchors.person_id

    where
        stored.has_moved
        or (anchors.person_id is not null and anchors.heirs is distinct from stored.heirs)

),
{%- endif %}

born as (

    select
        {{ cdp.cdp_uuid() }} as canonical_id,
        anchors.identifier_id as anchor_id,
        {% if cdp.cdp_is_incremental() %}(select coalesce(max(birth_number), 0) from {{ this }}) + {% endif -%}
        row_number() over (order by anchors.identifier_id) as birth_number,
        {{ cdp.cdp_as_of() }} as assigned_at,
        anchors.heirs

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
        heirs,
        {{ cdp.cdp_batch_id() }} as batch_id

    from changed

)

select * from final
