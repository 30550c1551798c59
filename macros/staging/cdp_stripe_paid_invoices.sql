{# A query of the paid invoices in Stripe's table invoice, one row an invoice and version of it that the loader kept. Those of
   test mode are none. #}
{% macro cdp_stripe_paid_invoices() -%}
    select
        source,
        invoice_id,
        customer_id,
        subscription_id,
        billing_reason,
        currency,
        {{ cdp.cdp_stripe_amount("amount_paid", "currency") }} as amount,
        {{ cdp.cdp_stripe_time("paid_at") }} as paid_at,
        loaded_at

    from (
        select
            source,
            invoice_id,
            customer_id,
            subscription_id,
            billing_reason,
            upper(currency) as currency,
            amount_paid,
            coalesce(paid_at, {{ cdp.cdp_json_text("status_transitions", "$.paid_at") }}) as paid_at,
            loaded_at

        from (
            {{ cdp.cdp_source_rows("stripe", "invoice", {
                "invoice_id": ("text", ["id"]),
                "customer_id": ("text", ["customer_id", "customer"]),
                "subscription_id": ("text", ["subscription_id", "subscription"]),
                "billing_reason": "text",
                "status": "text",
                "paid_at": ("text", ["status_transitions_paid_at"]),
                "status_transitions": "json",
                "amount_paid": "number",
                "currency": "text",
                "livemode": "boolean",
                "loaded_at": ("timestamp", ["_fivetran_synced", "_airbyte_extracted_at"]),
            }, needs=["customer_id"]) | indent(12) }}
        ) as invoice_rows

        where
            status = 'paid'
            and coalesce(livemode, true)
    ) as paid_rows
{%- endmacro %}
