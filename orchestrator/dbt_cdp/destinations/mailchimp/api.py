"""Mailchimp's Marketing API, as far as the destination needs it: calls for one audience, and what
their answers say.

A batch of members is answered with 200 even where some, or all, of them were refused: `errors`
names those. Which members are there already is told in the same way.
"""

import base64
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pyrate_limiter import Duration, Rate

from dbt_cdp.destinations.errors import (
    BatchRejectedError,
    DestinationRefusedError,
    DestinationUnavailableError,
)
from dbt_cdp.destinations.http import HttpClient

# How many members a call may hold.
MAX_MEMBERS = 500

# Mailchimp limits how many connections are open at a time, and names no rate.
_RATE = Rate(50, Duration.SECOND)

_EXISTS = "ERROR_CONTACT_EXISTS"
_ARCHIVED, _STATIC = "archived", "static"

# Words of refusals that are over some time later.
_PASSING = re.compile(r"for now|try again|temporar|too many|recently", re.IGNORECASE)

# Answers about what was sent.
_ABOUT_ROWS = {400, 404, 405, 409, 413, 422}

_AN_ADDRESS = re.compile(r"[^\s\"'<>(),;:]+@[^\s\"'<>(),;:]+[^\s\"'<>(),;:.]")
_REASON_LETTERS = 500


