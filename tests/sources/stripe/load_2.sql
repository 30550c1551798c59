-- Bea has a new address and another plan, Cid is deleted, Ada pays, Eva's subscription ends, Gil's never starts.
update stripe.customer
set email = 'bea.holt@stripe.example', _fivetran_synced = '2026-06-02 09:00:00+00'
where id = 'cus_StripeBea00003';

update stripe.customer set is_deleted = true, _fivetran_synced = '2026-06-02 09:00:00+00' where id = 'cus_StripeCid00004';

update stripe.subscription_item
set plan_id = 'price_Team', _fivetran_synced = '2026-06-03 09:00:00+00'
where id = 'si_Bea1';

update stripe.invoice
set
    status = 'paid', amount_paid = 4900, status_transitions_paid_at = '2026-06-02 08:10:00+00',
    _fivetran_synced = '2026-06-02 09:00:00+00'
where id = 'in_Ada3';

update stripe.subscription_history
set _fivetran_active = false, _fivetran_end = '2026-06-02 08:09:59+00'
where id in ('sub_Bea1', 'sub_Eva1', 'sub_Gil1');

insert into stripe.subscription_history values
    ('sub_Bea1', 'cus_StripeBea00003', 'active', '2026-05-01 08:10:00+00', '2026-05-01 08:10:00+00', null, null, '2026-07-02 08:10:00+00', true, true, '2026-06-03 08:10:00+00', '9999-12-31 23:59:59+00', '2026-06-03 09:00:00+00'),
    ('sub_Eva1', 'cus_StripeEva00006', 'canceled', '2026-05-01 08:10:00+00', '2026-05-01 08:10:00+00', '2026-06-02 08:10:00+00', '2026-05-15 08:10:00+00', '2026-06-01 08:10:00+00', true, true, '2026-06-02 08:10:00+00', '9999-12-31 23:59:59+00', '2026-06-02 09:00:00+00'),
    ('sub_Gil1', 'cus_StripeGil00008', 'incomplete_expired', '2026-06-01 08:10:00+00', '2026-06-01 08:10:00+00', '2026-06-02 08:10:00+00', '2026-06-02 08:10:00+00', '2026-07-01 08:10:00+00', true, true, '2026-06-02 08:10:00+00', '9999-12-31 23:59:59+00', '2026-06-02 09:00:00+00');

-- Paid in April; read before rows that were here the first time, and written to the warehouse after them.
insert into stripe.invoice values
    ('in_Jon1', 'cus_StripeJon00011', null, 'paid', 'manual', 'eur', 12345, 12345, '2026-04-05 08:10:00+00', '2026-04-05 08:11:00+00', true, false, '2026-05-31 20:00:00+00');
