-- A Segment source in DuckDB, as its warehouse destination writes it: a column appears with the first value it has.
create schema segment;

create table segment.tracks (
    id varchar, received_at timestamp with time zone, uuid_ts timestamp with time zone, user_id varchar, anonymous_id varchar,
    event varchar, event_text varchar, "timestamp" timestamp with time zone, original_timestamp timestamp with time zone,
    sent_at timestamp with time zone, context_ip varchar, context_user_agent varchar, context_page_url varchar,
    context_page_path varchar, context_library_name varchar, context_traits_email varchar
);
insert into segment.tracks values
    ('ajs-1', '2026-06-01 10:00:05+00', '2026-06-01 11:00:00+00', null, 'segment-laptop', 'pricing_seen', 'Pricing Seen', '2026-06-01 10:00:00+00', '2026-06-01 10:00:00+00', '2026-06-01 10:00:01+00', '192.0.2.1', 'Browser/1', 'https://shop.segment.example/pricing', '/pricing', 'analytics.js', null),
    ('ajs-2', '2026-06-01 10:05:05+00', '2026-06-01 11:00:00+00', 'segment-1', 'segment-laptop', 'order_completed', 'Order Completed', '2026-06-01 10:05:00+00', '2026-06-01 10:05:00+00', '2026-06-01 10:05:01+00', '192.0.2.1', 'Browser/1', 'https://shop.segment.example/cart', '/cart', 'analytics.js', null),
    -- Sent twice by a retry: Segment loads a message again when it comes days apart.
    ('ajs-1', '2026-06-01 10:09:05+00', '2026-06-01 11:00:00+00', null, 'segment-laptop', 'pricing_seen', 'Pricing Seen', '2026-06-01 10:00:00+00', '2026-06-01 10:00:00+00', '2026-06-01 10:09:01+00', '192.0.2.1', 'Browser/1', 'https://shop.segment.example/pricing', '/pricing', 'analytics.js', null),
    -- From a server, in the name of somebody whose e-mail is on the call.
    ('srv-1', '2026-06-01 12:00:05+00', '2026-06-01 13:00:00+00', 'segment-2', null, 'invoice_sent', 'Invoice Sent', '2026-06-01 12:00:00+02', '2026-06-01 12:00:00+02', null, null, null, null, null, 'analytics-python', 'bea@segment.example'),
    -- Names nobody.
    ('srv-2', '2026-06-01 12:01:05+00', '2026-06-01 13:00:00+00', null, null, 'job_ended', 'Job Ended', '2026-06-01 12:01:00+00', '2026-06-01 12:01:00+00', null, null, null, null, null, 'analytics-python', null);

create table segment.order_completed (
    id varchar, received_at timestamp with time zone, uuid_ts timestamp with time zone, user_id varchar, anonymous_id varchar,
    event varchar, event_text varchar, "timestamp" timestamp with time zone, original_timestamp timestamp with time zone,
    context_ip varchar, context_page_path varchar, amount double, currency varchar, coupon varchar, items varchar
);
insert into segment.order_completed values
    ('ajs-2', '2026-06-01 10:05:05+00', '2026-06-01 11:00:00+00', 'segment-1', 'segment-laptop', 'order_completed', 'Order Completed', '2026-06-01 10:05:00+00', '2026-06-01 10:05:00+00', '192.0.2.1', '/cart', 49.5, 'EUR', null, '["a","b"]');

create table segment.pages (
    id varchar, received_at timestamp with time zone, uuid_ts timestamp with time zone, user_id varchar, anonymous_id varchar,
    "timestamp" timestamp with time zone, context_ip varchar, name varchar, url varchar, path varchar, referrer varchar, title varchar
);
insert into segment.pages values
    ('ajs-3', '2026-06-01 09:59:05+00', '2026-06-01 11:00:00+00', null, 'segment-laptop', '2026-06-01 09:59:00+00', '192.0.2.1', null, 'https://shop.segment.example/', '/', 'https://search.example/', 'Shop');

create table segment.identifies (
    id varchar, received_at timestamp with time zone, uuid_ts timestamp with time zone, user_id varchar, anonymous_id varchar,
    "timestamp" timestamp with time zone, context_ip varchar, email varchar, name varchar, company varchar, logins bigint
);
insert into segment.identifies values
    ('ajs-4', '2026-06-01 10:04:05+00', '2026-06-01 11:00:00+00', 'segment-1', 'segment-laptop', '2026-06-01 10:04:00+00', '192.0.2.1', 'Ada@segment.example', 'Ada Gray', 'Gray Looms', 1);

create table segment.groups (
    id varchar, received_at timestamp with time zone, uuid_ts timestamp with time zone, user_id varchar, anonymous_id varchar,
    "timestamp" timestamp with time zone, group_id varchar, industry varchar
);
insert into segment.groups values
    ('ajs-5', '2026-06-01 10:04:06+00', '2026-06-01 11:00:00+00', 'segment-1', 'segment-laptop', '2026-06-01 10:04:01+00', 'segment-team', 'textiles');

create table segment.aliases (
    id varchar, received_at timestamp with time zone, uuid_ts timestamp with time zone, user_id varchar, previous_id varchar,
    "timestamp" timestamp with time zone
);
