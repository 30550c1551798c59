-- An Amplitude project as Fivetran loads it into DuckDB: properties are JSON text. No app of it sends an advertising id yet.
create schema amplitude;

create table amplitude.event (
    uuid varchar, _insert_id varchar, amplitude_id bigint, event_type varchar, event_time timestamp, client_event_time timestamp,
    server_received_time timestamp, server_upload_time timestamp, processed_time timestamp, user_id varchar, device_id varchar,
    session_id bigint, ip_address varchar, device_type varchar, platform varchar, country varchar, region varchar, city varchar,
    event_properties varchar, user_properties varchar, "groups" varchar, _fivetran_synced timestamp with time zone
);
insert into amplitude.event values
    ('amp-1', 'i1', 701, '[Amplitude] Page Viewed', '2026-06-01 10:00:00', '2026-06-01 10:00:00', '2026-06-01 10:00:02', '2026-06-01 10:00:05', '2026-06-01 10:00:09', null, 'amplitude-laptop', 1780308000000, '192.0.2.31', 'Mac', 'Web', 'Germany', 'Berlin', 'Berlin', '{"[Amplitude] Page Location": "https://amplitude.example/pricing?x=1", "[Amplitude] Page Path": "/pricing"}', '{}', '{}', '2026-06-01 12:00:00+00'),
    ('amp-2', 'i2', 701, '$identify', '2026-06-01 10:01:00', '2026-06-01 10:01:00', '2026-06-01 10:01:02', '2026-06-01 10:01:05', '2026-06-01 10:01:09', 'amplitude-1', 'amplitude-laptop', 1780308000000, '192.0.2.31', 'Mac', 'Web', 'Germany', 'Berlin', 'Berlin', '{}', '{"email": "ada@amplitude.example", "plan": "pro"}', '{"company": ["Gray Looms"]}', '2026-06-01 12:00:00+00'),
    -- From a server, without a session or a device. Amplitude gives such events a device id made of the user id.
    ('amp-3', 'i3', 701, 'Order Completed', '2026-06-01 11:00:00', '2026-06-01 11:00:00', '2026-06-01 11:00:02', '2026-06-01 11:00:05', '2026-06-01 11:00:09', 'amplitude-1', null, -1, null, null, null, null, null, null, '{"amount": 49.5}', '{"email": "ada@amplitude.example"}', null, '2026-06-01 12:00:00+00'),
    -- The same row again, as a repeated export leaves it.
    ('amp-3', 'i3', 701, 'Order Completed', '2026-06-01 11:00:00', '2026-06-01 11:00:00', '2026-06-01 11:00:02', '2026-06-01 11:00:05', '2026-06-01 11:00:09', 'amplitude-1', null, -1, null, null, null, null, null, null, '{"amount": 49.5}', '{"email": "ada@amplitude.example"}', null, '2026-06-01 12:00:00+00'),
    -- Amplitude says that it is the same person; here nothing else does.
    ('amp-4', 'i4', 701, 'session_start', '2026-06-01 11:30:00', '2026-06-01 11:30:00', '2026-06-01 11:30:02', '2026-06-01 11:30:05', '2026-06-01 11:30:09', null, 'amplitude-phone', 1780313400000, '192.0.2.32', 'Apple iPhone', 'iOS', 'Germany', null, null, null, null, null, '2026-06-01 12:00:00+00'),
    ('amp-5', 'i5', null, 'Job Ended', '2026-06-01 11:40:00', '2026-06-01 11:40:00', '2026-06-01 11:40:02', '2026-06-01 11:40:05', '2026-06-01 11:40:09', null, null, -1, null, null, null, null, null, null, null, null, null, '2026-06-01 12:00:00+00');
