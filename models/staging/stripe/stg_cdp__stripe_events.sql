{{ config(enabled=cdp.cdp_has_collector("stripe")) }}

with

paid_invoices as (

    {{ cdp.cdp_stripe_paid_invoices() }}

),

subscription_rows as (

    {{ cdp.cdp_source_rows("stripe", "subscription", {
        "subscription_id": ("text", ["id"]),
        "customer_id": ("text", ["customer_id", "customer"]),
        "status": "text",
        "start_date": ("text", ["start_date", "created"]),
        "ended_at": "text",
        "livemode": "boolean",
        "loaded_at": ("timestamp", ["_fivetran_synced", "_airbyte_extracted_at"]),
    }, needs=["customer_id"]) }}

),

-- One whose first payment has not come, or never came, has not started.
started_subscriptions as (

    select
        source,
        subscription_id,
        customer_id,
        {{ cdp.cdp_stripe_time("start_date") }} as started_at,
        {{ cdp.cdp_stripe_time("ended_at") }} as ended_at,
        loaded_at

    from subscription_rows

    where
        status not in ('incomplete', 'incomplete_expired')
        and coalesce(livemode, true)

),

-- Nothing that a paid invoice or the start and the end of a subscription say changes later.
events as (

    select
        source,
        {{ dbt.concat(["'invoice-'", "invoice_id", "'-paid'"]) }} as event_id,
        'invoice_paid' as event_type,
        paid_at as happened_at,
        loaded_at,
        customer_id,
        {{ cdp.cdp_json_object({
            "amount": "amount",
            "currency": "currency",
            "invoice_id": "invoice_id",
            "subscription_id": "subscription_id",
            "billing_reason": "billing_reason",
        }, keep_nulls=false) }} as properties

    from paid_invoices

    union all

    select
        source,
        {{ dbt.concat(["'subscription-'", "subscription_id", "'-started'"]) }} as event_id,
        'subscription_started' as event_type,
        started_at as happened_at,
        loaded_at,
        customer_id,
        {{ cdp.cdp_json_object({"subscription_id": "subscription_id"}, keep_nulls=false) }} as properties

    from started_subscriptions

    union all

    select
        source,
        {{ dbt.concat(["'subscription-'", "subscription_id", "'-ended'"]) }} as event_id,
        'subscription_ended' as event_type,
        ended_at as happened_at,
        loaded_at,
        customer_id,
        {{ cdp.cdp_json_object({"subscription_id": "subscription_id"}, keep_nulls=false) }} as properties

    from started_subscriptions

    where ended_at is not null

),

final as (

    {{ cdp.cdp_canonical_events("events", {
        "event_id": "event_id",
        "event_type": "event_type",
        "timestamp": "happened_at",
        "loaded_at": "loaded_at",
        "billing_id": "customer_id",
        "properties": "properties",
    }) }}

)

select * from final
