-- A day later: an alias and a group, and a call of three weeks ago from a phone that was offline.
create table rudderstack.aliases (
    id varchar, user_id varchar, previous_id varchar, anonymous_id varchar, "timestamp" timestamp, received_at timestamp, uuid_ts timestamp
);
insert into rudderstack.aliases values
    ('rud-6', 'rudderstack-1', 'rudderstack-phone', null, '2026-06-02 08:00:00', '2026-06-02 08:00:02', '2026-06-02 08:30:00');

create table rudderstack.groups (
    id varchar, user_id varchar, anonymous_id varchar, group_id varchar, "timestamp" timestamp, received_at timestamp, uuid_ts timestamp,
    name varchar, seats bigint
);
insert into rudderstack.groups values
    ('rud-7', 'rudderstack-1', null, 'rudderstack-team', '2026-06-02 08:01:00', '2026-06-02 08:01:02', '2026-06-02 08:30:00', 'Team Ada', 4);

create table rudderstack.screens (
    id varchar, anonymous_id varchar, "timestamp" timestamp, received_at timestamp, uuid_ts timestamp, context_device_id varchar,
    context_device_type varchar, context_request_ip varchar, name varchar
);
insert into rudderstack.screens values
    ('rud-8', 'rudderstack-phone', '2026-05-12 20:00:00', '2026-06-02 08:02:02', '2026-06-02 08:30:00', 'rudderstack-idfv', 'Android', '192.0.2.13', 'Start');
