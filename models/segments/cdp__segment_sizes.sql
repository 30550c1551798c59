{{
    config(
        enabled=cdp.cdp_is_on(),
        full_refresh=false,
        alias="segment_sizes",
        unique_key=["entity", "segment_name", "measured_at"],
        incremental_strategy=cdp.cdp_incremental_strategy(),
        on_schema_change="append_new_columns"
    )
}}

with

memberships as (

    select
        'person' as entity,
        segment_name,
        entered_at,
        exited_at

    from {{ ref("cdp__segments") }}

    union all

    select
        'account' as entity,
        segment_name,
        entered_at,
        exited_at

    from {{ ref("cdp__account_segments") }}

),

-- A segment nobody is in has a size too.
segments as (

    select distinct
        entity,
        segment_name

    from memberships
    {% for entity in ["person", "account"] %}
    {%- for segment in cdp.cdp_segments(entity) %}
    union distinct

    select
        '{{ entity }}' as entity,
        '{{ segment.name }}' as segment_name
    {% endfor %}
    {%- endfor %}
),

final as (

    select
        segments.segment_name,
        {{ cdp.cdp_as_of() }} as measured_at,
        count(case when memberships.exited_at is null then memberships.entered_at end) as members,
        count(case when memberships.entered_at = {{ cdp.cdp_as_of() }} then memberships.entered_at end) as entered,
        count(case when memberships.exited_at = {{ cdp.cdp_as_of() }} then memberships.exited_at end) as exited,
        segments.entity

    from segments

    left join memberships
        on
            segments.entity = memberships.entity
            and segments.segment_name = memberships.segment_name

    group by
        segments.entity,
        segments.segment_name

)

select * from final
