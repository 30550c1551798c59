{{ config(enabled=(project_name == 'cdp')) }}

{%- set instant = {"bigquery": "timestamp", "snowflake": "timestamp_tz"}.get(target.type, "timestamp with time zone") %}
{%- set clock = {"bigquery": "datetime", "snowflake": "timestamp_ntz"}.get(target.type, "timestamp") %}
{%- set cases = [
    ("2026-03-01 10:00:00+02", instant, "2026-03-01 08:00:00"),
    ("2026-03-01 10:00:00", clock, "2026-03-01 10:00:00"),
    ("2026-03-01T10:00:00+02:00", dbt.type_string(), "2026-03-01 08:00:00"),
    ("yesterday", dbt.type_string(), none),
    ("2026-03-01", "date", "2026-03-01 00:00:00"),
] %}

with

results as (
    {% for given, type, expected in cases %}
    select
        '{{ type }} {{ given }}' as input,
        cast({{ "'" ~ expected ~ "'" if expected else "null" }} as {{ dbt.type_timestamp() }}) as expected,
        {{ cdp.cdp_utc_timestamp("given", type) }} as result

    from (select cast('{{ given }}' as {{ type }}) as given) as cases

    {{ "union all" if not loop.last }}
    {%- endfor %}

)

select * from results

where result is distinct from expected
