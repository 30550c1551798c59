{{ config(enabled=(project_name == 'cdp')) }}

{%- set cases = [
    ('{"plan": "pro"}', "pro"),
    ('{"other": 1, "plan": "Zürich"}', "Zürich"),
    ('{"plan": 3}', "3"),
    ('{"plan": 12.5}', "12.5"),
    ('{"plan": true}', "true"),
    ('{"plan": ""}', ""),
    ('{"plan": "null"}', "null"),
    ('{"plan": null}', none),
    ('{"Plan": "pro"}', none),
    ('{"account": {"plan": "pro"}}', none),
    ('{}', none),
    ('[]', none),
    ('"plan"', none),
] %}

with

cases as (
    {% for input, expected in cases %}
    select
        '{{ input }}' as input,
        cast({{ "'" ~ expected ~ "'" if expected is not none else "null" }} as {{ dbt.type_string() }}) as expected

    union all
    {% endfor %}
    select
        cast(null as {{ dbt.type_string() }}) as input,
        cast(null as {{ dbt.type_string() }}) as expected

),

results as (

    select
        input,
        expected,
        {{ cdp.cdp_json_text("input", cdp.cdp_json_path("plan")) }} as result

    from cases

    union all

    select
        'a name with a space' as input,
        'Ada' as expected,
        {{ cdp.cdp_json_text("'{\"First Name\": \"Ada\"}'", cdp.cdp_json_path("First Name")) }} as result

)

select * from results

where result is distinct from expected
