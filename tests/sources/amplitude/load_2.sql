-- A day later: an app that was offline for two weeks, which sends an id of the device, and one whose advertising id is zeros.
alter table amplitude.event add column idfa varchar;
alter table amplitude.event add column ad_id varchar;
insert into amplitude.event by name
select * from (values
    ('amp-6', 'i6', '[Amplitude] Screen Viewed', timestamp '2026-05-18 20:00:00', timestamp '2026-06-02 08:00:02', 'amplitude-2', 'amplitude-tablet', '{"[Amplitude] Screen Name": "Home"}', null, 'amplitude-ad-id', timestamptz '2026-06-02 09:00:00+00'),
    ('amp-7', 'i7', 'app_opened', timestamp '2026-06-02 08:05:00', timestamp '2026-06-02 08:05:02', 'amplitude-3', 'amplitude-phone-3', null, '00000000-0000-0000-0000-000000000000', null, timestamptz '2026-06-02 09:00:00+00')
) as rows (uuid, _insert_id, event_type, event_time, server_received_time, user_id, device_id, event_properties, idfa, ad_id, _fivetran_synced);
