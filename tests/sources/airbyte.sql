-- Business systems as Airbyte loads them into DuckDB: other names of tables and columns, nested values as JSON, and where a stream appends, a
-- row for every version.
create schema salesforce;
create table salesforce.account ("Id" varchar, "Name" varchar, "Website" varchar, "IsDeleted" boolean, "SystemModstamp" timestamp with time zone, _airbyte_extracted_at timestamp with time zone);
insert into salesforce.account values ('001A', 'Acme', 'acme.salesforce.example', false, '2026-06-01 00:00:00+00', '2026-06-01 00:00:00+00');
create table salesforce.contact ("Id" varchar, "AccountId" varchar, "MasterRecordId" varchar, "IsDeleted" boolean, "FirstName" varchar, "LastName" varchar, "Email" varchar, "MobilePhone" varchar, "MailingCountry" varchar, "LastModifiedDate" timestamp with time zone, _airbyte_raw_id varchar, _airbyte_extracted_at timestamp with time zone, _airbyte_meta json);
insert into salesforce.contact values
    ('003A', '001A', null, false, 'Ada', 'Gray', 'ada@salesforce.example', '+4915155508', 'Norway', '2026-06-01 00:00:00+00', 'r1', '2026-06-01 00:00:00+00', '{}'),
    ('003B', null, '003A', true, 'A.', 'Gray', 'a.gray@salesforce.example', null, null, '2026-06-01 00:00:00+00', 'r2', '2026-06-01 00:00:00+00', '{}');

create schema hubspot;
create table hubspot.companies (id varchar, properties_name varchar, properties_domain varchar, archived boolean, "updatedAt" timestamp with time zone, _airbyte_extracted_at timestamp with time zone);
insert into hubspot.companies values ('9', 'Moss Mills', 'moss.hubspot.example', false, '2026-06-01 00:00:00+00', '2026-06-01 00:00:00+00');
create table hubspot.contacts (id varchar, archived boolean, "createdAt" timestamp with time zone, "updatedAt" timestamp with time zone, properties_email varchar, properties_mobilephone varchar, properties_firstname varchar, properties_associatedcompanyid double, properties_hs_merged_object_ids varchar, _airbyte_raw_id varchar, _airbyte_extracted_at timestamp with time zone, _airbyte_meta json);
insert into hubspot.contacts values
    ('11', false, '2026-01-01 00:00:00+00', '2026-06-01 00:00:00+00', 'bea@hubspot.example', null, 'Bea', 9, '7;8', 'r1', '2026-06-01 00:00:00+00', '{}'),
    ('12', true, '2026-01-01 00:00:00+00', '2026-06-01 00:00:00+00', 'gone@hubspot.example', null, 'Gone', null, null, 'r2', '2026-06-01 00:00:00+00', '{}');

create schema stripe;
create table stripe.customers (id varchar, email varchar, name varchar, address json, metadata json, created bigint, updated bigint, livemode boolean, is_deleted boolean, _airbyte_extracted_at timestamp with time zone);
insert into stripe.customers values
    ('cus_A', 'cid@stripe.example', 'Cid', '{"country": "DE"}', '{"user_id": "airbyte-1"}', 1780308000, 1780308100, true, null, '2026-06-01 10:00:00+00'),
    ('cus_A', 'old@stripe.example', 'Cid', '{"country": "DE"}', '{"user_id": "airbyte-1"}', 1780308000, 1780308000, true, null, '2026-05-01 10:00:00+00'),
    ('cus_B', 'gone@stripe.example', 'Gone', null, '{}', 1780308000, 1780308000, true, true, '2026-06-01 10:00:00+00');
create table stripe.subscriptions (id varchar, customer varchar, status varchar, created bigint, updated bigint, start_date bigint, ended_at decimal(38, 9), plan json, livemode boolean, _airbyte_extracted_at timestamp with time zone);
insert into stripe.subscriptions values
    ('sub_A', 'cus_A', 'trialing', 1780308000, 1780308000, 1780308000, null, '{"id": "price_1", "product": "prod_1"}', true, '2026-06-01 10:00:00+00'),
    ('sub_A', 'cus_A', 'active', 1780308000, 1780308200, 1780308000, null, '{"id": "price_1", "product": "prod_1"}', true, '2026-06-01 10:00:00+00');
create table stripe.products (id varchar, name varchar);
insert into stripe.products values ('prod_1', 'Pro');
create table stripe.invoices (id varchar, customer varchar, subscription varchar, status varchar, currency varchar, amount_paid bigint, status_transitions struct(finalized_at bigint, paid_at bigint), billing_reason varchar, livemode boolean, _airbyte_extracted_at timestamp with time zone);
insert into stripe.invoices values
    ('in_1', 'cus_A', 'sub_A', 'open', 'eur', 0, {'finalized_at': 1780308000, 'paid_at': null}, 'subscription_create', true, '2026-06-01 10:00:00+00'),
    ('in_1', 'cus_A', 'sub_A', 'paid', 'eur', 4950, {'finalized_at': 1780308000, 'paid_at': 1780308900}, 'subscription_create', true, '2026-06-01 11:00:00+00');

create schema zendesk;
create table zendesk.organizations (id bigint, name varchar, updated_at timestamp with time zone, _airbyte_extracted_at timestamp with time zone);
insert into zendesk.organizations values (5, 'Acme', '2026-06-01 00:00:00+00', '2026-06-01 00:00:00+00');
create table zendesk.users (id bigint, external_id varchar, organization_id bigint, email varchar, name varchar, role varchar, active boolean, updated_at timestamp with time zone, _airbyte_extracted_at timestamp with time zone);
insert into zendesk.users values
    (31, null, 5, 'dan@zendesk.example', 'Dan', 'end-user', true, '2026-06-01 00:00:00+00', '2026-06-01 00:00:00+00'),
    (31, null, null, 'old@zendesk.example', 'Dan', 'end-user', true, '2026-05-01 00:00:00+00', '2026-05-01 00:00:00+00');
create table zendesk.tickets (id bigint, requester_id bigint, submitter_id bigint, status varchar, via json, created_at timestamp with time zone, _airbyte_extracted_at timestamp with time zone);
insert into zendesk.tickets values
    (1, 31, 31, 'open', '{"channel": "email"}', '2026-06-01 09:00:00+00', '2026-06-01 10:00:00+00'),
    (1, 34, 31, 'open', '{"channel": "email"}', '2026-06-01 09:00:00+00', '2026-06-01 09:30:00+00');

create schema mailchimp;
create table mailchimp.list_members (id varchar, list_id varchar, unique_email_id varchar, email_address varchar, status varchar, merge_fields json, last_changed timestamp with time zone, _airbyte_extracted_at timestamp with time zone);
insert into mailchimp.list_members values (md5('eva@mailchimp.example'), 'l1', 'x1', 'Eva@mailchimp.example', 'subscribed', '{"FNAME": "Eva", "LNAME": "Holt"}', '2026-06-01 10:00:00+02', '2026-06-01 10:00:00+00');
create table mailchimp.email_activity (campaign_id varchar, list_id varchar, email_id varchar, email_address varchar, action varchar, type varchar, "timestamp" timestamp with time zone, url varchar, ip varchar, _airbyte_extracted_at timestamp with time zone);
insert into mailchimp.email_activity values ('c1', 'l1', md5('eva@mailchimp.example'), 'eva@mailchimp.example', 'open', null, '2026-06-01 10:00:00+00', null, '192.0.2.1', '2026-06-01 10:00:00+00');
