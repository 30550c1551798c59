{{ config(enabled=(project_name == 'cdp')) }}

{%- set timestamp = dbt.type_timestamp() %}
{%- set cases = [
    ("2026-06-02 09:00:00", "251590374000000000"),
    ("2026-06-02 09:00:00.000001", "251590373999999999"),
    ("2200-01-01 00:00:00", "246112646400000000"),
    ("1970-01-01 00:00:00", "253370764800000000"),
    (none, "253370764800000000"),
] %}

with

results as (
    {% for input, expected in cases %}
    select
        {{ loop.index }} as number,
        '{{ expected }}' as expected,
        {{
            cdp.cdp_newest_first(
                "cast(" ~ ("'" ~ input ~ "'" if input else "null") ~ " as " ~ timestamp ~ ")"
            )
        }} as result
    {{ "union all" if not loop.last }}
    {%- endfor %}

)

select * from results

where result is distinct from expected
