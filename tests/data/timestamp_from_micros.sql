{{ config(enabled=(project_name == 'cdp')) }}

{%- set cases = [
    ("1780308000123456", "2026-06-01 10:00:00.123456"),
    ("0", "1970-01-01 00:00:00"),
    ("-1", none),
    ("9223372036854775807", none),
    ("null", none),
] %}

with

cases as (
    {% for input, expected in cases %}
    select
        cast({{ input }} as {{ dbt.type_bigint() }}) as input,
        cast({{ "'" ~ expected ~ "'" if expected else "null" }} as {{ dbt.type_timestamp() }}) as expected
    {{ "union all" if not loop.last }}
    {%- endfor %}

),

results as (

    select
        input,
        expected,
        {{ cdp.cdp_timestamp_from_micros("input") }} as result

    from cases

)

select * from results

where result is distinct from expected
