{{
    config(
        enabled=cdp.cdp_is_on(),
        full_refresh=false,
        alias="segment_sizes",
        unique_key=["segment_name", "measured_at"],
        incremental_strategy=cdp.cdp_incremental_strategy()
    )
}}

with

memberships as (

    select * from {{ ref("cdp__segments") }}

),

-- A segment nobody is in has a size too.
segments as (

    select distinct segment_name

    from memberships
    {% for segment in cdp.cdp_segments() %}
    union distinct

    select '{{ segment.name }}' as segment_name
    {% endfor %}
),

final as (

    select
        segments.segment_name,
        {{ cdp.cdp_as_of() }} as measured_at,
        count(case when memberships.exited_at is null then memberships.canonical_id end) as members,
        count(case when memberships.entered_at = {{ cdp.cdp_as_of() }} then memberships.canonical_id end) as entered,
        count(case when memberships.exited_at = {{ cdp.cdp_as_of() }} then memberships.canonical_id end) as exited

    from segments

    left join memberships on segments.segment_name = memberships.segment_name

    group by segments.segment_name

)

select * from final
