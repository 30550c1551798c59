"""A year of a software company's events and contacts, made by SQL inside the database.

Everything follows from hashes of numbers, so that one size gives one world. A person causes about
30 events: 45 % of the people stay anonymous, 15 % are leads (a form and an e-mail), 40 % are users
with one to four cookies who were anonymous before they signed up. A fifth is in the CRM as well.

Troubles, so that identity resolution has something to do: kiosks on which a company's users log in,
role mailboxes in forms and in the CRM, switchboards, networks that a company shares, a demo login
whose cookies are one giant component, companies whose people give one another's phone (long
chains), a crowd that gives numbers at random, the text null in place of a user_id, nil UUIDs as
cookies, addresses in capitals, one day with a twentieth of all visits, 1 % duplicates.

A batch is what is loaded later, see `Batch`: mostly known people on the day after the year, some
who show for the first time who they are, some new ones, some events that are late.
"""

from dataclasses import dataclass
from pathlib import Path

from duckdb import DuckDBPyConnection

from project import connect

# An average over anonymous people, leads and users.
EVENTS_PER_PERSON = 30

# So many days are made at a time: what is sorted fits into memory at any size.
_SLICE = 15
_DAYS = 365


@dataclass(frozen=True)
class Batch:
    """A load after the year.

    Attributes:
        events: how many; of merges, the people who sign in where somebody else was anonymous.
        late: share of the visits that are 31 to 90 days late.
        is_merges: it holds nothing but merges: one event of each of these people.
    """

    events: int
    late: float = 0
    is_merges: bool = False


_CHOICES = {
    "first_names": ["Anna", "Ben", "Clara", "David", "Elena", "Felix", "Grace", "Hannah", "Ivan"],
    "last_names": ["Keller", "Moreau", "Ashby", "Okafor", "Tanaka", "Brandt", "Castillo", "Duval"],
    "job_titles": ["Data Analyst", "Engineer", "Head of Marketing", "VP Sales", "Buyer"],
    "features": ["dashboard", "query", "alerts", "report", "catalog", "api"],
    "pages": ["/", "/", "/product", "/pricing", "/customers", "/docs", "/docs/api", "/blog"],
}

_DRAWS = """
-- A number from 0 to 1 that looks random, always the same for the same key.
create or replace temp macro draw(salt, key) as (hash(salt, key) % 1000003) / 1000003.0;
create or replace temp macro pick(options, salt, key) as
    options[1 + cast(floor(draw(salt, key) * len(options)) as integer)];
create or replace temp macro day_start(day) as
    timestamp '2025-06-30 00:00:00' + to_days(cast(day as integer));
create or replace temp macro mail_domain(company) as 'company' || company || '.example';
create or replace temp macro phone(number) as '+1555' || lpad(cast(number as varchar), 7, '0');
create or replace temp macro country(company) as
    pick(['US', 'DE', 'FR', 'GB', 'IN', 'BR'], 'country', company);
"""

_PEOPLE = """
create or replace table bench.people as
select
    person,
    1 + person // 12 as company,
    case
        when draw('kind', person) < 0.45 then 'anonymous'
        when draw('kind', person) < 0.60 then 'lead'
        else 'user'
    end as kind,
    cast(floor(draw('first day', person) * 330) as integer) as first_day,
    first_day + cast(
        floor(draw('login', person) * 0.3 * (365 - first_day)) as integer
    ) as login_day,
    case kind
        when 'anonymous' then 1
        when 'lead' then 1 + cast(floor(draw('cookies', person) * 2) as integer)
        else 1 + cast(floor(draw('cookies', person) * 4) as integer)
    end as cookies,
    1 + cast(
        floor(
            -ln(1 - draw('visits', person))
            * case kind when 'anonymous' then 1.5 when 'lead' then 3.5 else 10.7 end
        ) as integer
    ) as visits
from range(1, getvariable('people') + 1) as numbers (person);
"""

