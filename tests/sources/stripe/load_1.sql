-- Stripe as Fivetran loads it. The account uses prices, so there is no table plan; nobody has a column of metadata of their own.
create schema stripe;

create table stripe.customer (
    id varchar, created timestamp with time zone, email varchar, name varchar, phone varchar, address_country varchar, currency varchar,
    metadata varchar, livemode boolean, is_deleted boolean, _fivetran_synced timestamp with time zone
);
insert into stripe.customer values
    ('cus_StripeAda00001', '2026-04-01 08:00:00+00', 'Ada@stripe.example', 'Ada Gray', null, 'DE', 'eur', '{"user_id": "stripe-1"}', true, false, '2026-04-01 09:00:00+00'),
    -- A second customer for the same user, as an integration made it that does not look for the first.
    ('cus_StripeAda00002', '2026-05-20 08:00:00+00', 'ada.gray@mail.stripe.example', 'A. Gray', null, null, 'eur', '{"userId": "stripe-1", "campaign": "may"}', true, false, '2026-05-20 09:00:00+00'),
    ('cus_StripeBea00003', '2026-05-01 08:00:00+00', 'bea@stripe.example', 'Bea Holt', null, 'JP', 'jpy', '{}', true, false, '2026-05-01 09:00:00+00'),
    ('cus_StripeCid00004', '2026-05-01 08:00:00+00', 'cid@stripe.example', 'Cid Iver', null, 'US', 'usd', '{}', true, false, '2026-05-01 09:00:00+00'),
    -- Without an address, from a point of sale.
    ('cus_StripeDan00005', '2026-05-01 08:00:00+00', null, 'Dan Joss', null, 'KW', 'kwd', null, true, false, '2026-05-01 09:00:00+00'),
    ('cus_StripeEva00006', '2026-05-01 08:00:00+00', 'eva@stripe.example', 'Eva Kerr', null, 'US', 'usd', '{}', true, false, '2026-05-01 09:00:00+00'),
    ('cus_StripeFin00007', '2026-05-01 08:00:00+00', 'fin@stripe.example', 'Fin Test', null, 'US', 'usd', '{"user_id": "stripe-1"}', false, false, '2026-05-01 09:00:00+00'),
    -- Two of one company, who gave the number of its switchboard.
    ('cus_StripeGil00008', '2026-05-01 08:00:00+00', 'gil@stripe.example', 'Gil Moss', '+49 30 5550300', 'IS', 'isk', '{}', true, false, '2026-05-01 09:00:00+00'),
    ('cus_StripeHal00009', '2025-12-01 08:00:00+00', 'hal@stripe.example', 'Hal Nash', '+49 30 5550300', 'DE', 'eur', '{}', true, false, '2026-05-01 09:00:00+00'),
    -- Two whose invoices go to the same accountant.
    ('cus_StripeIvy00010', '2026-05-01 08:00:00+00', 'office@looms.stripe.example', 'Ivy Orr', null, 'DE', 'eur', '{"user_id": "stripe-10"}', true, false, '2026-05-01 09:00:00+00'),
    ('cus_StripeJon00011', '2026-05-01 08:00:00+00', 'office@looms.stripe.example', 'Jon Pike', null, 'DE', 'eur', '{"user_id": "stripe-11"}', true, false, '2026-05-01 09:00:00+00'),
    (null, '2026-05-01 08:00:00+00', 'nobody@stripe.example', 'Nobody', null, null, null, null, true, false, '2026-05-01 09:00:00+00');

create table stripe.product (
    id varchar, name varchar, active boolean, livemode boolean, is_deleted boolean, _fivetran_synced timestamp with time zone
);
insert into stripe.product values
    ('prod_Pro', 'Pro', true, true, false, '2026-01-01 09:00:00+00'),
    ('prod_Team', 'Team', true, true, false, '2026-01-01 09:00:00+00'),
    ('prod_Seats', 'Additional seats', true, true, false, '2026-01-01 09:00:00+00'),
    -- Not sold any more; who has it keeps it.
    ('prod_Old', 'Classic', false, true, true, '2026-01-01 09:00:00+00');

