"""The demonstration world: a believable software company's customer data, with the truth beside it.

The company sells an analytics product to other companies. Of its people about 45 % stay anonymous,
15 % are leads (a form, an e-mail, mostly a contact in the CRM) and 40 % users, who were anonymous
for weeks before they signed up and log in on one to four devices. Everything is invented; names,
numbers and addresses reach nobody.

Troubles, so that identity resolution has something to do:

- kiosks, about 3 % of the accounts: a cookie and device on which three to eight people log in;
- laptops handed on, about 3 % of the accounts: one cookie, two people one after the other;
- role mailboxes: sales@ given in forms by two to four users (4 % of the accounts), info@ as the
  address of six to eight contacts (1 % of the accounts; each such contact is a person of its own);
- switchboards, about 3 % of the accounts: one number on four contacts or more;
- junk: user_id null, undefined, 0, guest; zero UUIDs as cookie or device; test@test.com and
  noreply@ addresses; phone numbers of zeros (0.4 % of the events, 1 % of the records);
- changed addresses: 12 % of the users were seen with two e-mails, both beside their user_id;
- private addresses: 1.5 % of the users first sent a form under an address that never meets their
  user_id, so the browser leads to two named people and belongs to nobody; 1 % of the users wrote
  to support from one, which meets them over the user_id or over the phone;
- spellings: capitals and blanks in e-mails (6 %), five ways to write a phone number;
- stray browsers, 8 % of the users: a phone that never logs in and stays a stranger;
- standard laptop images, 10 % of the accounts: an office full of equal fingerprints on one IP;
- lost cookies, 6 % of the people: the browser goes on under another cookie, in the middle of a
  visit or within a day, which only its address, fingerprint and place connect to the first;
- second cards, 3 % of the contacts: another contact under another address of the company;
- common phones: half of them are of twelve models that look the same; and every sixteenth person
  lives with a colleague;
- delivery: 1 % duplicates, 0.05 % clocks in 1970 or the far future, 0.02 % invalid events, five
  lines cut off.

Three segments exist at every size from 500 people: pricing_no_trial (2-5 % of the people), churning
(3-6 %) and expansion_ready (2-5 %).
"""

from __future__ import annotations

import random
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from . import world_names as names
from .world_files import DAY, Calendar, Clue, EventLog, Evidence, Table
from .world_journeys import Journey
from .world_people import (
    HISTORY_DAYS,
    PLAN_PRICES,
    Identifier,
    Person,
    Population,
    changed_address,
    second_crm_id,
)

DEFAULT_AS_OF = date(2026, 6, 30)

_JUNK_RECORD_SHARE = 0.01
_SECOND_CARD_SHARE = 0.03
_COLUMNS = {
    "salesforce": (
        "contact_id",
        "email",
        "mobile_phone",
        "first_name",
        "last_name",
        "account_name",
        "industry",
        "employees",
        "job_title",
        "country",
        "updated_at",
    ),
    "stripe": ("customer_id", "email", "name", "app_user_id", "plan", "mrr", "updated_at"),
    "zendesk": ("requester_id", "email", "phone", "name", "external_id", "updated_at"),
    "truth": ("identifier_type", "identifier_value", "person", "evidence_group"),
    "clues": (
        "rule",
        "identifier_type_a",
        "identifier_value_a",
        "identifier_type_b",
        "identifier_value_b",
    ),
}


@dataclass(frozen=True)
class WorldFiles:
    """Where the world was written and how much of it there is.

    ``events`` counts valid distinct events; the lines of the event files are ``events`` +
    ``duplicates`` + ``invalid_events`` (JSON without an identifier or a readable timestamp) +
    ``bad_lines`` (cut off, not JSON). ``showcase_email`` is the normalised address of a person
    with a form, cookies, an app, a user_id, a contact, a customer and a ticket.
    """

    event_files: tuple[Path, ...]
    salesforce: Path
    stripe: Path
    zendesk: Path
    truth: Path
    clues: Path
    people: int
    events: int
    duplicates: int
    invalid_events: int
    bad_lines: int
    showcase_email: str


