"""Who lives in the demonstration world: accounts, people, their browsers and their troubles.

People are planned account by account, so that a world of any size is streamed. Planning decides
which identifiers a person has and which of them are shared; `world_journeys` tells what they do.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from . import world_names as names
from .world_names import Country, Phone, PhoneBook

HISTORY_DAYS = 365
Identifier = tuple[str, str]

PLAN_PRICES = {"starter": 49, "team": 199, "business": 799}  # EUR or USD a month
_PROFILES = {  # of a hundred users, by what they did in the last two months
    "expanding": 9,
    "fading": 11,
    "steady": 16,
    "light": 30,
    "dormant": 22,
    "new": 12,
}
_ACCOUNT_SIZES = (
    (1, 1, 30),
    (2, 2, 18),
    (3, 3, 13),
    (4, 6, 16),
    (7, 12, 13),
    (13, 25, 7),
    (26, 60, 3),
)  # smallest, largest, weight
_PHONE_MODELS = 12
_FIRST_ACCOUNT_SIZE = 40  # large enough for every trouble, so that small worlds have them all


@dataclass(slots=True)
class Browser:
    """A browser (one cookie) or an installed app (a device without a cookie)."""

    anonymous_id: str | None
    device_id: str | None
    device_type: str
    user_agent: str
    fingerprint: str | None
    ips: tuple[str, ...]
    offset: int = 0  # minutes east of UTC that it writes into its timestamps; 0 is written Z
    since: int = 0  # first day of use
    until: int = HISTORY_DAYS  # day after the last one

    def identifiers(self) -> set[Identifier]:
        """The cookie and the device, as far as it has them."""
        pairs = (("anonymous_id", self.anonymous_id), ("device_id", self.device_id))
        return {(kind, value) for kind, value in pairs if value}


@dataclass(slots=True)
class Account:
    """A company. ``refused`` holds its identifiers that several people share."""

    number: int
    name: str
    domain: str
    industry: str
    employees: int
    country: Country
    region: str
    city: str
    office_ip: str
    image_fingerprint: str | None  # one standard laptop image: all its browsers look the same
    people: list[Person] = field(default_factory=list)
    refused: set[Identifier] = field(default_factory=set)
    addresses: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Person:
    """One human. Addresses are normalised; days count from the start of the history."""

    number: int
    kind: str  # anonymous | lead | user | role_contact
    account: Account
    first_name: str
    last_name: str
    job_title: str
    home_ip: str
    first_day: int
    profile: str = ""
    plan: str = ""
    trial: bool = False
    email: str | None = None
    later_email: str | None = None  # the address after a change, seen with the same user_id
    private_email: str | None = None  # an address of a form that never meets the user_id
    ticket_email: str | None = None  # the address support knows, where it differs
    contact_email: str | None = None  # the address in the CRM
    phone: Phone | None = None
    contact_phone: Phone | None = None  # the number in the CRM: one's own or the switchboard's
    user_id: str | None = None
    crm_ids: list[str] = field(default_factory=list)
    billing_id: str | None = None
    support_id: str | None = None
    ticket_names_user: bool = False
    browsers: list[Browser] = field(default_factory=list)
    stray_browsers: list[Browser] = field(default_factory=list)  # never logged in
    shared_browsers: list[Browser] = field(default_factory=list)
    role_mailbox: str | None = None  # given in a form while logged in
    views_pricing_last: bool = False  # looks at the prices in the last seven days, no trial
    refused: set[Identifier] = field(default_factory=set)
    showcase: bool = False

    @property
    def name(self) -> str:
        """First and last name."""
        return f"{self.first_name} {self.last_name}"

    @property
    def cookies(self) -> list[Browser]:
        """One's own browsers with a cookie."""
        return [browser for browser in self.browsers if browser.anonymous_id]


