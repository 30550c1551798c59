{{ config(enabled=(project_name == 'cdp')) }}

{%- set cases = [
    ('[{"a": 1}, {"a": 2}]', "1"),
    ('[]', none),
    ('{"a": 1}', none),
    ('null', none),
] %}

with

cases as (
    {% for input, expected in cases %}
    select
        '{{ input }}' as input,
        cast({{ "'" ~ expected ~ "'" if expected else "null" }} as {{ dbt.type_string() }}) as expected

    union all
    {% endfor %}
    select
        cast(null as {{ dbt.type_string() }}) as input,
        cast(null as {{ dbt.type_string() }}) as expected

),

firsts as (

    select
        input,
        expected,
        {{ cdp.cdp_json_first("input") }} as first_element

    from cases

),

results as (

    select
        input,
        expected,
        {{ cdp.cdp_json_text("first_element", "$.a") }} as result

    from firsts

    union all

    select
        'nothing is no JSON' as input,
        null as expected,
        first_element as result

    from firsts

    where expected is null

)

select * from results

where result is distinct from expected