def write_world(
    folder: Path,
    people: int = 5000,
    seed: int = 7,
    as_of: date = DEFAULT_AS_OF,
    batches: int = 1,
) -> WorldFiles:
    """Writes the events, three business systems and the truth of a world into ``folder``.

    The folder is made where it is missing; files of an earlier world in it are replaced. The same
    arguments give the same bytes. ``people`` humans cause about 30 events each in the 365 days
    before ``as_of``. With ``batches`` above 1 the events are divided by received time into
    events_1.ndjson, events_2.ndjson, ... of equal length, otherwise there is one events.ndjson.

    Raises ValueError when ``people`` or ``batches`` is below 1.
    """
    if people < 1 or batches < 1:
        raise ValueError(f"people and batches must be 1 or more, not {people} and {batches}")
    folder.mkdir(parents=True, exist_ok=True)
    event_files = _event_files(folder, batches)
    calendar = Calendar(as_of)
    showcase_email = ""
    with ExitStack() as stack:
        log = stack.enter_context(EventLog(folder, calendar))
        tables = {
            name: stack.enter_context(Table(folder / f"{name}.csv", columns))
            for name, columns in _COLUMNS.items()
        }
        for rng, account in Population(people, seed).accounts():
            for person in account.people:
                evidence = Evidence()
                clue_rng = names.seeded(seed, f"clues-{person.number}")
                journey = Journey(person, rng, clue_rng, calendar, log, evidence)
                journey.tell()
                records = _Records(person, rng, clue_rng, calendar, tables, evidence)
                records.write()
                for clue in (*journey.clues, *records.clues):
                    tables["clues"].row(clue.rule, *clue.one, *clue.other)
                _write_truth(tables["truth"], person, evidence)
                if person.showcase and person.email:
                    showcase_email = person.email
        log.add_damage(names.seeded(seed, "damage"))
        log.write(event_files)
        return WorldFiles(
            event_files=tuple(event_files),
            salesforce=folder / "salesforce.csv",
            stripe=folder / "stripe.csv",
            zendesk=folder / "zendesk.csv",
            truth=folder / "truth.csv",
            clues=folder / "clues.csv",
            people=people,
            events=log.events,
            duplicates=log.duplicates,
            invalid_events=log.invalid_events,
            bad_lines=log.bad_lines,
            showcase_email=showcase_email,
        )


def _event_files(folder: Path, batches: int) -> list[Path]:
    """The event files to write, after removing those of an earlier world."""
    for earlier in [folder / "events.ndjson", *folder.glob("events_*.ndjson")]:
        earlier.unlink(missing_ok=True)
    if batches == 1:
        return [folder / "events.ndjson"]
    return [folder / f"events_{number}.ndjson" for number in range(1, batches + 1)]


def _write_truth(table: Table, person: Person, evidence: Evidence) -> None:
    name = f"p{person.number:06d}"
    refused = person.account.refused | person.refused
    for number, group in enumerate(evidence.groups(refused), start=1):
        for identifier_type, value in group:
            table.row(identifier_type, value, name, f"{name}.{number}")


