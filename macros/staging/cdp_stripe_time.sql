{# A time of Stripe's from a text expression: seconds since 1970, as Stripe and Airbyte write it, or a timestamp, as Fivetran
   does. #}
{% macro cdp_stripe_time(expression) %}
    {%- set seconds = cdp.cdp_try_number(expression) -%}
    {%- set micros = "cast(case when " ~ seconds ~ " < 253402300800 then " ~ seconds ~ " * 1000000 end as " ~ dbt.type_bigint() ~ ")" -%}
    {{- return(
        "case when " ~ seconds ~ " is null then " ~ cdp.cdp_try_timestamp(expression)
        ~ " else " ~ cdp.cdp_timestamp_from_micros(micros) ~ " end"
    ) -}}
{% endmacro %}
