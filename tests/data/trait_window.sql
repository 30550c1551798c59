{{ config(enabled=(project_name == 'cdp')) }}

{#- Days from the day of cdp_as_of: the first and the last in a window, and their neighbours outside it. #}
{%- set cases = [
    ({}, -10000, true),
    ({}, 0, true),
    ({}, 1, false),
    ({"last_days": 7}, -8, false),
    ({"last_days": 7}, -7, true),
    ({"last_days": 7}, -1, true),
    ({"last_days": 7}, 0, false),
    ({"last_days": 1}, -2, false),
    ({"last_days": 1}, -1, true),
    ({"last_days": 1}, 0, false),
    ({"last_days": 30, "offset_days": 30}, -61, false),
    ({"last_days": 30, "offset_days": 30}, -60, true),
    ({"last_days": 30, "offset_days": 30}, -31, true),
    ({"last_days": 30, "offset_days": 30}, -30, false),
] %}

with

results as (
    {% for trait, days, expected in cases %}
    select
        {{ loop.index }} as case_number,
        activity_date,
        {{ expected }} as expected,
        {{ cdp.cdp_trait_window(trait) }} as result

    from (select {{ cdp.cdp_as_of_date(days) }} as activity_date) as activity
    {{ "union all" if not loop.last }}
    {%- endfor %}

)

select * from results

where result is distinct from expected
