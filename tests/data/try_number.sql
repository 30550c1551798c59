{{ config(enabled=(project_name == 'cdp')) }}

{%- set cases = [
    ("12", "12"),
    ("12.5", "12.5"),
    ("-3", "-3"),
    ("+4", "4"),
    ("0012", "12"),
    ("0.123456789", "0.123456789"),
    ("999999999999999999.25", "999999999999999999.25"),
    ("1000000000000000000", none),
    ("-1000000000000000000", none),
    ("9" * 29, none),
    ("1" ~ "0" * 40, none),
    ("1,000", none),
    ("12 EUR", none),
    ("1.2.3", none),
    ("twelve", none),
    ("NaN", none),
    ("-", none),
    ("", none),
] %}

with

cases as (
    {% for input, expected in cases %}
    select
        '{{ input }}' as input,
        cast({{ "'" ~ expected ~ "'" if expected else "null" }} as {{ cdp.cdp_type_number() }}) as expected

    union all
    {% endfor %}
    select
        cast(null as {{ dbt.type_string() }}) as input,
        cast(null as {{ cdp.cdp_type_number() }}) as expected

),

results as (

    select
        input,
        expected,
        {{ cdp.cdp_try_number("input") }} as result

    from cases

)

select * from results

where result is distinct from expected
