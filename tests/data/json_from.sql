{{ config(enabled=(project_name == 'cdp')) }}

{%- set text = dbt.type_string() %}

with

results as (

    select
        'text stays as it is' as input,
        {{ cdp.cdp_json_from("cast('{\"a\": 1}' as " ~ text ~ ")") }} as result,
        '{"a": 1}' as expected

    union all

    select
        'nothing' as input,
        {{ cdp.cdp_json_from("cast(null as " ~ text ~ ")") }} as result,
        cast(null as {{ text }}) as expected

    {%- if target.type == "duckdb" %}

    union all

    select
        'json' as input,
        {{ cdp.cdp_json_from("cast('{\"a\":1}' as json)") }} as result,
        '{"a":1}' as expected

    union all

    select
        'a struct' as input,
        {{ cdp.cdp_json_from("{'a': 1, 'b': {'c': 'x'}}") }} as result,
        '{"a":1,"b":{"c":"x"}}' as expected

    union all

    select
        'a struct that is null' as input,
        {{ cdp.cdp_json_from("cast(null as struct(a integer))") }} as result,
        null as expected
    {%- endif %}

)

select * from results

where result is distinct from expected
