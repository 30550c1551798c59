"""The limit: one script for DuckDB, written by hand for this world, that computes the same tables.

It knows everything beforehand: which columns there are, which troubles, which traits and segments.
It keeps no history, cannot be run again with what is new, explains nothing and splits nobody: an
identifier that is seen with more user_ids than it may be is left out before people are joined.
So it finds nearly the same people, and what the package takes more is the price of all that.
"""

import time
from dataclasses import dataclass
from pathlib import Path

from duckdb import DuckDBPyConnection

from project import connect

_TABLES = (
    (
        "events",
        """
        create or replace table limits.raw_events as
        select
            event_id, event_name as event_type, occurred_at as timestamp, received_at, user_id,
            anonymous_id, email, phone, device_id, session_id, ip, fingerprint, device_type,
            country, city, page_url, page_path, referrer, properties, traits, loaded_at,
            substr(sha256(concat_ws(
                '|', event_id, event_name, occurred_at, received_at, user_id, anonymous_id, email,
                phone, device_id, session_id, ip, fingerprint, device_type, country, city, page_url,
                page_path, referrer, properties, traits
            )), 1, 32) as content_hash,
            substr(sha256(concat_ws(
                '|', coalesce(user_id, ''), coalesce(anonymous_id, ''), coalesce(email, ''),
                coalesce(phone, ''), device_id
            )), 1, 32) as tuple_key
        from bench.events;

        delete from limits.raw_events where rowid in (
            select rowid from limits.raw_events
            where hash(event_id) in (
                select hash(event_id) from limits.raw_events group by 1 having count(*) > 1
            )
            qualify row_number() over (partition by event_id order by received_at, content_hash) > 1
        );
        """,
    ),
    (
        "identities",
        """
        create or replace temp table seen as
        select
            tuple_key,
            any_value(user_id) as user_id,
            any_value(anonymous_id) as anonymous_id,
            lower(any_value(email)) as email,
            any_value(phone) as phone,
            any_value(device_id) as device_id,
            null as crm_id,
            count(*) as event_count,
            min(timestamp) as first_seen,
            max(timestamp) as last_seen
        from limits.raw_events
        group by tuple_key
        union all
        select
            'contact ' || contact_id, null, null, lower(email), mobile_phone, null, contact_id, 1,
            updated_at, updated_at
        from bench.contacts;

        create or replace temp table members as
        select tuple_key, type, value
        from seen
        unpivot (value for type in (user_id, crm_id, email, phone, device_id, anonymous_id))
        where
            value not in ('null', 'undefined', '0', '00000000-0000-0000-0000-000000000000')
            and split_part(value, '@', 1) not in ('sales', 'info', 'noreply');

        create or replace temp table shared as
        select members.type, members.value
        from members
        inner join members as named
            on members.tuple_key = named.tuple_key and named.type in ('user_id', 'email')
        where members.type not in ('user_id', 'email')
        group by members.type, members.value
        having
            count(distinct case when named.type = 'user_id' then named.value end) > 1
            or count(distinct named.value) > 5;

        create or replace temp table nodes as
        select
            type, value,
            row_number() over (
                order by case type
                    when 'user_id' then 1 when 'crm_id' then 2 when 'email' then 3
                    when 'phone' then 4 when 'device_id' then 5 else 6
                end
            ) as node
        from (
            select distinct type, value from members anti join shared using (type, value)
        ) as identifiers;

        create or replace temp table links as
        select members.tuple_key, nodes.node, min(nodes.node) over (
            partition by members.tuple_key
        ) as hub
        from members
        inner join nodes using (type, value);

        create or replace temp table labels as
        select node, min(hub) as label from links group by node;
        """,
    ),
    ("joins", ""),
    (
        "graph",
        """
        create or replace temp table people as
        select label, uuid() as canonical_id from (select distinct label from labels) as roots;

        create or replace temp table tuple_people as
        select links.tuple_key, any_value(people.canonical_id) as canonical_id
        from links
        inner join labels using (node)
        inner join people using (label)
        group by links.tuple_key;

        create or replace table limits.identity_graph as
        select
            nodes.node as identifier_id,
            nodes.type as identifier_type,
            nodes.value as identifier_value,
            people.canonical_id,
            sightings.first_seen,
            sightings.last_seen,
            sightings.event_count
        from nodes
        inner join labels using (node)
        inner join people using (label)
        inner join (
            select
                links.node, min(first_seen) as first_seen, max(last_seen) as last_seen,
                sum(event_count) as event_count
            from links
            inner join seen using (tuple_key)
            group by links.node
        ) as sightings using (node);
        """,
    ),
    (
        "profiles",
        """
        create or replace table limits.user_profiles as
        with counted as (
            select
                tuple_key,
                count(*) filter (event_type = 'page_viewed') as page_views,
                count(*) filter (
                    event_type = 'page_viewed' and page_path = '/pricing' and timestamp >= day - 6
                ) as pricing_views_7d,
                min(timestamp) filter (event_type = 'trial_started') as trial_started_at,
                count(*) filter (event_type = 'feature_used' and timestamp >= day - 29) as uses_30d,
                count(*) filter (
                    event_type = 'feature_used' and timestamp >= day - 59 and timestamp < day - 29
                ) as uses_prev_30d,
                sum(case when event_type = 'order_completed' then
                    cast(properties ->> 'amount' as decimal(18, 2)) end) as revenue,
                count(distinct cast(timestamp as date)) as active_days,
                arg_max(traits, timestamp) filter (traits is not null) as traits,
                max(timestamp) filter (traits is not null) as traits_at,
                min(timestamp) as first_seen,
                max(timestamp) as last_active
            from limits.raw_events, (select date '2026-06-30' as day) as today
            group by tuple_key
        ),
        features as (
            select canonical_id, arg_max(feature, uses) as favourite_feature
            from (
                select canonical_id, properties ->> 'feature' as feature, count(*) as uses
                from limits.raw_events
                inner join tuple_people using (tuple_key)
                where event_type = 'feature_used'
                group by all
            ) as used
            group by canonical_id
        ),
        emails as (
            select canonical_id, arg_max(identifier_value, last_seen) as email
            from limits.identity_graph
            where identifier_type = 'email'
            group by canonical_id
        ),
        summed as (
            select
                canonical_id,
                sum(page_views) as total_page_views,
                sum(pricing_views_7d) as pricing_views_7d,
                min(trial_started_at) as trial_started_at,
                sum(uses_30d) as feature_uses_30d,
                sum(uses_prev_30d) as feature_uses_prev_30d,
                sum(revenue) as lifetime_revenue,
                sum(active_days) as active_days,
                arg_max(traits, traits_at) as traits,
                min(first_seen) as first_seen,
                max(last_active) as last_active
            from counted
            inner join tuple_people using (tuple_key)
            group by canonical_id
        )
        select
            summed.* exclude (traits),
            emails.email,
            features.favourite_feature,
            traits ->> 'name' as name,
            traits ->> 'company' as company,
            traits ->> 'job_title' as job_title,
            traits ->> 'plan' as plan,
            contacts.first_name,
            contacts.last_name,
            contacts.employees as company_size,
            feature_uses_30d / nullif(feature_uses_prev_30d, 0) - 1 as usage_change_30d,
            coalesce(contacts.employees between 50 and 2000, false) as is_icp_match,
            least(100, total_page_views + 10 * pricing_views_7d + 5 * active_days) as lead_score
        from summed
        left join emails using (canonical_id)
        left join features using (canonical_id)
        left join (
            select tuple_people.canonical_id, any_value(contacts) as contacts
            from bench.contacts as contacts
            inner join tuple_people on 'contact ' || contacts.contact_id = tuple_people.tuple_key
            group by tuple_people.canonical_id
        ) as crm using (canonical_id), lateral (select unnest(crm.contacts)) as contacts;
        """,
    ),
    (
        "segments",
        """
        create or replace table limits.segments as
        select canonical_id, segment_name, now() as entered_at
        from limits.user_profiles,
            lateral (select unnest(list_filter([
                case when pricing_views_7d > 0 and trial_started_at is null
                    then 'pricing_no_trial' end,
                case when feature_uses_prev_30d >= 5 and usage_change_30d < -0.5
                    then 'usage_halved' end,
                case when is_icp_match and lead_score > 70 then 'hot_icp_leads' end
            ], lambda name: name is not null)) as segment_name) as matches;
        """,
    ),
)

