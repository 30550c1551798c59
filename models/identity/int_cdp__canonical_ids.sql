{{
    config(
        enabled=cdp.cdp_is_on(),
        full_refresh=false,
        unique_key="canonical_id",
        incremental_strategy=cdp.cdp_incremental_strategy()
    )
}}

{%- set text = dbt.type_string() %}
{#- More than one person may have by default: an id is lost when all of these leave in one build. -#}
{%- set count_heirs = 200 %}

with

people as {{ cdp.cdp_read_anew(is_all=true) }} (

    select
        identifier_id,
        person_id,
        {{ cdp.cdp_type_setting("identifier_type", "priority") }} as priority,
        batch_id

    from {{ ref("int_cdp__people") }}

    where not is_shared

),

-- A person is written as a whole: whoever gained or lost an identifier has new rows only.
members as (

    select
        identifier_id,
        person_id,
        priority,
        row_number() over (
            partition by person_id
            order by priority, identifier_id
        ) as rank

    from people

    where batch_id > {{ cdp.cdp_last_batch() }}

),

-- The id of a person is anchored on the strongest identifier; the next ones are its heirs.
anchors as (

    select
        person_id,
        min(case when rank = 1 then identifier_id end) as identifier_id,
        min(priority) as priority,
        {{ dbt.listagg("cast(identifier_id as " ~ text ~ ")", "';'", "order by rank") }} as heirs

    from members

    where rank <= {{ count_heirs }}

    group by person_id

),

{%- if cdp.cdp_is_incremental() %}

registry as (

    select
        *,
        case when not is_retired then coalesce(merged_into, canonical_id) end as current_canonical_id

    from {{ this }}

),

orphans as (

    select * from registry

    where anchor_id not in (select people.identifier_id from people)

),

orphaned_heirs as (

    {{
        cdp.cdp_split_rows(
            "orphans", "heirs", ";", "heir", ["canonical_id", "current_canonical_id"]
        ) | indent(4)
    }}

),

heirs_left as (

    select
        orphaned_heirs.canonical_id,
        members.identifier_id as anchor_id,
        members.priority

    from orphaned_heirs

    inner join members on orphaned_heirs.heir = cast(members.identifier_id as {{ text }})

    where orphaned_heirs.current_canonical_id = orphaned_heirs.canonical_id

),

-- An anchor may leave the graph or turn out to be shared: the id that its person goes by moves to the strongest
-- heir that is left.
moved as (

    {{ cdp.cdp_first_rows("heirs_left", ["canonical_id"], ["priority", "anchor_id"]) }}

),

anchored as (

    select
        registry.canonical_id,
        coalesce(moved.anchor_id, registry.anchor_id) as anchor_id

    from registry

    left join moved on registry.canonical_id = moved.canonical_id

),

nameless as (

    select members.*

    from members

    where members.person_id not in (
        select holders.person_id

        from anchored

        inner join members as holders on anchored.anchor_id = holders.identifier_id
    )

),

nameless_heirs as (

    select
        orphaned_heirs.canonical_id,
        nameless.identifier_id as anchor_id,
        nameless.priority

    from orphaned_heirs

    inner join nameless on orphaned_heirs.heir = cast(nameless.identifier_id as {{ text }})

    where orphaned_heirs.current_canonical_id is distinct from orphaned_heirs.canonical_id

),

-- An id that had been merged or retired comes back for a person that would be given a new one, and for nobody else.
revived as (

    {{ cdp.cdp_first_rows("nameless_heirs", ["canonical_id"], ["priority", "anchor_id"]) }}

),

-- The ids whose person has changed, with the person that holds them now.
held as (

    select
        registry.canonical_id,
        members.identifier_id as anchor_id,
        members.priority,
        members.person_id,
        registry.birth_number,
        registry.heirs,
        registry.current_canonical_id

    from registry

    inner join anchored on registry.canonical_id = anchored.canonical_id

    left join revived on registry.canonical_id = revived.canonical_id

    inner join members on coalesce(revived.anchor_id, anchored.anchor_id) = members.identifier_id

),

-- A person goes by the id that was born first of those whose anchors it holds.
firstborn as (

    select
        person_id,
        {{ cdp.cdp_arg_min("canonical_id", "birth_number") }} as canonical_id

    from held

    group by person_id

),

-- A cookie that was the first sign of a person may turn out to be shared one day: the id moves on to the
-- first stronger identifier that the person gets. An id that is merged stays as it was on its last own day.
continued as (

    select
        held.canonical_id,
        case
            when held.canonical_id = firstborn.canonical_id and anchors.priority < held.priority
                then anchors.identifier_id
            else held.anchor_id
        end as anchor_id,
        case when held.canonical_id = firstborn.canonical_id then anchors.heirs else held.heirs end as heirs,
        firstborn.canonical_id as current_canonical_id

    from held

    inner join firstborn on held.person_id = firstborn.person_id

    inner join anchors on held.person_id = anchors.person_id

),

-- An id that nothing holds any more goes where the id went that it had been merged into.
abandoned as (

    select
        orphans.canonical_id,
        orphans.anchor_id,
        orphans.heirs,
        case
            when orphans.current_canonical_id = orphans.canonical_id then cast(null as {{ text }})
            when continued.canonical_id is not null then continued.current_canonical_id
            when successors.canonical_id is not null then cast(null as {{ text }})
            else orphans.current_canonical_id
        end as current_canonical_id

    from orphans

    left join continued on orphans.current_canonical_id = continued.canonical_id

    left join orphans as successors on orphans.current_canonical_id = successors.canonical_id

    where orphans.canonical_id not in (select held.canonical_id from held)

),

kept as (

    select * from continued

    union all

    select * from abandoned

),

changed as (

    select
        kept.canonical_id,
        kept.anchor_id,
        registry.birth_number,
        registry.assigned_at,
        registry.born_from,
        kept.heirs,
        nullif(kept.current_canonical_id, kept.canonical_id) as merged_into,
        kept.current_canonical_id is null as is_retired

    from kept

    inner join registry on kept.canonical_id = registry.canonical_id

    where
        kept.anchor_id <> registry.anchor_id
        or kept.heirs <> registry.heirs
        or kept.current_canonical_id is distinct from registry.current_canonical_id

),

-- Whose identifiers a new person has taken, if they were somebody's: the strongest of them counts.
former_members as (

    select
        members.person_id,
        members.rank,
        former.canonical_id

    from (
        {{
            cdp.cdp_split_rows(
                "(select canonical_id, heirs from held where current_canonical_id = canonical_id) as current_ids",
                "heirs",
                ";",
                "heir",
                ["canonical_id"]
            ) | indent(8)
        }}
    ) as former

    inner join members on former.heir = cast(members.identifier_id as {{ text }})

),

origins as (

    select
        person_id,
        {{ cdp.cdp_arg_min("canonical_id", "rank") }} as canonical_id

    from former_members

    group by person_id

),
{%- endif %}

born as (

    select
        {{ cdp.cdp_uuid() }} as canonical_id,
        anchors.identifier_id as anchor_id,
        {% if cdp.cdp_is_incremental() %}(select coalesce(max(birth_number), 0) from registry) + {% endif -%}
        row_number() over (order by anchors.identifier_id) as birth_number,
        {{ cdp.cdp_as_of() }} as assigned_at,
        {% if cdp.cdp_is_incremental() %}origins.canonical_id{% else %}cast(null as {{ text }}){% endif %} as born_from,
        anchors.heirs,
        cast(null as {{ text }}) as merged_into,
        false as is_retired

    from anchors

    {%- if cdp.cdp_is_incremental() %}

    left join origins on anchors.person_id = origins.person_id

    where anchors.person_id not in (select firstborn.person_id from firstborn)
    {%- endif %}

),

written as (

    select * from born

    {%- if cdp.cdp_is_incremental() %}

    union all

    select * from changed
    {%- endif %}

),

final as (

    select
        canonical_id,
        anchor_id,
        birth_number,
        assigned_at,
        born_from,
        heirs,
        merged_into,
        is_retired,
        {{ cdp.cdp_batch_id() }} as batch_id

    from written

)

select * from final
