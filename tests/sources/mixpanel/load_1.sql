-- A Mixpanel project in DuckDB, in the shape of Mixpanel's own export.
create schema mixpanel;

create table mixpanel.mp_master_event (
    event_name varchar, "time" timestamp with time zone, distinct_id varchar, insert_id varchar, properties json
);
insert into mixpanel.mp_master_event values
    ('$mp_web_page_view', '2026-06-01 10:00:00+00', '$device:mixpanel-laptop', 'm1', '{"$device_id": "mixpanel-laptop", "$current_url": "https://mixpanel.example/pricing?x=1", "$referrer": "$direct", "mp_country_code": "DE", "$region": "Berlin", "$city": "Berlin", "mp_processing_time_ms": 1780308002000}'),
    -- Simplified identity merge: once the user is known, an event has both ids.
    ('$identify', '2026-06-01 10:01:00+00', 'mixpanel-1', 'm2', '{"$device_id": "mixpanel-laptop", "$user_id": "mixpanel-1", "$identified_id": "mixpanel-1", "$anon_id": "mixpanel-laptop", "mp_processing_time_ms": 1780308062000}'),
    -- From a server.
    ('Order Completed', '2026-06-01 11:00:00+00', 'mixpanel-1', 'm3', '{"$user_id": "mixpanel-1", "amount": 49.5, "mp_processing_time_ms": 1780311602000}'),
    -- The same event, exported again.
    ('Order Completed', '2026-06-01 11:00:00+00', 'mixpanel-1', 'm3', '{"$user_id": "mixpanel-1", "amount": 49.5, "mp_processing_time_ms": 1780311602000}'),
    -- An old client that sends nothing but whom the event is for.
    ('Report Opened', '2026-06-01 11:10:00+00', 'mixpanel-old-7', 'm4', '{"mp_processing_time_ms": 1780312202000}'),
    ('Job Ended', '2026-06-01 11:20:00+00', null, 'm5', '{}');
