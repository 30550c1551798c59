-- A day later: an event of two weeks ago, one without an insert id, and somebody's second browser, its ids among the properties alone.
insert into mixpanel.mp_master_event by name
select * from (values
    ('app_opened', timestamptz '2026-05-18 20:00:00+00', '$device:mixpanel-phone', 'mixpanel-phone', 'm6', json '{"$device_id": "mixpanel-phone", "mp_processing_time_ms": 1780387202000}'),
    ('Report Opened', '2026-06-02 08:00:00+00', 'mixpanel-1', null, null, '{"$device_id": "mixpanel-tablet", "$user_id": "mixpanel-1", "mp_processing_time_ms": 1780387203000}')
) as rows (event_name, "time", distinct_id, device_id, insert_id, properties);
