{{ config(enabled=cdp.cdp_is_on()) }}

{%- set settings = cdp.cdp_retention() %}
{%- if execute and settings %}
{%- for source, own in settings.sources.items() if not 13 <= own.months <= 25 %}
{%- do exceptions.warn(
    "cdp_retention: events of '" ~ source ~ "' are kept for " ~ own.months ~ " months; 13 to 25 are recommended: a year and a "
    ~ "month to compare with the year before, and no longer than a regulator would ask why."
) %}
{%- endfor %}
{%- endif %}

with

windows as (

    {{ cdp.cdp_retention_windows("cast(" ~ cdp.cdp_as_of() ~ " as date)") }}

),

deletions as (

    select
        source,
        max(kept_since) as deleted_before

    from {{ ref("cdp__retention_runs") }}

    where table_name = 'raw_events'

    group by source

),

-- A day whose events were deleted stays closed: under a longer window, or a clock that was set back, its counts would
-- be made anew from what is left.
closed as (

    select
        source,
        kept_since,
        cast(null as date) as deleted_before

    from windows

    where source is not null

    union all

    select
        source,
        deleted_before as kept_since,
        deleted_before

    from deletions

),

final as (

    select
        source,
        max(kept_since) as kept_since,
        max(deleted_before) as deleted_before

    from closed

    group by source

)

select * from final
