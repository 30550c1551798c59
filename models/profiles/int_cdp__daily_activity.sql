{{
    config(
        enabled=cdp.cdp_is_on(),
        full_refresh=false,
        unique_key=["activity_date", "group_key", "measure", "value_key"],
        partition_by=cdp.cdp_partition_by("activity_date", "date"),
        cluster_by=cdp.cdp_cluster_by(["measure", "tuple_key"]),
        meta={"cdp_key_has_day": true},
        incremental_strategy=cdp.cdp_incremental_strategy(),
        post_hook="{{ cdp.cdp_forget_measures() }}"
    )
}}

{%- set measures = cdp.cdp_measures() %}
{%- set known = cdp.cdp_known_measures() %}
{%- set unmarked = cdp.cdp_measure_ids() | reject("in", known) | list %}
{%- set filled = unmarked if cdp.cdp_is_incremental() else [] %}
{%- set told = cdp.cdp_told_by_relation(filled) %}
{%- set groups = cdp.cdp_touched_groups(ref("stg_cdp__retention")) %}

with

{{ cdp.cdp_touched_events(groups) }},

all_events as {{ cdp.cdp_read_anew(true) }} (

    select * from {{ ref("cdp__raw_events") }}

),

{%- for relation, told_measures in told.items() %}

{{ cdp.cdp_told_values(relation, told_measures) }}
{%- endfor %}

told as (
    {% for relation in told %}
    select * from told_{{ relation }}
    {{ "union all" if not loop.last }}
    {%- endfor %}

),

-- A measure that the table does not hold yet is taken from every event that is left.
present as (
    {% for measure in measures %}
    {{ cdp.cdp_measure_sql(measure, "all_events" if measure.id in filled else "events") }}

    union all
    {% endfor -%}
    {{ cdp.cdp_told_sql("told") }}

),

{%- if cdp.cdp_is_incremental() %}

stored as (

    select * from {{ this }}

    where
        event_count > 0
        and group_key in (select touched.group_key from touched)
        {{ cdp.cdp_within_days("activity_date", cdp.cdp_days_of_groups(groups), "date") }}
    {%- if filled %}

    union all

    -- Left over from a time when the measure was defined before.
    select * from {{ this }}

    where
        event_count > 0
        and measure in ('{{ filled | join("', '") }}')
        and group_key in (select all_events.group_key from all_events)
        and group_key not in (select touched.group_key from touched)
    {%- endif %}

),

-- What a touched group had counted and counts no more stays as a row that counts nothing.
emptied as (

    select
        stored.group_key,
        stored.measure,
        stored.value_key,
        0 as event_count,
        0 as value_count,
        cast(null as {{ cdp.cdp_type_number() }}) as value_sum,
        cast(null as {{ cdp.cdp_type_number() }}) as value_min,
        cast(null as {{ cdp.cdp_type_number() }}) as value_max,
        stored.first_at,
        stored.last_at

    from stored

    left join present
        on
            stored.group_key = present.group_key
            and stored.measure = present.measure
            and stored.value_key = present.value_key

    where present.group_key is null

),
{%- endif %}

changed as (

    select * from present

    {%- if cdp.cdp_is_incremental() %}

    union all

    select * from emptied
    {%- endif %}

    {%- for id in unmarked %}

    union all

    -- Says that the measure is held.
    select
        '' as group_key,
        '{{ id }}' as measure,
        '' as value_key,
        0 as event_count,
        0 as value_count,
        null as value_sum,
        null as value_min,
        null as value_max,
        null as first_at,
        null as last_at
    {%- endfor %}

),

final as (

    select
        group_key,
        {{ dbt.split_part("group_key", "' '", 1) }} as tuple_key,
        {{ dbt.split_part("group_key", "' '", 2) }} as source,
        cast(nullif({{ dbt.split_part("group_key", "' '", 3) }}, '') as date) as activity_date,
        measure,
        value_key,
        cast(event_count as {{ dbt.type_bigint() }}) as event_count,
        cast(value_count as {{ dbt.type_bigint() }}) as value_count,
        cast(value_sum as {{ cdp.cdp_type_number() }}) as value_sum,
        value_min,
        value_max,
        first_at,
        last_at,
        {{ cdp.cdp_batch_id() }} as batch_id

    from changed

)

select * from final
