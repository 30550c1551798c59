-- The events of a Snowplow pipeline in DuckDB, in the types that the lake loader writes. Of the 129 columns that every table has
-- those are left out that the package does not read.
create schema snowplow;

create table snowplow.events (
    app_id varchar, platform varchar, collector_tstamp timestamp with time zone, event varchar, event_id varchar, user_id varchar,
    user_ipaddress varchar, user_fingerprint varchar, domain_userid varchar, network_userid varchar, geo_country varchar,
    geo_region varchar, geo_city varchar, geo_region_name varchar, page_url varchar, page_title varchar, page_referrer varchar,
    page_urlpath varchar, se_category varchar, se_action varchar, se_label varchar, se_property varchar, se_value double,
    tr_orderid varchar, tr_total decimal(18, 2), tr_currency varchar, useragent varchar, dvce_type varchar,
    refr_domain_userid varchar, domain_sessionid varchar, derived_tstamp timestamp with time zone, event_vendor varchar,
    event_name varchar, event_fingerprint varchar, load_tstamp timestamp with time zone,
    unstruct_event_com_snowplowanalytics_snowplow_link_click_1 struct(
        target_url varchar, element_id varchar, element_classes varchar[]
    ),
    unstruct_event_com_snowplowanalytics_mobile_screen_view_1 struct(id varchar, name varchar, previous_name varchar),
    unstruct_event_com_acme_invoice_sent_1 struct(invoice_id varchar, amount double),
    contexts_nl_basjes_yauaa_context_1 struct(_schema_version varchar, device_class varchar, agent_name varchar)[],
    contexts_com_snowplowanalytics_snowplow_client_session_1 struct(
        _schema_version varchar, user_id varchar, session_id varchar, session_index bigint, storage_mechanism varchar
    )[],
    contexts_com_snowplowanalytics_snowplow_mobile_context_1 struct(
        _schema_version varchar, os_type varchar, os_version varchar, device_manufacturer varchar, device_model varchar,
        apple_idfa varchar, apple_idfv varchar, android_idfa varchar
    )[]
);

