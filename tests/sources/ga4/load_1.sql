-- Daily tables of a Google Analytics 4 export in one table of DuckDB, in the types that BigQuery exports to Parquet. Columns that the package
-- does not read are left out but two that change when a day is written again, and the three of the batch, which came later.
create schema ga4;

create temp macro text_pair(name, said) as
    {'key': name, 'value': {'string_value': said, 'int_value': null::bigint, 'float_value': null::double, 'double_value': null::double}};
create temp macro number_pair(name, said) as
    {'key': name, 'value': {'string_value': null::varchar, 'int_value': said::bigint, 'float_value': null::double, 'double_value': null::double}};
create temp macro decimal_pair(name, said) as
    {'key': name, 'value': {'string_value': null::varchar, 'int_value': null::bigint, 'float_value': null::double, 'double_value': said::double}};
create temp macro property(name, said) as
    {'key': name, 'value': {'string_value': said, 'int_value': null::bigint, 'float_value': null::double, 'double_value': null::double, 'set_timestamp_micros': 1780300000000000}};
create temp macro micros(said) as epoch_us(said::timestamp);
create temp macro browser() as
    {'category': 'desktop', 'mobile_brand_name': 'Apple', 'vendor_id': null::varchar, 'advertising_id': null::varchar, 'operating_system': 'Macintosh', 'web_info': {'browser': 'Safari', 'browser_version': '20.1', 'hostname': 'shop.ga4.example'}};
create temp macro phone(vendor, advertising) as
    {'category': 'mobile', 'mobile_brand_name': 'Maker', 'vendor_id': vendor, 'advertising_id': advertising, 'operating_system': 'iOS', 'web_info': {'browser': null::varchar, 'browser_version': null::varchar, 'hostname': null::varchar}};
create temp macro munich() as
    {'city': 'Munich', 'country': 'Germany', 'continent': 'Europe', 'region': 'Bavaria', 'sub_continent': 'Western Europe', 'metro': '(not set)'};
create temp macro nowhere() as
    {'city': '', 'country': '(not set)', 'continent': '(not set)', 'region': '', 'sub_continent': '(not set)', 'metro': '(not set)'};

create table ga4.events (
    event_date varchar, event_timestamp bigint, event_name varchar,
    event_params struct(
        "key" varchar,
        "value" struct(string_value varchar, int_value bigint, float_value double, double_value double)
    )[],
    event_bundle_sequence_id bigint, event_server_timestamp_offset bigint, user_id varchar, user_pseudo_id varchar,
    user_properties struct(
        "key" varchar,
        "value" struct(
            string_value varchar, int_value bigint, float_value double, double_value double, set_timestamp_micros bigint
        )
    )[],
    user_ltv struct(revenue double, currency varchar),
    device struct(
        category varchar, mobile_brand_name varchar, vendor_id varchar, advertising_id varchar, operating_system varchar,
        web_info struct(browser varchar, browser_version varchar, hostname varchar)
    ),
    geo struct(city varchar, country varchar, continent varchar, region varchar, sub_continent varchar, metro varchar),
    traffic_source struct("name" varchar, medium varchar, source varchar), stream_id varchar, platform varchar
);