class Population:
    """Plans accounts with ``people`` people in all."""

    def __init__(self, people: int, seed: int) -> None:
        self._people = people
        self._seed = seed
        self._phones = PhoneBook()
        self._eligible: dict[str, int] = {}
        self._profiles: list[str] = []

    def accounts(self) -> Iterator[tuple[random.Random, Account]]:
        """Every account in turn, with the generator that also drives its people's journeys."""
        planned = 0
        number = 0
        while planned < self._people:
            rng = names.seeded(self._seed, f"account-{number}")
            account = _found_account(rng, number)
            size = min(_account_size(rng, number), self._people - planned)
            account.employees = max(account.employees, 3 * size)
            role_contacts = self._role_contacts(rng, size)
            for place in range(size):
                kind = _draw_kind(rng, place, role_contacts)
                account.people.append(self._plan_person(rng, account, planned + place + 1, kind))
            if number == 0:
                _make_showcase(rng, account.people[0], self._phones)
            self._add_troubles(rng, account)
            planned += size
            number += 1
            yield rng, account

    def _turn(self, part: str, every: int) -> bool:
        """True for the first account or person eligible for a part, then for every so many."""
        seen = self._eligible.get(part, 0)
        self._eligible[part] = seen + 1
        return seen % every == 0

    def _next_profile(self, rng: random.Random) -> str:
        """Deals from a shuffled deck, so that small worlds have the same shares as large ones."""
        if not self._profiles:
            self._profiles = [name for name, count in _PROFILES.items() for _ in range(count)]
            rng.shuffle(self._profiles)
        return self._profiles.pop()

    def _role_contacts(self, rng: random.Random, size: int) -> range:
        """The places of the account's people whom the CRM knows by a role mailbox alone."""
        if size < 20 or not self._turn("role_contacts", 4):
            return range(0)
        return range(1, 1 + rng.randint(6, 8))

    def _plan_person(self, rng: random.Random, account: Account, number: int, kind: str) -> Person:
        person = Person(
            number=number,
            kind=kind,
            account=account,
            first_name=rng.choice(names.FIRST_NAMES),
            last_name=rng.choice(names.LAST_NAMES),
            job_title=rng.choice(names.JOB_TITLES),
            home_ip=_home_ip(rng, account, number),
            first_day=int((HISTORY_DAYS - 5) * rng.random() ** 0.8),
        )
        if kind == "anonymous":
            _plan_anonymous(rng, person)
            person.views_pricing_last = self._turn("anonymous_pricing", 28)
        elif kind == "role_contact":
            person.contact_email = f"info@{account.domain}"
            account.refused.add(("email", person.contact_email))
            person.crm_ids = [_crm_id(person, 0)]
        else:
            person.email = _work_address(rng, person)
            person.contact_email = person.email
            person.phone = self._phones.next(account.country.code) if rng.random() < 0.6 else None
            if kind == "lead":
                _plan_lead(rng, person)
                person.views_pricing_last = self._turn("lead_pricing", 9)
            else:
                _plan_user(rng, person, self._next_profile(rng))
            person.contact_phone = person.phone
        return person

    def _add_troubles(self, rng: random.Random, account: Account) -> None:
        ordinary = [person for person in account.people if not person.showcase]
        users = [p for p in ordinary if p.kind == "user" and p.first_day < HISTORY_DAYS - 10]
        contacts = [p for p in ordinary if p.email and p.crm_ids and not p.ticket_email]
        if len(users) >= 3 and self._turn("kiosk", 8):
            _share_kiosk(rng, account, rng.sample(users, min(len(users), rng.randint(3, 8))))
        if len(users) >= 2 and self._turn("laptop", 9):
            _hand_on_laptop(rng, account, rng.sample(users, 2))
        if len(users) >= 2 and self._turn("role_users", 10):
            mailbox = f"sales@{account.domain}"
            account.refused.add(("email", mailbox))
            for person in rng.sample(users, min(len(users), rng.randint(2, 4))):
                person.role_mailbox = mailbox
        if len(contacts) >= 4 and self._turn("switchboard", 6):
            switchboard = self._phones.next(account.country.code)
            if switchboard:
                account.refused.add(("phone", switchboard.e164))
                for person in contacts:
                    person.contact_phone = switchboard


def _home_ip(rng: random.Random, account: Account, number: int) -> str:
    """Every sixteenth person lives with a colleague."""
    own = names.home_ip(rng)
    return account.people[-1].home_ip if account.people and number % 16 == 0 else own


def _found_account(rng: random.Random, number: int) -> Account:
    name = names.company_name(number)
    country = rng.choices(names.COUNTRIES, names.COUNTRY_WEIGHTS)[0]
    region, city = rng.choice(country.places)
    return Account(
        number=number,
        name=name,
        domain=f"{names.ascii_name(name)}.example",
        industry=rng.choice(names.INDUSTRIES),
        employees=int(10 * 10 ** (3 * rng.random() ** 1.6)),
        country=country,
        region=region,
        city=city,
        office_ip=names.office_ip(number),
        image_fingerprint=_fingerprint(rng) if rng.random() < 0.1 else None,
    )


def _account_size(rng: random.Random, number: int) -> int:
    if number == 0:
        return _FIRST_ACCOUNT_SIZE
    weights = [weight for _, _, weight in _ACCOUNT_SIZES]
    smallest, largest, _ = rng.choices(_ACCOUNT_SIZES, weights)[0]
    return rng.randint(smallest, largest)


def _draw_kind(rng: random.Random, place: int, role_contacts: range) -> str:
    if place in role_contacts:
        return "role_contact"
    if place == 0:
        return "user"  # somebody brought the company in
    return rng.choices(("anonymous", "lead", "user"), (54, 19, 27))[0]


