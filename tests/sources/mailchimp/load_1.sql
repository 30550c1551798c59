-- Mailchimp as Fivetran loads it. A member's id is the MD5 of the address in lower case. Nobody has a last name yet.
create schema mailchimp;

create table mailchimp.list (
    id varchar, name varchar, date_created timestamp with time zone, _fivetran_deleted boolean, _fivetran_synced timestamp with time zone
);
insert into mailchimp.list values
    ('1e775', 'News', '2025-01-01 08:00:00+00', false, '2026-06-01 10:00:00+00'),
    ('9d0d3', 'Product', '2025-01-01 08:00:00+00', false, '2026-06-01 10:00:00+00'),
    ('01d00', 'Old', '2024-01-01 08:00:00+00', false, '2026-06-01 10:00:00+00');

create table mailchimp.member (
    id varchar, list_id varchar, email_address varchar, unique_email_id varchar, status varchar, merge_fname varchar, country_code varchar,
    ip_signup varchar, last_changed timestamp with time zone, _fivetran_synced timestamp with time zone
);
insert into mailchimp.member values
    (md5('ada@mailchimp.example'), '1e775', 'ada@mailchimp.example', 'aa01', 'subscribed', 'Ada', 'DE', '192.0.2.1', '2026-05-10 08:00:00+00', '2026-05-10 10:00:00+00'),
    -- In a second list under another spelling, and not any more.
    (md5('ada@mailchimp.example'), '9d0d3', 'Ada@Mailchimp.example', 'aa01', 'unsubscribed', '', 'DE', '192.0.2.1', '2026-05-20 08:00:00+00', '2026-05-20 10:00:00+00'),
    (md5('bea@mailchimp.example'), '1e775', 'bea@mailchimp.example', 'bb02', 'subscribed', 'Bea', '', '', '2026-05-10 08:00:00+00', '2026-05-10 10:00:00+00'),
    (md5('cid@mailchimp.example'), '1e775', 'cid@mailchimp.example', 'cc03', 'cleaned', 'Cid', '', '', '2026-05-26 09:05:00+00', '2026-05-26 10:00:00+00'),
    (md5('dan@mailchimp.example'), '1e775', 'dan@mailchimp.example', 'dd04', 'subscribed', 'Dan', '', '', '2026-05-10 08:00:00+00', '2026-05-10 10:00:00+00'),
    -- Has not confirmed yet that the address is hers.
    (md5('eva@mailchimp.example'), '1e775', 'eva@mailchimp.example', 'ee05', 'pending', null, null, null, '2026-05-31 08:00:00+00', '2026-05-31 10:00:00+00'),
    (md5('fin@mailchimp.example'), '01d00', 'fin@mailchimp.example', 'ff06', 'subscribed', 'Fin', '', '', '2026-01-10 08:00:00+00', '2026-01-10 10:00:00+00'),
    -- Bought something, never subscribed.
    (md5('gil@mailchimp.example'), '9d0d3', 'GIL@MAILCHIMP.EXAMPLE', 'ab07', 'transactional', 'Gil', '', '', '2026-05-10 08:00:00+00', '2026-05-10 10:00:00+00'),
    (null, '1e775', 'nobody@mailchimp.example', null, 'subscribed', 'Nobody', '', '', '2026-05-10 08:00:00+00', '2026-05-10 10:00:00+00');

create table mailchimp.campaign_recipient_activity (
    action varchar, campaign_id varchar, list_id varchar, member_id varchar, "timestamp" timestamp with time zone, ip varchar, url varchar,
    bounce_type varchar, _fivetran_synced timestamp with time zone
);
insert into mailchimp.campaign_recipient_activity values
    -- Opened from one address: a server that fetches the images for all of them.
    ('open', 'ca01', '1e775', md5('ada@mailchimp.example'), '2026-05-26 09:00:00+00', '192.0.2.66', null, null, '2026-06-01 10:00:00+00'),
    ('open', 'ca01', '1e775', md5('bea@mailchimp.example'), '2026-05-26 09:00:00+00', '192.0.2.66', null, null, '2026-06-01 10:00:00+00'),
    ('open', 'ca01', '1e775', md5('dan@mailchimp.example'), '2026-05-26 09:00:00+00', '192.0.2.66', null, null, '2026-06-01 10:00:00+00'),
    ('open', 'ca01', '1e775', md5('ada@mailchimp.example'), '2026-05-27 09:00:00+00', '192.0.2.66', null, null, '2026-06-01 10:00:00+00'),
    -- Two links in one second, as a scanner of links does it.
    ('click', 'ca01', '1e775', md5('ada@mailchimp.example'), '2026-05-26 09:00:30+00', '192.0.2.1', 'https://shop.mailchimp.example/new', null, '2026-06-01 10:00:00+00'),
    ('click', 'ca01', '1e775', md5('ada@mailchimp.example'), '2026-05-26 09:00:30+00', '192.0.2.1', 'https://shop.mailchimp.example/sale', null, '2026-06-01 10:00:00+00'),
    ('bounce', 'ca01', '1e775', md5('cid@mailchimp.example'), '2026-05-26 09:01:00+00', null, null, 'hard', '2026-06-01 10:00:00+00'),
    ('open', 'ca00', '01d00', md5('fin@mailchimp.example'), '2026-01-15 09:00:00+00', '192.0.2.66', null, null, '2026-01-16 10:00:00+00'),
    -- Hal is not in the table of members yet, whoever is the last one will never be.
    ('open', 'ca02', '9d0d3', md5('hal@mailchimp.example'), '2026-05-20 09:00:00+00', '192.0.2.66', null, null, '2026-05-21 10:00:00+00'),
    ('open', 'ca02', '9d0d3', md5('gone@mailchimp.example'), '2026-05-20 09:00:00+00', '192.0.2.66', null, null, '2026-05-21 10:00:00+00');
