{{ config(enabled=(project_name == 'cdp')) }}

{%- set midnight = "cast(cast(" ~ cdp.cdp_as_of() ~ " as date) as " ~ dbt.type_timestamp() ~ ")" %}

with

results as (
    {% for days in [0, 1, -1, -31, -366] %}
    select
        {{ days }} as input,
        cast({{ dbt.dateadd("day", days, midnight) }} as date) as expected,
        {{ cdp.cdp_as_of_date(days) }} as result
    {{ "union all" if not loop.last }}
    {%- endfor %}

)

select * from results

where result is distinct from expected