def _fingerprint(rng: random.Random) -> str:
    return f"{rng.getrandbits(64):016x}"


def _browser_fingerprint(rng: random.Random, device_type: str) -> str:
    """Half of the phones are of a few models that all look the same."""
    own = _fingerprint(rng)
    if device_type == "mobile" and int(own[-1], 16) < 8:
        return f"{int(own[:4], 16) % _PHONE_MODELS:016x}"
    return own


def _make_browser(rng: random.Random, person: Person, device_type: str = "desktop") -> Browser:
    account = person.account
    desktop = device_type == "desktop"
    image = account.image_fingerprint if desktop else None
    return Browser(
        anonymous_id=names.uuid_text(rng),
        device_id=f"dev-{rng.getrandbits(80):020x}" if rng.random() < 0.15 else None,
        device_type=device_type,
        user_agent=rng.choice(names.DESKTOP_AGENTS if desktop else names.MOBILE_AGENTS),
        fingerprint=image or _browser_fingerprint(rng, device_type),
        ips=(account.office_ip, account.office_ip, person.home_ip)
        if desktop
        else (person.home_ip,),
        offset=account.country.offset if rng.random() < 0.1 else 0,
    )


def _make_app(rng: random.Random, person: Person) -> Browser:
    """The mobile app: it knows its device and who is logged in, and has no cookie."""
    app = _make_browser(rng, person, "mobile")
    app.anonymous_id = None
    app.device_id = names.uuid_text(rng).upper()
    return app


def _plan_anonymous(rng: random.Random, person: Person) -> None:
    first = _make_browser(rng, person, rng.choice(("desktop", "desktop", "mobile")))
    person.browsers = [first]
    if rng.random() < 0.25:  # cookies deleted: only a device id would tie the two together
        second = _make_browser(rng, person, first.device_type)
        second.device_id = first.device_id
        second.fingerprint, second.user_agent = first.fingerprint, first.user_agent
        person.browsers.append(second)


def _plan_lead(rng: random.Random, person: Person) -> None:
    person.browsers = [_make_browser(rng, person)]
    if rng.random() < 0.3:
        person.browsers.append(_make_browser(rng, person, "mobile"))
    if rng.random() < 0.8:
        _add_contacts(rng, person)
    if rng.random() < 0.06:
        person.support_id = _support_id(person)


def _plan_user(rng: random.Random, person: Person, profile: str) -> None:
    person.user_id = f"usr_{names.opaque_id(person.number)}"
    person.profile = profile
    person.first_day = _signup_day(rng, profile)
    person.plan = _draw_plan(rng, profile)
    person.trial = rng.random() < 0.85
    _add_user_browsers(rng, person)
    if rng.random() < 0.12:
        person.later_email = changed_address(person)
        if rng.random() < 0.5:
            person.contact_email = person.later_email
    elif rng.random() < 0.015:
        _use_private_address_first(person)
    if rng.random() < 0.7:
        _add_contacts(rng, person)
    if profile == "expanding" or (profile != "new" and rng.random() < 0.3):
        person.billing_id = _billing_id(person)
    if rng.random() < 0.3:
        _add_support(rng, person)


def _signup_day(rng: random.Random, profile: str) -> int:
    if profile == "new":
        return rng.randint(HISTORY_DAYS - 45, HISTORY_DAYS - 3)
    return rng.randint(20, HISTORY_DAYS - 65)


def _draw_plan(rng: random.Random, profile: str) -> str:
    if profile == "expanding":
        return rng.choice(("starter", "team"))
    return rng.choices(list(PLAN_PRICES), (45, 35, 20))[0]


def _add_user_browsers(rng: random.Random, person: Person) -> None:
    person.browsers = [_make_browser(rng, person)]
    extra = rng.choices((0, 1, 2), (50, 35, 15))[0]
    for device_type in ("mobile", "desktop")[:extra]:
        browser = _make_browser(rng, person, device_type)
        browser.since = rng.randint(person.first_day, HISTORY_DAYS - 2)
        person.browsers.append(browser)
    if rng.random() < 0.2:
        app = _make_app(rng, person)
        app.since = rng.randint(person.first_day, HISTORY_DAYS - 2)
        person.browsers.append(app)
    if rng.random() < 0.08:
        person.stray_browsers.append(_make_browser(rng, person, "mobile"))


def _use_private_address_first(person: Person) -> None:
    """A form was sent from the first browser under an address the account never learns.

    The browser then leads to two named people as far as data can tell, so it belongs to nobody.
    """
    person.private_email = _free_address(person, "private.")
    person.refused |= person.browsers[0].identifiers()