class _Records:
    """Writes what the CRM, billing and support know about one person."""

    def __init__(
        self,
        person: Person,
        rng: random.Random,
        clue_rng: random.Random,
        calendar: Calendar,
        tables: dict[str, Table],
        evidence: Evidence,
    ) -> None:
        self.clues: list[Clue] = []
        self._person = person
        self._rng = rng
        self._clue_rng = clue_rng
        self._calendar = calendar
        self._tables = tables
        self._evidence = evidence

    def write(self) -> None:
        """Writes a row for every record the person has."""
        person = self._person
        for crm_id in person.crm_ids:
            self._write_contact(crm_id)
        if person.billing_id:
            self._write_customer(person.billing_id)
        if person.support_id:
            self._write_requester(person.support_id)
        if person.crm_ids and person.email and not person.showcase:
            self._rng = self._clue_rng
            if self._rng.random() < _SECOND_CARD_SHARE:
                self._write_second_card(person.crm_ids[0])

    def _write_contact(self, crm_id: str) -> None:
        person = self._person
        # A switchboard shows only when its contacts have their own addresses.
        may_be_junk = person.kind != "role_contact" and person.contact_phone == person.phone
        email = self._email(person.contact_email, may_be_junk=may_be_junk)
        self._write_card(crm_id, email, self._phone(person.contact_phone), person.last_name)

    def _write_second_card(self, first: str) -> None:
        """A contact that somebody else of the sales team made, one in five without a last name."""
        person = self._person
        if not str(person.contact_email).endswith(f"@{person.account.domain}"):
            return
        crm_id = second_crm_id(person)
        email = changed_address(person)
        last_name = person.last_name if self._rng.random() < 0.8 else ""
        self._write_card(crm_id, (email, email), ("", ""), last_name)
        self.clues.append(Clue("same_name_and_title", ("crm_id", first), ("crm_id", crm_id)))

    def _write_card(
        self, crm_id: str, email: tuple[str, str], phone: tuple[str, str], last_name: str
    ) -> None:
        """A row of the CRM; address and number each in normal form and as they are written."""
        person, account = self._person, self._person.account
        self._note(("crm_id", crm_id), email, phone)
        self._tables["salesforce"].row(
            crm_id,
            email[1],
            phone[1],
            person.first_name,
            last_name,
            account.name,
            account.industry,
            account.employees,
            person.job_title,
            account.country.code,
            self._updated_at(),
        )

    def _write_customer(self, billing_id: str) -> None:
        person = self._person
        email = self._email(person.email)
        names_user = person.showcase or self._rng.random() < 0.85
        user_id = person.user_id if names_user else None
        self._note(("billing_id", billing_id), email, ("", ""), user_id)
        self._tables["stripe"].row(
            billing_id,
            email[1],
            person.name,
            user_id,
            person.plan,
            PLAN_PRICES[person.plan],
            self._updated_at(),
        )

    def _write_requester(self, support_id: str) -> None:
        person, rng = self._person, self._rng
        email = self._email(person.ticket_email or person.email)
        with_phone = bool(person.ticket_email) or rng.random() < 0.5
        phone = self._phone(person.phone if with_phone else None)
        user_id = person.user_id if person.ticket_names_user else None
        self._note(("support_id", support_id), email, phone, user_id)
        self._tables["zendesk"].row(
            support_id,
            email[1],
            phone[1],
            person.name,
            user_id or self._no_user(),
            self._updated_at(),
        )

    def _email(self, email: str | None, *, may_be_junk: bool = True) -> tuple[str, str]:
        """The normalised address (empty for junk) and the one written into the record."""
        if not email:
            return "", ""
        if may_be_junk and self._is_junk():
            domain = self._person.account.domain
            return "", self._rng.choice(("test@test.com", f"noreply@{domain}"))
        return email, names.written_email(self._rng, email)

    def _phone(self, phone: names.Phone | None) -> tuple[str, str]:
        """The normalised number (empty for junk) and the one written into the record."""
        if phone:
            return phone.e164, names.written_phone(self._rng, phone)
        return "", self._rng.choice(("0000000000", "+10000000000")) if self._is_junk() else ""

    def _no_user(self) -> str:
        return self._rng.choice(("null", "0")) if self._is_junk() else ""

    def _is_junk(self) -> bool:
        return not self._person.showcase and self._rng.random() < _JUNK_RECORD_SHARE

    def _note(
        self,
        record: Identifier,
        email: tuple[str, str],
        phone: tuple[str, str],
        user_id: str | None = None,
    ) -> None:
        seen = [record, ("email", email[0]), ("phone", phone[0]), ("user_id", user_id or "")]
        self._evidence.record([identifier for identifier in seen if identifier[1]])

    def _updated_at(self) -> str:
        rng = self._rng
        day = rng.randint(min(self._person.first_day + 1, HISTORY_DAYS - 1), HISTORY_DAYS - 1)
        return self._calendar.text(day * DAY + rng.randrange(DAY))
