"""HubSpot's API, as far as the destination needs it: calls, and what their answers say.

A batch is answered in one of three ways: all of it is done (200, 201); part of it is, and the
answer names the rest by the `objectWriteTraceId` of each input, or by its id (207); none of it is,
because of one record (400 and others).
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pyrate_limiter import Duration, Rate

from dbt_cdp.destinations.errors import (
    BatchRejectedError,
    DestinationRefusedError,
    DestinationUnavailableError,
)
from dbt_cdp.destinations.http import HttpClient

# How many records a call may hold.
MAX_RECORDS = 100

# The smallest that a private app is allowed, on any plan.
_RATE = Rate(100, 10 * Duration.SECOND)

_NOT_FOUND = "OBJECT_NOT_FOUND"

# What is wrong with a record, and will be the next time. Other words are taken for passing trouble.
_LASTING = {"VALIDATION_ERROR", "CONFLICT"}

# Answers about what was sent.
_ABOUT_ROWS = {400, 404, 409, 413, 414, 422}

# HubSpot's own: the account is being moved to another data center.
_MIGRATING = 477

# What is wrong with a property whatever its value is.
_FAULTS = {"PROPERTY_DOESNT_EXIST": "does not exist", "READ_ONLY_VALUE": "cannot be written"}

# What is wrong with the sync, and not with a row.
_NOT_UNIQUE, _NO_SUCH_TYPE = "non-unique", "Unable to infer object type"

# Under which names an answer tells scopes.
_SCOPES = ("missingScopes", "requiredGranularScopes", "requiredScopes")

_NAME = re.compile(r"[\w.-]{1,100}")
_REASON_LETTERS = 500


class _Content(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Problem(_Content):
    """What HubSpot says is wrong, with a call or with a record."""

    message: str | None = None
    category: str | None = None
    code: str | None = None
    context: Mapping[str, Any] = Field(default_factory=dict)
    errors: Sequence["Problem"] = ()

    def named(self, name: str) -> list[str]:
        """What its context lists under a name."""
        found = self.context.get(name)
        return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []

    @property
    def reason(self) -> str:
        """HubSpot's words."""
        return " ".join((self.message or "no reason was given").split())[:_REASON_LETTERS]

    @property
    def is_not_found(self) -> bool:
        """Whether it is that a record is not there."""
        return self.category == _NOT_FOUND

    @property
    def is_lasting(self) -> bool:
        """Whether the record will be refused the next time too."""
        return self.category in _LASTING


class Record(_Content):
    """A record."""

    id: str
    properties: Mapping[str, str | None] = Field(default_factory=dict)
    trace_id: str | None = Field(default=None, alias="objectWriteTraceId")


class Batch(_Content):
    """What became of the records of a call."""

    results: Sequence[Record]
    errors: Sequence[Problem] = ()


class _Memberships(_Content):
    missing: Sequence[str] = Field(alias="recordIdsMissing")


class _Access(_Content):
    is_read_only: bool = Field(default=False, alias="readOnlyValue")


class Property(_Content):
    """A property of a kind of record."""

    name: str
    is_unique: bool = Field(default=False, alias="hasUniqueValue")
    access: _Access = Field(default=_Access(), alias="modificationMetadata")


class _Properties(_Content):
    results: Sequence[Property]


class MemberList(_Content):
    """A list of records."""

    name: str
    object_type_id: str = Field(alias="objectTypeId")
    processing_type: str = Field(alias="processingType")


class _List(_Content):
    list: MemberList


_Model = TypeVar("_Model", bound=BaseModel)


class CallRefusedError(BatchRejectedError):
    """A call was refused because of what it holds."""

    def __init__(self, status: int, problem: Problem, text: str) -> None:
        super().__init__(text)
        self.is_not_found = status == httpx.codes.NOT_FOUND or problem.is_not_found


