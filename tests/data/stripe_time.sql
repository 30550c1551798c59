{{ config(enabled=(project_name == 'cdp')) }}

{%- set cases = [
    ("1780308000", "2026-06-01 10:00:00"),
    ("1780308000.000000000", "2026-06-01 10:00:00"),
    ("2026-06-01 10:00:00+00", "2026-06-01 10:00:00"),
    ("2026-06-01T12:00:00+02:00", "2026-06-01 10:00:00"),
    ("2026-06-01 10:00:00", "2026-06-01 10:00:00"),
    ("999999999999999999", none),
    ("soon", none),
    ("", none),
] %}

with

results as (
    {% for input, expected in cases %}
    select
        '{{ input }}' as input,
        cast({{ "'" ~ expected ~ "'" if expected else "null" }} as {{ dbt.type_timestamp() }}) as expected,
        {{ cdp.cdp_stripe_time("'" ~ input ~ "'") }} as result

    union all
    {% endfor %}
    select
        cast(null as {{ dbt.type_string() }}) as input,
        cast(null as {{ dbt.type_timestamp() }}) as expected,
        {{ cdp.cdp_stripe_time("cast(null as " ~ dbt.type_string() ~ ")") }} as result

)

select * from results

where result is distinct from expected
