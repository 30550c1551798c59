{{ config(enabled=(project_name == 'cdp')) }}

{%- set cases = [("2026-02-28", "2026-03-01"), ("2026-12-31", "2027-01-01"), ("2028-02-28", "2028-02-29")] %}

with

results as (
    {% for input, expected in cases %}
    select
        cast('{{ expected }}' as date) as expected,
        {{ cdp.cdp_next_day("cast('" ~ input ~ "' as date)") }} as result
    {{ "union all" if not loop.last }}
    {%- endfor %}

)

select * from results

where result is distinct from expected
