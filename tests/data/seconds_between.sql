{{ config(enabled=(project_name == 'cdp')) }}

{%- set timestamp = dbt.type_timestamp() %}
{%- set cases = [
    ("2026-03-01 10:00:00", "2026-03-01 10:00:00", 0),
    ("2026-03-01 10:00:00", "2026-03-01 10:00:59.9", 59),
    ("2026-03-01 10:00:00.9", "2026-03-01 10:00:01.1", 0),
    ("2026-02-28 23:59:00", "2026-03-01 00:01:00", 120),
    ("2026-03-02 10:00:00", "2026-03-01 10:00:00", -86400),
] %}

with

results as (
    {% for start, end, expected in cases %}
    select
        '{{ start }} {{ end }}' as input,
        {{ expected }} as expected,
        {{
            cdp.cdp_seconds_between(
                "cast('" ~ start ~ "' as " ~ timestamp ~ ")", "cast('" ~ end ~ "' as " ~ timestamp ~ ")"
            )
        }} as result
    {{ "union all" if not loop.last }}
    {%- endfor %}

)

select * from results

where result is distinct from expected
