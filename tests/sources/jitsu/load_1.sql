-- Jitsu's default layout in DuckDB: one table, nested fields flattened, the properties of all events as columns.
create schema jitsu;

create table jitsu.events (
    message_id varchar, type varchar, event varchar, user_id varchar, anonymous_id varchar, "timestamp" timestamp with time zone,
    received_at timestamp with time zone, sent_at timestamp with time zone, request_ip varchar, write_key varchar, channel varchar,
    context_ip varchar, context_user_agent varchar, context_locale varchar, context_page_url varchar, context_page_path varchar,
    context_page_referrer varchar, context_page_title varchar, context_library_name varchar, context_geo_country_code varchar,
    context_geo_region_name varchar, context_geo_city_name varchar, context_client_ids_ga4_client_id varchar,
    context_client_ids_ga4_session_ids varchar, context_traits_email varchar, context_traits_company varchar,
    context_traits_seats bigint, context_group_id varchar, amount double, plan varchar, url varchar, path varchar, title varchar
);
insert into jitsu.events by name
select * from (values
    ('jit-1', 'page', null, null, 'jitsu-laptop', timestamptz '2026-06-01 10:00:00+00', timestamptz '2026-06-01 10:00:01+00', '192.0.2.21', '192.0.2.21', 'https://jitsu.example/', '/', 'DE', 'Berlin', null, null, null, null, null, null),
    ('jit-2', 'track', 'trial_started', null, 'jitsu-laptop', timestamptz '2026-06-01 10:01:00+00', timestamptz '2026-06-01 10:01:01+00', '192.0.2.21', '192.0.2.21', 'https://jitsu.example/try', '/try', 'DE', 'Berlin', null, null, null, null, 'pro', null),
    ('jit-3', 'identify', null, 'jitsu-1', 'jitsu-laptop', timestamptz '2026-06-01 10:02:00+00', timestamptz '2026-06-01 10:02:01+00', '192.0.2.21', '192.0.2.21', 'https://jitsu.example/try', '/try', 'DE', 'Berlin', 'ada@jitsu.example', 'Gray Looms', 12, null, null, null),
    ('jit-4', 'group', null, 'jitsu-1', 'jitsu-laptop', timestamptz '2026-06-01 10:02:01+00', timestamptz '2026-06-01 10:02:02+00', '192.0.2.21', '192.0.2.21', null, null, null, null, null, null, null, 'jitsu-team', null, null),
    -- From a server: no browser and no address but that of the request.
    ('jit-5', 'track', 'order_completed', 'jitsu-1', null, timestamptz '2026-06-01 12:00:00+02', timestamptz '2026-06-01 10:00:01+00', '198.51.100.21', null, null, null, null, null, 'ada@jitsu.example', null, null, null, null, 99.5),
    -- Delivered twice.
    ('jit-2', 'track', 'trial_started', null, 'jitsu-laptop', timestamptz '2026-06-01 10:01:00+00', timestamptz '2026-06-01 10:06:01+00', '192.0.2.21', '192.0.2.21', 'https://jitsu.example/try', '/try', 'DE', 'Berlin', null, null, null, null, 'pro', null),
    ('jit-6', 'track', 'job_ended', null, null, timestamptz '2026-06-01 13:00:00+00', timestamptz '2026-06-01 13:00:01+00', '198.51.100.21', null, null, null, null, null, null, null, null, null, null, null)
) as rows (
    message_id, type, event, user_id, anonymous_id, "timestamp", received_at, request_ip, context_ip, context_page_url, context_page_path,
    context_geo_country_code, context_geo_city_name, context_traits_email, context_traits_company, context_traits_seats, context_group_id,
    plan, amount
);
