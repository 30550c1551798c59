{{
    config(
        enabled=cdp.cdp_is_on(),
        full_refresh=false,
        unique_key=["group_key", "measure", "value_key"],
        incremental_strategy=cdp.cdp_incremental_strategy(),
        post_hook="{{ cdp.cdp_forget_measures() }}"
    )
}}

{%- set measures = cdp.cdp_measures() %}
{%- set attributes = cdp.cdp_event_attributes() %}
{%- set known = cdp.cdp_known_measures() %}
{%- set fields = {} %}
{%- for attribute in attributes %}
{%- do fields.update({attribute: ["$." ~ attribute]}) %}
{%- endfor %}

with

{{ cdp.cdp_touched_events() }},

all_events as (

    select * from {{ ref("cdp__raw_events") }}

),

described_events as (

    select
        group_key,
        timestamp,
        traits

    from events

    where traits is not null

),

attribute_values as (

    {{ cdp.cdp_json_columns("described_events", "traits", ["group_key", "timestamp"], fields) | indent(4) }}

),

-- A measure that the table does not hold yet is taken from every event that is left.
present as (
    {% for measure in measures %}
    {%- set is_new = cdp.cdp_is_incremental() and measure.id not in known %}
    {{ cdp.cdp_measure_sql(measure, "all_events" if is_new else "events") }}

    union all
    {% endfor -%}
    {% for attribute in attributes %}
    select
        group_key,
        'attribute.{{ attribute }}' as measure,
        {{ attribute }} as value_key,
        count(*) as event_count,
        0 as value_count,
        cast(null as {{ cdp.cdp_type_number() }}) as value_sum,
        cast(null as {{ cdp.cdp_type_number() }}) as value_min,
        cast(null as {{ cdp.cdp_type_number() }}) as value_max,
        min(timestamp) as first_at,
        max(timestamp) as last_at

    from attribute_values

    where nullif(trim({{ attribute }}), '') is not null

    group by
        group_key,
        {{ attribute }}
    {{ "union all" if not loop.last }}
    {%- endfor %}

),

{%- if cdp.cdp_is_incremental() %}

stored as (

    select * from {{ this }}

    where
        event_count > 0
        and group_key in (select touched.group_key from touched)
    {%- for measure in measures if measure.id not in known %}

    union all

    -- Left over from a time when the measure was defined before.
    select * from {{ this }}

    where
        event_count > 0
        and measure = '{{ measure.id }}'
        and group_key in (select all_events.group_key from all_events)
        and group_key not in (select touched.group_key from touched)
    {%- endfor %}

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

    {%- for measure in measures if measure.id not in known %}

    union all

    -- Says that the measure is held.
    select
        '' as group_key,
        '{{ measure.id }}' as measure,
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
