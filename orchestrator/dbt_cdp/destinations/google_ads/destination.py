"""Google Ads: the members of a Customer Match list.

People are told of by hashes, and Google does not say whom it knows: somebody whom it does not is no
error. Requests are carried out later, so many are made at once, and waited for together. Where some
of a request's members were refused it is taken apart, and asked again, until those are found;
nobody counts as added who was in a request of which only a part was carried out.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from typing_extensions import override

from dbt_cdp.destinations.base import Action, Destination, Mode, Outcome, Row, Settings, Sync
from dbt_cdp.destinations.errors import DestinationRefusedError
from dbt_cdp.destinations.google_ads.answers import State, UserList, Verdict
from dbt_cdp.destinations.google_ads.api import MAX_MEMBERS, SCOPE, DataManagerApi, Identifiers
from dbt_cdp.destinations.google_ads.people import RULES, identifiers, missing_parts
from dbt_cdp.destinations.google_ads.tokens import GoogleTokens
from dbt_cdp.destinations.http import check_url, read_secret
from dbt_cdp.destinations.identifiers import (
    Person,
    check_audience,
    check_fields,
    hashed,
    people_of,
    sent_people,
)
from dbt_cdp.errors import ConfigurationError, listed

# Into how many parts a request is taken apart of which it is not known whose fault it was: to wait
# for requests takes long, to make them does not.
_PARTS = 10

_NOBODY = [{"emailAddress": hashed("nobody@example.com")}]
_NO_IDENTIFIER = "the row has no email, no phone and no complete address"

_CONSENT = {"ad_user_data": "adUserData", "ad_personalization": "adPersonalization"}


class GoogleAdsSettings(Settings):
    """An entry of type google_ads.

    Attributes:
        account_id: of the account that the list belongs to, with or without hyphens.
        login_account_id: of the manager account that the credentials have access to, where they
            have none to the account itself.
        credentials_env: the environment variable that holds the path of a service account's key;
            application default credentials without it.
        consent: what everybody whom this destination is sent has consented to. Google is told that
            it was granted; of what is not named here it is told nothing.
        customer_match_terms: `accepted` if you have accepted Google's terms of Customer Match.
        base_url: the API's address.
    """

    account_id: str
    login_account_id: str | None = None
    credentials_env: str | None = None
    consent: Sequence[Literal["ad_user_data", "ad_personalization"]] = ()
    customer_match_terms: Literal["accepted"] | None = None
    base_url: str = "https://datamanager.googleapis.com"


@dataclass(frozen=True)
class _Member:
    """A row, and who is meant by it."""

    row: Row
    person: Person
    identifiers: Identifiers

    def outcome(self, verdict: Verdict) -> Outcome:
        if verdict.state is State.TAKEN:
            return Outcome.acknowledged(self.row, sent=self.person)
        make = Outcome.rejected if verdict.is_lasting else Outcome.retry
        return make(self.row, verdict.reason)


_Part = Sequence[_Member]


class GoogleAdsDestination(Destination):
    """The members of a list. The sync's `audience` is the list's id."""

    settings_model = GoogleAdsSettings
    modes = frozenset({Mode.AUDIENCE})
    # Ten requests, which are waited for together.
    max_rows = 10 * MAX_MEMBERS
    ignores_case = True

    settings: GoogleAdsSettings

    def __init__(self, settings: Any, sync: Sync, root: Path) -> None:
        super().__init__(settings, sync, root)
        where = f"destination '{settings.name}'"
        check_audience(sync, "a list of Google Ads")
        check_fields(sync, RULES, "Google Ads")
        if missing := missing_parts(sync.fields):
            raise ConfigurationError(
                f"An address is not complete: there is no {', '.join(missing)}.",
                where=f"sync '{sync.name}', fields",
                remedy="give first_name, last_name, country and postal_code, or none of them.",
            )
        variable = settings.credentials_env
        file = read_secret(variable, f"{where}, credentials_env") if variable else None
        source = variable or "the application default credentials"
        manager = settings.login_account_id
        self._api = DataManagerApi(
            check_url(settings.base_url, f"{where}, base_url"),
            GoogleTokens(file, SCOPE, source=source, where=where),
            source=source,
            account_id=_account(settings.account_id, f"{where}, account_id"),
            login_account_id=_account(manager, f"{where}, login_account_id") if manager else None,
            list_id=sync.audience,
            said=_said_of_all(settings),
            name=settings.name,
        )

    @override
    def check(self) -> str:
        found = self._api.user_list()
        problems = [*_list_problems(found)]
        if not problems:
            rehearsal = self._api.add([_NOBODY], is_rehearsal=True)
            if isinstance(rehearsal, Verdict):
                problems = [rehearsal.reason]
        if problems:
            raise DestinationRefusedError(
                "\n".join(["Google would not take the rows:", *listed(problems)]),
                where=f"sync '{self.sync.name}'",
                remedy="use an open Customer Match list of contact information.",
            )
        size = found.size_info.search_network_members_count
        said = f"the list '{found.display_name}' is open, and search ads reach {size:,} members"
        if found.membership_days:
            said += f", who leave it after {found.membership_days} days"
        unsaid = [name for name in _CONSENT if name not in self.settings.consent]
        if unsaid:
            said += (
                f"; Google is told nothing of the consent {' and '.join(unsaid)}, without which it"
                " takes nobody from the European Economic Area"
            )
        return said

    @override
    def send(self, action: Action, rows: Sequence[Row]) -> Iterable[Outcome]:
        if action is Action.REMOVE:
            return self._remove(rows)
        people, rejected = people_of(rows, self.sync.fields, RULES, identifiers, _NO_IDENTIFIER)
        members = [_Member(row, person, identifiers(person)) for row, person in people]
        if action is Action.CHANGE:
            failed = self._remove_stale(members)
            rejected += failed.values()
            members = [one for one in members if one.row.delivery_id not in failed]
        return [*rejected, *self._carry_out(self._api.add, members).values()]

    @override
    def erase(self, rows: Sequence[Row]) -> Iterable[Outcome]:
        return self._remove(rows)

    @override
    def close(self) -> None:
        self._api.close()

    def _remove(self, rows: Sequence[Row]) -> Iterable[Outcome]:
        members = [
            _Member(row, next(iter(sent_people(row, self.sync.key, RULES)), {}), self._sent(row))
            for row in rows
        ]
        # Nobody can have been added without an identifier.
        unknown = {
            one.row.delivery_id: Outcome.acknowledged(one.row)
            for one in members
            if not one.identifiers
        }
        asked = [one for one in members if one.identifiers]
        return (unknown | self._carry_out(self._api.remove, asked)).values()

    def _remove_stale(self, members: _Part) -> dict[str, Outcome]:
        """Remove people by what they were added by and are known by no more. They are added anew
        only when that is done: else it could take them off after that.

        Returns:
            The outcomes of rows for which it failed.
        """
        stale = []
        for one in members:
            before = self._sent(one.row)
            old = [identifier for identifier in before if identifier not in one.identifiers]
            if old:
                stale.append(_Member(one.row, one.person, old))
        outcomes = self._carry_out(self._api.remove, stale)
        return {name: one for name, one in outcomes.items() if one.reason}

    def _sent(self, row: Row) -> Identifiers:
        """What somebody was added by, or may have been."""
        found = [
            identifier
            for person in sent_people(row, self.sync.key, RULES)
            for identifier in identifiers(person)
        ]
        return [one for place, one in enumerate(found) if one not in found[:place]]

    def _carry_out(
        self, ask: Callable[[Sequence[Identifiers]], str | Verdict], members: _Part
    ) -> dict[str, Outcome]:
        """Make requests until it is known of each member what became of it."""
        outcomes: dict[str, Outcome] = {}
        open_, is_first = _cut(members, MAX_MEMBERS), True
        while open_:
            asked = [(part, ask([one.identifiers for one in part])) for part in open_]
            open_ = []
            for part, answer in asked:
                verdict = self._api.verdict(answer) if isinstance(answer, str) else answer
                if verdict.state is State.MIXED and len(part) > 1:
                    open_ += _taken_apart(part, verdict.places if is_first else frozenset())
                else:
                    outcomes |= {one.row.delivery_id: one.outcome(verdict) for one in part}
            is_first = False
        return outcomes


def _taken_apart(part: _Part, places: frozenset[int]) -> list[_Part]:
    """Parts of a request, some of whose members were refused: those who are named, and the others.
    Equal parts where nobody is, or where that has been tried: places may be counted from 1."""
    named = [one for place, one in enumerate(part) if place in places]
    if named and len(named) < len(part):
        return [named, [one for place, one in enumerate(part) if place not in places]]
    return _cut(part, -(-len(part) // _PARTS))


def _cut(part: _Part, size: int) -> list[_Part]:
    return [part[start : start + size] for start in range(0, len(part), size)]


def _list_problems(found: UserList) -> Iterator[str]:
    if found.membership_status == "CLOSED":
        yield "the list is closed"
    if found.read_only or found.account_access_status == "DISABLED":
        yield "the account may not change the list"
    kinds = found.ingested_user_list_info.upload_key_types
    if "CONTACT_ID" not in kinds:
        yield f"the list is not one of contact information ({', '.join(kinds) or 'no kind'})"


def _account(text: str, where: str) -> str:
    digits = text.replace("-", "")
    if not re.fullmatch(r"[0-9]+", digits):
        raise ConfigurationError(
            "The id of an account of Google Ads is no number.",
            where=where,
            remedy='write it as Google Ads shows it, in quotes: "123-456-7890".',
        )
    return digits


def _said_of_all(settings: GoogleAdsSettings) -> dict[str, Any]:
    """What the entry says of all people, as the API takes it."""
    said: dict[str, Any] = {}
    if settings.consent:
        said["consent"] = {_CONSENT[name]: "CONSENT_GRANTED" for name in settings.consent}
    if settings.customer_match_terms:
        said["termsOfService"] = {"customerMatchTermsOfServiceStatus": "ACCEPTED"}
    return said
