{{ config(enabled=(project_name == 'cdp')) }}

{%- set cases = [
    ("+49 (30) 12", "[^0-9]", "", "493012"),
    ("0030", "^0", "", "030"),
    ("a-b-c", "-", "_", "a_b_c"),
    ("abc", "x", "y", "abc"),
    ("aaa", "a+", "b", "b"),
    ("", "a", "b", ""),
] %}

with

results as (
    {% for input, pattern, replacement, expected in cases %}
    select
        '{{ input }}' as input,
        '{{ pattern }}' as pattern,
        '{{ expected }}' as expected,
        {{ cdp.cdp_regexp_replace("'" ~ input ~ "'", pattern, replacement) }} as result

    union all
    {% endfor %}
    select
        cast(null as {{ dbt.type_string() }}) as input,
        'a' as pattern,
        cast(null as {{ dbt.type_string() }}) as expected,
        {{ cdp.cdp_regexp_replace("cast(null as " ~ dbt.type_string() ~ ")", "a", "b") }} as result

)

select * from results

where result is distinct from expected