class HubSpotApi:
    """The API, for one kind of record.

    Args:
        base_url: its address.
        token: of a private app.
        token_env: where that comes from.
        kind: the kind of record, such as contacts.
        account: names whose limits they are.
    """

    def __init__(
        self, base_url: str, token: str, *, token_env: str, kind: str, account: str
    ) -> None:
        self._where = f"destination '{account}'"
        self._kind, self._objects = kind, f"/crm/v3/objects/{kind}"
        self._http = HttpClient(
            base_url,
            account=f"hubspot {account}",
            rates=[_RATE],
            headers={"Authorization": f"Bearer {token}"},
            secrets=[token],
            credentials=token_env,
            where=self._where,
            explain=_lacking,
        )

    def write(self, verb: str, inputs: Sequence[Mapping[str, Any]]) -> Batch:
        """Create, update or upsert records, at most `MAX_RECORDS`.

        Raises:
            CallRefusedError: none was written, because of one of them.
            DestinationRefusedError: a property is not there, or none can be written.
        """
        response = self._call("POST", f"{self._objects}/batch/{verb}", {"inputs": inputs})
        batch = self._read(response, Batch)
        for problem in batch.errors:
            self._stop_if_about_all(problem)
        return batch

    def read(
        self,
        ids: Sequence[str],
        properties: Sequence[str],
        *,
        by: str | None = None,
        archived: bool = False,
    ) -> Sequence[Record]:
        """The records that are there, of these.

        Args:
            ids: which, at most `MAX_RECORDS`.
            properties: what of them.
            by: the property whose values `ids` are; None for the ids of records.
            archived: whether those that were deleted and can be restored are meant.

        Raises:
            DestinationUnavailableError: it is not known of all of them whether they are there.
        """
        body: dict[str, Any] = {
            "inputs": [{"id": one} for one in ids],
            "properties": properties,
            "propertiesWithHistory": [],
        }
        if by:
            body["idProperty"] = by
        query = "?archived=true" if archived else ""
        try:
            response = self._call("POST", f"{self._objects}/batch/read{query}", body)
        except CallRefusedError as error:
            if error.is_not_found and len(ids) == 1:
                return []
            raise
        batch = self._read(response, Batch)
        if not all(problem.is_not_found for problem in batch.errors):
            raise self._unavailable("It does not say which records are there.")
        return batch.results

    def current_id(self, record_id: str) -> str | None:
        """The id of the record that has this one now, after others were merged into it; None where
        there is none."""
        try:
            response = self._call("GET", f"{self._objects}/{record_id}")
        except CallRefusedError as error:
            if error.is_not_found:
                return None
            raise
        return self._read(response, Record).id

    def archive(self, ids: Sequence[str]) -> None:
        """Delete records, so that they can be restored for a while; also ones not there."""
        body = {"inputs": [{"id": one} for one in ids]}
        self._done(self._call("POST", f"{self._objects}/batch/archive", body))

    def merge(self, record_id: str, into: str) -> str:
        """Put a record into another one; returns the id of what they have become.

        Raises:
            CallRefusedError: they are not there, or cannot be merged.
        """
        body = {"primaryObjectId": into, "objectIdToMerge": record_id}
        return self._read(self._call("POST", f"{self._objects}/merge", body), Record).id

    def delete_contact_for_good(self, identifier: str, by: str | None) -> bool:
        """Delete a contact and all that belongs to it. An e-mail that no contact has is put on
        HubSpot's blocklist.

        Args:
            identifier: its id, or the value of a property.
            by: that property.

        Returns:
            Whether HubSpot says that it has done so; else it has no such contact.

        Raises:
            CallRefusedError: it cannot be such a value.
        """
        body = {"objectId": identifier} | ({"idProperty": by} if by else {})
        try:
            self._done(self._call("POST", "/crm/v3/objects/contacts/gdpr-delete", body))
        except CallRefusedError as error:
            if error.is_not_found:
                return False
            raise
        return True

    def change_members(
        self, list_id: str, *, add: Sequence[str] = (), remove: Sequence[str] = ()
    ) -> frozenset[str]:
        """Put records on a list, or take them off it, whether they are on it or not.

        Returns:
            The ids of those that are not there.

        Raises:
            DestinationRefusedError: there is no such list, or HubSpot keeps its members itself.
        """
        body = {"recordIdsToAdd": list(add), "recordIdsToRemove": list(remove)}
        path = f"/crm/v3/lists/{list_id}/memberships/add-and-remove"
        try:
            response = self._call("PUT", path, body)
        except CallRefusedError as error:
            raise self._refused(
                f"The members of list {list_id} cannot be changed ({error.problem}).",
                "use a static list: one whose processing type is MANUAL or SNAPSHOT.",
            ) from None
        return frozenset(self._read(response, _Memberships).missing)

    def properties(self) -> Mapping[str, Property]:
        """The properties of the kind of record, by name.

        Raises:
            DestinationRefusedError: there is no such kind.
        """
        try:
            response = self._call("GET", f"/crm/v3/properties/{self._kind}")
        except CallRefusedError:
            raise self._no_such_kind() from None
        return {one.name: one for one in self._read(response, _Properties).results}

    def member_list(self, list_id: str) -> MemberList:
        """A list.

        Raises:
            DestinationRefusedError: there is none.
        """
        try:
            response = self._call("GET", f"/crm/v3/lists/{list_id}")
        except CallRefusedError:
            raise self._refused(
                f"HubSpot has no list {list_id}.",
                "give the id of a list, which HubSpot shows among the details of the list.",
            ) from None
        return self._read(response, _List).list

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _call(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> httpx.Response:
        """Call the API.

        Returns:
            An answer of 200 to 299.

        Raises:
            CallRefusedError: it refuses what the call holds.
            DestinationRefusedError: it refuses every such call.
            DestinationUnavailableError: it is not to be had.
        """
        response = self._http.request(method, path, json=body)
        status = response.status_code
        if response.is_success:
            return response
        if status == _MIGRATING:
            raise self._unavailable("HubSpot is moving the account to another data center.")
        if status not in _ABOUT_ROWS:
            raise self._http.refused(f"It answered {status}.")
        problem = _problem(response)
        if problem is None:
            raise CallRefusedError(status, Problem(), self._http.reason(response))
        self._stop_if_about_all(problem)
        text = self._http.without_secrets(f"{status}: {problem.reason}")
        raise CallRefusedError(status, problem, text)

    def _read(self, response: httpx.Response, model: type[_Model]) -> _Model:
        try:
            return model.model_validate(response.json())
        except (ValueError, ValidationError):
            # It may have done it all the same: whoever asks again finds out.
            raise self._unavailable("An answer cannot be read.") from None

    def _done(self, response: httpx.Response) -> None:
        """Make sure that a call which has no content as its answer was carried out."""
        if response.status_code != httpx.codes.NO_CONTENT:
            raise self._unavailable("An answer cannot be read.")

    def _stop_if_about_all(self, problem: Problem) -> None:
        """Raise a `DestinationRefusedError` where the problem is not one of single rows."""
        for name, fault in _faulty_properties(problem):
            raise self._refused(
                f"The property {name} of {self._kind} {fault}.",
                "create it in HubSpot, or leave it out of the sync's fields; `cdp sync check` tells"
                " all such properties.",
            )
        if _NOT_UNIQUE in problem.reason:
            raise self._refused(
                f"HubSpot cannot find {self._kind} by the sync's key, whose values need not be"
                " unique.",
                "take a property with unique values as `key`.",
            )
        if _NO_SUCH_TYPE in problem.reason:
            raise self._no_such_kind()

    def _no_such_kind(self) -> DestinationRefusedError:
        return self._refused(
            f"HubSpot has no objects of type '{self._kind}'.",
            "give `object`: contacts, companies, deals, tickets or the type of a custom object,"
            " such as 2-1234567.",
        )

    def _refused(self, problem: str, remedy: str) -> DestinationRefusedError:
        return DestinationRefusedError(problem, where=self._where, remedy=remedy)

    def _unavailable(self, problem: str) -> DestinationUnavailableError:
        return DestinationUnavailableError(
            problem, where=self._where, remedy="nothing, if it is well again soon."
        )


def _problem(response: httpx.Response) -> Problem | None:
    """What an answer says is wrong; None where it cannot be read."""
    try:
        return Problem.model_validate(response.json())
    except (ValueError, ValidationError):
        return None


def _faulty_properties(problem: Problem) -> Iterator[tuple[str, str]]:
    """The properties that no row can have, and what is wrong with them. They stand among the
    details, or in the message, as JSON after some words."""
    found: list[tuple[Any, Any]] = [
        (one.code, name) for one in problem.errors for name in one.named("propertyName")
    ]
    _, bracket, rest = (problem.message or "").partition("[")
    with suppress(ValueError):
        told = json.loads(bracket + rest)
        found += [(one.get("error"), one.get("name")) for one in told if isinstance(one, dict)]
    for code, name in found:
        if code in _FAULTS and _NAME.fullmatch(str(name)):
            yield name, _FAULTS[code]


def _lacking(response: httpx.Response) -> str | None:
    """The scopes that a token lacks, by an answer that refuses it."""
    problem = _problem(response)
    if problem is None or problem.category != "MISSING_SCOPES":
        return None
    scopes = {
        scope
        for part in (problem, *problem.errors)
        for name in _SCOPES
        for scope in part.named(name)
        if _NAME.fullmatch(scope)
    }
    return f"it lacks the scope {' or '.join(sorted(scopes))}" if scopes else "a scope is missing"