-- A browser: two pages, clicks, an order, and the login between them.
insert into snowplow.events (
    app_id, platform, event_id, event, event_vendor, event_name, event_fingerprint, collector_tstamp, derived_tstamp, load_tstamp,
    user_id, domain_userid, network_userid, domain_sessionid, user_ipaddress, user_fingerprint, useragent, dvce_type, geo_country,
    geo_region, geo_region_name, geo_city, page_url, page_urlpath, page_title, page_referrer
) values
    ('shop', 'web', '00000001-5e5e-4e5e-8e5e-5e5e5e5e5e5e', 'page_view', 'com.snowplowanalytics.snowplow', 'page_view', 'f1', '2026-06-01 10:00:02+00', '2026-06-01 10:00:00+00', '2026-06-01 11:00:00+00', null, 'snowplow-laptop', 'snowplow-network-1', 'snowplow-visit-1', '192.0.2.1', '2161814971', 'Browser/1', null, 'DE', 'BY', 'Bavaria', 'Munich', 'https://shop.snowplow.example/looms?q=1', '/looms', 'Looms', 'https://search.example/'),
    ('shop', 'web', '00000002-5e5e-4e5e-8e5e-5e5e5e5e5e5e', 'page_ping', 'com.snowplowanalytics.snowplow', 'page_ping', 'f2', '2026-06-01 10:00:12+00', '2026-06-01 10:00:10+00', '2026-06-01 11:00:00+00', null, 'snowplow-laptop', 'snowplow-network-1', 'snowplow-visit-1', '192.0.2.1', '2161814971', 'Browser/1', null, 'DE', 'BY', 'Bavaria', 'Munich', 'https://shop.snowplow.example/looms?q=1', '/looms', 'Looms', null),
    ('shop', 'web', '00000005-5e5e-4e5e-8e5e-5e5e5e5e5e5e', 'page_view', 'com.snowplowanalytics.snowplow', 'page_view', 'f5', '2026-06-01 10:30:00+00', '2026-06-01 10:30:00.5+00', '2026-06-01 11:00:00+00', 'snowplow-1', 'snowplow-laptop', 'snowplow-network-1', 'snowplow-visit-2', '192.0.2.1', '2161814971', 'Browser/1', 'Computer', 'DE', 'BY', null, null, 'https://shop.snowplow.example/account', '/account', 'Account', null),
    -- Delivered twice: the tracker never saw the answer.
    ('shop', 'web', '00000001-5e5e-4e5e-8e5e-5e5e5e5e5e5e', 'page_view', 'com.snowplowanalytics.snowplow', 'page_view', 'f1', '2026-06-01 10:20:02+00', '2026-06-01 10:00:00+00', '2026-06-01 11:00:00+00', null, 'snowplow-laptop', 'snowplow-network-1', 'snowplow-visit-1', '192.0.2.1', '2161814971', 'Browser/1', null, 'DE', 'BY', 'Bavaria', 'Munich', 'https://shop.snowplow.example/looms?q=1', '/looms', 'Looms', 'https://search.example/'),
    -- Sent again by a virus scanner, which has a browser of its own.
    ('shop', 'web', '00000005-5e5e-4e5e-8e5e-5e5e5e5e5e5e', 'page_view', 'com.snowplowanalytics.snowplow', 'page_view', 'f5-other', '2026-06-01 10:31:00+00', '2026-06-01 10:31:00+00', '2026-06-01 11:00:00+00', null, 'snowplow-scanner', 'snowplow-network-9', 'snowplow-visit-9', '192.0.2.99', null, 'Scanner/1', 'Computer', 'US', null, null, null, 'https://shop.snowplow.example/account', '/account', 'Account', null),
    -- A picture in a newsletter, without a script: only the collector's cookie.
    ('mail', 'web', '00000012-5e5e-4e5e-8e5e-5e5e5e5e5e5e', 'page_view', 'com.snowplowanalytics.snowplow', 'page_view', 'f12', '2026-06-01 07:00:00+00', null, null, null, null, 'snowplow-network-2', null, '192.0.2.3', null, 'Mail/1', null, null, null, null, null, 'https://shop.snowplow.example/opened', '/opened', null, null),
    -- Tracked without identifiers: zeros in the place of the cookie, or nothing.
    ('shop', 'web', '00000013-5e5e-4e5e-8e5e-5e5e5e5e5e5e', 'page_view', 'com.snowplowanalytics.snowplow', 'page_view', 'f13', '2026-06-01 07:10:00+00', '2026-06-01 07:10:00+00', '2026-06-01 11:00:00+00', null, null, '00000000-0000-0000-0000-000000000000', null, null, null, 'Browser/2', null, null, null, null, null, 'https://shop.snowplow.example/', '/', 'Shop', null),
    ('shop', 'web', '00000014-5e5e-4e5e-8e5e-5e5e5e5e5e5e', 'page_view', 'com.snowplowanalytics.snowplow', 'page_view', 'f14', '2026-06-01 07:20:00+00', '2026-06-01 07:20:00+00', '2026-06-01 11:00:00+00', null, null, null, null, null, null, 'Browser/2', null, null, null, null, null, 'https://shop.snowplow.example/', '/', 'Shop', null);

update snowplow.events
set contexts_nl_basjes_yauaa_context_1 = [{'_schema_version': '1-0-4', 'device_class': 'Desktop', 'agent_name': 'Browser'}]
where event_fingerprint in ('f1', 'f2');

insert into snowplow.events (
    app_id, platform, event_id, event, event_vendor, event_name, event_fingerprint, collector_tstamp, derived_tstamp, load_tstamp,
    domain_userid, network_userid, domain_sessionid, se_category, se_action, se_label, se_value, tr_orderid, tr_total, tr_currency,
    unstruct_event_com_snowplowanalytics_snowplow_link_click_1
) values
    ('shop', 'web', '00000003-5e5e-4e5e-8e5e-5e5e5e5e5e5e', 'struct', 'com.google.analytics', 'event', 'f3', '2026-06-01 10:01:02+00', '2026-06-01 10:01:00+00', '2026-06-01 11:00:00+00', 'snowplow-laptop', 'snowplow-network-1', 'snowplow-visit-1', 'shop', 'Add-to Basket', 'loom-7', 49.5, null, null, null, null),
    ('shop', 'web', '00000004-5e5e-4e5e-8e5e-5e5e5e5e5e5e', 'unstruct', 'com.snowplowanalytics.snowplow', 'link_click', 'f4', '2026-06-01 10:02:02+00', '2026-06-01 10:02:00+00', '2026-06-01 11:00:00+00', 'snowplow-laptop', 'snowplow-network-1', 'snowplow-visit-1', null, null, null, null, null, null, null, {'target_url': 'https://help.snowplow.example/', 'element_id': null, 'element_classes': ['big', 'red']}),
    ('shop', 'web', '00000017-5e5e-4e5e-8e5e-5e5e5e5e5e5e', 'transaction', 'com.snowplowanalytics.snowplow', 'transaction', 'f17', '2026-06-01 10:40:02+00', '2026-06-01 10:40:00+00', '2026-06-01 11:00:00+00', 'snowplow-laptop', 'snowplow-network-1', 'snowplow-visit-2', null, null, null, null, 'order-1', 120.00, 'EUR', null);

