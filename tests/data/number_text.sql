{{ config(enabled=(project_name == 'cdp')) }}

{%- set cases = [
    ("49.5", "49.5"),
    ("100", "100"),
    ("0", "0"),
    ("1.001", "1.001"),
    ("-20.10", "-20.1"),
    ("999999999999999999.25", "999999999999999999.25"),
] %}

with

results as (
    {% for input, expected in cases %}
    select
        '{{ expected }}' as expected,
        {{ cdp.cdp_number_text("cast('" ~ input ~ "' as " ~ cdp.cdp_type_number() ~ ")") }} as result

    union all
    {% endfor %}
    select
        cast(null as {{ dbt.type_string() }}) as expected,
        {{ cdp.cdp_number_text("cast(null as " ~ cdp.cdp_type_number() ~ ")") }} as result

)

select * from results

where result is distinct from expected
