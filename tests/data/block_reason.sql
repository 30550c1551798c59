{{ config(enabled=(project_name == 'cdp')) }}

{%- set forms = {} %}
{%- for form in ["email", "phone", "id"] %}
{%- do forms.update({form: cdp.cdp_block_reason(form, "input")}) %}
{%- endfor %}
{%- set cases = [
    ("email", "'ada@shop.example'", "null"),
    ("email", "'ada.b+news@mail.shop.example'", "null"),
    ("email", "'ada'", "'not an e-mail address'"),
    ("email", "'ada@shop'", "'not an e-mail address'"),
    ("email", "'@shop.example'", "'not an e-mail address'"),
    ("email", "'ada@bob@shop.example'", "'not an e-mail address'"),
    ("email", "'ada b@shop.example'", "'not an e-mail address'"),
    ("email", "'ada@shop.example, bob@shop.example'", "'not an e-mail address'"),
    ("email", "'noreply@shop.example'", "'an address nobody reads'"),
    ("email", "'no-reply@shop.example'", "'an address nobody reads'"),
    ("email", "'no_reply@shop.example'", "'an address nobody reads'"),
    ("email", "'no.reply@shop.example'", "'an address nobody reads'"),
    ("email", "'test@shop.example'", "'an address nobody reads'"),
    ("email", "'testa@shop.example'", "null"),
    ("email", "'do-not-reply@shop.example'", "'an address nobody reads'"),
    ("email", "'mailer-daemon@shop.example'", "'an address nobody reads'"),
    ("email", "'undefined@shop.example'", "'an address nobody reads'"),
    ("email", "'noreplyton@shop.example'", "null"),
    ("phone", "'+49301234567'", "null"),
    ("phone", "'+1234567'", "null"),
    ("phone", "'+123456789012345'", "null"),
    ("phone", "'0301234567'", "'phone without country code'"),
    ("phone", "''", "'phone without country code'"),
    ("phone", "'+123456'", "'not a phone number'"),
    ("phone", "'+1234567890123456'", "'not a phone number'"),
    ("phone", "'+0301234567'", "'not a phone number'"),
    ("phone", "'+49000000000'", "'one repeated digit'"),
    ("phone", "'+99999999999'", "'one repeated digit'"),
    ("phone", "'+49301111112'", "null"),
    ("id", "'7'", "null"),
    ("id", "'11'", "null"),
    ("id", "'112'", "null"),
    ("id", "'aaaa'", "null"),
    ("id", "'5c2f0000-0000-4000-8000-000000000000'", "null"),
    ("id", "'111'", "null"),
    ("id", "'22222'", "null"),
    ("id", "'333333'", "'one repeated digit'"),
    ("id", "'00000000'", "'one repeated digit'"),
    ("id", "'0'", "'zeros only'"),
    ("id", "'00-0'", "'zeros only'"),
    ("id", "'00000000-0000-0000-0000-000000000000'", "'zeros only'"),
    ("id", "repeat('a', 512)", "null"),
    ("id", "repeat('a', 513)", "'too long'"),
    ("id", dbt.concat(["'a'", "chr(9)", "'b'"]), "'control characters'"),
    ("email", dbt.concat(["'ada@shop.example'", "chr(10)"]), "'control characters'"),
    ("id", "'a\ufffd'", "'broken characters'"),
    ("email", "'ad\ufffd@shop.example'", "'broken characters'"),
    ("id", "'\u00a0\u200b\ufeff'", "'nothing visible'"),
    ("id", "'a\u200b'", "null"),
    ("id", "'\u65e5'", "null"),
] %}

with

cases as (
    {% for form, input, expected in cases %}
    select
        '{{ form }}' as form,
        {{ input }} as input,
        cast({{ expected }} as {{ dbt.type_string() }}) as expected
    {{ "union all" if not loop.last }}
    {%- endfor %}

),

results as (

    select
        form,
        input,
        expected,
        {{ cdp.cdp_by_type("form", forms) | indent(8) }} as result

    from cases

)

select * from results

where result is distinct from expected
