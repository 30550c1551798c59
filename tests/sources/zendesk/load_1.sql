-- Zendesk Support as Fivetran loads it into DuckDB: ids are numbers.
create schema zendesk;

create table zendesk.organization (
    id bigint, name varchar, external_id varchar, details varchar, created_at timestamp with time zone,
    updated_at timestamp with time zone, _fivetran_synced timestamp with time zone
);
insert into zendesk.organization values
    (501, 'Acme Looms', null, null, '2026-01-01 08:00:00+00', '2026-05-01 08:00:00+00', '2026-06-01 00:00:00+00'),
    (503, 'Bolt', null, null, '2026-01-01 08:00:00+00', '2026-05-01 08:00:00+00', '2026-06-01 00:00:00+00');

create table zendesk.user (
    id bigint, external_id varchar, organization_id bigint, email varchar, name varchar, phone varchar, shared_phone_number boolean,
    role varchar, active boolean, suspended boolean, verified boolean, created_at timestamp with time zone,
    updated_at timestamp with time zone, _fivetran_synced timestamp with time zone
);
insert into zendesk.user values
    (3901, 'zendesk-user-1', 501, 'ada@zendesk.example', 'Ada Gray', '+4930555601', false, 'end-user', true, false, true, '2026-01-01 08:00:00+00', '2026-05-10 08:00:00+00', '2026-06-01 00:00:00+00'),
    -- The number of an office: Zendesk says that it is shared.
    (3902, null, 501, 'bea@zendesk.example', 'Bea', '+4930555602', true, 'end-user', true, false, true, '2026-01-01 08:00:00+00', '2026-05-10 08:00:00+00', '2026-06-01 00:00:00+00'),
    (3903, null, 501, 'cid@zendesk.example', 'Cid', '+4930555602', true, 'end-user', true, false, true, '2026-01-01 08:00:00+00', '2026-05-10 08:00:00+00', '2026-06-01 00:00:00+00'),
    -- Wrote from a messenger: nothing is known but the id.
    (3904, null, null, null, 'Visitor 77', null, null, 'end-user', true, false, false, '2026-01-01 08:00:00+00', '2026-05-10 08:00:00+00', '2026-06-01 00:00:00+00'),
    (3905, null, null, 'dan@zendesk.example', 'Dan', null, null, 'end-user', false, false, true, '2026-01-01 08:00:00+00', '2026-05-10 08:00:00+00', '2026-06-01 00:00:00+00'),
    (3906, null, null, 'help@shop.zendesk.example', 'Helper', null, null, 'agent', true, false, true, '2026-01-01 08:00:00+00', '2026-05-10 08:00:00+00', '2026-06-01 00:00:00+00'),
    (3907, null, null, 'eva@zendesk.example', 'Eva', null, null, 'end-user', true, true, true, '2026-01-01 08:00:00+00', '2026-05-10 08:00:00+00', '2026-06-01 00:00:00+00'),
    (3908, null, null, 'fin@zendesk.example', 'Fin', null, null, 'end-user', true, false, true, '2026-01-01 08:00:00+00', '2026-05-10 08:00:00+00', '2026-06-01 00:00:00+00'),
    -- Suspended, and of an organization that is gone.
    (3909, 'zendesk-user-9', 502, 'gus@zendesk.example', 'Gus', null, null, 'end-user', true, true, false, '2026-01-01 08:00:00+00', '2026-05-10 08:00:00+00', '2026-06-01 00:00:00+00'),
    (3910, null, null, 'head@shop.zendesk.example', 'Head', null, null, 'admin', true, false, true, '2026-01-01 08:00:00+00', '2026-05-10 08:00:00+00', '2026-06-01 00:00:00+00'),
    -- A second account of Gus.
    (3911, null, null, 'gus.moss@zendesk.example', 'Gus', null, null, 'end-user', true, false, true, '2026-01-01 08:00:00+00', '2026-05-10 08:00:00+00', '2026-06-01 00:00:00+00'),
    (3912, null, null, 'ida@zendesk.example', 'Ida', null, null, 'end-user', true, false, true, '2026-01-01 08:00:00+00', '2026-05-10 08:00:00+00', '2026-06-01 00:00:00+00'),
    (3913, null, null, 'jon@zendesk.example', 'Jon', null, null, 'end-user', true, false, true, '2026-01-01 08:00:00+00', '2026-05-10 08:00:00+00', '2026-06-01 00:00:00+00'),
    (3914, null, 503, 'kim@zendesk.example', 'Kim', null, null, 'end-user', true, false, true, '2026-01-01 08:00:00+00', '2026-05-10 08:00:00+00', '2026-06-01 00:00:00+00');

create table zendesk.ticket (
    id bigint, requester_id bigint, submitter_id bigint, organization_id bigint, subject varchar, description varchar, status varchar,
    priority varchar, type varchar, via_channel varchar, brand_id bigint, created_at timestamp with time zone,
    updated_at timestamp with time zone, _fivetran_synced timestamp with time zone
);
insert into zendesk.ticket values
    (1, 3901, 3901, 501, 'Help', 'It does not work', 'open', 'high', 'problem', 'web', 42, '2026-05-30 10:00:00+00', '2026-05-30 10:00:00+00', '2026-06-01 00:00:00+00'),
    (2, 3904, 3906, null, 'Hello', 'Anybody there?', 'new', null, null, 'chat', null, '2026-05-31 10:00:00+00', '2026-05-31 10:00:00+00', '2026-06-01 00:00:00+00'),
    (3, 3905, 3905, null, 'Bye', null, 'deleted', null, null, 'email', null, '2026-05-20 10:00:00+00', '2026-05-31 10:00:00+00', '2026-06-01 00:00:00+00'),
    (4, null, null, null, 'Nobody', null, 'new', null, null, 'api', null, '2026-05-31 11:00:00+00', '2026-05-31 11:00:00+00', '2026-06-01 00:00:00+00'),
    -- An agent's own ticket.
    (5, 3906, 3906, null, 'Note', null, 'solved', null, null, 'web', null, '2026-05-31 12:00:00+00', '2026-05-31 12:00:00+00', '2026-06-01 00:00:00+00'),
    -- Opened by an agent for somebody.
    (7, 3906, 3906, null, 'Call', null, 'open', null, null, 'phone', null, '2026-05-29 10:00:00+00', '2026-05-29 10:00:00+00', '2026-06-01 00:00:00+00'),
    (8, 3911, 3911, null, 'Bill', null, 'open', null, null, 'email', null, '2026-05-29 11:00:00+00', '2026-05-29 11:00:00+00', '2026-06-01 00:00:00+00'),
    (9, 3906, 3906, null, 'Chat', null, 'open', null, null, 'chat', null, '2026-05-29 12:00:00+00', '2026-05-29 12:00:00+00', '2026-06-01 00:00:00+00');
