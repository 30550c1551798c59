"""Calls to the APIs of destinations: paced, repeated where that helps, and without leaks.

A call is repeated when the other side does not answer, is too busy (423, 429) or fails (500 and
more), after a wait that doubles and varies, or as long as `Retry-After` says. Redirects are not
followed: the credentials would go along. What is told of an answer holds no secret.
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import httpx
from pyrate_limiter import InMemoryBucket, Limiter, Rate, SingleBucketFactory

from dbt_cdp.destinations.errors import (
    DestinationError,
    DestinationRefusedError,
    DestinationUnavailableError,
)
from dbt_cdp.destinations.retries import retried
from dbt_cdp.errors import ConfigurationError

# A longer wait that a destination asks for is left to the next run.
_LONGEST_ASKED = 120.0

# How long an answer is waited for.
TIMEOUT = httpx.Timeout(60.0, connect=10.0)
_REASON_LETTERS = 500


class _Pace:
    """The calls of an account, and how many it allows. Without the limiter's own thread, which
    would only forget calls that count no longer."""

    def __init__(self, rates: Sequence[Rate]) -> None:
        self._calls = InMemoryBucket(list(rates))
        self._limiter = Limiter(SingleBucketFactory(self._calls, schedule_leak=False))

    def wait(self, account: str) -> None:
        self._calls.leak(self._calls.now())  # type: ignore[no-untyped-call]
        self._limiter.try_acquire(account)


# Of this process: those who share an account share its limits.
_paces: dict[str, _Pace] = {}


class _BusyError(Exception):
    """The other side asks to be left alone for a while."""

    def __init__(self, seconds: float | None, problem: str) -> None:
        super().__init__(problem)
        self.seconds = seconds


def read_secret(variable: str, where: str) -> str:
    """The value of an environment variable that holds a secret.

    Args:
        variable: its name.
        where: the setting that names it.

    Raises:
        ConfigurationError: it is not set.
    """
    value = os.environ.get(variable, "").strip()
    if not value:
        raise ConfigurationError(
            f"The environment variable {variable} is not set.",
            where=where,
            remedy="set it where the command runs; secrets stand nowhere else.",
        )
    return value


def check_url(url: str, where: str) -> str:
    """The address of an API, without a slash at its end.

    Raises:
        ConfigurationError: it is none, holds credentials, or could be read on its way.
    """
    parts = urlsplit(url)
    problem = None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        problem = "An address is no URL that begins with https://."
    elif parts.username or parts.password:
        problem = "An address holds credentials."
    elif parts.scheme == "http" and not is_loopback(parts.hostname):
        problem = "An address begins with http://, so that everybody on the way could read it."
    if problem:
        # The address itself may be a secret.
        raise ConfigurationError(problem, where=where, remedy="give one with https://.")
    return url.rstrip("/")


def is_loopback(host: str) -> bool:
    """Whether a name or an address of a host means this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class HttpClient:
    """An API's address, and how it is called.

    Args:
        base_url: the address, as `check_url` gives it; empty where each call gives a whole one.
        account: names whose limits they are: calls of one account are paced together.
        rates: how many calls it allows.
        headers: sent with each call.
        secrets: what no error may hold.
        credentials: what to look at when it refuses them, such as the name of a variable.
        where: names the destination in errors.
        explain: reads from an answer that refuses the credentials what they lack, such as a scope;
            None where it does not say.
    """

    def __init__(
        self,
        base_url: str,
        *,
        account: str,
        rates: Sequence[Rate],
        headers: Mapping[str, str] | None = None,
        secrets: Sequence[str] = (),
        credentials: str,
        where: str,
        explain: Callable[[httpx.Response], str | None] = lambda response: None,
    ) -> None:
        self._secrets, self._credentials, self._where = secrets, credentials, where
        self._explain = explain
        self._pace = _paces.setdefault(account, _Pace(rates))
        self._account = account
        self._client = httpx.Client(base_url=base_url, headers=headers, follow_redirects=False)

    def request(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        prepare: Callable[[], Mapping[str, Any]] | None = None,
    ) -> httpx.Response:
        """Call the API, more than once where that helps.

        Args:
            method: such as POST.
            path: what follows the address.
            json: the body, if any.
            prepare: gives more arguments of `httpx.Client.request`, anew for each try.

        Returns:
            An answer of 200 to 299, or of 400 to 499 that is about what was sent.

        Raises:
            DestinationUnavailableError: it did not answer, was too busy or failed, each time.
            DestinationRefusedError: it refuses the credentials, or sends elsewhere.
        """

        def call() -> httpx.Response:
            self._pace.wait(self._account)
            more = {"timeout": TIMEOUT, "json": json} | (dict(prepare()) if prepare else {})
            return self._checked(self._client.request(method, path, **more))

        with self._last_failure():
            return retried(_wait, call)

    def reason(self, response: httpx.Response) -> str:
        """What an answer says is wrong, without secrets."""
        text = " ".join(response.text.split())[:_REASON_LETTERS] or response.reason_phrase
        return f"{response.status_code}: {self.without_secrets(text)}"

    def without_secrets(self, text: str) -> str:
        """The text with every secret blacked out."""
        for secret in self._secrets:
            text = re.sub(re.escape(secret), "***", text)
        return text

    def refused(self, problem: str) -> DestinationRefusedError:
        """The error that the destination refuses every row."""
        return DestinationRefusedError(
            problem, where=self._where, remedy=f"look at {self._credentials}."
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _checked(self, response: httpx.Response) -> httpx.Response:
        status = response.status_code
        if status in (httpx.codes.LOCKED, httpx.codes.TOO_MANY_REQUESTS) or status >= 500:
            raise _BusyError(_asked_wait(response), f"it answered {status}")
        if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            said = ": ".join(filter(None, (str(status), self._explain(response))))
            raise self.refused(f"It refuses the credentials or their rights ({said}).")
        if response.is_redirect or response.has_redirect_location or 300 <= status < 400:
            raise self.refused(
                f"It sends to another address ({status}), where nobody follows with credentials."
            )
        return response

    @contextmanager
    def _last_failure(self) -> Iterator[None]:
        try:
            yield
        except DestinationError:
            raise
        except (_BusyError, httpx.HTTPError, httpx.InvalidURL) as error:
            # The text of these may hold the address.
            problem = str(error) if isinstance(error, _BusyError) else type(error).__name__
            raise DestinationUnavailableError(
                f"The destination cannot be reached: {problem}.",
                where=self._where,
                remedy="nothing, if it is well again soon: what was not taken is sent again.",
            ) from None


def _wait(error: Exception) -> bool | float:
    """Whether to try again after an error, or after how many seconds."""
    if isinstance(error, _BusyError):
        if error.seconds is None:
            return True
        return error.seconds if error.seconds <= _LONGEST_ASKED else False
    return isinstance(error, httpx.TransportError)


def _asked_wait(response: httpx.Response) -> float | None:
    """The seconds that `Retry-After` asks for; None where it does not, or cannot be read."""
    text: str = response.headers.get("Retry-After", "").strip()
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    try:
        at: datetime = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    seconds: float = (at - datetime.now(UTC)).total_seconds()
    return max(seconds, 0.0)