def _add_contacts(rng: random.Random, person: Person) -> None:
    copies = rng.choices((1, 2, 3), (90, 8, 2))[0]
    person.crm_ids = [_crm_id(person, copy) for copy in range(copies)]


def _add_support(rng: random.Random, person: Person) -> None:
    person.support_id = _support_id(person)
    person.ticket_names_user = rng.random() < 0.5
    # A ticket from a private address meets its person over the user_id or over the phone in the
    # CRM. A third address would make the phone lead to three named pieces, hence the condition.
    if rng.random() < 0.1 and person.phone and person.crm_ids and not person.private_email:
        person.ticket_email = _free_address(person, "")


def _work_address(rng: random.Random, person: Person) -> str:
    if rng.random() < 0.08:
        return _free_address(person, "")
    local = f"{names.ascii_name(person.first_name)}.{names.ascii_name(person.last_name)}"
    return _unique_address(person.account, local)


def changed_address(person: Person) -> str:
    """The address after a new rule of the company: first letter and last name."""
    local = f"{names.ascii_name(person.first_name)[0]}.{names.ascii_name(person.last_name)}"
    return _unique_address(person.account, local)


def _unique_address(account: Account, local: str) -> str:
    address = f"{local}@{account.domain}"
    count = 1
    while address in account.addresses:
        count += 1
        address = f"{local}{count}@{account.domain}"
    account.addresses.add(address)
    return address


def _free_address(person: Person, prefix: str) -> str:
    """A free-mail address; the person's number keeps it unique.

    It is derived, so a person whose work address is a free one gets the same address again.
    """
    first, last = names.ascii_name(person.first_name), names.ascii_name(person.last_name)
    return f"{prefix}{first}.{last}{person.number}@{names.FREE_MAIL_DOMAIN}"


def _crm_id(person: Person, copy: int) -> str:
    return f"003Hs0000{names.opaque_id(90_000_000 + person.number * 4 + copy)}QAQ"


def second_crm_id(person: Person) -> str:
    """The id of a contact beside those of ``crm_ids``, of which there are three at most."""
    return _crm_id(person, 3)


def _billing_id(person: Person) -> str:
    halves = (names.opaque_id(start + person.number) for start in (500_000_000, 700_000_000))
    return "cus_" + "".join(halves)


def _support_id(person: Person) -> str:
    return str(390_000_000_117 + 37 * person.number)


def _share_kiosk(rng: random.Random, account: Account, users: list[Person]) -> None:
    """A terminal in the lobby on which several people log in on the same days and on others."""
    kiosk = _make_browser(rng, users[0], "tablet")
    kiosk.device_id = f"kiosk-{rng.getrandbits(48):012x}"
    kiosk.ips = (account.office_ip,)
    account.refused |= kiosk.identifiers()
    for person in users:
        person.shared_browsers.append(_lent(kiosk, person.first_day, HISTORY_DAYS))


def _hand_on_laptop(rng: random.Random, account: Account, users: list[Person]) -> None:
    """A laptop whose cookie stays when it goes from one colleague to the next."""
    earlier, later = sorted(users, key=lambda person: person.first_day)
    laptop = _make_browser(rng, earlier)
    account.refused |= laptop.identifiers()
    handover = (later.first_day + HISTORY_DAYS) // 2
    earlier.shared_browsers.append(_lent(laptop, earlier.first_day, handover))
    later.shared_browsers.append(_lent(laptop, handover, HISTORY_DAYS))


def _lent(browser: Browser, since: int, until: int) -> Browser:
    return Browser(
        browser.anonymous_id,
        browser.device_id,
        browser.device_type,
        browser.user_agent,
        browser.fingerprint,
        browser.ips,
        browser.offset,
        since,
        until,
    )


def _make_showcase(rng: random.Random, person: Person, phones: PhoneBook) -> None:
    """Gives the first person one of everything, so that a demonstration has a tree to show."""
    person.showcase = True
    person.profile, person.plan, person.trial = "expanding", "team", True
    person.first_day = HISTORY_DAYS - 150
    person.phone = person.contact_phone = person.phone or phones.next(person.account.country.code)
    person.private_email = person.ticket_email = None
    person.refused.clear()
    person.later_email = person.later_email or changed_address(person)
    person.contact_email = person.email
    person.crm_ids = [_crm_id(person, 0)]
    person.billing_id, person.support_id = _billing_id(person), _support_id(person)
    person.ticket_names_user = False
    laptop, phone, app = (
        _make_browser(rng, person),
        _make_browser(rng, person, "mobile"),
        _make_app(rng, person),
    )
    phone.since, app.since = HISTORY_DAYS - 110, HISTORY_DAYS - 80
    person.browsers, person.stray_browsers = [laptop, phone, app], []
