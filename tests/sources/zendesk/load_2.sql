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

-- The agent's ticket is Bea's, whom it was opened for. Gus's second account is merged into the first: it goes, and what it asked for is
-- the first one's, without a new time of change.
update zendesk.ticket
set requester_id = 3902, updated_at = '2026-06-02 08:00:00+00', _fivetran_synced = '2026-06-02 09:00:00+00'
where id = 7;
update zendesk.ticket set requester_id = 3909, _fivetran_synced = '2026-06-02 09:00:00+00' where id = 8;
update zendesk.user set active = false, updated_at = '2026-06-02 08:00:00+00' where id = 3911;

-- Fivetran's history mode: every version of a ticket and a user stays. The visitor asked for ticket 9, Ida's address was mended without a
-- new time of change, Jon is deleted.
alter table zendesk.ticket add column _fivetran_start timestamp with time zone;
update zendesk.ticket set _fivetran_start = _fivetran_synced;
update zendesk.ticket set _fivetran_synced = '2026-06-02 10:00:00+00' where id = 9;
insert into zendesk.ticket by name
select * replace (3904 as requester_id, '2026-06-02 09:00:00+00' as _fivetran_synced, '2026-06-02 08:00:00+00' as _fivetran_start)
from zendesk.ticket
where id = 9;
alter table zendesk.user add column _fivetran_active boolean default true;
update zendesk.user set _fivetran_active = false, _fivetran_synced = '2026-06-02 10:00:00+00' where id in (3912, 3913);
insert into zendesk.user by name
select * replace ('ida.kerr@zendesk.example' as email, '2026-06-02 09:00:00+00' as _fivetran_synced, true as _fivetran_active)
from zendesk.user
where id = 3912;

-- A loader that adds a row a version: Kim's company is deleted, its time of change is as it was.
alter table zendesk.organization add column _fivetran_deleted boolean default false;
insert into zendesk.organization by name
select * replace ('2026-06-02 09:00:00+00' as _fivetran_synced, true as _fivetran_deleted) from zendesk.organization
where id = 503;
