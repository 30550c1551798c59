{{ config(enabled=(project_name == 'cdp')) }}

{%- set cases = [
    ("2026-02-28", 1, "2026-03-01"), ("2026-12-31", 1, "2027-01-01"), ("2028-02-28", 1, "2028-02-29"),
    ("2026-03-01", -1, "2026-02-28"), ("2027-01-01", -1, "2026-12-31"), ("2028-03-01", -1, "2028-02-29"),
] %}

with

results as (
    {% for input, days, expected in cases %}
    select
        cast('{{ expected }}' as date) as expected,
        {{ cdp.cdp_add_days("cast('" ~ input ~ "' as date)", days) }} as result
    {{ "union all" if not loop.last }}
    {%- endfor %}

)

select * from results

where result is distinct from expected
