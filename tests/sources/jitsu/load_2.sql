-- A day later: a late event, one without a message id, and a column that nobody had before.
alter table jitsu.events add column context_traits_phone varchar;
insert into jitsu.events by name
select * from (values
    ('jit-7', 'screen', 'jitsu-phone', timestamptz '2026-05-20 20:00:00+00', timestamptz '2026-06-02 08:00:01+00', null, null),
    (null, 'identify', 'jitsu-phone', timestamptz '2026-06-02 08:01:00+00', timestamptz '2026-06-02 08:01:01+00', 'jitsu-2', '+4930555421')
) as rows (message_id, type, anonymous_id, "timestamp", received_at, user_id, context_traits_phone);
