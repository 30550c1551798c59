-- Two days later the days are written again, and there is a new one. Events now have a place in their batch.
alter table ga4.events add column batch_event_index bigint;
alter table ga4.events add column batch_ordering_id bigint;
alter table ga4.events add column batch_page_id bigint;

create temp macro text_pair(name, said) as
    {'key': name, 'value': {'string_value': said, 'int_value': null::bigint, 'float_value': null::double, 'double_value': null::double}};
create temp macro number_pair(name, said) as
    {'key': name, 'value': {'string_value': null::varchar, 'int_value': said::bigint, 'float_value': null::double, 'double_value': null::double}};
create temp macro property(name, said) as
    {'key': name, 'value': {'string_value': said, 'int_value': null::bigint, 'float_value': null::double, 'double_value': null::double, 'set_timestamp_micros': 1780500000000000}};
create temp macro micros(said) as epoch_us(said::timestamp);
create temp macro browser() as
    {'category': 'desktop', 'mobile_brand_name': 'Apple', 'vendor_id': null::varchar, 'advertising_id': null::varchar, 'operating_system': 'Macintosh', 'web_info': {'browser': 'Safari', 'browser_version': '20.1', 'hostname': 'shop.ga4.example'}};
create temp macro phone(vendor, advertising) as
    {'category': 'mobile', 'mobile_brand_name': 'Maker', 'vendor_id': vendor, 'advertising_id': advertising, 'operating_system': 'iOS', 'web_info': {'browser': null::varchar, 'browser_version': null::varchar, 'hostname': null::varchar}};
create temp macro munich() as
    {'city': 'Munich', 'country': 'Germany', 'continent': 'Europe', 'region': 'Bavaria', 'sub_continent': 'Western Europe', 'metro': '(not set)'};

-- The same events, in another order of parameters, with what only a whole day tells: where the visitor came from, what they are worth.
update ga4.events
set
    event_params = list_reverse(event_params),
    traffic_source = {'name': 'letter', 'medium': 'email', 'source': 'letter'},
    user_ltv = {'revenue': 99, 'currency': 'EUR'},
    event_bundle_sequence_id = event_bundle_sequence_id + 100
where event_date = '20260602';

insert into ga4.events (
    event_date, event_timestamp, event_name, event_params, event_bundle_sequence_id, event_server_timestamp_offset, user_id, user_pseudo_id,
    user_properties, device, geo, stream_id, platform, batch_page_id, batch_ordering_id, batch_event_index
) values
    -- An event of a phone that had been offline, in the table of its day.
    ('20260602', micros('2026-06-02 07:03:00'), 'screen_view', [text_pair('firebase_screen', 'Cart'), number_pair('ga_session_id', 1780383600)], 3, 12345, null, 'a1b2c3d4e5f60718293a4b5c6d7e8f90', [], phone('6A4F0001-0001-4001-8001-6A4F6A4F0001', null), munich(), '2', 'IOS', null, null, null),
    -- One that came on the last day on which its table is written.
    ('20260531', micros('2026-05-31 18:00:00'), 'screen_view', [text_pair('firebase_screen', 'Home'), number_pair('ga_session_id', 1780250000)], 4, 12345, null, 'a1b2c3d4e5f60718293a4b5c6d7e8f90', [], phone('6A4F0001-0001-4001-8001-6A4F6A4F0001', null), munich(), '2', 'IOS', null, null, null),
    -- Two events of one batch that say the same are two.
    ('20260604', micros('2026-06-04 09:00:00'), 'page_view', [text_pair('page_location', 'https://shop.ga4.example/looms?q=1&p=2'), number_pair('ga_session_id', 1780563600)], 21, null, null, '2222222222.1780563600', [], browser(), munich(), '1', 'WEB', 1, 1, 1),
    ('20260604', micros('2026-06-04 09:00:10'), 'select_item', [text_pair('item', 'loom-7'), number_pair('ga_session_id', 1780563600)], 22, null, null, '2222222222.1780563600', [], browser(), munich(), '1', 'WEB', 1, 2, 1),
    ('20260604', micros('2026-06-04 09:00:10'), 'select_item', [text_pair('item', 'loom-7'), number_pair('ga_session_id', 1780563600)], 22, null, null, '2222222222.1780563600', [], browser(), munich(), '1', 'WEB', 1, 2, 2),
    -- The same row twice is one.
    ('20260604', micros('2026-06-04 09:00:10'), 'select_item', [text_pair('item', 'loom-7'), number_pair('ga_session_id', 1780563600)], 22, null, null, '2222222222.1780563600', [], browser(), munich(), '1', 'WEB', 1, 2, 2),
    ('20260604', micros('2026-06-04 09:05:00'), 'login', [number_pair('ga_session_id', 1780563600)], 23, null, 'ga4-4', '2222222222.1780563600', [property('plan', 'free')], browser(), munich(), '1', 'WEB', 2, 1, 1);
