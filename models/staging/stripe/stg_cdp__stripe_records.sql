{{ config(enabled=cdp.cdp_has_collector("stripe")) }}

{%- set price = {
    "price_id": ("text", ["id"]),
    "product_id": ("text", ["product_id", "product"]),
    "nickname": "text",
} %}

with

customer_rows as (

    {{ cdp.cdp_source_rows("stripe", "customer", {
        "customer_id": ("text", ["id"]),
        "email": "text",
        "name": "text",
        "address_country": "text",
        "address": "json",
        "metadata": "json",
        "metadata_user_id": "text",
        "created": "text",
        "updated": ("text", ["updated", "_fivetran_synced"]),
        "livemode": "boolean",
        "is_deleted": ("boolean", ["is_deleted", "deleted"]),
        "is_removed": ("boolean", ["_fivetran_deleted"]),
    }) }}

),

subscription_rows as (

    {{ cdp.cdp_source_rows("stripe", "subscription", {
        "subscription_id": ("text", ["id"]),
        "customer_id": ("text", ["customer_id", "customer"]),
        "status": "text",
        "plan": "json",
        "created": "text",
        "updated": ("text", ["_fivetran_start", "updated", "_fivetran_synced"]),
        "livemode": "boolean",
        "is_present": ("boolean", ["_fivetran_active"]),
    }) }}

),

item_rows as (

    {{ cdp.cdp_source_rows("stripe", "subscription_item", {
        "item_id": ("text", ["id"]),
        "subscription_id": ("text", ["subscription_id", "subscription"]),
        "price_id": ("text", ["plan_id", "price_id"]),
        "plan": "json",
        "created": "text",
        "is_removed": ("boolean", ["_fivetran_deleted"]),
    }) }}

),

price_rows as (

    {{ cdp.cdp_source_rows("stripe", "price", price) }}

),

plan_rows as (

    {{ cdp.cdp_source_rows("stripe", "plan", price) }}

),

product_rows as (

    {{ cdp.cdp_source_rows("stripe", "product", {
        "product_id": ("text", ["id"]),
        "name": "text",
    }) }}

),

invoice_rows as (

    {{ cdp.cdp_stripe_paid_invoices() }}

),

customer_versions as (

    select
        source,
        customer_id,
        email,
        coalesce(
            metadata_user_id,
            {{ cdp.cdp_json_text("metadata", "$.user_id") }},
            {{ cdp.cdp_json_text("metadata", "$.userId") }}
        ) as user_id,
        name,
        coalesce(address_country, {{ cdp.cdp_json_text("address", "$.country") }}) as country,
        {{ cdp.cdp_stripe_time("coalesce(updated, created)") }} as updated_at,
        coalesce(is_deleted, false) or coalesce(is_removed, false) as is_deleted

    from customer_rows

    where coalesce(livemode, true)

),

customers as (

    {{
        cdp.cdp_first_rows(
            "customer_versions",
            ["source", "customer_id"],
            ["updated_at desc nulls last", "is_deleted desc"]
        )
    }}

),

subscription_versions as (

    select
        source,
        subscription_id,
        customer_id,
        status,
        status in ('active', 'trialing', 'past_due') as is_running,
        plan,
        {{ cdp.cdp_stripe_time("created") }} as created_at,
        {{ cdp.cdp_stripe_time("updated") }} as updated_at

    from subscription_rows

    where
        coalesce(livemode, true)
        and coalesce(is_present, true)

),

subscriptions as (

    {{
        cdp.cdp_first_rows(
            "subscription_versions",
            ["source", "subscription_id"],
            ["updated_at desc nulls last", "status asc"]
        )
    }}

),

-- Which of a customer's subscriptions its record tells of: the newest that runs, else the newest.
told_subscriptions as (

    {{
        cdp.cdp_first_rows(
            "subscriptions",
            ["source", "customer_id"],
            ["case when is_running then 0 else 1 end", "created_at desc nulls last", "subscription_id asc"]
        )
    }}

),

