{{ config(enabled=(project_name == 'cdp')) }}

{%- set timestamp = dbt.type_timestamp() %}
{%- set cases = [
    ("2026-03-01 10:00:00", 1, "day", "2026-03-02 10:00:00"),
    ("2026-03-01 10:00:00", -1, "day", "2026-02-28 10:00:00"),
    ("2026-03-01 10:00:00", -3, "hour", "2026-03-01 07:00:00"),
    ("2026-03-01 23:30:00", 45, "minute", "2026-03-02 00:15:00"),
    ("2026-03-01 10:00:00.25", 90, "second", "2026-03-01 10:01:30.25"),
] %}

with

results as (
    {% for input, number, unit, expected in cases %}
    select
        '{{ input }}' as input,
        cast('{{ expected }}' as {{ timestamp }}) as expected,
        {{ cdp.cdp_timestamp_add("cast('" ~ input ~ "' as " ~ timestamp ~ ")", number, unit) }} as result
    {{ "union all" if not loop.last }}
    {%- endfor %}

)

select * from results

where result is distinct from expected