# More people than needed are drawn; those behind the last event do not exist.
_VISITS = """
create or replace table bench.visits as
with drawn as (
    select
        people.*,
        person as cookie_person,
        visit,
        person || '/' || visit as visit_key,
        1 + cast(floor(draw('size', visit_key) * 9) as integer) as size,
        case
            when visit = 1 then first_day
            when first_day < 200 and draw('launch', visit_key) < 0.05 then 200
            else first_day + cast(floor(draw('day', visit_key) * (365 - first_day)) as integer)
        end as day,
        kind = 'user' and day >= login_day as is_logged_in,
        kind = 'lead' and visit = 1 + floor(draw('form', person) * visits) as has_form
    from bench.people, unnest(range(1, visits + 1)) as numbers (visit)
),
counted as (
    select
        *,
        is_logged_in and row_number() over (
            partition by person, is_logged_in order by day, visit
        ) = 1 as is_signup,
        sum(size) over (order by person, visit rows unbounded preceding) - size as first_event
    from drawn
)
select
    * replace (cast(least(size, getvariable('events') - first_event) as integer) as size),
    0 as days_late
from counted
where first_event < getvariable('events');
"""

# Whom the visits of a batch are drawn from: who has many is drawn often.
_KNOWN = """
create or replace table bench.known as
select row_number() over () as place, person from bench.visits;

create or replace table bench.batches as
select
    0 as batch,
    getvariable('events') as events,
    (select max(person) from bench.visits) as people;
"""

_NEXT_VISITS = """
create or replace temp table batch_visits as
with numbered as (
    select
        1000 * getvariable('batch') + number as visit,
        number,
        getvariable('batch') || '/' || number as draw_key,
        1 + cast(
            floor(draw('who', draw_key) * (select count(*) from bench.known)) as bigint
        ) as place,
        draw('new', draw_key) < 0.15 as is_new
    from range(1, getvariable('batch_events') + 1) as numbers (number)
),
-- The people after the last known one are the new ones.
chosen as (
    select
        numbered.visit,
        people.* exclude (kind),
        people.person as cookie_person,
        not is_new
        and people.kind = 'anonymous'
        and draw('identified', draw_key) < 0.1 as is_identified,
        case when is_identified then 'user' else people.kind end as kind
    from numbered
    inner join bench.known on numbered.place = known.place
    inner join bench.people on people.person = case
        when is_new then getvariable('known_people') + 1 + number // 4 else known.person
    end
),
drawn as (
    select
        *,
        person || '/' || visit as visit_key,
        1 + cast(floor(draw('size', visit_key) * 9) as integer) as size,
        case
            when draw('very late', visit_key) < getvariable('late')
                then 31 + floor(draw('days', visit_key) * 60)
            when draw('late', visit_key) < 0.80 then 0
            when draw('late', visit_key) < 0.95 then 1 + floor(draw('days', visit_key) * 3)
            else 4 + floor(draw('days', visit_key) * 27)
        end as days_late,
        365 - days_late as day,
        kind = 'user' as is_logged_in,
        is_identified as is_signup,
        kind = 'lead' and draw('form', visit_key) < 0.3 as has_form
    from chosen
),
counted as (
    select
        *,
        getvariable('known_events')
        + sum(size) over (order by visit rows unbounded preceding) - size as first_event,
        getvariable('known_events') + getvariable('batch_events') as end_event
    from drawn
)
select * replace (cast(least(size, end_event - first_event) as integer) as size)
from counted
where first_event < end_event;
"""

# A user signs in with the cookie of somebody who was anonymous so far.
_MERGES = """
create or replace temp table batch_visits as
with anonymous as (
    select *, row_number() over (order by draw('merged', person), person) as place
    from bench.people
    where
        kind = 'anonymous'
        and person <= getvariable('known_people')
        and draw('demo', person) >= 0.02
),
users as (
    select *, row_number() over (order by draw('merging', person), person) as place
    from bench.people
    where kind = 'user' and person <= getvariable('known_people')
)
select
    users.* exclude (place, cookies),
    1 as cookies,
    1000 * getvariable('batch') + place as visit,
    anonymous.person as cookie_person,
    users.person || '/merge ' || getvariable('batch') as visit_key,
    1 as size,
    0 as days_late,
    365 as day,
    true as is_logged_in,
    false as is_signup,
    false as has_form,
    getvariable('known_events') + place - 1 as first_event
from anonymous
inner join users using (place)
where place <= getvariable('batch_events');
"""