-- What Stripe calls a plan is a price, with the same id. A subscription itself has one only where it has a single item.
items as (

    select
        source,
        subscription_id,
        item_id,
        coalesce(price_id, {{ cdp.cdp_json_text("plan", "$.id") }}) as price_id,
        {{ cdp.cdp_json_text("plan", "$.product") }} as product_id,
        {{ cdp.cdp_json_text("plan", "$.nickname") }} as nickname,
        {{ cdp.cdp_stripe_time("created") }} as created_at

    from item_rows

    where coalesce(is_removed, false) = false

    union all

    select
        source,
        subscription_id,
        cast(null as {{ dbt.type_string() }}) as item_id,
        {{ cdp.cdp_json_text("plan", "$.id") }} as price_id,
        {{ cdp.cdp_json_text("plan", "$.product") }} as product_id,
        {{ cdp.cdp_json_text("plan", "$.nickname") }} as nickname,
        cast(null as {{ dbt.type_timestamp() }}) as created_at

    from subscriptions

),

-- The item added first is the plan, what was added later comes with it.
main_items as (

    {{
        cdp.cdp_first_rows(
            "items",
            ["source", "subscription_id"],
            ["created_at nulls last", "item_id nulls last"],
            where="price_id is not null"
        )
    }}

),

prices as (

    select * from price_rows

    union all

    select * from plan_rows

    union all

    select
        source,
        price_id,
        product_id,
        nickname

    from items

),

named_prices as (

    select
        prices.source,
        prices.price_id,
        coalesce(max(product_rows.name), max(prices.nickname)) as plan

    from prices

    left join product_rows
        on
            prices.source = product_rows.source
            and prices.product_id = product_rows.product_id

    group by
        prices.source,
        prices.price_id

),

paid_invoices as (

    {{ cdp.cdp_first_rows("invoice_rows", ["source", "invoice_id"], ["loaded_at desc nulls last"]) }}

),

payments_by_currency as (

    select
        source,
        customer_id,
        currency,
        sum(amount) as total_paid,
        max(paid_at) as last_paid_at

    from paid_invoices

    group by
        source,
        customer_id,
        currency

),

-- Amounts in two currencies have no sum: the currency that was paid in last counts.
payments as (

    {{
        cdp.cdp_first_rows(
            "payments_by_currency",
            ["source", "customer_id"],
            ["last_paid_at desc nulls last", "currency asc"]
        )
    }}

),

records as (

    select
        customers.source,
        customers.customer_id as record_id,
        cast(null as {{ dbt.type_string() }}) as merged_into,
        greatest(
            customers.updated_at,
            coalesce(told_subscriptions.updated_at, customers.updated_at),
            coalesce(payments.last_paid_at, customers.updated_at)
        ) as updated_at,
        customers.email,
        customers.user_id,
        customers.name,
        customers.country,
        told_subscriptions.status as subscription_status,
        case when told_subscriptions.is_running then named_prices.plan end as plan,
        {{ cdp.cdp_number_text("payments.total_paid") }} as total_paid,
        payments.currency

    from customers

    left join told_subscriptions
        on
            customers.source = told_subscriptions.source
            and customers.customer_id = told_subscriptions.customer_id

    left join main_items
        on
            told_subscriptions.source = main_items.source
            and told_subscriptions.subscription_id = main_items.subscription_id

    left join named_prices
        on
            main_items.source = named_prices.source
            and main_items.price_id = named_prices.price_id

    left join payments
        on
            customers.source = payments.source
            and customers.customer_id = payments.customer_id

    where not customers.is_deleted

),

final as (

    {{ cdp.cdp_collector_records(
        "stripe",
        "records",
        identifiers={"email": "email", "user_id": "user_id"},
        attributes={
            "name": "name",
            "country": "country",
            "plan": "plan",
            "subscription_status": "subscription_status",
            "total_paid": "total_paid",
            "currency": "currency",
        }
    ) }}

)

select * from final
