"""Customer.io: people and their attributes, and who is in a manual segment.

The Track API says what is malformed, and is silent on what it ignores: people who are suppressed,
or not there. With a key of the App API each person is looked for after having been sent, so that
a row that was ignored does not count as delivered.
"""

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from typing_extensions import override

from dbt_cdp.destinations.base import Action, Destination, Mode, Outcome, Row, Settings, Sync
from dbt_cdp.destinations.customerio.api import AppApi, TrackApi
from dbt_cdp.destinations.errors import DestinationRefusedError
from dbt_cdp.destinations.http import check_url, read_secret
from dbt_cdp.destinations.values import json_value
from dbt_cdp.errors import ConfigurationError, listed

# A person is told apart by one of these.
_KEYS = ("id", "email", "cio_id")

# What a call, an operation and a person may hold; 500 kB and 32 kB are the vendor's words.
_MAX_PEOPLE = 1_000
_MAX_CALL_BYTES = 490_000
_MAX_OPERATION_BYTES = 32_000
_MAX_NAME_BYTES = 150
_MAX_KEY_BYTES = 150
_MAX_VALUE_BYTES = 1_000
_MAX_ATTRIBUTES = 300

# An instruction of Customer.io's, and no attribute: whether only people who are there are changed.
_ONLY_UPDATE = "_update"
_RESERVED = {_ONLY_UPDATE, "cio_id", "cio_subscription_preferences"}

# What is sent is carried out later: how long to wait before each look at who is there.
_PAUSES = (1.0, 2.0, 4.0, 8.0)

_IGNORED = (
    "Customer.io has taken the row, and does not have the person: it ignores people who are"
    " suppressed there, or is behind"
)
_NOT_THERE = "Customer.io has no such person"
_TOO_LARGE = f"the row has more than {_MAX_OPERATION_BYTES} bytes"
_LONG_KEY = f"the key has more than {_MAX_KEY_BYTES} bytes"

# People are erased by three operations at most.
_ERASED_AT_ONCE = 300


class CustomerIoSettings(Settings):
    """An entry of type customerio.

    Attributes:
        site_id_env: the environment variable that holds the site id of a workspace.
        api_key_env: the one that holds the key of the Track API that belongs to it.
        app_key_env: the one that holds a key of the App API; needed in modes update and audience.
        base_url: the Track API's address.
        app_url: the App API's address.
    """

    site_id_env: str
    api_key_env: str
    app_key_env: str | None = None
    base_url: str = "https://track.customer.io"
    app_url: str = "https://api.customer.io"


