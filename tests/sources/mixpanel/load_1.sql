-- A Mixpanel project in DuckDB, in the shape of Mixpanel's own export.
create schema mixpanel;

create table mixpanel.mp_master_event (
    device_id varchar, distinct_id varchar, event_name varchar, insert_id varchar, properties json, "time" timestamp with time zone,
    user_id varchar
);
insert into mixpanel.mp_master_event by name
select * from (values
    ('$mp_web_page_view', timestamptz '2026-06-01 10:00:00+00', '$device:mixpanel-laptop', 'mixpanel-laptop', null, 'm1', json '{"$device_id": "mixpanel-laptop", "$current_url": "https://mixpanel.example/pricing?x=1", "$referrer": "$direct", "mp_country_code": "DE", "$region": "Berlin", "$city": "Berlin", "mp_processing_time_ms": 1780308002000}'),
    -- Once the user is known, an event has both ids.
    ('$identify', '2026-06-01 10:01:00+00', 'mixpanel-1', 'mixpanel-laptop', 'mixpanel-1', 'm2', '{"$device_id": "mixpanel-laptop", "$user_id": "mixpanel-1", "$anon_distinct_id": "$device:mixpanel-laptop", "mp_processing_time_ms": 1780308062000}'),
    -- From a server.
    ('Order Completed', '2026-06-01 11:00:00+00', 'mixpanel-1', '', 'mixpanel-1', 'm3', '{"amount": 49.5, "mp_processing_time_ms": 1780311602000}'),
    -- The same event, exported again.
    ('Order Completed', '2026-06-01 11:00:00+00', 'mixpanel-1', '', 'mixpanel-1', 'm3', '{"amount": 49.5, "mp_processing_time_ms": 1780311602000}'),
    -- An old server that sends nothing but whom the event is for.
    ('Report Opened', '2026-06-01 11:10:00+00', 'mixpanel-old-7', '', '', 'm4', '{"mp_processing_time_ms": 1780312202000}'),
    -- A job of nobody: Mixpanel asks for an empty id.
    ('Job Ended', '2026-06-01 11:20:00+00', '', '', '', 'm5', '{}'),
    -- A server tells whose browser it was.
    ('$identify', '2026-06-01 11:30:00+00', 'mixpanel-2', null, null, 'm7', '{"$identified_id": "mixpanel-2", "$anon_id": "5b1f0c9e-7a3d-4e62-9c1a-2f8d6b4e0a71", "mp_processing_time_ms": 1780313402000}'),
    -- It sends the id of the user before as that of a browser: no UUID, which Mixpanel refuses too.
    ('$identify', '2026-06-01 11:40:00+00', 'mixpanel-3', null, null, 'm8', '{"$identified_id": "mixpanel-3", "$anon_id": "mixpanel-old-7", "mp_processing_time_ms": 1780314002000}'),
    -- The client found an id of old times, which may be the user's before, and made it the device's.
    ('Report Opened', '2026-06-01 11:50:00+00', 'mixpanel-4', 'mixpanel-old-7', 'mixpanel-4', 'm9', '{"$device_id": "mixpanel-old-7", "$user_id": "mixpanel-4", "$had_persisted_distinct_id": true, "mp_processing_time_ms": 1780314602000}'),
    -- A server that counts for an account what a user did: the account is nobody's browser.
    ('Report Opened', '2026-06-01 12:00:00+00', 'mixpanel-old-7', null, 'mixpanel-5', 'm10', '{"mp_processing_time_ms": 1780315202000}'),
    -- Mixpanel has put another id of its cluster in the place of the one that was sent.
    ('Report Opened', '2026-06-01 12:10:00+00', 'mixpanel-old-7', null, null, 'm11', '{"$distinct_id_before_identity": "mixpanel-old-8", "mp_processing_time_ms": 1780315802000}')
) as rows (event_name, "time", distinct_id, device_id, user_id, insert_id, properties);