# Every label takes the least one that its links show, and then its label's.
_SPREAD = """
create or replace temp table next_labels as
with pulled as (
    select links.hub, min(labels.label) as label
    from links
    inner join labels using (node)
    group by links.hub
),
least_labels as (
    select labels.node, least(labels.label, min(pulled.label), min(hub_labels.label)) as label
    from labels
    inner join links using (node)
    inner join pulled using (hub)
    inner join labels as hub_labels on links.hub = hub_labels.node
    group by labels.node, labels.label
)
select least_labels.node, least(least_labels.label, jumped.label) as label
from least_labels
inner join least_labels as jumped on least_labels.label = jumped.node;
"""
_MOVED = """
select count(*) from next_labels inner join labels using (node)
where next_labels.label <> labels.label
"""


@dataclass(frozen=True)
class Limit:
    """What the script took: seconds of each part, and how many it has found."""

    seconds: dict[str, float]
    people: int
    identifiers: int
    members: int

    @property
    def total_seconds(self) -> float:
        """Of all parts."""
        return sum(self.seconds.values())


def measure_limit(database: Path) -> Limit:
    """Run the script over bench.events and bench.contacts, into tables of a schema of its own."""
    seconds: dict[str, float] = {}
    with connect(database) as connection:
        connection.execute("create schema if not exists limits")
        for name, sql in _TABLES:
            started = time.perf_counter()
            if sql:
                connection.execute(sql)
            else:
                spread(connection)
            seconds[name] = time.perf_counter() - started
        counts = connection.execute(
            "select (select count(*) from limits.user_profiles),"
            " (select count(*) from limits.identity_graph), (select count(*) from limits.segments)"
        ).fetchone()
        connection.execute("drop schema limits cascade")
    return Limit(seconds, *(counts or (0, 0, 0)))


def spread(connection: DuckDBPyConnection) -> None:
    """Spread least labels along `links` (node, hub) in `labels` (node, label) until none moves."""
    moved = 1
    while moved:
        connection.execute(_SPREAD)
        (moved,) = connection.execute(_MOVED).fetchone() or (0,)
        connection.execute("create or replace temp table labels as from next_labels")
