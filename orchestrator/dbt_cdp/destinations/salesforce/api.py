"""Salesforce's REST API, as far as the destination needs it: calls, and what their answers say.

Records are written and deleted by sObject Collections, 200 a call. Its answer is a 200 that tells
of each record, in the order in which they were sent, whether it was done. A 400 is about the call
as a whole: values that cannot be read, or names that are none.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import count
from typing import Any, TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, TypeAdapter, ValidationError
from pyrate_limiter import Duration, Rate

from dbt_cdp.destinations.errors import (
    BatchRejectedError,
    DestinationRefusedError,
    DestinationUnavailableError,
)
from dbt_cdp.destinations.http import HttpClient
from dbt_cdp.destinations.salesforce.answers import (
    LIMIT,
    Description,
    Page,
    Problem,
    Result,
    Token,
    problems_of,
)

# How many records a call may hold.
MAX_RECORDS = 200

_DATA = "/services/data/v66.0"
_TOKEN = "/services/oauth2/token"  # noqa: S105 - an address

# Salesforce counts the calls of a day, not of a second; they come one after the other anyhow.
_RATE = Rate(1_000, Duration.SECOND)

_SESSION_OVER = "INVALID_SESSION_ID"

# Triggers run for all records of a call at once, and have to keep limits of their own.
_TOO_MUCH = "LimitException"

# What is wrong with the sync, and not with a row.
_ABOUT_ALL = {"NOT_FOUND", "INVALID_TYPE", "MALFORMED_QUERY", "API_DISABLED_FOR_ORG"}

# Answers about what was sent.
_ABOUT_CALL = {400, 404, 413}

# In which words an answer tells how many calls were used today.
_USAGE = re.compile(r"api-usage=(\d+)/(\d+)")

_Model = TypeVar("_Model", bound=BaseModel)
_RESULTS = TypeAdapter(list[Result])


class CallRefusedError(BatchRejectedError):
    """A call was refused because of what it holds."""

    def __init__(self, problem: Problem, text: str) -> None:
        super().__init__(text)
        self.code = problem.code


class UnansweredError(DestinationUnavailableError):
    """A call that creates records was not answered; it may have created them."""


class _SessionOverError(Exception):
    """The token is good no more."""


class SalesforceApi:
    """The API of one org.

    Args:
        base_url: the address of its My Domain.
        client_id: of the app.
        client_secret: of the app.
        credentials: the variables that these two come from.
        account: names whose limits they are.
    """

    def __init__(
        self, base_url: str, client_id: str, client_secret: str, *, credentials: str, account: str
    ) -> None:
        self._where = f"destination '{account}'"
        self._grant = {
            "grant_type": "client_credentials",
            "client_id": client_id,
            "client_secret": client_secret,
        }
        self._token: str | None = None
        self._usage: tuple[int, int] | None = None
        # Tokens are added when they come.
        self._secrets = [client_id, client_secret]
        self._http = HttpClient(
            base_url,
            account=f"salesforce {account}",
            rates=[_RATE],
            secrets=self._secrets,
            credentials=credentials,
            where=self._where,
            explain=self._explain,
        )
        self.describe: Callable[[str], Description] = cache(self._describe)

    # Records

    def create(self, records: Sequence[Mapping[str, Any]]) -> Sequence[Result]:
        """Create records, at most `MAX_RECORDS`. It is not tried again: there would be two.

        Raises:
            UnansweredError: it is not known whether they were created.
            CallRefusedError: none was, because of one of them.
            DestinationRefusedError: none can be.
        """
        tries = count()

        def once() -> Mapping[str, Any]:
            if next(tries):
                raise UnansweredError(
                    "Salesforce has not said whether it has created records.",
                    where=self._where,
                    remedy="nothing: the next run looks for them first.",
                )
            return {}

        return self._written("POST", "/composite/sobjects", records, once)

    def update(self, records: Sequence[Mapping[str, Any]]) -> Sequence[Result]:
        """Change records by the ids that they hold, at most `MAX_RECORDS`.

        Raises:
            CallRefusedError: none was changed, because of one of them.
            DestinationRefusedError: none can be.
        """
        return self._written("PATCH", "/composite/sobjects", records)

    def upsert(self, kind: str, key: str, records: Sequence[Mapping[str, Any]]) -> Sequence[Result]:
        """Change the records that have the external ids, and create the others, at most
        `MAX_RECORDS`.

        Raises:
            CallRefusedError: none was written, because of one of them.
            DestinationRefusedError: none can be.
        """
        return self._written("PATCH", f"/composite/sobjects/{kind}/{key}", records)

    def delete(self, ids: Sequence[str]) -> Sequence[Result]:
        """Put records into the recycle bin, at most `MAX_RECORDS`."""
        path = f"/composite/sobjects?ids={','.join(ids)}&allOrNone=false"
        return self._results(self.call("DELETE", path), len(ids))

    def select(self, query: str, *, deleted: bool = False) -> Sequence[Mapping[str, Any]]:
        """The records that a query finds.

        Args:
            query: in SOQL.
            deleted: whether those of the recycle bin and merged ones are asked for, too.
        """
        path = f"/{'queryAll' if deleted else 'query'}?q={quote(query, safe='')}"
        found: list[Mapping[str, Any]] = []
        while True:
            page = self.read(self.call("GET", path), Page)
            found += page.records
            if page.done:
                return found
            # It is an address of this org, and of nothing else.
            path = (page.next or "").removeprefix(_DATA)
            if not re.fullmatch(r"/query(All)?/[\w-]+", path):
                raise self.unavailable("An answer has no end.")

    # The org

    @property
    def usage(self) -> tuple[int, int] | None:
        """How many calls the org has used of those that it has a day, by the last answer."""
        return self._usage

    def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        prepare: Callable[[], Mapping[str, Any]] = dict,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Call the API; with a new token, where the one at hand is good no more.

        Args:
            method: such as POST.
            path: what follows the version.
            body: of JSON, if any.
            prepare: gives more of a request, anew for each try.
            headers: besides the token.

        Returns:
            An answer of 200 to 299.

        Raises:
            CallRefusedError: it refuses what the call holds.
            DestinationRefusedError: it refuses every such call.
            DestinationUnavailableError: it is not to be had.
        """

        def prepared() -> Mapping[str, Any]:
            bearer = {"Authorization": f"Bearer {self._bearer()}"}
            return {**prepare(), "headers": {**bearer, **(headers or {})}}

        try:
            response = self._http.request(method, _DATA + path, json=body, prepare=prepared)
        except _SessionOverError:
            self._token = None
            try:
                response = self._http.request(method, _DATA + path, json=body, prepare=prepared)
            except _SessionOverError:
                raise self._http.refused("It does not know its own token (401).") from None
        told = _USAGE.search(response.headers.get("Sforce-Limit-Info", ""))
        self._usage = (int(told[1]), int(told[2])) if told else self._usage
        return self._accepted(response)

    def read(self, response: httpx.Response, model: type[_Model]) -> _Model:
        """What an answer holds.

        Raises:
            DestinationUnavailableError: it cannot be read.
        """
        try:
            return model.model_validate(response.json())
        except (ValueError, ValidationError):
            # It may have done it all the same: whoever asks again finds out.
            raise self.unavailable("An answer cannot be read.") from None

    def unavailable(self, problem: str) -> DestinationUnavailableError:
        """The error that nothing is known of what was asked for."""
        return DestinationUnavailableError(
            problem, where=self._where, remedy="nothing, if it is well again soon."
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _describe(self, kind: str) -> Description:
        """An object, as it is at the first call."""
        return self.read(self.call("GET", f"/sobjects/{kind}/describe"), Description)

    def _written(
        self,
        method: str,
        path: str,
        records: Sequence[Mapping[str, Any]],
        prepare: Callable[[], Mapping[str, Any]] = dict,
    ) -> Sequence[Result]:
        body = {"allOrNone": False, "records": records}
        results = self._results(self.call(method, path, body, prepare), len(records))
        for result in results:
            if result.problem.is_of_a_field:
                raise self._refused_all(result.problem)
        if len(results) > 1 and all(_TOO_MUCH in one.problem.message for one in results):
            raise BatchRejectedError(results[0].problem.reason)
        return results

    def _results(self, response: httpx.Response, number: int) -> Sequence[Result]:
        """What became of the records of a call; only their order tells which is which."""
        try:
            results = _RESULTS.validate_python(response.json())
        except (ValueError, ValidationError):
            results = []
        if len(results) != number or any(one.success and not one.id for one in results):
            raise self.unavailable("An answer does not tell of all records.")
        return results

    def _bearer(self) -> str:
        """The token; asked for where there is none."""
        if self._token is None:
            response = self._http.request("POST", _TOKEN, prepare=lambda: {"data": self._grant})
            if not response.is_success:
                reason = self._http.without_secrets(problems_of(response)[0].reason)
                raise self._http.refused(f"It gives the app no token ({reason}).")
            self._token = self.read(response, Token).access_token
            self._secrets.append(self._token)
        return self._token

    def _accepted(self, response: httpx.Response) -> httpx.Response:
        status = response.status_code
        if response.is_success:
            return response
        if status not in _ABOUT_CALL:
            raise self._http.refused(f"It answered {status}.")
        problem = problems_of(response)[0]
        if problem.code in _ABOUT_ALL or problem.is_of_a_field:
            raise self._refused_all(problem)
        raise CallRefusedError(problem, self._http.without_secrets(problem.reason))

    def _refused_all(self, problem: Problem) -> DestinationRefusedError:
        return DestinationRefusedError(
            f"Salesforce refuses all rows ({self._http.without_secrets(problem.reason)}).",
            where=self._where,
            remedy="change the sync's object or fields, or what the app's user may see;"
            " `cdp sync check` tells what is wrong.",
        )

    def _explain(self, response: httpx.Response) -> str | None:
        """What an answer says that refuses the credentials. Two such answers are about something
        else: a token that has had its time, and the day's calls that are used up."""
        problem = problems_of(response)[0]
        if response.status_code == httpx.codes.UNAUTHORIZED and problem.code == _SESSION_OVER:
            raise _SessionOverError
        if problem.code == LIMIT:
            raise DestinationUnavailableError(
                "The org has no calls of the API left for today.",
                where=self._where,
                remedy="nothing, if that is rare: what was not taken is sent by a later run.",
            )
        return self._http.without_secrets(problem.reason) if problem.code else None
