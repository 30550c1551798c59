-- A day later: a new major version of an event, an entity whose schema broke and got a column to itself (the old one is an empty list,
-- as where a warehouse knows no list that is null), a field that an entity had not had.
alter table snowplow.events add column unstruct_event_com_acme_invoice_sent_2 struct(invoice_id varchar, total struct(amount double, currency varchar));
alter table snowplow.events add column contexts_com_snowplowanalytics_snowplow_client_session_1_recovered_1_0_2_2718281 struct(
    _schema_version varchar, user_id varchar, session_id varchar, session_index varchar
)[];
alter table snowplow.events add column contexts_com_snowplowanalytics_snowplow_mobile_context_1.element.app_set_id varchar;

insert into snowplow.events (
    app_id, platform, event_id, event, event_vendor, event_name, event_fingerprint, collector_tstamp, derived_tstamp, load_tstamp,
    user_id, network_userid, useragent, unstruct_event_com_snowplowanalytics_mobile_screen_view_1,
    contexts_com_snowplowanalytics_snowplow_client_session_1,
    contexts_com_snowplowanalytics_snowplow_client_session_1_recovered_1_0_2_2718281,
    contexts_com_snowplowanalytics_snowplow_mobile_context_1
) values
    -- The phone had been offline for days.
    ('app', 'mob', '00000018-5e5e-4e5e-8e5e-5e5e5e5e5e5e', 'unstruct', 'com.snowplowanalytics.mobile', 'screen_view', 'f18', '2026-06-02 08:00:02+00', '2026-05-28 20:00:00+00', '2026-06-02 09:00:00+00', null, 'snowplow-network-3', 'App/1', {'id': 'screen-3', 'name': 'Home', 'previous_name': null}, [{'_schema_version': '1-0-2', 'user_id': '5e5e5e01-0001-4001-8001-5e5e5e5e5e01', 'session_id': 'snowplow-visit-4', 'session_index': 2, 'storage_mechanism': 'LOCAL_STORAGE'}], null, [{'_schema_version': '1-0-3', 'os_type': 'ios', 'os_version': '19', 'device_manufacturer': 'Maker', 'device_model': 'Phone', 'apple_idfa': '5E5E5E03-0001-4001-8001-5E5E5E5E5E03', 'apple_idfv': '5E5E5E02-0001-4001-8001-5E5E5E5E5E02', 'android_idfa': null, 'app_set_id': null}]),
    -- Android: no advertising id by its owner's choice, an app set id in its place.
    ('app', 'mob', '00000019-5e5e-4e5e-8e5e-5e5e5e5e5e5e', 'unstruct', 'com.snowplowanalytics.mobile', 'screen_view', 'f19', '2026-06-02 08:10:02+00', '2026-06-02 08:10:00+00', '2026-06-02 09:00:00+00', 'snowplow-3', 'snowplow-network-6', 'App/1', {'id': 'screen-4', 'name': 'Home', 'previous_name': null}, [{'_schema_version': '1-0-2', 'user_id': '5e5e5e04-0001-4001-8001-5e5e5e5e5e04', 'session_id': 'snowplow-visit-5', 'session_index': 1, 'storage_mechanism': 'SQLITE'}], null, [{'_schema_version': '1-0-3', 'os_type': 'android', 'os_version': '17', 'device_manufacturer': 'Maker', 'device_model': 'Phone', 'apple_idfa': null, 'apple_idfv': null, 'android_idfa': '00000000-0000-0000-0000-000000000000', 'app_set_id': '5e5e5e05-0001-4001-8001-5e5e5e5e5e05'}]),
    -- No mobile entity.
    ('app', 'mob', '00000020-5e5e-4e5e-8e5e-5e5e5e5e5e5e', 'unstruct', 'com.snowplowanalytics.mobile', 'screen_view', 'f20', '2026-06-02 08:20:02+00', '2026-06-02 08:20:00+00', '2026-06-02 09:00:00+00', 'snowplow-2', null, 'App/2', {'id': 'screen-5', 'name': 'Home', 'previous_name': null}, [], [{'_schema_version': '1-0-2', 'user_id': '5e5e5e06-0001-4001-8001-5e5e5e5e5e06', 'session_id': 'snowplow-visit-6', 'session_index': '1'}], []),
    -- Tracked without user identifiers.
    ('app', 'mob', '00000021-5e5e-4e5e-8e5e-5e5e5e5e5e5e', 'unstruct', 'com.snowplowanalytics.mobile', 'screen_view', 'f21', '2026-06-02 08:30:02+00', '2026-06-02 08:30:00+00', '2026-06-02 09:00:00+00', null, 'snowplow-network-7', 'App/2', {'id': 'screen-6', 'name': 'Home', 'previous_name': null}, [{'_schema_version': '1-0-2', 'user_id': '00000000-0000-0000-0000-000000000000', 'session_id': 'snowplow-visit-7', 'session_index': 1, 'storage_mechanism': 'SQLITE'}], null, []);

insert into snowplow.events (
    app_id, platform, event_id, event, event_vendor, event_name, event_fingerprint, collector_tstamp, derived_tstamp, load_tstamp,
    user_id, network_userid, unstruct_event_com_acme_invoice_sent_2
) values
    ('billing', 'srv', '00000022-5e5e-4e5e-8e5e-5e5e5e5e5e5e', 'unstruct', 'com.acme', 'invoice_sent', 'f22', '2026-06-02 06:00:02+00', '2026-06-02 06:00:00+00', '2026-06-02 09:00:00+00', 'snowplow-2', 'snowplow-network-8', {'invoice_id': 'i-3', 'total': {'amount': 30, 'currency': 'EUR'}});

-- Delivered again a day later.
insert into snowplow.events (
    app_id, platform, event_id, event, event_vendor, event_name, event_fingerprint, collector_tstamp, derived_tstamp, load_tstamp,
    domain_userid, network_userid, domain_sessionid, se_category, se_action, se_label, se_value
) values
    ('shop', 'web', '00000003-5e5e-4e5e-8e5e-5e5e5e5e5e5e', 'struct', 'com.google.analytics', 'event', 'f3', '2026-06-02 07:01:02+00', '2026-06-01 10:01:00+00', '2026-06-02 09:00:00+00', 'snowplow-laptop', 'snowplow-network-1', 'snowplow-visit-1', 'shop', 'Add-to Basket', 'loom-7', 49.5);
