"""Meta: the members of a custom audience that is made of a customer list.

People are told of by hashes, and Meta does not say whom it knows: somebody whom it does not is no
error. Nor does it say who is invalid, but how many are; so such a batch is sent again in halves,
until those are found. To send somebody twice changes nothing.
"""

from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from typing_extensions import override

from dbt_cdp.destinations.base import Action, Destination, Mode, Outcome, Row, Settings, Sync
from dbt_cdp.destinations.errors import BatchRejectedError, DestinationRefusedError
from dbt_cdp.destinations.http import check_url, read_secret
from dbt_cdp.destinations.identifiers import (
    Person,
    check_audience,
    check_fields,
    people_of,
    sent_people,
)
from dbt_cdp.destinations.meta.api import MAX_PEOPLE, Audience, MetaApi, TooSmallError
from dbt_cdp.destinations.meta.people import KEYS, RULES
from dbt_cdp.errors import listed

# An audience that is flagged for what it tells of people.
_FLAGGED = 471

_NO_KEY = f"the row has no {', '.join(KEYS[:-1])} or {KEYS[-1]}"


class MetaSettings(Settings):
    """An entry of type meta.

    Attributes:
        token_env: the environment variable that holds the access token of a system user.
        app_secret_env: the one that holds the secret of the app that the token is for; needed where
            the app requires proof of it.
        base_url: the API's address.
    """

    token_env: str
    app_secret_env: str | None = None
    base_url: str = "https://graph.facebook.com"


class MetaDestination(Destination):
    """The members of an audience. The sync's `audience` is its id."""

    settings_model = MetaSettings
    modes = frozenset({Mode.AUDIENCE})
    max_rows = MAX_PEOPLE
    ignores_case = True

    settings: MetaSettings

    def __init__(self, settings: Any, sync: Sync, root: Path) -> None:
        super().__init__(settings, sync, root)
        where = f"destination '{settings.name}'"
        check_audience(sync, "a custom audience of Meta")
        check_fields(sync, RULES, "Meta")
        secret = settings.app_secret_env
        self._api = MetaApi(
            check_url(settings.base_url, f"{where}, base_url"),
            read_secret(settings.token_env, f"{where}, token_env"),
            token_env=settings.token_env,
            app_secret=read_secret(secret, f"{where}, app_secret_env") if secret else None,
            name=settings.name,
        )

    @override
    def check(self) -> str:
        found = self._audience
        problems = []
        if found.subtype != "CUSTOM":
            problems.append(f"the audience is not one of a customer list ({found.subtype})")
        if found.operation_status and found.operation_status.code == _FLAGGED:
            problems.append("Meta has flagged the audience: its members cannot be changed")
        if not set(KEYS) & set(self.sync.fields):
            problems.append(f"none of the fields is one of {', '.join(KEYS)}")
        if problems:
            raise DestinationRefusedError(
                "\n".join(["Meta would not take the rows:", *listed(problems)]),
                where=f"sync '{self.sync.name}'",
                remedy="change the sync, or use a custom audience that is made of a customer list.",
            )
        said = f"the audience '{found.name}' is one of a customer list"
        if found.size is not None and found.size >= 0:
            said += f", of {found.size:,} people or more"
        if not self._api.are_terms_accepted(found.account_id):
            said += "; Meta does not show that the ad account's terms for audiences were accepted"
        return said

    @override
    def send(self, action: Action, rows: Sequence[Row]) -> Iterable[Outcome]:
        if action is Action.REMOVE:
            return self._remove(rows)
        people, rejected = people_of(rows, self.sync.fields, RULES, _is_known, _NO_KEY)
        try:
            if action is Action.CHANGE:
                self._remove_stale(people)
            if people:
                self._api.add(self.sync.audience, [person for _, person in people])
        except TooSmallError as error:
            return [*rejected, *(Outcome.retry(row, error.problem) for row, _ in people)]
        return [*rejected, *(Outcome.acknowledged(row, sent=person) for row, person in people)]

    @override
    def erase(self, rows: Sequence[Row]) -> Iterable[Outcome]:
        return [self._erase(row) for row in rows]

    @override
    def close(self) -> None:
        self._api.close()

    @cached_property
    def _audience(self) -> Audience:
        return self._api.audience(self.sync.audience)

    def _remove(self, rows: Sequence[Row]) -> Iterable[Outcome]:
        # Without anything of their own they cannot have been added.
        known = [person for row in rows for person in self._sent(row)]
        try:
            if known:
                self._api.remove(self.sync.audience, known)
        except TooSmallError as error:
            return [Outcome.retry(row, error.problem) for row in rows]
        return [Outcome.acknowledged(row) for row in rows]

    def _remove_stale(self, people: Sequence[tuple[Row, Person]]) -> None:
        """Remove people by what they were added by and have no more, such as an old e-mail."""
        stale = []
        for row, person in people:
            for before in self._sent(row):
                old = {key: before[key] for key in KEYS if key in before}
                gone = {key: value for key, value in old.items() if person.get(key) != value}
                if gone:
                    stale.append(gone)
        if stale:
            self._api.remove(self.sync.audience, stale)

    def _erase(self, row: Row) -> Outcome:
        """Remove somebody from the audience, and from the others of the ad account."""
        people = self._sent(row)
        if not people:
            return Outcome.acknowledged(row)
        try:
            self._api.remove(self.sync.audience, people)
            self._api.remove_from_all(self._audience.account_id, people)
        except (BatchRejectedError, TooSmallError) as error:
            return Outcome.rejected(row, error.problem)
        return Outcome.acknowledged(row)

    def _sent(self, row: Row) -> list[Person]:
        return [one for one in sent_people(row, self.sync.key, RULES) if _is_known(one)]


def _is_known(person: Person) -> bool:
    """Whether there is something of a person's own that Meta could know."""
    return any(key in person for key in KEYS)