class CustomerIoDestination(Destination):
    """People of a workspace. The sync's key says how they are told apart, its `audience` is the
    number of a manual segment."""

    settings_model = CustomerIoSettings
    modes = frozenset({Mode.UPSERT, Mode.UPDATE, Mode.MIRROR, Mode.AUDIENCE})
    max_rows = _MAX_PEOPLE
    max_bytes = _MAX_CALL_BYTES
    merges = True
    ignores_case = True
    is_partial = True

    settings: CustomerIoSettings

    def __init__(self, settings: Any, sync: Sync, root: Path) -> None:
        super().__init__(settings, sync, root)
        where = f"destination '{settings.name}'"
        _check_sync(sync, has_app_key=bool(settings.app_key_env))
        self._track = TrackApi(
            check_url(settings.base_url, f"{where}, base_url"),
            read_secret(settings.site_id_env, f"{where}, site_id_env"),
            read_secret(settings.api_key_env, f"{where}, api_key_env"),
            credentials=f"{settings.site_id_env} and {settings.api_key_env}",
            account=settings.name,
        )
        self._app = None
        if settings.app_key_env:
            self._app = AppApi(
                check_url(settings.app_url, f"{where}, app_url"),
                read_secret(settings.app_key_env, f"{where}, app_key_env"),
                key_env=settings.app_key_env,
                account=settings.name,
            )

    @override
    def check(self) -> str:
        region, url = self._track.region()
        problems = [*self._problems(url)]
        if problems:
            raise DestinationRefusedError(
                "\n".join(["Customer.io would not take the rows:", *listed(problems)]),
                where=f"sync '{self.sync.name}'",
                remedy="change the sync or the destination.",
            )
        found = f"the credentials are those of a workspace in region {region}"
        if self._app is None:
            return f"{found}; without app_key_env nobody can tell whom Customer.io ignores"
        return found

    def _problems(self, url: str) -> Iterable[str]:
        address = self.settings.base_url.rstrip("/")
        if address.endswith(".customer.io") and address != url:
            yield f"the workspace is of another region: base_url has to be {url}"
        if self._app is None:
            return
        # Whether it may be asked who is there.
        self._app.there(self.sync.key, ["nobody"])
        number = self.sync.audience
        segment = self._app.segment(number) if number else None
        if number and segment is None:
            yield f"there is no segment {number}"
        if segment and not segment.is_manual:
            yield (
                f"Customer.io keeps segment {number} itself ({segment.type}); only manual segments"
                " can be changed"
            )

    @override
    def send(self, action: Action, rows: Sequence[Row]) -> Iterable[Outcome]:
        if action in (Action.ADD, Action.CHANGE):
            return self._identify(rows)
        if self.sync.mode is Mode.AUDIENCE:
            # Of two that are one person the other is a member: nobody is merged here.
            self._change_members("remove", [row.key for row in rows])
            return [Outcome.acknowledged(row) for row in rows]
        make = self._merge if action is Action.MERGE else self._delete
        return self._carry_out(rows, [make(row) for row in rows])

    @override
    def bytes_of(self, action: Action, row: Row) -> int:
        return _size(self._operation(row)) + 2

    @override
    def erase(self, rows: Sequence[Row]) -> Iterable[Outcome]:
        outcomes: list[Outcome] = []
        for start in range(0, len(rows), _ERASED_AT_ONCE):
            outcomes += self._erase(rows[start : start + _ERASED_AT_ONCE])
        return outcomes

    @override
    def close(self) -> None:
        self._track.close()
        if self._app:
            self._app.close()

    def _identify(self, rows: Sequence[Row]) -> Iterable[Outcome]:
        """Create or change people, and look whether they are there then."""
        outcomes = {}
        for row in rows:
            problem = self._problem(row)
            if problem:
                outcomes[row.delivery_id] = Outcome.rejected(row, problem)
        rest = [row for row in rows if row.delivery_id not in outcomes]
        taken = []
        for outcome, row in zip(
            self._carry_out(rest, [self._operation(row) for row in rest]), rest, strict=True
        ):
            outcomes[row.delivery_id] = outcome
            if outcome.reason is None:
                taken.append(row)
        if self.sync.audience:
            self._change_members("add", [row.key for row in taken])
        for row in self._missing(taken):
            outcomes[row.delivery_id] = (
                Outcome.rejected(row, _NOT_THERE)
                if self.sync.mode is Mode.UPDATE
                else Outcome.retry(row, _IGNORED)
            )
        return outcomes.values()

    def _missing(self, rows: Sequence[Row]) -> Sequence[Row]:
        """Those that are not there, or not in the segment, after a while; none where nobody can
        tell."""
        if self._app is None:
            return []
        # Who is to be there already need not be waited for.
        pauses = _PAUSES[:1] if self.sync.mode is Mode.UPDATE else _PAUSES
        missing = list(rows)
        for pause in pauses:
            if not missing:
                break
            time.sleep(pause)
            keys = [row.key for row in missing]
            there = self._app.there(self.sync.key, keys, self.sync.audience)
            missing = [row for row in missing if row.key.casefold() not in there]
            if self.sync.audience:
                # Whoever was not there yet was not put into it.
                self._change_members("add", [row.key for row in missing])
        return missing

    def _carry_out(
        self, rows: Sequence[Row], operations: Sequence[Mapping[str, Any]]
    ) -> Sequence[Outcome]:
        """Send an operation for each row."""
        wrong = self._track.batch(operations) if operations else {}
        return [
            Outcome.rejected(row, wrong[place])
            if place in wrong
            else Outcome.acknowledged(row, row.key, self._sent(row))
            for place, row in enumerate(rows)
        ]

    def _erase(self, rows: Sequence[Row]) -> Iterable[Outcome]:
        """Suppress people by all that identifies them, and delete them. To suppress keeps a person
        away; that it deletes as well is said of the older call alone."""
        targets = [(row, one) for row in rows for one in self._identifiers(row)]
        refused: dict[str, str] = {}
        for action in ("suppress", "delete"):
            wrong = self._track.batch([_person(action, one) for _, one in targets])
            refused |= {targets[place][0].delivery_id: why for place, why in wrong.items()}
        return [
            Outcome.rejected(row, refused[row.delivery_id])
            if row.delivery_id in refused
            else Outcome.acknowledged(row)
            for row in rows
        ]

    def _change_members(self, verb: str, keys: Sequence[str]) -> None:
        if keys:
            self._track.change_members(verb, self.sync.audience, self.sync.key, keys)

    # Operations

    def _operation(self, row: Row) -> Mapping[str, Any]:
        attributes = self._attributes(row)
        if self.sync.mode is Mode.UPDATE:
            attributes[_ONLY_UPDATE] = True
        return {**_person("identify", {self.sync.key: row.key}), "attributes": attributes}

    def _delete(self, row: Row) -> Mapping[str, Any]:
        return _person("delete", {self.sync.key: row.key})

    def _merge(self, row: Row) -> Mapping[str, Any]:
        return {
            "type": "person",
            "action": "merge",
            "primary": {self.sync.key: row.into_remote_id},
            "secondary": {self.sync.key: row.key},
        }

    def _identifiers(self, row: Row) -> Iterable[Mapping[str, str]]:
        """All that is known to identify a person: a suppressed e-mail does not keep an id away."""
        yield {self.sync.key: row.key}
        for name in ("id", "email"):
            if name != self.sync.key and row.sent.get(name):
                yield {name: str(row.sent[name])}

    def _attributes(self, row: Row) -> dict[str, Any]:
        return {name: _value(value) for name, value in row.fields.items() if name != self.sync.key}

    def _sent(self, row: Row) -> Mapping[str, Any]:
        return {**row.sent, self.sync.key: row.key, **self._attributes(row)}

    def _problem(self, row: Row) -> str | None:
        """What Customer.io would cut off or drop; None where nothing is."""
        if len(row.key.encode()) > _MAX_KEY_BYTES:
            return _LONG_KEY
        for name, value in self._attributes(row).items():
            if isinstance(value, str) and len(value.encode()) > _MAX_VALUE_BYTES:
                return f"the value of {name} has more than {_MAX_VALUE_BYTES} bytes"
        return _TOO_LARGE if _size(self._operation(row)) > _MAX_OPERATION_BYTES else None


