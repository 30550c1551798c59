{{ config(enabled=(project_name == 'cdp')) }}

{%- set cases = [
    ("'Ada@shop.example'", "'Ada@shop.example'"),
    ("'ＡＺａｚ０９＠．－＿＋　'", "'AZaz09@.-_+ '"),
    ("'größe'", "'größe'"),
    ("'山田'", "'山田'"),
    ("''", "''"),
    ("null", "null"),
] %}
{#- Snowflake has no normal forms of Unicode. #}
{%- if target.type != "snowflake" %}
{%- do cases.append((dbt.concat(["'e'", "chr(769)"]), "chr(233)")) %}
{%- endif %}

with

cases as (
    {% for input, expected in cases %}
    select
        cast({{ input }} as {{ dbt.type_string() }}) as input,
        cast({{ expected }} as {{ dbt.type_string() }}) as expected
    {{ "union all" if not loop.last }}
    {%- endfor %}

),

results as (

    select
        input,
        expected,
        {{ cdp.cdp_normalize_unicode("input") }} as result

    from cases

)

select * from results

where result is distinct from expected