-- An app: the session entity has the id of the installation, the mobile entity that of the device.
insert into snowplow.events (
    app_id, platform, event_id, event, event_vendor, event_name, event_fingerprint, collector_tstamp, derived_tstamp, load_tstamp,
    user_id, network_userid, useragent, unstruct_event_com_snowplowanalytics_mobile_screen_view_1,
    contexts_com_snowplowanalytics_snowplow_client_session_1, contexts_com_snowplowanalytics_snowplow_mobile_context_1
) values
    ('app', 'mob', '00000008-5e5e-4e5e-8e5e-5e5e5e5e5e5e', 'unstruct', 'com.snowplowanalytics.mobile', 'screen_view', 'f8', '2026-06-01 09:00:02+00', '2026-06-01 09:00:00+00', '2026-06-01 11:00:00+00', null, 'snowplow-network-3', 'App/1', {'id': 'screen-1', 'name': 'Home', 'previous_name': null}, [{'_schema_version': '1-0-2', 'user_id': '5e5e5e01-0001-4001-8001-5e5e5e5e5e01', 'session_id': 'snowplow-visit-3', 'session_index': 1, 'storage_mechanism': 'LOCAL_STORAGE'}], [{'_schema_version': '1-0-3', 'os_type': 'ios', 'os_version': '19', 'device_manufacturer': 'Maker', 'device_model': 'Phone', 'apple_idfa': '00000000-0000-0000-0000-000000000000', 'apple_idfv': '5E5E5E02-0001-4001-8001-5E5E5E5E5E02', 'android_idfa': null}]),
    ('app', 'mob', '00000009-5e5e-4e5e-8e5e-5e5e5e5e5e5e', 'unstruct', 'com.snowplowanalytics.mobile', 'screen_view', 'f9', '2026-06-01 09:01:02+00', '2026-06-01 09:01:00+00', '2026-06-01 11:00:00+00', 'snowplow-1', 'snowplow-network-3', 'App/1', {'id': 'screen-2', 'name': 'Account', 'previous_name': 'Home'}, [{'_schema_version': '1-0-2', 'user_id': '5e5e5e01-0001-4001-8001-5e5e5e5e5e01', 'session_id': 'snowplow-visit-3', 'session_index': 1, 'storage_mechanism': 'LOCAL_STORAGE'}], [{'_schema_version': '1-0-3', 'os_type': 'ios', 'os_version': '19', 'device_manufacturer': 'Maker', 'device_model': 'Phone', 'apple_idfa': '00000000-0000-0000-0000-000000000000', 'apple_idfv': '5E5E5E02-0001-4001-8001-5E5E5E5E5E02', 'android_idfa': null}]);

-- A server, for which the collector makes a new network_userid with every event.
insert into snowplow.events (
    app_id, platform, event_id, event, event_vendor, event_name, event_fingerprint, collector_tstamp, derived_tstamp, load_tstamp,
    user_id, network_userid, unstruct_event_com_acme_invoice_sent_1
) values
    ('billing', 'srv', '00000010-5e5e-4e5e-8e5e-5e5e5e5e5e5e', 'unstruct', 'com.acme', 'invoice_sent', 'f10', '2026-06-01 06:00:02+00', '2026-06-01 06:00:00+00', '2026-06-01 11:00:00+00', 'snowplow-2', 'snowplow-network-4', {'invoice_id': 'i-1', 'amount': 20}),
    ('billing', 'srv', '00000011-5e5e-4e5e-8e5e-5e5e5e5e5e5e', 'unstruct', 'com.acme', 'invoice_sent', 'f11', '2026-06-01 06:05:02+00', '2026-06-01 06:05:00+00', '2026-06-01 11:00:00+00', 'snowplow-2', 'snowplow-network-5', {'invoice_id': 'i-2', 'amount': 20.5});
