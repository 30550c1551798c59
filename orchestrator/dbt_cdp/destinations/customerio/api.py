"""Customer.io's APIs, as far as the destination needs them: calls, and what their answers say.

The Track API takes changes and carries them out later. It answers for the form of an operation
alone (200 with nothing, or 207 with those that are malformed), and is silent on what it ignores
afterwards. The App API, which has a key of its own, tells who and what is there.
"""

import base64
from collections.abc import Mapping, Sequence
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

# Below what each of the two is allowed.
_TRACK_RATE = Rate(100, Duration.SECOND)
_APP_RATE = Rate(10, Duration.SECOND)

# How many people a call of the App API is asked for.
_ASKED = 100

# Answers about what was sent.
_ABOUT_ROWS = {400, 413, 422}

_MANUAL = "manual"
_REASON_LETTERS = 500


class _Content(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Problem(_Content):
    """What is wrong with an operation of a batch."""

    batch_index: int = Field(ge=0)
    reason: str = ""
    field: str = ""
    message: str = ""

    @property
    def text(self) -> str:
        """Customer.io's words."""
        said = ": ".join(filter(None, (self.field, self.message or self.reason)))
        return " ".join(said.split())[:_REASON_LETTERS] or "no reason was given"


class _Partly(_Content):
    errors: Sequence[Problem] = Field(min_length=1)


class _Region(_Content):
    region: str
    url: str


class _Person(_Content):
    id: str | None = None
    email: str | None = None
    cio_id: str | None = None


class _People(_Content):
    identifiers: Sequence[_Person]


class Segment(_Content):
    """A segment."""

    name: str
    type: str

    @property
    def is_manual(self) -> bool:
        """Whether others may change who is in it."""
        return self.type == _MANUAL


class _SegmentAnswer(_Content):
    segment: Segment


_Model = TypeVar("_Model", bound=BaseModel)


class TrackApi:
    """The Track API: what changes people.

    Args:
        base_url: its address.
        site_id: what names the workspace.
        api_key: its key.
        credentials: where the two come from.
        account: names whose limits they are.
    """

    def __init__(
        self, base_url: str, site_id: str, api_key: str, *, credentials: str, account: str
    ) -> None:
        self._where = f"destination '{account}'"
        both = base64.b64encode(f"{site_id}:{api_key}".encode()).decode()
        self._http = HttpClient(
            base_url,
            account=f"customerio track {account}",
            rates=[_TRACK_RATE],
            headers={"Authorization": f"Basic {both}"},
            secrets=[api_key, both],
            credentials=credentials,
            where=self._where,
        )

    def batch(self, operations: Sequence[Mapping[str, Any]]) -> Mapping[int, str]:
        """Send operations.

        Returns:
            What is wrong with those that it does not take, by their places.

        Raises:
            BatchRejectedError: it takes none of them.
        """
        response = self._call("POST", "/api/v2/batch", {"batch": operations})
        if response.status_code != httpx.codes.MULTI_STATUS:
            self._expect_nothing(response)
            return {}
        errors = _read(response, _Partly, self._where).errors
        if any(one.batch_index >= len(operations) for one in errors):
            raise _unreadable(self._where)
        return {one.batch_index: self._http.without_secrets(one.text) for one in errors}

    def change_members(self, verb: str, segment: str, id_type: str, ids: Sequence[str]) -> None:
        """Put people into a manual segment, or take them out; those that are not there are
        ignored.

        Args:
            verb: add or remove.
            segment: its id.
            id_type: what `ids` are: id, email or cio_id.
            ids: at most 1,000.

        Raises:
            DestinationRefusedError: there is no such segment, or it is not a manual one.
        """
        path = f"/api/v1/segments/{segment}/{verb}_customers?id_type={id_type}"
        try:
            response = self._call("POST", path, {"ids": ids})
        except BatchRejectedError as error:
            raise DestinationRefusedError(
                f"The people in segment {segment} cannot be changed ({error.problem}).",
                where=self._where,
                remedy="give the number of a manual segment as `audience`.",
            ) from None
        self._expect_nothing(response)

    def region(self) -> tuple[str, str]:
        """The region that the credentials are of, and its address."""
        found = _read(self._call("GET", "/api/v1/accounts/region"), _Region, self._where)
        return found.region, found.url

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _call(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> httpx.Response:
        response = self._http.request(method, path, json=body)
        if response.status_code in _ABOUT_ROWS:
            raise BatchRejectedError(self._http.reason(response))
        if not response.is_success:
            raise self._http.refused(f"It answered {response.status_code}.")
        return response

    def _expect_nothing(self, response: httpx.Response) -> None:
        """Make sure that all was taken: the answer is an object without anything in it."""
        try:
            content = response.json()
        except ValueError:
            content = None
        if content != {}:
            raise _unreadable(self._where)


class AppApi:
    """The App API: what tells who is there.

    Args:
        base_url: its address.
        key: of the App API.
        key_env: where that comes from.
        account: names whose limits they are.
    """

    def __init__(self, base_url: str, key: str, *, key_env: str, account: str) -> None:
        self._where = f"destination '{account}'"
        self._http = HttpClient(
            base_url,
            account=f"customerio app {account}",
            rates=[_APP_RATE],
            headers={"Authorization": f"Bearer {key}"},
            secrets=[key],
            credentials=key_env,
            where=self._where,
        )

    def there(self, id_type: str, ids: Sequence[str], segment: str = "") -> frozenset[str]:
        """Who of some people is there, by their folded identifiers.

        Args:
            id_type: what `ids` are: id, email or cio_id.
            ids: whom to look for.
            segment: only those in this segment; in all without it.
        """
        found = set()
        for start in range(0, len(ids), _ASKED):
            equal = [
                {"attribute": {"field": id_type, "operator": "eq", "value": one}}
                for one in ids[start : start + _ASKED]
            ]
            wanted: dict[str, Any] = {"or": equal}
            if segment:
                wanted = {"and": [{"segment": {"id": int(segment)}}, wanted]}
            response = self._call("POST", "/v1/customers?limit=1000", {"filter": wanted})
            people = _read(response, _People, self._where).identifiers
            found |= {str(getattr(one, id_type) or "").casefold() for one in people}
        return frozenset(found)

    def segment(self, segment: str) -> Segment | None:
        """A segment; None where there is none."""
        response = self._http.request("GET", f"/v1/segments/{segment}")
        if response.status_code == httpx.codes.NOT_FOUND:
            return None
        return _read(self._checked(response), _SegmentAnswer, self._where).segment

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _call(self, method: str, path: str, body: Mapping[str, Any]) -> httpx.Response:
        return self._checked(self._http.request(method, path, json=body))

    def _checked(self, response: httpx.Response) -> httpx.Response:
        if not response.is_success:
            # What it says may quote whom it was asked for.
            raise DestinationRefusedError(
                f"The App API does not say who is there ({response.status_code}).",
                where=self._where,
                remedy="look at the sync's key, and at app_key_env and app_url.",
            )
        return response


def _read(response: httpx.Response, model: type[_Model], where: str) -> _Model:
    try:
        return model.model_validate(response.json())
    except (ValueError, ValidationError):
        raise _unreadable(where) from None


def _unreadable(where: str) -> DestinationUnavailableError:
    return DestinationUnavailableError(
        "An answer cannot be read.",
        where=where,
        remedy="nothing, if it is well again soon: what was not taken is sent again.",
    )
