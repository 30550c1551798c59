{{ config(enabled=(project_name == 'cdp')) }}

{%- set types = [
    {"name": "user_id", "priority": 1, "max_people": 1},
    {"name": "phone", "priority": 4, "max_people": 2},
] %}

{%- set cases = [("user_id", 1, 1), ("phone", 4, 2), ("shoe_size", "null", "null")] %}

with

cases as (
    {% for input, priority, max_people in cases %}
    select
        '{{ input }}' as input,
        {{ priority }} as priority,
        {{ max_people }} as max_people
    {{ "union all" if not loop.last }}
    {%- endfor %}

),

results as (

    select
        input,
        priority as expected,
        {{ cdp.cdp_type_setting("input", "priority", types) }} as result

    from cases

    union all

    select
        input,
        max_people as expected,
        {{ cdp.cdp_type_setting("input", "max_people", types) }} as result

    from cases

    union all

    -- Without a list of types the configured ones count.
    select
        'the strongest' as input,
        1 as expected,
        {{ cdp.cdp_type_setting("'user_id'", "priority") }} as result

)

select * from results

where result is distinct from expected