_EVENTS = """
with steps as (
    select
        *,
        first_event + step as number,
        draw('what', number) as what,
        case
            when is_signup and step = 0 then 'trial_started'
            when has_form and step = size - 1 then 'form_submitted'
            when is_logged_in then case
                when what < 0.45 then 'page_viewed'
                when what < 0.87 then 'feature_used'
                when what < 0.93 then 'email_opened'
                when what < 0.96 then 'email_clicked'
                when what < 0.98 then 'order_completed'
                when what < 0.99 then 'form_submitted'
                else 'link_clicked'
            end
            when what < 0.95 then 'page_viewed'
            else 'link_clicked'
        end as event_name,
        event_name in ('email_opened', 'email_clicked') as is_mail,
        event_name in ('trial_started', 'form_submitted') as is_form,
        is_logged_in
        and person = cookie_person
        and draw('kiosk', company) < 0.03
        and draw('at kiosk', visit_key) < 0.1 as is_kiosk,
        is_logged_in
        and person = cookie_person
        and draw('app', person) < 0.3
        and draw('in app', visit_key) < 0.3 as is_app,
        day_start(day) + to_seconds(
            cast(floor(draw('time', visit_key) * 80000) as bigint) + 60 * step
        ) as occurred_at,
        draw('junk', visit_key) as junk,
        1 + cast(floor(pow(draw('cookie', visit_key), 2) * cookies) as integer) as cookie
    from {visits}, unnest(range(size)) as numbers (step)
    where {condition}
),
events as (
    select
        md5('event ' || number) as event_id,
        event_name,
        occurred_at,
        occurred_at + to_days(cast(days_late as integer))
        + to_seconds(cast(1 + floor(draw('way', number) * 30) as bigint)) as received_at,
        case
            when is_mail then null
            when is_logged_in then 'u' || person
            when kind = 'anonymous' and draw('demo', person) < 0.02 then 'demo'
            when junk < 0.004 then pick(['null', 'undefined', '0'], 'junk user', visit_key)
        end as user_id,
        case
            when event_name = 'email_opened' or is_app then null
            when is_kiosk then 'kiosk-' || company
            when junk between 0.01 and 0.011 then '00000000-0000-0000-0000-000000000000'
            else md5('cookie ' || cookie_person || ' ' || cookie)
        end as anonymous_id,
        case
            when event_name = 'form_submitted' and draw('role', company) < 0.04 and what < 0.985
                then 'sales@' || mail_domain(company)
            when (is_mail or is_form) and draw('capitals', number) < 0.06
                then 'Person' || person || '@' || upper(mail_domain(company))
            when is_mail or is_form then 'person' || person || '@' || mail_domain(company)
        end as email,
        case
            when is_form and draw('crowd', person) < 0.02
                then phone(
                    5000000 + floor(draw('crowd phone', number) * getvariable('people') / 50)
                )
            when is_form and draw('family', company) < 0.01 then phone(person + number % 2)
            when is_form and draw('gives phone', person) < 0.4 then phone(person)
        end as phone,
        case when is_app then md5('device ' || person) end as device_id,
        md5('visit ' || visit_key) as session_id,
        '10.' || company % 200 || '.' || company // 200 % 250 || '.'
        || if(draw('at work', person) < 0.7, 1, person % 250) as ip,
        case
            when is_app then 'phone'
            else pick(['desktop', 'desktop', 'phone', 'tablet'], 'screen', person)
        end as device_type,
        -- A third of the phones look like many others; one visitor in twenty has lost the cookie.
        case
            when is_mail then null
            when device_type = 'phone' and draw('model', person) < 0.33
                then 'model ' || floor(draw('which model', person) * 50)
            else md5(
                'browser ' || cookie_person || ' ' || if(draw('lost', person) < 0.05, 1, cookie)
            )
        end as fingerprint,
        country(company) as country,
        country || pick([' north', ' south', ' east', ' west'], 'city', company) as city,
        case
            when event_name in ('page_viewed', 'link_clicked')
                then pick(getvariable('pages'), 'page', number)
        end as page_path,
        case
            when step > 0
                then 'https://www.shop.example' || pick(getvariable('pages'), 'page', number - 1)
        end as referrer,
        'https://www.shop.example' || page_path as page_url,
        cast(
            case
                when event_name = 'feature_used' then json_object(
                    'feature', pick(getvariable('features'), 'feature', number),
                    'seconds', cast(floor(draw('seconds', number) * 600) as integer)
                )
                when event_name = 'order_completed' then json_object(
                    'order_id', 'o' || number,
                    'amount', cast(10 + floor(draw('amount', number) * 490) as integer),
                    'currency', 'EUR'
                )
                else json_object('path', page_path, 'step', step)
            end as varchar
        ) as properties,
        case
            when is_form or (is_logged_in and draw('identify', number) < 0.1) then cast(
                json_object(
                    'name', pick(getvariable('first_names'), 'first name', person)
                    || ' ' || pick(getvariable('last_names'), 'last name', person),
                    'company', 'Company ' || company,
                    'job_title', pick(getvariable('job_titles'), 'title', person),
                    'plan', pick(['free', 'team', 'business'], 'plan', company)
                ) as varchar
            )
        end as traits,
        number
    from steps
),
delivered as (
    select * from events
    union all
    select * replace (received_at + interval 1 minute as received_at)
    from events
    where number % 99 = 0
)
select
    * exclude (number),
    {loaded_at} as loaded_at
from delivered
order by received_at, event_id
"""

