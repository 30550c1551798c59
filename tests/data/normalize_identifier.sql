{{ config(enabled=(project_name == 'cdp')) }}

{%- set country = var("cdp_default_country_code", none) %}
{%- set forms = {} %}
{%- for form in ["email", "phone", "id"] %}
{%- do forms.update({form: cdp.cdp_normalize_identifier(form, "input")}) %}
{%- endfor %}
{%- set cases = [
    ("email", "' Ada@Shop.EXAMPLE '", "'ada@shop.example'"),
    ("email", "'ａｄａ＠ｓｈｏｐ．ｅｘａｍｐｌｅ'", "'ada@shop.example'"),
    ("email", "'ada.b+news@shop.example'", "'ada.b+news@shop.example'"),
    ("email", "null", "null"),
    ("phone", "'+49 30 1234567'", "'+49301234567'"),
    ("phone", "' +49 (0) 30 / 123-45.67 '", "'+49301234567'"),
    ("phone", "'＋４９ ３０ １２３４５６７'", "'+49301234567'"),
    ("phone", "'0049 30 1234567'", "'+49301234567'"),
    ("phone", "'(0049) 30 1234567'", "'+49301234567'"),
    ("phone", "'(+49) 30 1234567'", "'+49301234567'"),
    ("phone", "'tel:+49-30-1234567'", "'+49301234567'"),
    ("phone", "'+1 212 555 0123 ext. 12'", "'+12125550123'"),
    ("phone", "'+1 212 555 0123 x12'", "'+12125550123'"),
    ("phone", "'+1 (212) 555-0123'", "'+12125550123'"),
    ("phone", "'030 1234567'", "'+" ~ country ~ "301234567'" if country else "'0301234567'"),
    ("phone", "'30 1234567'", "'+" ~ country ~ "301234567'" if country else "'301234567'"),
    ("phone", "null", "null"),
    ("id", "' aB+/=9 '", "'aB+/=9'"),
    ("id", dbt.concat(["chr(9)", "'aB+/=9'", "chr(13)", "chr(10)"]), "'aB+/=9'"),
    ("email", dbt.concat(["'ada@shop.example'", "chr(13)"]), "'ada@shop.example'"),
    ("id", "'007'", "'007'"),
    ("id", "'Ada@Shop.EXAMPLE'", "'Ada@Shop.EXAMPLE'"),
    ("id", "null", "null"),
] %}
{#- Snowflake has no normal forms of Unicode. #}
{%- if target.type != "snowflake" %}
{%- do cases.append(("email", dbt.concat(["'ade'", "chr(769)", "'le@shop.example'"]), "'adéle@shop.example'")) %}
{%- endif %}

with

cases as (
    {% for form, input, expected in cases %}
    select
        '{{ form }}' as form,
        cast({{ input }} as {{ dbt.type_string() }}) as input,
        cast({{ expected }} as {{ dbt.type_string() }}) as expected
    {{ "union all" if not loop.last }}
    {%- endfor %}

),

results as (

    select
        form,
        input,
        expected,
        {{ cdp.cdp_by_type("form", forms) }} as result

    from cases

)

select * from results

where result is distinct from expected
