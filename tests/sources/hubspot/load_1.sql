-- HubSpot as Fivetran loads it into DuckDB: ids are numbers, a column a property. Nobody has a mobile phone or a country yet, and no contact
-- lists others as hs_merged_object_ids.
create schema hubspot;

create table hubspot.company (
    id bigint, _fivetran_synced timestamp with time zone, _fivetran_deleted boolean, is_deleted boolean, property_name varchar,
    property_domain varchar, property_industry varchar, property_numberofemployees double,
    property_hs_lastmodifieddate timestamp with time zone
);
insert into hubspot.company values
    (9001, '2026-06-01 00:00:00+00', false, false, 'Moss Mills', 'moss.hubspot.example', 'TEXTILES', 40, '2026-05-01 08:00:00+00'),
    (9002, '2026-06-01 00:00:00+00', false, true, 'Gone', 'gone.hubspot.example', null, null, '2026-05-01 08:00:00+00'),
    (9003, '2026-06-01 00:00:00+00', false, false, 'Bolt', 'bolt.hubspot.example', null, null, '2026-05-01 08:00:00+00');

create table hubspot.contact (
    id bigint, _fivetran_synced timestamp with time zone, _fivetran_deleted boolean, property_email varchar, property_firstname varchar,
    property_lastname varchar, property_company varchar, property_phone varchar, property_jobtitle varchar,
    property_lifecyclestage varchar, property_associatedcompanyid double, property_hs_calculated_merged_vids varchar,
    property_createdate timestamp with time zone, property_lastmodifieddate timestamp with time zone
);
insert into hubspot.contact values
    (101, '2026-06-01 00:00:00+00', false, 'ada@hubspot.example', 'Ada', 'Gray', 'Moss', '+49 30 5550300', 'Owner', 'customer', 9001, null, '2026-01-01 08:00:00+00', '2026-05-10 08:00:00+00'),
    -- The same office, the same number.
    (102, '2026-06-01 00:00:00+00', false, 'bea@hubspot.example', 'Bea', null, null, '+49 30 5550300', null, 'lead', 9001, '', '2026-01-01 08:00:00+00', '2026-05-10 08:00:00+00'),
    (103, '2026-06-01 00:00:00+00', false, 'cid@hubspot.example', 'Cid', null, 'Self-employed', null, null, 'subscriber', null, null, '2026-01-01 08:00:00+00', '2026-05-10 08:00:00+00'),
    (104, '2026-06-01 00:00:00+00', false, 'cid.two@hubspot.example', 'Cid', null, null, null, null, 'lead', null, null, '2026-01-01 08:00:00+00', '2026-05-11 08:00:00+00'),
    -- An old merge: the contact 90 has never been in this table.
    (105, '2026-06-01 00:00:00+00', false, null, 'Dan', null, null, null, null, null, 9002, '90:1700000000000', '2026-01-01 08:00:00+00', '2026-05-10 08:00:00+00'),
    (106, '2026-06-01 00:00:00+00', true, 'eva@hubspot.example', 'Eva', null, null, null, null, null, null, null, '2026-01-01 08:00:00+00', '2026-05-10 08:00:00+00'),
    (107, '2026-06-01 00:00:00+00', false, 'fin@hubspot.example', 'Fin', null, null, null, null, null, null, null, '2026-01-01 08:00:00+00', '2026-05-10 08:00:00+00'),
    (108, '2026-06-01 00:00:00+00', false, 'gus@hubspot.example', 'Gus', null, null, null, null, null, null, null, '2026-01-01 08:00:00+00', '2026-05-10 08:00:00+00'),
    (109, '2026-06-01 00:00:00+00', false, 'gus.old@hubspot.example', 'Gus', null, null, null, null, null, null, null, '2026-01-01 08:00:00+00', '2026-05-11 08:00:00+00'),
    (111, '2026-06-01 00:00:00+00', false, 'hal@hubspot.example', 'Hal', null, null, null, null, null, null, null, '2026-01-01 08:00:00+00', '2026-05-10 08:00:00+00'),
    (112, '2026-06-01 00:00:00+00', false, 'hal.old@hubspot.example', 'Hal', null, null, null, null, null, null, null, '2026-01-01 08:00:00+00', '2026-05-10 08:00:00+00'),
    (113, '2026-06-01 00:00:00+00', false, 'ida@hubspot.example', 'Ida', null, null, null, null, null, null, null, '2026-01-01 08:00:00+00', '2026-05-10 08:00:00+00'),
    (114, '2026-06-01 00:00:00+00', false, 'jon@hubspot.example', 'Jon', null, null, null, null, null, null, null, '2026-01-01 08:00:00+00', '2026-05-10 08:00:00+00'),
    (115, '2026-06-01 00:00:00+00', false, 'kim@hubspot.example', 'Kim', null, null, null, null, null, 9003, null, '2026-01-01 08:00:00+00', '2026-05-10 08:00:00+00');
