{# An amount of Stripe's, a number in the smallest unit of a currency, in the currency itself: 4950 cents are 49.5 euros.
   The lists are those of https://docs.stripe.com/currencies. Stripe counts the Icelandic króna and the Ugandan shilling, which
   have no smaller unit, in hundredths too. #}
{% macro cdp_stripe_amount(amount, currency) %}
    {%- set without_decimals = [
        "BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"
    ] -%}
    {%- set with_three = ["BHD", "JOD", "KWD", "OMR", "TND"] -%}
    {%- set number = cdp.cdp_type_number() -%}
    {{- return(
        "cast(" ~ amount ~ " * cast(case"
        ~ " when upper(" ~ currency ~ ") in ('" ~ without_decimals | join("', '") ~ "') then '1'"
        ~ " when upper(" ~ currency ~ ") in ('" ~ with_three | join("', '") ~ "') then '0.001'"
        ~ " else '0.01' end as " ~ number ~ ") as " ~ number ~ ")"
    ) -}}
{% endmacro %}