create table stripe.price (
    id varchar, product_id varchar, nickname varchar, currency varchar, unit_amount integer, recurring_interval varchar,
    recurring_interval_count integer, active boolean, livemode boolean, is_deleted boolean, _fivetran_synced timestamp with time zone
);
insert into stripe.price values
    ('price_ProMonth', 'prod_Pro', 'Monthly', 'eur', 4900, 'month', 1, true, true, false, '2026-01-01 09:00:00+00'),
    ('price_ProYear', 'prod_Pro', null, 'jpy', 50000, 'year', 1, true, true, false, '2026-01-01 09:00:00+00'),
    ('price_Team', 'prod_Team', null, 'jpy', 9000, 'month', 1, true, true, false, '2026-01-01 09:00:00+00'),
    ('price_Seats', 'prod_Seats', null, 'eur', 500, 'month', 1, true, true, false, '2026-01-01 09:00:00+00'),
    ('price_Classic', 'prod_Old', null, 'usd', 2000, 'month', 1, false, true, true, '2026-01-01 09:00:00+00'),
    -- Its product is not in the table.
    ('price_Founders', 'prod_Gone', 'Founders', 'kwd', 5120, 'month', 1, true, true, false, '2026-01-01 09:00:00+00');

create table stripe.subscription_history (
    id varchar, customer_id varchar, status varchar, created timestamp with time zone, start_date timestamp with time zone,
    ended_at timestamp with time zone, canceled_at timestamp with time zone, current_period_end timestamp with time zone, livemode boolean,
    _fivetran_active boolean, _fivetran_start timestamp with time zone, _fivetran_end timestamp with time zone,
    _fivetran_synced timestamp with time zone
);
insert into stripe.subscription_history values
    ('sub_Ada1', 'cus_StripeAda00001', 'trialing', '2026-04-01 08:10:00+00', '2026-04-01 08:10:00+00', null, null, '2026-05-01 08:10:00+00', true, false, '2026-04-01 08:10:00+00', '2026-05-01 08:10:00+00', '2026-05-01 09:00:00+00'),
    ('sub_Ada1', 'cus_StripeAda00001', 'active', '2026-04-01 08:10:00+00', '2026-04-01 08:10:00+00', null, null, '2026-06-01 08:10:00+00', true, true, '2026-05-01 08:10:00+00', '9999-12-31 23:59:59+00', '2026-05-01 09:00:00+00'),
    ('sub_Ada2', 'cus_StripeAda00002', 'unpaid', '2026-05-20 08:10:00+00', '2026-05-20 08:10:00+00', null, null, '2026-06-20 08:10:00+00', true, true, '2026-05-28 08:10:00+00', '9999-12-31 23:59:59+00', '2026-05-28 09:00:00+00'),
    ('sub_Bea1', 'cus_StripeBea00003', 'active', '2026-05-01 08:10:00+00', '2026-05-01 08:10:00+00', null, null, '2027-05-01 08:10:00+00', true, true, '2026-05-01 08:10:00+00', '9999-12-31 23:59:59+00', '2026-05-01 09:00:00+00'),
    -- Newer than the one that runs, but over; it started, says whoever made it, before it was made.
    ('sub_Bea2', 'cus_StripeBea00003', 'canceled', '2026-05-10 08:10:00+00', '2026-05-02 08:10:00+00', '2026-05-11 08:10:00+00', '2026-05-11 08:10:00+00', '2026-06-02 08:10:00+00', true, true, '2026-05-11 08:10:00+00', '9999-12-31 23:59:59+00', '2026-05-11 09:00:00+00'),
    ('sub_Dan1', 'cus_StripeDan00005', 'trialing', '2026-05-03 08:10:00+00', '2026-05-03 08:10:00+00', null, null, '2026-06-03 08:10:00+00', true, true, '2026-05-03 08:10:00+00', '9999-12-31 23:59:59+00', '2026-05-03 09:00:00+00'),
    ('sub_Eva1', 'cus_StripeEva00006', 'active', '2026-05-01 08:10:00+00', '2026-05-01 08:10:00+00', null, null, '2026-06-01 08:10:00+00', true, true, '2026-05-01 08:10:00+00', '9999-12-31 23:59:59+00', '2026-05-01 09:00:00+00'),
    ('sub_Fin1', 'cus_StripeFin00007', 'active', '2026-05-01 08:10:00+00', '2026-05-01 08:10:00+00', null, null, '2026-06-01 08:10:00+00', false, true, '2026-05-01 08:10:00+00', '9999-12-31 23:59:59+00', '2026-05-01 09:00:00+00'),
    ('sub_Gil1', 'cus_StripeGil00008', 'incomplete', '2026-06-01 08:10:00+00', '2026-06-01 08:10:00+00', null, null, '2026-07-01 08:10:00+00', true, true, '2026-06-01 08:10:00+00', '9999-12-31 23:59:59+00', '2026-06-01 09:00:00+00'),
    ('sub_Hal1', 'cus_StripeHal00009', 'past_due', '2025-12-01 08:10:00+00', '2025-12-01 08:10:00+00', null, null, '2026-06-01 08:10:00+00', true, true, '2026-06-01 08:20:00+00', '9999-12-31 23:59:59+00', '2026-06-01 09:00:00+00');