class _Content(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _Tag(_Content):
    id: int
    name: str


class Member(_Content):
    """A member of the audience.

    Attributes:
        hash: the MD5 of its address in lower case.
        contact_id: stays when the address changes.
        address: its e-mail address.
        status: such as subscribed, or archived where it was removed.
        tags: what it is tagged with, static segments among them.
    """

    hash: str = Field(alias="id")
    contact_id: str
    address: str = Field(alias="email_address")
    status: str
    tags: Sequence[_Tag] = ()

    @property
    def is_archived(self) -> bool:
        """Whether it was removed, and can be restored."""
        return self.status == _ARCHIVED

    def has(self, tag: int) -> bool:
        """Whether it has a tag, or is in a static segment."""
        return any(one.id == tag for one in self.tags)


class Refusal(_Content):
    """A member of a batch that was not taken."""

    address: str = Field(alias="email_address")
    error: str = "no reason was given"
    code: str = Field(default="", alias="error_code")
    field: str = ""
    field_message: str = ""

    @property
    def is_there(self) -> bool:
        """Whether it was not taken because it is a member already."""
        return self.code == _EXISTS

    @property
    def is_passing(self) -> bool:
        """Whether it may be taken some time later."""
        return bool(_PASSING.search(self.error))

    @property
    def reason(self) -> str:
        """Mailchimp's words, without the address."""
        said = ": ".join(filter(None, (self.field, self.field_message))) or self.error
        return without_addresses(said)


class Created(_Content):
    """What became of the members of a batch."""

    new: Sequence[Member] = Field(alias="new_members")
    errors: Sequence[Refusal]


class _Moved(_Content):
    added: Sequence[Member] = Field(alias="members_added")
    removed: Sequence[Member] = Field(alias="members_removed")


class MergeField(_Content):
    """A field that members have."""

    tag: str
    type: str
    required: bool = False


class _MergeFields(_Content):
    merge_fields: Sequence[MergeField]


class _Audience(_Content):
    name: str


class Segment(_Content):
    """A segment or a tag."""

    id: int
    name: str
    type: str

    @property
    def is_static(self) -> bool:
        """Whether others may change who is in it."""
        return self.type == _STATIC


class _Tags(_Content):
    tags: Sequence[_Tag]


class _Problem(_Content):
    title: str = ""
    detail: str = ""
    errors: Sequence[Mapping[str, Any]] = ()


_Model = TypeVar("_Model", bound=BaseModel)


class CallRefusedError(BatchRejectedError):
    """A call was refused because of what it holds."""

    def __init__(self, status: int, problem: str) -> None:
        super().__init__(problem)
        self.is_not_found = status == httpx.codes.NOT_FOUND


class MailchimpApi:
    """The API, for one audience.

    Args:
        base_url: its address.
        key: of the API.
        key_env: where that comes from.
        audience: the id of the audience (`list_id`).
        account: names whose limits they are.
    """

    def __init__(
        self, base_url: str, key: str, *, key_env: str, audience: str, account: str
    ) -> None:
        self._where = f"destination '{account}'"
        self._audience, self._path = audience, f"/3.0/lists/{audience}"
        both = base64.b64encode(f"cdp:{key}".encode()).decode()
        self._http = HttpClient(
            base_url,
            account=f"mailchimp {account}",
            rates=[_RATE],
            headers={"Authorization": f"Basic {both}"},
            secrets=[key, both],
            credentials=key_env,
            where=self._where,
            explain=_title,
        )

    def create(self, members: Sequence[Mapping[str, Any]]) -> Created:
        """Create members, and bring back archived ones; those that are there stay as they are.

        Args:
            members: at most `MAX_MEMBERS`.

        Raises:
            CallRefusedError: none was taken.
        """
        # With `update_existing` the status of those who have unsubscribed would be changed too.
        body = {"members": members, "update_existing": False}
        return self._read(self._of_audience("POST", "", body), Created)

    def member(self, name: str) -> Member | None:
        """A member, archived ones too; None where there is none.

        Args:
            name: its contact id, or the hash of its address.
        """
        return self._member("GET", name, None)

    def change(self, name: str, values: Mapping[str, Any]) -> Member | None:
        """Change a member; None where there is none.

        Raises:
            CallRefusedError: it does not take the values.
        """
        return self._member("PATCH", name, values)

    def archive(self, name: str) -> None:
        """Remove a member, so that it can be restored.

        Raises:
            CallRefusedError: it is not there, was archived before, or cannot be.
        """
        self._done(self._call("DELETE", f"{self._path}/members/{name}"))

    def delete_for_good(self, address_hash: str) -> None:
        """Delete a member and all that is known of it; nobody can import it again.

        Raises:
            CallRefusedError: it is not there, or cannot be.
        """
        path = f"{self._path}/members/{address_hash}/actions/delete-permanent"
        self._done(self._call("POST", path))

    def move(
        self, segment: int, *, add: Sequence[str] = (), remove: Sequence[str] = ()
    ) -> frozenset[str]:
        """Put members into a static segment, or take them out.

        Args:
            segment: the id of the segment or tag.
            add: addresses, at most `MAX_MEMBERS`.
            remove: likewise.

        Returns:
            The folded addresses of those whom the answer names as put in or taken out.

        Raises:
            DestinationRefusedError: it is none that can be changed.
        """
        body = {
            name: list(one)
            for name, one in (("members_to_add", add), ("members_to_remove", remove))
            if one
        }
        try:
            response = self._call("POST", f"{self._path}/segments/{segment}", body)
        except CallRefusedError as error:
            raise self._refused(
                f"The members of segment {segment} cannot be changed ({error.problem}).",
                "give a tag or a static segment as `audience`.",
            ) from None
        moved = self._read(response, _Moved)
        return frozenset(folded(one.address) for one in (*moved.added, *moved.removed))

    def name(self) -> str:
        """The audience's name.

        Raises:
            DestinationRefusedError: there is no such audience.
        """
        return self._read(self._of_audience("GET", "?fields=name"), _Audience).name

    def merge_fields(self) -> Mapping[str, MergeField]:
        """The fields that members have, by tag."""
        response = self._of_audience("GET", "/merge-fields?count=1000")
        return {one.tag: one for one in self._read(response, _MergeFields).merge_fields}

    def segment(self, name: str) -> Segment | None:
        """A segment by its number, or a tag by its name; None where there is none."""
        if not name.isdecimal():
            response = self._of_audience("GET", f"/tag-search?name={quote(name, safe='')}")
            tags = [one for one in self._read(response, _Tags).tags if one.name == name]
            return Segment(id=tags[0].id, name=name, type=_STATIC) if tags else None
        try:
            response = self._call("GET", f"{self._path}/segments/{name}?fields=id,name,type")
        except CallRefusedError as error:
            if error.is_not_found:
                return None
            raise
        return self._read(response, Segment)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _member(self, method: str, name: str, values: Mapping[str, Any] | None) -> Member | None:
        try:
            response = self._call(method, f"{self._path}/members/{name}", values)
        except CallRefusedError as error:
            if error.is_not_found:
                return None
            raise
        return self._read(response, Member)

    def _of_audience(
        self, method: str, rest: str, body: Mapping[str, Any] | None = None
    ) -> httpx.Response:
        try:
            return self._call(method, self._path + rest, body)
        except CallRefusedError as error:
            if not error.is_not_found:
                raise
            raise self._refused(
                f"Mailchimp has no audience {self._audience}.",
                "give the id that Mailchimp shows in the settings of the audience as `object`.",
            ) from None

    def _call(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> httpx.Response:
        """Call the API.

        Raises:
            CallRefusedError: it refuses what the call holds.
            DestinationRefusedError: it refuses every such call.
            DestinationUnavailableError: it is not to be had.
        """
        response = self._http.request(method, path, json=body)
        if response.is_success:
            return response
        if response.status_code not in _ABOUT_ROWS:
            raise self._http.refused(f"It answered {response.status_code}.")
        text = self._http.without_secrets(_told(response))
        raise CallRefusedError(response.status_code, f"{response.status_code}: {text}")

    def _read(self, response: httpx.Response, model: type[_Model]) -> _Model:
        try:
            return model.model_validate(response.json())
        except (ValueError, ValidationError):
            # It may have done it all the same: whoever asks again finds out.
            raise self._unreadable() from None

    def _done(self, response: httpx.Response) -> None:
        """Make sure that a call which has no content as its answer was carried out."""
        if response.status_code != httpx.codes.NO_CONTENT:
            raise self._unreadable()

    def _unreadable(self) -> DestinationUnavailableError:
        return DestinationUnavailableError(
            "An answer cannot be read.",
            where=self._where,
            remedy="nothing, if it is well again soon: what was not taken is sent again.",
        )

    def _refused(self, problem: str, remedy: str) -> DestinationRefusedError:
        return DestinationRefusedError(problem, where=self._where, remedy=remedy)


def folded(address: str) -> str:
    """An address as Mailchimp compares them; its errors may hold one in quotes."""
    return address.strip().strip('"').lower()


def without_addresses(text: str) -> str:
    """Mailchimp's words without the addresses that they are about."""
    return " ".join(_AN_ADDRESS.sub("the address", text).split())[:_REASON_LETTERS]


def _problem(response: httpx.Response) -> _Problem:
    try:
        return _Problem.model_validate(response.json())
    except (ValueError, ValidationError):
        return _Problem()


def _title(response: httpx.Response) -> str | None:
    """What an answer says of refused credentials, such as `API Key Invalid`."""
    return _problem(response).title[:100] or None


def _told(response: httpx.Response) -> str:
    problem = _problem(response)
    fields = [f"{one.get('field') or 'member'}: {one.get('message')}" for one in problem.errors]
    told = "; ".join(fields) or problem.detail or response.reason_phrase
    return " ".join(": ".join(filter(None, (problem.title, told))).split())[:_REASON_LETTERS]
