"""Zendesk's Support API: users and organizations.

Most writing is done by jobs, of which Zendesk says later what became of each record.
"""

import base64
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NoReturn, TypeVar
from urllib.parse import quote, urlencode

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError
from pyrate_limiter import Duration, Rate

from dbt_cdp.destinations.errors import DestinationRefusedError, DestinationUnavailableError
from dbt_cdp.destinations.http import HttpClient
from dbt_cdp.destinations.zendesk.answers import (
    RUNNING,
    CallRefusedError,
    CustomField,
    Identity,
    Job,
    Record,
    Result,
    folded,
    problem_of,
)

# How many records a call or a job may hold.
MAX_RECORDS = 100

# After how many seconds it is asked again what became of a job, or whether a deletion has settled.
JOB_WAITS = (0.5, 1.0, 2.0, 3.0, *(5.0,) * 120)
DELETION_WAITS = (1.0, 2.0, 3.0, 5.0, 8.0, 13.0)
pause = time.sleep

# What is wrong with a call, and not with all of them.
_ABOUT_ROWS = {400, 404, 413, 422}


class _Content(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _JobAnswer(_Content):
    job_status: Job


class _Users(_Content):
    users: Sequence[Record]


class _Organizations(_Content):
    organizations: Sequence[Record]


class _User(_Content):
    user: Record


class _Tags(_Content):
    tags: Sequence[str]


class _Identities(_Content):
    identities: Sequence[Identity]


class _Identity(_Content):
    identity: Identity


class _DeletedUser(_Content):
    deleted_user: Record


class _Meta(_Content):
    has_more: bool = False
    after_cursor: str | None = None


class _UserFields(_Content):
    user_fields: Sequence[CustomField]
    meta: _Meta = _Meta()


class _OrganizationFields(_Content):
    organization_fields: Sequence[CustomField]
    meta: _Meta = _Meta()


class _UserSettings(_Content):
    tagging: bool


class _Settings(_Content):
    user: _UserSettings


class _Account(_Content):
    settings: _Settings


class _Me(_Content):
    id: int | None
    role: str


class _MeAnswer(_Content):
    user: _Me


_Model = TypeVar("_Model", bound=BaseModel)


class NotEnabledError(Exception):
    """The account does not allow that users are imported by jobs, or its agent may not."""


class ZendeskApi:
    """The API, for users or organizations.

    Args:
        base_url: its address.
        authorization: what calls identify themselves with, see `basic` and `bearer`.
        secrets: what no error may hold.
        credentials: what to look at when they are refused.
        kind: users or organizations.
        account: names whose limits they are.
        per_minute: how many calls are made in a minute.
    """

    def __init__(
        self,
        base_url: str,
        authorization: str,
        *,
        secrets: Sequence[str],
        credentials: str,
        kind: str,
        account: str,
        per_minute: int,
    ) -> None:
        self._where = f"destination '{account}'"
        self._kind, self._one = kind, kind.removesuffix("s")
        self._last_refusal = 0
        self._http = HttpClient(
            base_url,
            account=f"zendesk {account}",
            rates=[Rate(per_minute, Duration.MINUTE)],
            headers={"Authorization": authorization},
            secrets=[*secrets, authorization.partition(" ")[2]],
            credentials=credentials,
            where=self._where,
            explain=self._explain,
        )

    # Jobs

    def write_many(
        self, verb: str, records: Sequence[Mapping[str, Any]]
    ) -> tuple[Sequence[Result | None], str]:
        """Write records by a job, and wait for its end.

        Args:
            verb: create_many, create_or_update_many or update_many.
            records: at most `MAX_RECORDS`.

        Returns:
            What it says of each record, and what it says at its end.

        Raises:
            NotEnabledError: the account does not allow it.
            CallRefusedError: none was written, because of one of them.
            DestinationUnavailableError: nobody knows what became of them.
        """
        method = "PUT" if verb == "update_many" else "POST"
        try:
            response = self._call(method, f"/{self._kind}/{verb}.json", {self._kind: records})
        except DestinationRefusedError:
            # Without the right to write at all, a call for one user is refused next.
            if self._kind == "users" and self._last_refusal == httpx.codes.FORBIDDEN:
                raise NotEnabledError from None
            raise
        job = self._finished(response)
        return job.of(records), job.message

    def destroy_many(self, ids: Sequence[int]) -> tuple[Sequence[Result | None], str]:
        """Delete records by a job; as `write_many`."""
        query = urlencode({"ids": ",".join(map(str, ids))})
        job = self._finished(self._call("DELETE", f"/{self._kind}/destroy_many.json?{query}"))
        return job.of([{"id": one} for one in ids]), job.message

    def is_import_enabled(self) -> bool:
        """Whether users may be written by jobs. Asks for a job without users."""
        try:
            self._call("POST", "/users/create_or_update_many.json", {"users": []})
        except CallRefusedError:
            return True
        except DestinationRefusedError:
            if self._last_refusal == httpx.codes.FORBIDDEN:
                return False
            raise
        return True

    def _finished(self, response: httpx.Response) -> Job:
        job = self._read(response, _JobAnswer).job_status
        for seconds in JOB_WAITS:
            if job.status not in RUNNING:
                return job
            pause(seconds)
            try:
                response = self._call("GET", f"/job_statuses/{quote(job.id, safe='')}.json")
            except CallRefusedError:
                self._unavailable("Zendesk has forgotten a job before it said what became of it.")
            job = self._read(response, _JobAnswer).job_status
        self._unavailable("A job has not come to its end in ten minutes.")

    # One at a time

    def write_user(self, verb: str, user: Mapping[str, Any]) -> int:
        """Write one user; returns the id.

        Args:
            verb: `/create_or_update`, or nothing to create.
            user: the user.

        Raises:
            CallRefusedError: Zendesk will not take it.
        """
        response = self._call("POST", f"/users{verb}.json", {"user": user})
        return self._read(response, _User).user.id

    def show(self, ids: Iterable[int]) -> Mapping[int, Record]:
        """The records that are there, of these; at most `MAX_RECORDS`."""
        return {one.id: one for one in self._many({"ids": ",".join(map(str, ids))})}

    def find(self, by: str, keys: Sequence[str]) -> Mapping[str, Record]:
        """Records by their keys, folded.

        Args:
            by: email or external_id.
            keys: at most `MAX_RECORDS`.
        """
        found: list[Record] = []
        listed = [key for key in keys if by == "external_id" and "," not in key]
        if listed:
            found += self._many({"external_ids": ",".join(listed)})
        for key in keys:
            if key not in listed:
                query = {"query": f'email:"{key}"'} if by == "email" else {by: key}
                found += self._records(f"/{self._kind}/search.json?{urlencode(query)}")
        wanted = {folded(key) for key in keys}
        by_key = {folded(getattr(one, by) or ""): one for one in found}
        # A search finds what is like the key, too.
        return {key: one for key, one in by_key.items() if key in wanted}

    def _many(self, query: Mapping[str, str]) -> Sequence[Record]:
        return self._records(f"/{self._kind}/show_many.json?{urlencode(query)}")

    def _records(self, path: str) -> Sequence[Record]:
        response = self._call("GET", path)
        if self._kind == "users":
            found = self._read(response, _Users).users
        else:
            found = self._read(response, _Organizations).organizations
        return [one for one in found if one.active]

    def merge(self, user_id: int, into: int) -> None:
        """Put a user into another one, and delete it.

        Raises:
            CallRefusedError: they are not there, or cannot be merged.
        """
        response = self._call("PUT", f"/users/{user_id}/merge.json", {"user": {"id": into}})
        self._read(response, _User)

    def tag(self, record_id: int, tag: str, *, is_on: bool) -> None:
        """Give a record a tag, or take it off; its other tags stay.

        Raises:
            CallRefusedError: the record is not there.
            DestinationRefusedError: records have no tags in this account.
        """
        method = "PUT" if is_on else "DELETE"
        path = f"/{self._kind}/{record_id}/tags.json"
        tags = self._read(self._call(method, path, {"tags": [tag]}), _Tags).tags
        if (tag in tags) is not is_on:
            raise self._http.refused(
                f"The tag {tag} is not kept; whether users and organizations can have tags is a"
                " setting of Zendesk's Admin Center."
            )

    def set_email(self, user_id: int, email: str) -> None:
        """Make an address a user's first one. The one before stays a further one.

        Raises:
            CallRefusedError: the user is not there, or the address is another one's.
        """
        path = f"/users/{user_id}/identities"
        identities = self._read(self._call("GET", f"{path}.json"), _Identities).identities
        known = [
            one for one in identities if one.type == "email" and folded(one.value) == folded(email)
        ]
        if known:
            identity = known[0]
        else:
            body = {"type": "email", "value": email, "primary": True, "skip_verify_email": True}
            response = self._call("POST", f"{path}.json", {"identity": body})
            identity = self._read(response, _Identity).identity
        if not identity.is_primary:
            response = self._call("PUT", f"{path}/{identity.id}/make_primary.json")
            self._read(response, _Identities)

    # To erase

    def delete_user(self, user_id: int) -> None:
        """Delete a user, who can be restored by Zendesk; also one who is not there."""
        self._unless_gone("DELETE", f"/users/{user_id}.json", _User)

    def is_deleted(self, user_id: int) -> bool:
        """Whether a user was deleted, and not yet for good."""
        return self._unless_gone("GET", f"/deleted_users/{user_id}.json", _DeletedUser)

    def delete_for_good(self, user_id: int) -> bool:
        """Delete a deleted user for good; False where the deletion before has not settled yet."""
        try:
            return self._unless_gone("DELETE", f"/deleted_users/{user_id}.json", _DeletedUser)
        except CallRefusedError:
            return False

    def _unless_gone(self, method: str, path: str, model: type[BaseModel]) -> bool:
        try:
            self._read(self._call(method, path), model)
        except CallRefusedError as error:
            if error.is_not_found:
                return False
            raise
        return True

    # To check

    def role(self) -> str | None:
        """The role of who the credentials are; None where they are nobody's."""
        me = self._read(self._call("GET", "/users/me.json"), _MeAnswer).user
        return me.role if me.id else None

    def has_tags(self) -> bool:
        """Whether users and organizations can have tags."""
        response = self._call("GET", "/account/settings.json")
        return self._read(response, _Account).settings.user.tagging

    def custom_fields(self) -> Mapping[str, CustomField]:
        """The custom fields, by key."""
        found: dict[str, CustomField] = {}
        cursor: str | None = None
        while True:
            page = {"page[size]": "100"} | ({"page[after]": cursor} if cursor else {})
            response = self._call("GET", f"/{self._one}_fields.json?{urlencode(page)}")
            answer: _UserFields | _OrganizationFields
            if self._kind == "users":
                answer = self._read(response, _UserFields)
                fields = answer.user_fields
            else:
                answer = self._read(response, _OrganizationFields)
                fields = answer.organization_fields
            found |= {one.key: one for one in fields}
            cursor = answer.meta.after_cursor
            if not answer.meta.has_more or not cursor:
                return found

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
        response = self._http.request(method, f"/api/v2{path}", json=body)
        if response.is_success:
            return response
        said = problem_of(response)
        if response.status_code == httpx.codes.CONFLICT:
            self._unavailable("Zendesk is at work on the same records.")
        if response.status_code not in _ABOUT_ROWS:
            raise self._http.refused(f"It answered {response.status_code}.")
        text = self._http.without_secrets(said or response.reason_phrase)
        raise CallRefusedError(response, f"{response.status_code}: {text}")

    def _explain(self, response: httpx.Response) -> str | None:
        self._last_refusal = response.status_code
        return self._http.without_secrets(problem_of(response)) or None

    def _read(self, response: httpx.Response, model: type[_Model]) -> _Model:
        try:
            return model.model_validate(response.json())
        except (ValueError, ValidationError):
            # It may have done it all the same: whoever asks again finds out.
            self._unavailable("An answer cannot be read.")

    def _unavailable(self, problem: str) -> NoReturn:
        raise DestinationUnavailableError(
            problem, where=self._where, remedy="nothing, if it is well again soon."
        ) from None


def basic(email: str, token: str) -> str:
    """How calls identify themselves with an API token of an agent."""
    return "Basic " + base64.b64encode(f"{email}/token:{token}".encode()).decode()


def bearer(token: str) -> str:
    """How calls identify themselves with an OAuth token."""
    return f"Bearer {token}"
