{{
    config(
        enabled=cdp.cdp_is_on(),
        full_refresh=false,
        alias="segments",
        unique_key="membership_id",
        incremental_strategy=cdp.cdp_incremental_strategy(),
        post_hook="{{ cdp.cdp_delete_rows('canonical_id is null') }}"
    )
}}

{%- set segments = cdp.cdp_segments() %}
{%- set history = ref("cdp__canonical_id_history") %}
{%- set conditions = segments | selectattr("where", "defined") | list %}
{%- set profiles = ref("cdp__user_profiles") %}
{%- for segment in conditions %}
{%- do cdp.cdp_check_condition(segment.where, "cdp_segments, segment '" ~ segment.name ~ "'", profiles) %}
{%- endfor %}

with

profiles as (

    select * from {{ profiles }}

),

flags as (

    select
        {%- for segment in conditions %}
        (
            {{ segment.where }}
        ) as is_in_segment_{{ segment.name }},
        {%- endfor %}
        canonical_id

    from profiles

),

members as (
    {% for segment in segments %}
    select
        canonical_id,
        '{{ segment.name }}' as segment_name

    {% if "where" in segment -%}
    from flags

    where is_in_segment_{{ segment.name }}
    {%- else -%}
    from {{ ref(segment.model) }}

    where canonical_id in (select canonical_id from profiles)

    group by canonical_id
    {%- endif %}

    union all
    {% endfor %}
    {{ cdp.cdp_empty_rows({"canonical_id": "text", "segment_name": "text"}) | indent(4) }}

),

{%- if cdp.cdp_is_incremental() %}

stored as (

    select
        stored.membership_id,
        stored.canonical_id,
        coalesce(history.current_canonical_id, stored.canonical_id) as present_canonical_id,
        stored.segment_name,
        stored.entered_at,
        stored.exited_at

    from {{ this }} as stored

    left join {{ history }} as history on stored.canonical_id = history.canonical_id

),

-- Of two open memberships that a merge has brought together the earlier one stands.
ranked as (

    select
        *,
        row_number() over (
            partition by present_canonical_id, segment_name, exited_at
            order by entered_at, membership_id
        ) as entry_rank

    from stored

),

continued as (

    select
        ranked.membership_id,
        case
            when ranked.exited_at is not null or ranked.entry_rank = 1 then ranked.present_canonical_id
        end as canonical_id,
        ranked.segment_name,
        ranked.entered_at,
        case
            when ranked.exited_at is not null then ranked.exited_at
            when members.canonical_id is null then {{ cdp.cdp_as_of() }}
        end as exited_at

    from ranked

    left join members
        on
            ranked.present_canonical_id = members.canonical_id
            and ranked.segment_name = members.segment_name

    where
        ranked.canonical_id <> ranked.present_canonical_id
        or (
            ranked.exited_at is null
            and (ranked.entry_rank > 1 or members.canonical_id is null)
        )

),
{%- endif %}

entered as (

    select
        {{ cdp.cdp_uuid() }} as membership_id,
        members.canonical_id,
        members.segment_name,
        {{ cdp.cdp_as_of() }} as entered_at,
        cast(null as {{ dbt.type_timestamp() }}) as exited_at

    from members

    {%- if cdp.cdp_is_incremental() %}

    left join stored
        on
            members.canonical_id = stored.present_canonical_id
            and members.segment_name = stored.segment_name
            and stored.exited_at is null

    where stored.membership_id is null
    {%- endif %}

),

changed as (

    select * from entered

    {%- if cdp.cdp_is_incremental() %}

    union all

    select * from continued
    {%- endif %}

),

final as (

    select
        canonical_id,
        segment_name,
        entered_at,
        exited_at,
        membership_id,
        {{ cdp.cdp_batch_id() }} as batch_id

    from changed

)

select * from final
