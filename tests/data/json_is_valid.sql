{{ config(enabled=(project_name == 'cdp')) }}

{%- set cases = [
    ('{"plan": "pro"}', "true"),
    ("{}", "true"),
    ("{oops", "false"),
    ("oops", "false"),
    ('{"plan": "pro"', "false"),
] %}

with

cases as (
    {% for input, expected in cases %}
    select
        '{{ input }}' as input,
        {{ expected }} as expected
    union all
    {% endfor -%}
    select
        cast(null as {{ dbt.type_string() }}) as input,
        null as expected

),

results as (

    select
        input,
        expected,
        {{ cdp.cdp_json_is_valid("input") }} as result

    from cases

)

select * from results

where result is distinct from expected
