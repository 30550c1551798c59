-- Salesforce as Fivetran loads it into DuckDB. The contact table has no mailing_country: nobody has one yet.
create schema salesforce;

create table salesforce.account (
    id varchar, is_deleted boolean, name varchar, website varchar, industry varchar, number_of_employees integer, parent_id varchar,
    last_modified_date timestamp with time zone, _fivetran_synced timestamp with time zone
);
insert into salesforce.account values
    ('001Hs00001acmeAAA1', false, 'Acme Looms', 'https://www.Acme.salesforce.example/en', 'Textiles', 250, null, '2026-05-01 08:00:00+00', '2026-06-01 00:00:00+00'),
    ('001Hs00001boltAAA2', true, 'Bolt Old', null, null, null, null, '2026-05-01 08:00:00+00', '2026-06-01 00:00:00+00');

create table salesforce.contact (
    id varchar, is_deleted boolean, master_record_id varchar, account_id varchar, individual_id varchar, first_name varchar, last_name varchar,
    title varchar, email varchar, phone varchar, mobile_phone varchar, last_modified_date timestamp with time zone,
    _fivetran_synced timestamp with time zone
);
insert into salesforce.contact values
    ('003Hs00001adaAAAA1', false, null, '001Hs00001acmeAAA1', null, 'Ada', 'Gray', 'Head of Data', 'ada@salesforce.example', '+49 30 5550200', '+49 151 5550201', '2026-05-10 08:00:00+00', '2026-06-01 00:00:00+00'),
    -- The same switchboard as Ada's: no reason to think that she is Ada.
    ('003Hs00001beaAAAA2', false, null, '001Hs00001acmeAAA1', null, 'Bea', 'Holt', null, 'bea@salesforce.example', '+49 30 5550200', null, '2026-05-10 08:00:00+00', '2026-06-01 00:00:00+00'),
    ('003Hs00001cidAAAA3', false, null, null, null, 'Cid', 'Iver', null, 'cid@salesforce.example', null, null, '2026-05-10 08:00:00+00', '2026-06-01 00:00:00+00'),
    -- A duplicate of Cid that has another address.
    ('003Hs00001cidAAAA4', false, null, null, null, 'C.', 'Iver', 'Buyer', 'c.iver@salesforce.example', null, null, '2026-05-11 08:00:00+00', '2026-06-01 00:00:00+00'),
    ('003Hs00001danAAAA5', true, null, null, null, 'Dan', 'Joss', null, 'dan@salesforce.example', null, null, '2026-05-10 08:00:00+00', '2026-06-01 00:00:00+00'),
    -- Its company is deleted, and there is no other identifier.
    ('003Hs00001evaAAAA6', false, null, '001Hs00001boltAAA2', null, 'Eva', 'Kerr', null, null, null, null, '2026-05-10 08:00:00+00', '2026-06-01 00:00:00+00'),
    ('003Hs00001finAAAA7', false, null, null, null, 'Fin', 'Lund', null, 'fin@salesforce.example', null, null, '2026-05-10 08:00:00+00', '2026-06-01 00:00:00+00'),
    ('003Hs00001idaAAAA9', false, null, null, null, 'Ida', 'Kerr', null, 'ida@salesforce.example', null, null, '2026-05-10 08:00:00+00', '2026-06-01 00:00:00+00'),
    ('003Hs00001jonAAAA0', false, null, null, null, 'Jon', 'Lund', null, 'jon@salesforce.example', null, null, '2026-05-10 08:00:00+00', '2026-06-01 00:00:00+00'),
    ('003Hs00001kimAAAA1', true, null, null, null, 'Kim', 'Moss', null, 'kim@salesforce.example', null, null, '2026-05-10 08:00:00+00', '2026-06-01 00:00:00+00'),
    (null, false, null, null, null, 'Nobody', null, null, 'nobody@salesforce.example', null, null, '2026-05-10 08:00:00+00', '2026-06-01 00:00:00+00');

create table salesforce.lead (
    id varchar, is_deleted boolean, master_record_id varchar, converted_contact_id varchar, first_name varchar, last_name varchar, company varchar,
    title varchar, email varchar, mobile_phone varchar, status varchar, industry varchar, number_of_employees integer, website varchar,
    country varchar, last_modified_date timestamp with time zone, _fivetran_synced timestamp with time zone
);
insert into salesforce.lead values
    ('00QHs00001gilAAAA1', false, null, null, 'Gil', 'Moss', 'Moss Mills', 'Owner', 'gil@salesforce.example', null, 'Open', 'Textiles', 12, 'moss.salesforce.example', 'Norway', '2026-05-20 08:00:00+00', '2026-06-01 00:00:00+00'),
    ('00QHs00001adaAAAA2', false, null, '003Hs00001adaAAAA1', 'Ada', 'Gray', 'Acme', null, 'ada.gray@mail.salesforce.example', null, 'Converted', null, null, null, 'Germany', '2026-05-09 08:00:00+00', '2026-06-01 00:00:00+00');