def _check_sync(sync: Sync, *, has_app_key: bool) -> None:
    """Make sure that a sync is one that Customer.io can do.

    Raises:
        ConfigurationError: it is not.
    """
    for problem, remedy in _sync_problems(sync, has_app_key):
        raise ConfigurationError(problem, where=f"sync '{sync.name}'", remedy=remedy)


def _sync_problems(sync: Sync, has_app_key: bool) -> Iterable[tuple[str, str]]:
    if sync.key not in _KEYS:
        yield (
            "The key of a sync to Customer.io is nothing that identifies a person.",
            f"take one of: {', '.join(_KEYS)}.",
        )
    if sync.object not in ("", "people"):
        yield "A sync to Customer.io is about people alone.", "leave out `object`."
    if sync.mode is Mode.AUDIENCE and not sync.audience.isdecimal():
        yield (
            "The audience of a sync to Customer.io is not the id of a segment.",
            "give the number that Customer.io shows on the page of the manual segment.",
        )
    if sync.mode in (Mode.UPDATE, Mode.AUDIENCE) and not has_app_key:
        yield (
            f"In mode {sync.mode} nobody can tell whom Customer.io ignores.",
            "set `app_key_env` in the destination: a key of the App API.",
        )
    if sync.key == "cio_id" and sync.mode in (Mode.UPSERT, Mode.MIRROR):
        yield (
            "Nobody can be created by a cio_id, which Customer.io gives itself.",
            "use mode update or audience, or the key id or email.",
        )
    names = [name for name in sync.fields if name != sync.key]
    for name in names:
        if name in _RESERVED:
            yield f"The field {name} is Customer.io's own.", "leave it out of the fields."
        if len(name.encode()) > _MAX_NAME_BYTES:
            yield f"A field's name has more than {_MAX_NAME_BYTES} bytes.", "shorten it."
    if len(names) > _MAX_ATTRIBUTES:
        yield f"There are more than {_MAX_ATTRIBUTES} fields.", "leave some out."


def _person(action: str, identifiers: Mapping[str, str]) -> Mapping[str, Any]:
    return {"type": "person", "action": action, "identifiers": identifiers}


def _value(value: Any) -> Any:
    """A value as Customer.io reads it: times as seconds since 1970; null removes an attribute."""
    if isinstance(value, datetime):
        return int((value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp())
    if isinstance(value, date):
        return int(datetime(value.year, value.month, value.day, tzinfo=UTC).timestamp())
    return json_value(value)


def _size(operation: Mapping[str, Any]) -> int:
    return len(json.dumps(operation, ensure_ascii=False).encode())