_CONTACTS = """
select
    'c' || person as contact_id,
    case
        when draw('junk contact', person) < 0.01 then 'noreply@' || mail_domain(company)
        when draw('info', company) < 0.01 then 'info@' || mail_domain(company)
        when draw('capitals', person) < 0.06 then 'PERSON' || person || '@' || mail_domain(company)
        else 'person' || person || '@' || mail_domain(company)
    end as email,
    case
        when draw('switchboard', company) < 0.03 then phone(9000000 + company)
        when draw('has phone', person) < 0.5 then phone(person)
    end as mobile_phone,
    pick(getvariable('first_names'), 'first name', person) as first_name,
    pick(getvariable('last_names'), 'last name', person) as last_name,
    'Company ' || company as account_name,
    cast(pow(10, 1 + draw('employees', company) * 3) as integer) as employees,
    pick(getvariable('job_titles'), 'title', person) as job_title,
    country(company) as country,
    day_start(first_day) + interval 12 hour as updated_at
from bench.people
where
    {condition}
    and draw('in crm', person) < case kind when 'lead' then 0.6 when 'user' then 0.3 else 0 end
"""


def make_world(database: Path, events: int) -> None:
    """Write bench.events and bench.contacts, and beside them what batches are made of."""
    with connect(database) as connection:
        _set(connection, {"events": events - events // 100})
        _prepare(connection, events // EVENTS_PER_PERSON * 3 // 2 + 1000)
        connection.execute("create schema if not exists bench")
        connection.execute(_PEOPLE + _VISITS + _KNOWN)
        every_hour = "date_trunc('hour', received_at) + interval 1 hour"
        for first in range(0, _DAYS, _SLICE):
            days = f"day >= {first} and day < {first + _SLICE}"
            rows = _EVENTS.format(visits="bench.visits", condition=days, loaded_at=every_hour)
            start = (
                "insert into bench.events" if first else "create or replace table bench.events as"
            )
            connection.execute(f"{start} {rows}")
        rows = _CONTACTS.format(condition="person <= (select max(person) from bench.visits)")
        connection.execute(f"create or replace table bench.contacts as {rows}")


def add_batch(database: Path, batch: Batch) -> None:
    """Deliver a batch: it goes into the sources, a day after the one before."""
    with connect(database) as connection:
        (people,) = connection.execute("select count(*) from bench.people").fetchone() or (0,)
        _prepare(connection, people)
        number, known_events, known_people = connection.execute(
            "select max(batch) + 1, sum(events), max(people) from bench.batches"
        ).fetchone() or (0, 0, 0)
        variables = {
            "batch": number,
            # One event in a hundred is delivered twice.
            "batch_events": batch.events if batch.is_merges else batch.events - batch.events // 100,
            "late": batch.late,
            "known_events": known_events,
            "known_people": known_people,
        }
        _set(connection, variables)
        connection.execute(_MERGES if batch.is_merges else _NEXT_VISITS)
        loaded_at = f"day_start({_DAYS + number}) + interval 1 hour"
        rows = _EVENTS.format(visits="batch_visits", condition="true", loaded_at=loaded_at)
        connection.execute(f"insert into bench.events {rows}")
        new = "person in (select person from batch_visits) and person > getvariable('known_people')"
        connection.execute(f"insert into bench.contacts {_CONTACTS.format(condition=new)}")
        connection.execute(
            "insert into bench.batches select getvariable('batch'), getvariable('batch_events'),"
            " greatest(getvariable('known_people'), max(person)) from batch_visits"
        )


def _prepare(connection: DuckDBPyConnection, people: int) -> None:
    """What the statements of this file take for granted, in a world with so many drawn people."""
    _set(connection, {"people": people, **_CHOICES})
    connection.execute(_DRAWS)


def _set(connection: DuckDBPyConnection, variables: dict[str, object]) -> None:
    for name, value in variables.items():
        connection.execute(f"set variable {name} = {value!r}")
