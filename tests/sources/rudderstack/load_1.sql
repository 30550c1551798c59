-- A RudderStack source in DuckDB, as its warehouse destinations write it. All tables have the traits of the context; there is no
-- table screens yet.
create schema rudderstack;

create table rudderstack.tracks (
    id varchar, anonymous_id varchar, user_id varchar, event varchar, event_text varchar, "timestamp" timestamp,
    original_timestamp timestamp, sent_at timestamp, received_at timestamp, uuid_ts timestamp, channel varchar,
    context_ip varchar, context_request_ip varchar, context_user_agent varchar, context_session_id bigint,
    context_page_url varchar, context_page_path varchar, context_page_referrer varchar, context_traits_email varchar,
    context_traits_phone varchar, context_destination_id varchar, context_source_id varchar
);
insert into rudderstack.tracks values
    ('rud-1', 'rudderstack-laptop', null, 'trial_started', 'Trial Started', '2026-06-01 10:00:00', '2026-06-01 10:00:00', '2026-06-01 10:00:01', '2026-06-01 10:00:02', '2026-06-01 10:30:00', 'web', null, '192.0.2.11', 'Browser/2', 1780308000, 'https://rudderstack.example/try', '/try', 'https://search.example/', null, null, 'd1', 's1'),
    -- On a server: no browser, and the person's address in the context.
    ('rud-2', null, 'rudderstack-1', 'order_completed', 'Order Completed', '2026-06-01 11:00:00', '2026-06-01 11:00:00', null, '2026-06-01 11:00:02', '2026-06-01 11:30:00', 'server', '192.0.2.12', '198.51.100.1', null, null, null, null, null, 'ada@rudderstack.example', '+4930555311', 'd1', 's1'),
    -- The append mode keeps what a client sent twice.
    ('rud-1', 'rudderstack-laptop', null, 'trial_started', 'Trial Started', '2026-06-01 10:00:00', '2026-06-01 10:00:00', '2026-06-01 10:03:01', '2026-06-01 10:03:02', '2026-06-01 10:30:00', 'web', null, '192.0.2.11', 'Browser/2', 1780308000, 'https://rudderstack.example/try', '/try', 'https://search.example/', null, null, 'd1', 's1'),
    ('rud-3', null, null, 'job_ended', 'Job Ended', '2026-06-01 12:00:00', '2026-06-01 12:00:00', null, '2026-06-01 12:00:02', '2026-06-01 12:30:00', 'server', null, null, null, null, null, null, null, null, null, 'd1', 's1');

create table rudderstack.order_completed (
    id varchar, anonymous_id varchar, user_id varchar, event varchar, event_text varchar, "timestamp" timestamp,
    original_timestamp timestamp, sent_at timestamp, received_at timestamp, uuid_ts timestamp, channel varchar,
    context_ip varchar, context_request_ip varchar, context_traits_email varchar, context_traits_phone varchar,
    revenue double, currency varchar, products varchar
);
insert into rudderstack.order_completed values
    ('rud-2', null, 'rudderstack-1', 'order_completed', 'Order Completed', '2026-06-01 11:00:00', '2026-06-01 11:00:00', null, '2026-06-01 11:00:02', '2026-06-01 11:30:00', 'server', '192.0.2.12', '198.51.100.1', 'ada@rudderstack.example', '+4930555311', 120.25, 'EUR', null);

create table rudderstack.identifies (
    id varchar, anonymous_id varchar, user_id varchar, "timestamp" timestamp, received_at timestamp, uuid_ts timestamp,
    context_request_ip varchar, context_traits_email varchar, context_traits_plan varchar, email varchar, plan varchar
);
insert into rudderstack.identifies values
    ('rud-4', 'rudderstack-laptop', 'rudderstack-1', '2026-06-01 10:01:00', '2026-06-01 10:01:02', '2026-06-01 10:30:00', '192.0.2.11', 'ada@rudderstack.example', 'pro', 'ada@rudderstack.example', 'pro');

create table rudderstack.pages (
    id varchar, anonymous_id varchar, user_id varchar, "timestamp" timestamp, received_at timestamp, uuid_ts timestamp,
    context_request_ip varchar, context_page_url varchar, context_page_path varchar, url varchar, path varchar, title varchar,
    name varchar
);
insert into rudderstack.pages values
    ('rud-5', 'rudderstack-laptop', null, '2026-06-01 09:59:00', '2026-06-01 09:59:02', '2026-06-01 10:30:00', '192.0.2.11', 'https://rudderstack.example/', '/', 'https://rudderstack.example/', '/', 'Home', 'home');
