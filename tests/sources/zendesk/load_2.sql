-- Ada's ticket is solved, gets another brand and is loaded again, a ticket of April is imported, Bea has a new address, Eva is deleted, Fin
-- answers tickets now, the company has a new name.
update zendesk.ticket
set status = 'solved', priority = 'low', brand_id = 43, updated_at = '2026-06-02 08:00:00+00', _fivetran_synced = '2026-06-02 09:00:00+00'
where id = 1;
insert into zendesk.ticket values
    (6, 3902, 3902, 501, 'Old', null, 'closed', null, null, 'api', 42, '2026-04-01 10:00:00+00', '2026-06-02 08:00:00+00', '2026-06-02 09:00:00+00');
update zendesk.user
set email = 'bea.holt@zendesk.example', updated_at = '2026-06-02 08:00:00+00', _fivetran_synced = '2026-06-02 09:00:00+00'
where id = 3902;
update zendesk.user set active = false, updated_at = '2026-06-02 08:00:00+00' where id = 3907;
update zendesk.user set role = 'agent', updated_at = '2026-06-02 08:00:00+00' where id = 3908;
update zendesk.organization set name = 'Acme Looms AG', updated_at = '2026-06-02 08:00:00+00' where id = 501;
