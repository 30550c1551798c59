{{ config(enabled=(project_name == 'cdp')) }}

{%- set instant = {"bigquery": "timestamp", "snowflake": "timestamp_tz"}.get(target.type, "timestamp with time zone") %}
{%- set cases = [
    ("2026-03-01T10:00:00Z", "2026-03-01 10:00:00"),
    ("2026-03-01T10:00:00.123456Z", "2026-03-01 10:00:00.123456"),
    ("2026-03-01T10:00:00+05:30", "2026-03-01 04:30:00"),
    ("2026-03-01T10:00:00-0800", "2026-03-01 18:00:00"),
    ("2026-03-01 10:00:00+02", "2026-03-01 08:00:00"),
    ("2026-03-01T00:30:00+05:30", "2026-02-28 19:00:00"),
    ("2026-03-01 10:00:00 UTC", "2026-03-01 10:00:00"),
    ("2026-03-01 10:00:00 +0000", "2026-03-01 10:00:00"),
    ("2026-03-01 10:00:00 +05:30", "2026-03-01 04:30:00"),
    ("2026-03-01 10:00:00 -08", "2026-03-01 18:00:00"),
    ("2026-03-01t10:00:00z", "2026-03-01 10:00:00"),
    ("2026-03-01T10:00:00+14:00", "2026-02-28 20:00:00"),
    ("2026-03-01T10:00:00+25:00", none),
    ("2026-03-01 10:00:00", "2026-03-01 10:00:00"),
    ("2026-03-01T10:00:00.5", "2026-03-01 10:00:00.5"),
    ("2026-03-01T10:00", "2026-03-01 10:00:00"),
    ("2026-03-01T10:00Z", "2026-03-01 10:00:00"),
    ("2026-03-01 10:00-05:30", "2026-03-01 15:30:00"),
    (" 2026-03-01T10:00:00Z ", "2026-03-01 10:00:00"),
    ("2026-03-01", "2026-03-01 00:00:00"),
    ("2024-02-29", "2024-02-29 00:00:00"),
    ("2026-02-29", none),
    ("2026-13-01T10:00:00Z", none),
    ("2026-00-10", none),
    ("2026-03-32 10:00:00", none),
    ("2026-03-01T25:00:00Z", none),
    ("2026-03-01T10:61:00Z", none),
    ("03/01/2026", none),
    ("2026/03/01 10:00:00", none),
    ("2026-3-1 10:00:00", none),
    ("01.03.2026 10:00", none),
    ("1772359200", none),
    ("yesterday", none),
    ("2026-03-01T10:00:00Z or so", none),
    ("infinity", none),
    ("", none),
] %}

with

cases as (
    {% for input, expected in cases %}
    select
        '{{ input }}' as input,
        cast({{ "'" ~ expected ~ "'" if expected else "null" }} as {{ dbt.type_timestamp() }}) as expected

    union all
    {% endfor %}
    select
        cast(null as {{ dbt.type_string() }}) as input,
        cast(null as {{ dbt.type_timestamp() }}) as expected

),

results as (

    select
        input,
        expected,
        {{ cdp.cdp_try_timestamp("input") }} as result

    from cases

    union all

    select
        'a timestamp' as input,
        cast('2026-03-01 10:00:00.25' as {{ dbt.type_timestamp() }}) as expected,
        {{ cdp.cdp_try_timestamp("cast('2026-03-01 10:00:00.25' as " ~ dbt.type_timestamp() ~ ")") }} as result

    union all

    select
        'an instant' as input,
        cast('2026-03-01 08:00:00' as {{ dbt.type_timestamp() }}) as expected,
        {{ cdp.cdp_try_timestamp("cast('2026-03-01 10:00:00+02' as " ~ instant ~ ")") }} as result

    union all

    select
        'a date' as input,
        cast('2026-03-01 00:00:00' as {{ dbt.type_timestamp() }}) as expected,
        {{ cdp.cdp_try_timestamp("cast('2026-03-01' as date)") }} as result

)

select * from results

where result is distinct from expected
