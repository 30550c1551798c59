"""Keys of a Redis database, one a row, for whoever has to answer within a millisecond.

A value is JSON text and not a hash: a page reads any number of them in one round trip (MGET), has
their types, and never sees half of a change. SET takes the condition of each mode, and a second one
of the same row has no second effect. No key is looked for: what is written, and what is deleted, is
named in full.
"""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import uuid4

import redis.exceptions as errors
from pydantic import Field
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from typing_extensions import override

from dbt_cdp.destinations.base import Action, Destination, Mode, Outcome, Row, Settings, Sync
from dbt_cdp.destinations.errors import (
    DestinationError,
    DestinationRefusedError,
    DestinationUnavailableError,
)
from dbt_cdp.destinations.http import is_loopback, read_secret
from dbt_cdp.destinations.retries import retried
from dbt_cdp.destinations.values import json_value
from dbt_cdp.errors import ConfigurationError

_PORT = 6379
_CONNECT_SECONDS, _ANSWER_SECONDS = 10, 30

# A part of a key: a colon would make two keys one.
_PART = r"[\w.-]+"

# Whether a mode writes a key that is there (XX), or that is not (NX).
_CONDITIONS = {Mode.INSERT: "NX", Mode.UPDATE: "XX"}

# The server gives every row the same answer.
_ABOUT_ALL = (
    errors.AuthenticationError,
    errors.NoPermissionError,
    errors.ReadOnlyError,
    errors.AskError,
)
# It may be over the next time; so may what begins with these words.
_PASSING = (
    errors.ConnectionError,
    errors.TimeoutError,
    errors.InvalidResponse,
    errors.OutOfMemoryError,
    errors.ClusterDownError,
    errors.TryAgainError,
    errors.MasterDownError,
)
_PASSING_WORDS = ("BUSY", "MISCONF", "NOREPLICAS")

# What it means, for people. The texts of failed connections tell addresses; these do not.
_MEANINGS: dict[type[Exception], str] = {
    errors.AskError: "it is one of a cluster, which is not written to from here",
    errors.ReadOnlyError: "it is a replica, which only reads",
    errors.AuthenticationError: "the user or the password is wrong or missing",
    errors.BusyLoadingError: "it is starting, and loads its data",
    errors.OutOfMemoryError: "its memory is full (maxmemory)",
    errors.TimeoutError: "there is no answer in time",
    errors.InvalidResponse: "an answer cannot be read",
    errors.ConnectionError: "there is no connection, or it was cut",
}
_UNVERIFIED = "CERTIFICATE_VERIFY_FAILED"
_WORDS_LETTERS = 300


class RedisSettings(Settings):
    """An entry of type redis.

    Attributes:
        url_env: the environment variable that holds the address, with user and password.
        prefix: what all keys begin with.
    """

    url_env: str
    prefix: str = Field(default="cdp", pattern=f"^{_PART}$")