create table stripe.subscription_item (
    id varchar, subscription_id varchar, plan_id varchar, quantity integer, created timestamp with time zone,
    _fivetran_synced timestamp with time zone
);
insert into stripe.subscription_item values
    ('si_Ada1', 'sub_Ada1', 'price_ProMonth', 1, '2026-04-01 08:10:00+00', '2026-04-01 09:00:00+00'),
    ('si_Ada2', 'sub_Ada2', 'price_ProMonth', 1, '2026-05-20 08:10:00+00', '2026-05-20 09:00:00+00'),
    ('si_Bea1', 'sub_Bea1', 'price_ProYear', 1, '2026-05-01 08:10:00+00', '2026-05-01 09:00:00+00'),
    ('si_Bea2', 'sub_Bea2', 'price_Team', 1, '2026-05-10 08:10:00+00', '2026-05-10 09:00:00+00'),
    ('si_Dan1', 'sub_Dan1', 'price_Founders', 1, '2026-05-03 08:10:00+00', '2026-05-03 09:00:00+00'),
    ('si_Eva1', 'sub_Eva1', 'price_Classic', 1, '2026-05-01 08:10:00+00', '2026-05-01 09:00:00+00'),
    ('si_Gil1', 'sub_Gil1', 'price_Team', 1, '2026-06-01 08:10:00+00', '2026-06-01 09:00:00+00'),
    -- Seats came with it later.
    ('si_Hal0', 'sub_Hal1', 'price_Seats', 3, '2026-02-01 08:10:00+00', '2026-02-01 09:00:00+00'),
    ('si_Hal1', 'sub_Hal1', 'price_ProMonth', 1, '2025-12-01 08:10:00+00', '2025-12-01 09:00:00+00');