-- A browser in the property's time zone, Europe/Berlin: the first event is of the second of June there, and of the first in UTC.
insert into ga4.events values
    ('20260602', micros('2026-06-01 22:30:00.123456'), 'session_start', [number_pair('ga_session_id', 1780353000), text_pair('page_location', 'https://shop.ga4.example/?utm_source=letter')], 11, null, null, '1111111111.1780353000', [], null, browser(), munich(), {'name': null, 'medium': null, 'source': null}, '1', 'WEB'),
    ('20260602', micros('2026-06-01 22:30:00.123456'), 'page_view', [text_pair('page_location', 'https://shop.ga4.example/?utm_source=letter'), number_pair('ga_session_id', 1780353000), text_pair('page_referrer', 'https://letter.example/'), text_pair('page_title', 'It is "open"')], 11, null, null, '1111111111.1780353000', [], null, browser(), munich(), {'name': null, 'medium': null, 'source': null}, '1', 'WEB'),
    -- Three of one batch, at one time: two that say different things, and one that says nothing new.
    ('20260602', micros('2026-06-01 22:31:00'), 'view_promotion', [number_pair('ga_session_id', 1780353000), text_pair('promotion', 'summer')], 12, null, null, '1111111111.1780353000', [], null, browser(), munich(), {'name': null, 'medium': null, 'source': null}, '1', 'WEB'),
    ('20260602', micros('2026-06-01 22:31:00'), 'view_promotion', [number_pair('ga_session_id', 1780353000), text_pair('promotion', 'autumn')], 12, null, null, '1111111111.1780353000', [], null, browser(), munich(), {'name': null, 'medium': null, 'source': null}, '1', 'WEB'),
    ('20260602', micros('2026-06-01 22:31:00'), 'view_promotion', [number_pair('ga_session_id', 1780353000), text_pair('promotion', 'autumn')], 12, null, null, '1111111111.1780353000', [], null, browser(), munich(), {'name': null, 'medium': null, 'source': null}, '1', 'WEB'),
    -- The login, and an order.
    ('20260602', micros('2026-06-01 22:40:00'), 'login', [number_pair('ga_session_id', 1780353000), text_pair('page_location', 'https://shop.ga4.example/account/login#form')], 13, null, 'ga4-1', '1111111111.1780353000', [property('plan', 'team')], {'revenue': 0, 'currency': 'EUR'}, browser(), munich(), {'name': null, 'medium': null, 'source': null}, '1', 'WEB'),
    ('20260602', micros('2026-06-01 22:41:00'), 'purchase', [number_pair('ga_session_id', 1780353000), text_pair('page_location', 'https://shop.ga4.example'), decimal_pair('value', 49.5), text_pair('currency', 'EUR'), text_pair('coupon', null)], 14, null, 'ga4-1', '1111111111.1780353000', [property('plan', 'team')], {'revenue': 49.5, 'currency': 'EUR'}, browser(), munich(), {'name': null, 'medium': null, 'source': null}, '1', 'WEB'),
    -- An app: before the login, and after it. Its owner allows no advertising id, so there is the vendor's.
    ('20260602', micros('2026-06-02 07:00:00'), 'screen_view', [text_pair('firebase_screen', 'Home'), number_pair('ga_session_id', 1780383600)], 1, 12345, null, 'a1b2c3d4e5f60718293a4b5c6d7e8f90', [], null, phone('6A4F0001-0001-4001-8001-6A4F6A4F0001', null), munich(), {'name': null, 'medium': null, 'source': null}, '2', 'IOS'),
    ('20260602', micros('2026-06-02 07:05:00'), 'login', [], 2, 12345, 'ga4-1', 'a1b2c3d4e5f60718293a4b5c6d7e8f90', [], null, phone('6A4F0001-0001-4001-8001-6A4F6A4F0001', null), nowhere(), {'name': null, 'medium': null, 'source': null}, '2', 'IOS'),
    -- Another app, with an advertising id, and the zeros that Android gives in its place.
    ('20260603', micros('2026-06-03 07:00:00'), 'first_open', [number_pair('ga_session_id', 1780470000)], 1, 12345, 'ga4-2', '0f1e2d3c4b5a69788796a5b4c3d2e1f0', null, null, phone(null, '6a4f0002-0002-4002-8002-6a4f6a4f0002'), munich(), {'name': null, 'medium': null, 'source': null}, '3', 'ANDROID'),
    ('20260603', micros('2026-06-03 07:01:00'), 'screen_view', [number_pair('ga_session_id', 1780470000)], 2, 12345, null, '0f1e2d3c4b5a69788796a5b4c3d2e1f0', null, null, phone(null, '00000000-0000-0000-0000-000000000000'), munich(), {'name': null, 'medium': null, 'source': null}, '3', 'ANDROID'),
    -- Consent refused: nobody. With the user's id on it nevertheless, somebody.
    ('20260603', micros('2026-06-03 08:00:00'), 'page_view', [text_pair('page_location', 'https://shop.ga4.example/terms')], 15, null, null, null, [], null, browser(), munich(), {'name': null, 'medium': null, 'source': null}, '1', 'WEB'),
    ('20260603', micros('2026-06-03 08:01:00'), 'page_view', [text_pair('page_location', 'https://shop.ga4.example/terms')], 16, null, 'ga4-3', null, [], null, browser(), munich(), {'name': null, 'medium': null, 'source': null}, '1', 'WEB'),
    -- No time.
    ('20260603', null, 'page_view', [text_pair('page_location', 'https://shop.ga4.example/terms')], 17, null, 'ga4-3', null, [], null, browser(), munich(), {'name': null, 'medium': null, 'source': null}, '1', 'WEB');
