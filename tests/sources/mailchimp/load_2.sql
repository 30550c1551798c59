-- Bea has a new address, which makes her a new member, and the row of the old one stays. Dan is archived, a list is deleted.
alter table mailchimp.member add column merge_lname varchar;

insert into mailchimp.member values
    (md5('bea.holt@mailchimp.example'), '1e775', 'bea.holt@mailchimp.example', 'bc08', 'subscribed', 'Bea', '', '', '2026-06-02 08:00:00+00', '2026-06-03 10:00:00+00', 'Holt'),
    (md5('hal@mailchimp.example'), '9d0d3', 'hal@mailchimp.example', 'ac09', 'subscribed', 'Hal', '', '', '2026-05-10 08:00:00+00', '2026-06-03 10:00:00+00', 'Nash');

update mailchimp.member
set status = 'archived', last_changed = '2026-06-02 08:00:00+00', _fivetran_synced = '2026-06-03 10:00:00+00'
where id = md5('dan@mailchimp.example');

update mailchimp.member
set merge_lname = 'Gray', last_changed = '2026-06-02 08:00:00+00', _fivetran_synced = '2026-06-03 10:00:00+00'
where id = md5('ada@mailchimp.example') and list_id = '1e775';

update mailchimp.list set _fivetran_deleted = true, _fivetran_synced = '2026-06-03 10:00:00+00' where id = '01d00';

-- A campaign with anything new is loaded again as a whole.
update mailchimp.campaign_recipient_activity set _fivetran_synced = '2026-06-03 10:00:00+00' where campaign_id = 'ca01';

insert into mailchimp.campaign_recipient_activity values
    ('click', 'ca01', '1e775', md5('bea.holt@mailchimp.example'), '2026-06-02 09:00:00+00', '192.0.2.2', 'https://shop.mailchimp.example/new', null, '2026-06-03 10:00:00+00'),
    -- Of a campaign of long ago, whose activity Fivetran had not come to.
    ('open', 'ca00', '1e775', md5('ada@mailchimp.example'), '2026-01-15 09:30:00+00', '192.0.2.66', null, null, '2026-06-03 10:00:00+00');

create table mailchimp.automation_recipient_activity (
    action varchar, automation_email_id varchar, list_id varchar, member_id varchar, "timestamp" timestamp with time zone, ip varchar,
    url varchar, bounce_type varchar, _fivetran_synced timestamp with time zone
);
insert into mailchimp.automation_recipient_activity values
    ('open', 'au01', '1e775', md5('bea.holt@mailchimp.example'), '2026-06-02 08:05:00+00', '192.0.2.66', null, null, '2026-06-03 10:00:00+00'),
    ('bounce', 'au01', '9d0d3', md5('gil@mailchimp.example'), '2026-05-10 08:05:00+00', null, null, 'soft', '2026-06-03 10:00:00+00');
