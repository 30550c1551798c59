"""What the people of the demonstration world do: the events they cause, one person at a time."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any, NamedTuple

from . import world_names as names
from .world_files import DAY, HORIZON, MINUTE, Calendar, Clue, Event, EventLog, Evidence
from .world_people import HISTORY_DAYS, PLAN_PRICES, Browser, Person

_SITE = "https://www.plotwise.example"
_PAGES = (
    ["/"] * 6
    + ["/product"] * 3
    + ["/pricing"] * 2
    + ["/customers", "/about", "/integrations"]
    + [f"/docs/{page}" for page in ("quickstart", "sql", "dashboards", "permissions", "api")]
    + [
        f"/blog/{page}"
        for page in (
            "metrics-that-matter",
            "year-in-data",
            "warehouse-costs",
            "self-serve-analytics",
        )
    ]
)
_APP_PAGES = ("/app", "/app/dashboards", "/app/reports", "/app/settings")
_FEATURES = (
    "dashboard",
    "query_builder",
    "alerts",
    "scheduled_report",
    "data_catalog",
    "api",
    "annotations",
    "embedding",
)
_REFERRERS = (
    "",
    "",
    "https://search.example/",
    "https://news.example/analytics",
    "https://social.example/post",
)
_CAMPAIGNS = ("welcome", "monthly_digest", "webinar", "feature_tour", "case_study")
_LAST_WEEK = HISTORY_DAYS - 7
_LOST_COOKIE_SHARE = 0.06
_LOST_IN_VISIT_SHARE = 0.025
_JUNK_SHARE = 0.004
_JUNK_USERS = ("null", "undefined", "0", "guest")
_ZERO_UUID = "00000000-0000-0000-0000-000000000000"
_JUNK_EMAILS = ("test@test.com", "noreply@mail.example", "Test@Test.com ")
_JUNK_PHONES = ("0000000000", "+10000000000")


class _LastEvent(NamedTuple):
    """The last that a browser was seen of; ``url`` is None when it was no page view."""

    at: int
    ip: str
    url: str | None


class Journey:
    """Writes one person's events and notes as evidence what each of them shows.

    What people leave as clues only, not as evidence, is drawn from ``clue_rng``, so that it changes
    nothing else in the world. The clues are in ``clues`` when all is told.
    """

    def __init__(
        self,
        person: Person,
        rng: random.Random,
        clue_rng: random.Random,
        calendar: Calendar,
        log: EventLog,
        evidence: Evidence,
    ) -> None:
        self.clues: list[Clue] = []
        self._last_events: dict[str, _LastEvent] = {}
        self._person = person
        self._rng = rng
        self._clue_rng = clue_rng
        self._calendar = calendar
        self._log = log
        self._evidence = evidence
        account = person.account
        self._location = {
            "country": account.country.code,
            "region": account.region,
            "city": account.city,
        }
        self._refused = account.refused | person.refused

    def tell(self) -> None:
        """Writes everything that this person does."""
        kind = self._person.kind
        if kind == "anonymous":
            self._tell_anonymous()
        elif kind == "lead":
            self._tell_lead()
        elif kind == "user":
            self._tell_user()
        self._rng = self._clue_rng
        draw = self._rng.random()
        if draw < _LOST_COOKIE_SHARE and not self._person.showcase:
            self._lose_cookie(within_visit=draw < _LOST_IN_VISIT_SHARE)

    # Anonymous people and leads

    def _tell_anonymous(self) -> None:
        person, rng = self._person, self._rng
        for browser in person.browsers:
            for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 4))):
                self._visit(self._day(person.first_day, HISTORY_DAYS), browser)
        if rng.random() < 0.02:
            self._send_junk_form(person.browsers[0])
        self._maybe_look_at_prices()

    def _tell_lead(self) -> None:
        person, rng = self._person, self._rng
        first, *others = person.browsers
        form_day = self._day(person.first_day, HISTORY_DAYS)
        for _ in range(rng.randint(1, 3)):
            self._visit(self._day(person.first_day, form_day + 1), first)
        self._send_form(form_day, first, person.email, with_phone=rng.random() < 0.4)
        for browser in others:  # the newsletter's link opens on the phone
            day = self._day(form_day, HISTORY_DAYS)
            self._visit(day, browser)
            self._click_mail(day, browser)
        for _ in range(rng.randint(1, 4)):
            self._visit(self._day(form_day, HISTORY_DAYS), first)
        self._read_mails(form_day, rng.randint(1, 8))
        self._maybe_look_at_prices()

    def _maybe_look_at_prices(self) -> None:
        if self._person.views_pricing_last:
            day = self._day(_LAST_WEEK, HISTORY_DAYS)
            paths = ["/", "/pricing"] if self._rng.random() < 0.6 else ["/pricing"]
            self._view_pages(self._start(day), self._person.browsers[0], paths)

    # Users

    def _tell_user(self) -> None:
        person, rng = self._person, self._rng
        signup = person.first_day
        main, *later = person.browsers
        for _ in range(rng.randint(1, 4)):
            self._visit(self._day(max(0, signup - 60), signup), main)
        if person.private_email:
            self._send_form(max(0, signup - 20), main, person.private_email, with_phone=False)
        elif person.showcase or rng.random() < 0.35:
            day = self._day(max(0, signup - 20), signup)
            self._send_form(day, main, person.email, with_phone=rng.random() < 0.4)
        self._sign_up(signup, main)
        for browser in later:
            self._start_using(browser)
        for browser in person.stray_browsers:
            for _ in range(rng.randint(1, 3)):
                self._visit(self._day(max(0, signup - 60), HISTORY_DAYS), browser)
        for browser in person.shared_browsers:
            self._use_shared(browser)
        if person.later_email:
            self._change_address(person.later_email)
        if person.role_mailbox:
            day = self._day(signup + 1, HISTORY_DAYS)
            self._send_form(day, main, person.role_mailbox, with_phone=False, known=True)
        self._use_product()
        self._read_mails(signup, rng.randint(0, 5))
        if person.billing_id:
            self._pay()

    def _sign_up(self, day: int, browser: Browser) -> None:
        person = self._person
        visit = self._context(browser)
        at = self._view_pages(
            self._start(day),
            browser,
            ["/", "/pricing", "/signup"] if person.trial else ["/", "/signup"],
        )
        page = _page("/signup")
        self._emit(
            at,
            "signed_up",
            browser,
            {**visit, "page": page},
            user_id=person.user_id,
            email=person.email,
            properties={"plan": "trial" if person.trial else person.plan},
            with_profile=True,
        )
        if person.trial:
            self._emit(
                at + MINUTE,
                "trial_started",
                browser,
                {**visit, "page": _page("/app")},
                user_id=person.user_id,
                properties={"plan": person.plan, "days": 14},
            )

    def _start_using(self, browser: Browser) -> None:
        """Weeks as a stranger on the new device, then a login."""
        if browser.anonymous_id and self._rng.random() < 0.5:
            self._visit(self._day(max(0, browser.since - 30), browser.since), browser)
        self._log_in(self._start(self._day(browser.since, browser.since + 1)), browser)

    def _log_in(self, at: int, browser: Browser) -> None:
        person, rng = self._person, self._rng
        email = person.email if rng.random() < 0.5 else None
        self._emit(
            at,
            "logged_in",
            browser,
            {**self._context(browser), "page": _page("/login")},
            user_id=person.user_id,
            email=email,
            traits={"plan": person.plan},
        )

    def _use_shared(self, browser: Browser) -> None:
        """On a shared device people log in, look around and leave it to the next visitor."""
        for _ in range(self._rng.randint(1, 3)):
            at = self._start(self._day(browser.since, browser.until))
            self._log_in(at, browser)
            at = self._view_pages(at + MINUTE, browser, ["/app", "/app/reports"], known=True)
            self._view_pages(at + 5 * MINUTE, browser, ["/docs/quickstart"])

    def _change_address(self, email: str) -> None:
        person = self._person
        day = self._day((person.first_day + HISTORY_DAYS) // 2, HISTORY_DAYS)
        browser = person.browsers[0]
        self._emit(
            self._start(day),
            "profile_updated",
            browser,
            {**self._context(browser), "page": _page("/app/settings")},
            user_id=person.user_id,
            email=email,
            with_profile=True,
        )

    def _pay(self) -> None:
        """The billing system's own events: monthly, without a browser."""
        person = self._person
        currency = "USD" if person.account.country.code == "US" else "EUR"
        for day in range(person.first_day + 14, HISTORY_DAYS, 30):
            self._emit(
                self._start(day),
                "order_completed",
                None,
                {},
                user_id=person.user_id,
                properties={
                    "amount": PLAN_PRICES[person.plan],
                    "currency": currency,
                    "plan": person.plan,
                },
            )

    def _use_product(self) -> None:
        person, rng = self._person, self._rng
        before, last = _recent_uses(rng, person.profile)
        recent, month = HISTORY_DAYS - 30, HISTORY_DAYS - 60
        self._use_features(max(person.first_day + 1, month), recent, before)
        self._use_features(max(person.first_day + 1, recent), HISTORY_DAYS, last)
        usual = max(before, 4)
        for start in range(person.first_day + 1, month, 30):
            share = min(30, month - start) / 30
            self._use_features(
                start, min(start + 30, month), round(usual * share * rng.uniform(0.2, 0.6))
            )
        for _ in range(rng.choice((0, 0, 1, 2)) if person.profile != "expanding" else 0):
            self._invite(self._day(person.first_day + 1, max(person.first_day + 2, recent)))
        if person.profile == "expanding":
            for _ in range(rng.randint(1, 3)):
                self._invite(self._day(recent, HISTORY_DAYS))

    def _use_features(self, first: int, end: int, uses: int) -> None:
        """``uses`` feature_used events on days in [first, end), in sittings of a few."""
        person, rng = self._person, self._rng
        while uses > 0 and first < end:
            sitting = min(uses, rng.randint(1, 6))
            uses -= sitting
            day = self._day(first, end)
            browser = rng.choice(
                [b for b in person.browsers if b.since < day] or person.browsers[:1]
            )
            context = self._context(browser)
            at = self._start(day)
            if rng.random() < 0.4:
                at = self._view_pages(at, browser, [rng.choice(_APP_PAGES)], known=True)
            for _ in range(sitting):
                at += rng.randint(10_000, 400_000)
                self._emit(
                    at,
                    "feature_used",
                    browser,
                    context,
                    user_id=person.user_id,
                    properties={"feature": rng.choice(_FEATURES)},
                )
            if rng.random() < 0.1:
                self._emit(
                    at + MINUTE,
                    "report_exported",
                    browser,
                    context,
                    user_id=person.user_id,
                    properties={"format": rng.choice(("csv", "pdf", "xlsx"))},
                )

    def _invite(self, day: int) -> None:
        browser = self._person.browsers[0]
        self._emit(
            self._start(day),
            "invited_teammate",
            browser,
            self._context(browser),
            user_id=self._person.user_id,
            properties={"role": self._rng.choice(("viewer", "editor", "admin"))},
        )

    # Mail and forms

    def _read_mails(self, since: int, mails: int) -> None:
        person, rng = self._person, self._rng
        for _ in range(mails):
            day = self._day(since, HISTORY_DAYS)
            self._emit(
                self._start(day),
                "email_opened",
                None,
                {},
                email=person.email,
                properties={"campaign": rng.choice(_CAMPAIGNS)},
            )
            if rng.random() < 0.2:
                self._click_mail(day, person.cookies[0])

    def _click_mail(self, day: int, browser: Browser) -> None:
        context = {**self._context(browser), "page": _page("/blog/year-in-data")}
        self._emit(
            self._start(day),
            "email_clicked",
            browser,
            context,
            email=self._person.email,
            properties={"campaign": self._rng.choice(_CAMPAIGNS)},
        )

    def _send_form(
        self,
        day: int,
        browser: Browser,
        email: str | None,
        *,
        with_phone: bool,
        known: bool = False,
    ) -> None:
        person, rng = self._person, self._rng
        demo = rng.random() < 0.4
        path = "/demo" if demo else rng.choice(("/contact", "/webinar", "/ebook"))
        at = self._view_pages(self._start(day), browser, [path], known=known)
        self._emit(
            at,
            "demo_requested" if demo else "form_submitted",
            browser,
            {**self._context(browser), "page": _page(path)},
            user_id=person.user_id if known else None,
            email=email,
            phone=person.phone if with_phone else None,
            properties={"form": path[1:]},
            with_profile=True,
        )

    def _send_junk_form(self, browser: Browser) -> None:
        """Somebody who wants the e-book and not the mails."""
        rng = self._rng
        traits = {"email": rng.choice(_JUNK_EMAILS)}
        if rng.random() < 0.5:
            traits["phone"] = rng.choice(_JUNK_PHONES)
        self._emit(
            self._start(self._day(self._person.first_day, HISTORY_DAYS)),
            "form_submitted",
            browser,
            {**self._context(browser), "page": _page("/ebook")},
            properties={"form": "ebook"},
            traits=traits,
        )

    # Clues

    def _lose_cookie(self, *, within_visit: bool) -> None:
        """Goes on in the same browser under another cookie that never meets an identifier.

        Within a visit: from the last page on, in a network of its own and without a fingerprint.
        Else: within a day, from the same address.
        """
        rng, person = self._rng, self._person
        own = [*person.browsers, *person.stray_browsers]
        lost = [b for b in own if b.anonymous_id in self._last_events and not self._is_shared(b)]
        if not lost:
            return
        browser = rng.choice(lost)
        last = self._last_events[str(browser.anonymous_id)]
        if within_visit and last.url:
            at, referrer = last.at + rng.randint(5_000, 120_000), last.url
            first = replace(browser, ips=(names.home_ip(rng),), fingerprint=None)
        else:
            at, referrer = last.at + rng.randint(20, 20 * 60) * MINUTE, rng.choice(_REFERRERS)
            first = replace(browser, ips=(last.ip,))
        if at + 30 * MINUTE > HORIZON:
            return
        cookie = names.uuid_text(rng)
        pages = [rng.choice(_PAGES) for _ in range(rng.randint(1, 4))]
        first = replace(first, anonymous_id=cookie, device_id=None)
        self._view_pages(at, first, pages, referrer=referrer)
        for _ in range(rng.choice((0, 0, 1, 2))):
            later = replace(browser, anonymous_id=cookie, device_id=None)
            self._visit(self._day(at // DAY + 1, HISTORY_DAYS), later)
        rule = "continued_visit" if within_visit and last.url else "same_device"
        one, other = ("anonymous_id", str(browser.anonymous_id)), ("anonymous_id", cookie)
        self.clues.append(Clue(rule, one, other))

    # Visits and single events

    def _visit(self, day: int, browser: Browser) -> None:
        rng = self._rng
        pages = min(rng.randint(1, 6), rng.randint(1, 8))
        paths = [rng.choice(_PAGES) for _ in range(pages)]
        if day >= _LAST_WEEK:  # who looks at the prices in the last week is planned
            paths = ["/product" if path == "/pricing" else path for path in paths]
        self._view_pages(self._start(day), browser, paths)

    def _view_pages(
        self,
        at: int,
        browser: Browser,
        paths: list[str],
        *,
        known: bool = False,
        referrer: str | None = None,
    ) -> int:
        """Views pages one after another; returns the time after the last (milliseconds)."""
        rng = self._rng
        user_id = self._person.user_id if known else None
        visit = self._context(browser)
        referrer = rng.choice(_REFERRERS) if referrer is None else referrer
        for path in paths:
            page = _page(path, referrer)
            properties = {"path": path, "url": page["url"]}
            self._emit(
                at,
                "page_viewed",
                browser,
                {**visit, "page": page},
                user_id=user_id,
                properties=properties,
            )
            referrer = page["url"]
            at += rng.randint(8_000, 180_000)
        return at

    def _emit(
        self,
        at: int,
        name: str,
        browser: Browser | None,
        context: dict[str, Any],
        *,
        user_id: str | None = None,
        email: str | None = None,
        phone: names.Phone | None = None,
        properties: dict[str, Any] | None = None,
        traits: dict[str, Any] | None = None,
        with_profile: bool = False,
    ) -> None:
        rng = self._rng
        traits = dict(traits or {})
        if email:
            traits["email"] = names.written_email(rng, email)
        if phone:
            traits["phone"] = names.written_phone(rng, phone)
        if with_profile:
            traits |= {
                "name": self._person.name,
                "company": self._person.account.name,
                "job_title": self._person.job_title,
            }
        anonymous_id = browser.anonymous_id if browser else None
        device_id = browser.device_id if browser else None
        event: Event = {"event": name}
        if name == "page_viewed" and rng.random() < 0.5:
            event = {"type": "page"}
        shown_user, shown_anonymous = user_id, anonymous_id
        if rng.random() < _JUNK_SHARE and not self._is_shared(browser):
            if not user_id:
                shown_user = rng.choice(_JUNK_USERS)
            elif anonymous_id:
                shown_anonymous, anonymous_id = _ZERO_UUID, None
            elif device_id:
                context = {**context, "device": {**context["device"], "id": _ZERO_UUID}}
                device_id = None
        if shown_user:
            event["user_id"] = shown_user
        if shown_anonymous:
            event["anonymous_id"] = shown_anonymous
        event["properties"] = properties or {}
        if traits:
            event["traits"] = traits
        if context:
            event["context"] = context
        self._evidence.event(user_id, email, phone.e164 if phone else None, device_id, anonymous_id)
        if anonymous_id and context:
            self._note_last(anonymous_id, at, context, is_view=name == "page_viewed")
        self._log.add(rng, at, event, browser.offset if browser else 0)

    def _note_last(self, cookie: str, at: int, context: dict[str, Any], *, is_view: bool) -> None:
        """Whatever has been told so far, a later event of the cookie counts."""
        last = self._last_events.get(cookie)
        if last is None or last.at <= at:
            url = context["page"]["url"] if is_view else None
            self._last_events[cookie] = _LastEvent(at, context["ip"], url)

    def _is_shared(self, browser: Browser | None) -> bool:
        """Whether the browser has to show every link that makes it a shared one."""
        return browser is not None and not self._refused.isdisjoint(browser.identifiers())

    def _context(self, browser: Browser) -> dict[str, Any]:
        """The context of one visit, without the page."""
        rng = self._rng
        device = {"type": browser.device_type}
        if browser.device_id:
            device = {"id": browser.device_id, **device}
        return {
            "ip": rng.choice(browser.ips),
            "user_agent": browser.user_agent,
            "session_id": f"s{rng.getrandbits(48):012x}",
            "fingerprint": browser.fingerprint,
            "device": device,
            "location": self._location,
        }

    def _day(self, first: int, end: int) -> int:
        return self._calendar.busy_day(self._rng, first, min(end, HISTORY_DAYS))

    def _start(self, day: int) -> int:
        """A time within the office hours of that day, in milliseconds."""
        opens = self._person.account.country.first_hour
        hours = opens + 8.5 * self._rng.random()
        return day * DAY + int(hours * 60 * MINUTE)


def _page(path: str, referrer: str = "") -> dict[str, str]:
    page = {"url": _SITE + path, "path": path}
    if referrer:
        page["referrer"] = referrer
    return page


def _recent_uses(rng: random.Random, profile: str) -> tuple[int, int]:
    """Uses of features in the 30 days before the last 30 days, and in the last 30 days."""
    if profile == "expanding":
        return rng.randint(14, 30), rng.randint(22, 45)
    if profile == "fading":
        before = rng.randint(8, 30)
        return before, int(before * rng.uniform(0.0, 0.45))
    if profile == "steady":
        before = rng.randint(8, 24)
        return before, round(before * rng.uniform(0.7, 1.3))
    if profile == "light":
        before = rng.randint(1, 7)
        return before, max(1, round(before * rng.uniform(0.6, 1.4)))
    return (0, rng.randint(2, 18)) if profile == "new" else (0, 0)