create table stripe.invoice (
    id varchar, customer_id varchar, subscription_id varchar, status varchar, billing_reason varchar, currency varchar, amount_due integer,
    amount_paid integer, created timestamp with time zone, status_transitions_paid_at timestamp with time zone, livemode boolean,
    is_deleted boolean, _fivetran_synced timestamp with time zone
);
insert into stripe.invoice values
    ('in_Ada1', 'cus_StripeAda00001', 'sub_Ada1', 'paid', 'subscription_create', 'eur', 0, 0, '2026-04-01 08:10:00+00', '2026-04-01 08:10:00+00', true, false, '2026-04-01 09:00:00+00'),
    ('in_Ada2', 'cus_StripeAda00001', 'sub_Ada1', 'paid', 'subscription_cycle', 'eur', 4950, 4950, '2026-05-01 08:10:00+00', '2026-05-01 09:10:00+00', true, false, '2026-05-01 10:00:00+00'),
    ('in_Ada3', 'cus_StripeAda00001', 'sub_Ada1', 'open', 'subscription_cycle', 'eur', 4900, 0, '2026-06-01 08:10:00+00', null, true, false, '2026-06-01 10:00:00+00'),
    ('in_Bea1', 'cus_StripeBea00003', 'sub_Bea1', 'paid', 'subscription_create', 'jpy', 50000, 50000, '2026-05-01 08:10:00+00', '2026-05-01 08:11:00+00', true, false, '2026-05-01 09:00:00+00'),
    ('in_Cid1', 'cus_StripeCid00004', null, 'paid', 'manual', 'usd', 1999, 1999, '2026-05-02 08:10:00+00', '2026-05-02 08:11:00+00', true, false, '2026-05-02 09:00:00+00'),
    ('in_Dan1', 'cus_StripeDan00005', 'sub_Dan1', 'paid', 'subscription_create', 'kwd', 5120, 5120, '2026-05-03 08:10:00+00', '2026-05-03 08:11:00+00', true, false, '2026-05-03 09:00:00+00'),
    ('in_Eva1', 'cus_StripeEva00006', 'sub_Eva1', 'paid', 'subscription_create', 'usd', 2000, 2000, '2026-05-01 08:10:00+00', '2026-05-01 08:11:00+00', true, false, '2026-05-01 09:00:00+00'),
    ('in_Fin1', 'cus_StripeFin00007', 'sub_Fin1', 'paid', 'subscription_create', 'usd', 2000, 2000, '2026-05-01 08:10:00+00', '2026-05-01 08:11:00+00', false, false, '2026-05-01 09:00:00+00'),
    ('in_Gil1', 'cus_StripeGil00008', null, 'paid', 'manual', 'isk', 50000, 50000, '2026-05-04 08:10:00+00', '2026-05-04 08:11:00+00', true, false, '2026-05-04 09:00:00+00'),
    -- A customer of two currencies.
    ('in_Hal1', 'cus_StripeHal00009', 'sub_Hal1', 'paid', 'subscription_create', 'usd', 10000, 10000, '2025-12-01 08:10:00+00', '2025-12-01 08:11:00+00', true, false, '2025-12-01 09:00:00+00'),
    ('in_Hal2', 'cus_StripeHal00009', 'sub_Hal1', 'paid', 'subscription_cycle', 'eur', 6400, 6400, '2026-05-01 08:10:00+00', '2026-05-01 08:11:00+00', true, false, '2026-05-01 09:00:00+00'),
    ('in_Hal3', 'cus_StripeHal00009', 'sub_Hal1', 'uncollectible', 'subscription_cycle', 'eur', 6400, 0, '2026-06-01 08:10:00+00', null, true, false, '2026-06-01 09:00:00+00'),
    ('in_Ivy1', 'cus_StripeIvy00010', null, 'void', 'manual', 'eur', 100, 0, '2026-05-05 08:10:00+00', null, true, false, '2026-05-05 09:00:00+00'),
    -- Whose, or when, nobody knows.
    ('in_Lost1', null, null, 'paid', 'manual', 'eur', 100, 100, '2026-05-05 08:10:00+00', '2026-05-05 08:11:00+00', true, false, '2026-05-05 09:00:00+00'),
    ('in_Lost2', 'cus_StripeIvy00010', null, 'paid', 'manual', 'eur', 100, 100, '2026-05-05 08:10:00+00', null, true, false, '2026-05-05 09:00:00+00');
