-- A day later: an app that was offline for days, an alias, a trait that nobody had before.
insert into segment.tracks values
    ('app-1', '2026-06-02 08:00:05+00', '2026-06-02 09:00:00+00', null, 'segment-phone', 'app_opened', 'App Opened', '2026-05-28 20:00:00+00', '2026-05-28 20:00:00+00', '2026-06-02 08:00:01+00', '192.0.2.7', 'App/1', null, null, 'analytics-ios', null);

insert into segment.aliases values
    ('app-2', '2026-06-02 08:01:05+00', '2026-06-02 09:00:00+00', 'segment-1', 'segment-phone', '2026-06-02 08:01:00+00');

alter table segment.identifies add column phone varchar;
insert into segment.identifies values
    ('ajs-6', '2026-06-02 08:02:05+00', '2026-06-02 09:00:00+00', 'segment-2', 'segment-tablet', '2026-06-02 08:02:00+00', '192.0.2.9', 'bea@segment.example', null, null, null, '+49 30 5550101');

create table segment.screens (
    id varchar, received_at timestamp with time zone, uuid_ts timestamp with time zone, user_id varchar, anonymous_id varchar,
    "timestamp" timestamp with time zone, context_device_id varchar, context_device_type varchar, name varchar
);
insert into segment.screens values
    ('app-3', '2026-06-02 08:00:06+00', '2026-06-02 09:00:00+00', null, 'segment-phone', '2026-05-28 20:00:01+00', 'segment-idfv', 'ios', 'Home');
