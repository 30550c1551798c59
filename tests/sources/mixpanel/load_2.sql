-- A day later: an event of two weeks ago, one without an insert id, and somebody's second browser.
insert into mixpanel.mp_master_event values
    ('app_opened', '2026-05-18 20:00:00+00', '$device:mixpanel-phone', 'm6', '{"$device_id": "mixpanel-phone", "mp_processing_time_ms": 1780387202000}'),
    ('Report Opened', '2026-06-02 08:00:00+00', 'mixpanel-1', null, '{"$device_id": "mixpanel-tablet", "$user_id": "mixpanel-1", "mp_processing_time_ms": 1780387203000}');