class RedisDestination(Destination):
    """Keys PREFIX:OBJECT:KEY. The sync's `object` is the middle of them."""

    settings_model = RedisSettings
    modes = frozenset({Mode.UPSERT, Mode.INSERT, Mode.UPDATE, Mode.MIRROR})
    max_rows = 1_000
    max_bytes = 8_000_000

    settings: RedisSettings

    def __init__(self, settings: Any, sync: Sync, root: Path) -> None:
        super().__init__(settings, sync, root)
        self._where = f"destination '{settings.name}'"
        if not re.fullmatch(_PART, sync.object):
            raise ConfigurationError(
                "A sync to Redis does not say what its keys are called.",
                where=f"sync '{sync.name}', object",
                remedy="give `object`: letters, digits, `_`, `-` and `.`, such as profiles.",
            )
        self._client = Redis(
            **_parameters(settings.url_env, self._where),
            # The oldest version of the protocol, which asks for no right to say HELLO.
            protocol=2,
            socket_connect_timeout=_CONNECT_SECONDS,
            socket_timeout=_ANSWER_SECONDS,
            socket_keepalive=True,
            # What is tried again, and when, is decided here.
            retry=Retry(NoBackoff(), 0),
        )

    @override
    def check(self) -> str:
        # This writes nothing, and is refused where a row would be.
        nobody = self._key(uuid4().hex)
        commands = (("SET", nobody, "", "XX"), ("DEL", nobody))
        for answer in self._answers(commands, lambda answer: True):
            if isinstance(answer, errors.ResponseError):
                raise self._refused(_words(answer))
        found = f"keys {self._key('...')} can be written"
        policy = self._eviction()
        if policy.startswith("allkeys"):
            found += f"; beware: when its memory is full it drops keys unasked ({policy})"
        return found

    @override
    def send(self, action: Action, rows: Sequence[Row]) -> Iterable[Outcome]:
        if action in (Action.REMOVE, Action.MERGE):
            return self.erase(rows)
        condition = [_CONDITIONS[self.sync.mode]] if self.sync.mode in _CONDITIONS else []
        commands, outcomes, written = [], [], []
        for row in rows:
            try:
                commands.append(("SET", *_pair(self._key(row.key), row), *condition))
                written.append(row)
            except ValueError as error:
                outcomes.append(Outcome.rejected(row, str(error)))
        answers = self._answers(
            commands, lambda answer: answer is True or (bool(condition) and answer is None)
        )
        for row, answer in zip(written, answers, strict=True):
            outcomes.append(self._outcome(row, answer))
        return outcomes

    @override
    def erase(self, rows: Sequence[Row]) -> Iterable[Outcome]:
        found = {row.delivery_id: Outcome.acknowledged(row) for row in rows}
        # What cannot be written as a key was never there.
        held = [row for row in rows if _is_writable(row.key)]
        commands = [("DEL", self._key(row.key).encode()) for row in held]
        answers = self._answers(commands, lambda answer: isinstance(answer, int))
        for row, answer in zip(held, answers, strict=True):
            if isinstance(answer, Exception):
                found[row.delivery_id] = Outcome.rejected(row, _words(answer))
        return found.values()

    @override
    def close(self) -> None:
        self._client.close()

    def _key(self, key: str) -> str:
        return f"{self.settings.prefix}:{self.sync.object}:{key}"

    def _outcome(self, row: Row, answer: Any) -> Outcome:
        if isinstance(answer, Exception):
            return Outcome.rejected(row, _words(answer))
        if answer is None and self.sync.mode is Mode.UPDATE:
            return Outcome.rejected(row, "no record has this key")
        return Outcome.acknowledged(row)

    def _eviction(self) -> str:
        """What the server does when its memory is full; empty where it does not tell."""
        try:
            return str(self._client.info("memory").get("maxmemory_policy", ""))
        except errors.RedisError:
            return ""

    def _answers(
        self, commands: Sequence[Sequence[Any]], is_readable: Callable[[Any], bool]
    ) -> list[Any]:
        """The answer to each command; an error where that is about the row alone.

        Raises:
            DestinationUnavailableError: there was none to all of them, each time.
            DestinationRefusedError: none is carried out.
        """

        def ask() -> list[Any]:
            with self._client.pipeline(transaction=False) as pipeline:
                add: Any = pipeline.execute_command  # it has no types
                for command in commands:
                    add(*command)
                answers: list[Any] = pipeline.execute(raise_on_error=False)
            for answer in answers:
                if isinstance(answer, Exception):
                    if isinstance(answer, _ABOUT_ALL) or _is_passing(answer):
                        raise answer
                elif not is_readable(answer):
                    raise errors.InvalidResponse
            return answers

        try:
            return retried(_is_passing, ask)
        except errors.RedisError as error:
            raise self._translated(error) from None

    def _translated(self, error: errors.RedisError) -> DestinationError:
        if not _is_passing(error):
            return self._refused(_meaning(error))
        return DestinationUnavailableError(
            f"The server does not take the rows: {_meaning(error)}.",
            where=self._where,
            remedy="nothing, if it is well again soon: what was not taken is sent again.",
        )

    def _refused(self, problem: str) -> DestinationRefusedError:
        return DestinationRefusedError(
            f"The server refuses every row: {problem}.",
            where=self._where,
            remedy=f"look at {self.settings.url_env}, and at the rights of its user.",
        )


def _pair(key: str, row: Row) -> tuple[bytes, bytes]:
    """A key, and what a page reads.

    Raises:
        ValueError: the row holds what no JSON in UTF-8 can hold.
    """
    try:
        fields = json_value(dict(row.fields))
        text = json.dumps(fields, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return key.encode(), text.encode()
    except UnicodeEncodeError:
        raise ValueError("a text holds half a letter (a lone surrogate)") from None
    except (ValueError, OverflowError):
        raise ValueError("a number is none that JSON has, such as NaN") from None


def _is_writable(key: str) -> bool:
    try:
        return bool(key.encode())
    except UnicodeEncodeError:
        return False


def _is_passing(error: Exception) -> bool:
    """Whether what went wrong may go well the next time."""
    if isinstance(error, _ABOUT_ALL) or _UNVERIFIED in str(error):
        return False
    return isinstance(error, _PASSING) or str(error).startswith(_PASSING_WORDS)


def _meaning(error: Exception) -> str:
    """What an error means, or the server's own words."""
    if _UNVERIFIED in str(error):
        return "a certificate of TLS does not fit"
    kinds = (meaning for kind, meaning in _MEANINGS.items() if isinstance(error, kind))
    return next(kinds, "") or _words(error)


def _words(error: Exception) -> str:
    """What the server says of a command."""
    return " ".join(str(error).split())[:_WORDS_LETTERS] or type(error).__name__


def _parameters(variable: str, where: str) -> dict[str, Any]:
    """What an address says.

    Raises:
        ConfigurationError: it is none, or could be read on its way.
    """
    problem = "The address in {} is not one of Redis"
    try:
        parts = urlsplit(read_secret(variable, where))
        host, port = parts.hostname or "", parts.port or _PORT
    except ValueError:
        parts, host, port = urlsplit(""), "", 0
    database = re.fullmatch(r"/?([0-9]*)", parts.path)
    is_address = parts.scheme in ("redis", "rediss") and database and not parts.query
    if is_address and parts.scheme == "redis" and not is_loopback(host):
        problem, is_address = "What is sent to the address in {} could be read on its way", False
    if not (is_address and host and database):
        # The address is a secret.
        raise ConfigurationError(
            f"{problem.format(variable)}.",
            where=where,
            remedy="write rediss://user:password@host:6379/0, and letters of the password such as @"
            " and / as %40 and %2F; redis://, without TLS, is for this machine alone.",
        )
    own: dict[str, Any] = {"host": host, "port": port, "db": int(database[1] or 0)}
    if parts.username:
        own["username"] = unquote(parts.username)
    if parts.password:
        own["password"] = unquote(parts.password)
    if parts.scheme == "rediss":
        own |= {"ssl": True, "ssl_cert_reqs": "required", "ssl_check_hostname": True}
    return own
