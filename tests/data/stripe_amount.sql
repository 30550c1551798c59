{{ config(enabled=(project_name == 'cdp')) }}

{%- set cases = [
    ("4950", "eur", "49.5"),
    ("4950", "USD", "49.5"),
    ("1", "eur", "0.01"),
    ("0", "eur", "0"),
    ("5000", "jpy", "5000"),
    ("5120", "kwd", "5.12"),
    ("500", "isk", "5"),
    ("500", "ugx", "5"),
    ("123456789012345", "usd", "1234567890123.45"),
] %}

with

results as (
    {% for amount, currency, expected in cases %}
    {%- set number = "cast('" ~ amount ~ "' as " ~ cdp.cdp_type_number() ~ ")" %}
    select
        '{{ currency }}' as currency,
        cast('{{ expected }}' as {{ cdp.cdp_type_number() }}) as expected,
        {{ cdp.cdp_stripe_amount(number, "'" ~ currency ~ "'") }} as result
    {{ "union all" if not loop.last }}
    {%- endfor %}

)

select * from results

where result is distinct from expected
