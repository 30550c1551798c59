"""Meta's Graph API, as far as the destination needs it.

A call is answered at once, and carried out within a day. The answer has numbers only: how many
people were received, and how many of them were invalid. Errors are told by numbers of Meta's own;
to be too busy is one of them, whatever the status of the answer is.
"""

import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pyrate_limiter import Duration, Rate

from dbt_cdp.destinations.errors import (
    BatchRejectedError,
    DestinationError,
    DestinationRefusedError,
    DestinationUnavailableError,
)
from dbt_cdp.destinations.http import HttpClient
from dbt_cdp.destinations.identifiers import Person
from dbt_cdp.destinations.meta.people import table

# Of the Graph API; Meta keeps a version for a year and more.
VERSION = "v26.0"

# Meta takes 10,000. Halves of fewer are found sooner.
MAX_PEOPLE = 5_000

# Of an ad account, where the app has the lowest level of access.
_RATE = Rate(5_000, Duration.HOUR)

# Passing trouble: 1 and 2 are Meta's own, 2650 is an audience that is being changed already, the
# others are limits.
_BUSY = {1, 2, 4, 17, 32, 341, 613, 2650, *range(80_000, 80_015)}
_INVALID_PARAMETER = 100
# Of an invalid parameter: no such audience, or one that Meta has blocked.
_OF_ALL = {33, 1713230}
_TOO_SMALL = 1870047

_REASON_LETTERS = 500


class _Content(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _Error(_Content):
    message: str = ""
    code: int = 0
    error_subcode: int | None = None
    error_user_msg: str | None = None
    is_transient: bool = False

    @property
    def words(self) -> str:
        number = f"{self.code}/{self.error_subcode}" if self.error_subcode else f"{self.code}"
        told = self.error_user_msg or self.message or "no reason was given"
        return f"{number}: {' '.join(told.split())}"[:_REASON_LETTERS]


class _Failure(_Content):
    error: _Error


class _Changed(_Content):
    num_received: int
    num_invalid_entries: int


class _Removed(_Content):
    """An answer to a removal from all audiences: what is in it is not documented."""

    num_received: int | None = None
    num_invalid_entries: int = 0


class _Status(_Content):
    code: int
    description: str = ""


class Audience(_Content):
    """A custom audience."""

    name: str
    subtype: str
    account_id: str
    operation_status: _Status | None = None
    size: int | None = Field(default=None, alias="approximate_count_lower_bound")


class _Account(_Content):
    tos_accepted: Mapping[str, int] = Field(default_factory=dict)


_Model = TypeVar("_Model", bound=BaseModel)


class TooSmallError(DestinationError):
    """Nobody can be removed, since the audience would be too small then."""


class MetaApi:
    """The API.

    Args:
        base_url: its address, without the version.
        token: of a system user.
        token_env: where that comes from.
        app_secret: of the app that the token is for, to prove who calls; None without.
        name: names whose limits they are.
    """

    def __init__(
        self, base_url: str, token: str, *, token_env: str, app_secret: str | None, name: str
    ) -> None:
        self._where = f"destination '{name}'"
        self._proof = {}
        if app_secret:
            proof = hmac.new(app_secret.encode(), token.encode(), hashlib.sha256).hexdigest()
            self._proof = {"appsecret_proof": proof}
        self._http = HttpClient(
            f"{base_url}/{VERSION}",
            account=f"meta {name}",
            rates=[_RATE],
            headers={"Authorization": f"Bearer {token}"},
            secrets=[token, *([app_secret] if app_secret else []), *self._proof.values()],
            credentials=token_env,
            where=self._where,
            explain=self._explain,
        )

    def add(self, audience_id: str, people: Sequence[Person]) -> None:
        """Add people to an audience, at most `MAX_PEOPLE`.

        Raises:
            BatchRejectedError: some of them are invalid.
            DestinationRefusedError: it refuses every such call.
            DestinationUnavailableError: it is too busy.
        """
        self._change("POST", f"/{audience_id}/users", people, _Changed)

    def remove(self, audience_id: str, people: Sequence[Person]) -> None:
        """Remove people from an audience, whether they are members or not; as `add`.

        Raises:
            TooSmallError: they cannot be removed for now.
        """
        self._change("DELETE", f"/{audience_id}/users", people, _Changed)

    def remove_from_all(self, account_id: str, people: Sequence[Person]) -> None:
        """Remove people from all audiences of an ad account; as `remove`."""
        self._change("DELETE", f"/act_{account_id}/usersofanyaudience", people, _Removed)

    def audience(self, audience_id: str) -> Audience:
        """An audience.

        Raises:
            DestinationRefusedError: there is none, or the token may not read it.
        """
        fields = "name,subtype,account_id,operation_status,approximate_count_lower_bound"
        return self._get(audience_id, fields, Audience)

    def are_terms_accepted(self, account_id: str) -> bool:
        """Whether Meta shows that an ad account's terms for audiences were accepted. It may not,
        where the account is shared."""
        account = self._get(f"act_{account_id}", "tos_accepted", _Account)
        return account.tos_accepted.get("custom_audience_tos") == 1

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _get(self, path: str, fields: str, model: type[_Model]) -> _Model:
        asked = {"fields": fields, **self._proof}
        return self._read(
            self._http.request("GET", f"/{path}", prepare=lambda: {"params": asked}), model
        )

    def _change(
        self,
        method: str,
        path: str,
        people: Sequence[Person],
        model: type[_Changed] | type[_Removed],
    ) -> None:
        columns, rows = table(people)
        payload = json.dumps({"schema": columns, "is_raw": True, "data": rows})

        def form() -> Mapping[str, Any]:
            # A session for each try, else the people of two tries would be counted together.
            session = {
                "session_id": secrets.randbits(62) + 1,
                "batch_seq": 1,
                "last_batch_flag": True,
                "estimated_num_total": len(rows),
            }
            return {"data": {"payload": payload, "session": json.dumps(session), **self._proof}}

        answer = self._read(self._http.request(method, path, prepare=form), model)
        received = len(rows) if answer.num_received is None else answer.num_received
        if answer.num_invalid_entries or received < len(rows):
            raise BatchRejectedError(
                f"Meta received {received} of {len(rows)}, and calls"
                f" {answer.num_invalid_entries} of them invalid",
                where=self._where,
            )

    def _read(self, response: httpx.Response, model: type[_Model]) -> _Model:
        error = _error(response)
        if error or not response.is_success:
            raise self._sorted(error or _Error(code=response.status_code))
        try:
            return model.model_validate(response.json())
        except (ValueError, ValidationError):
            # It may have done it all the same: to ask once more does no harm.
            raise self._unavailable("An answer cannot be read.") from None

    def _sorted(self, error: _Error) -> DestinationError:
        """Whose fault an error is."""
        words = self._http.without_secrets(error.words)
        if _is_busy(error):
            return self._unavailable(f"Meta has no time for it ({words}).")
        if error.error_subcode == _TOO_SMALL:
            return TooSmallError(words, where=self._where)
        if error.code == _INVALID_PARAMETER and error.error_subcode not in _OF_ALL:
            return BatchRejectedError(words, where=self._where)
        return DestinationRefusedError(
            f"Meta refuses it ({words}).",
            where=self._where,
            remedy="look at the audience, and at what the system user may do in its ad account.",
        )

    def _explain(self, response: httpx.Response) -> str | None:
        """What an answer says that refuses the credentials: some of them mean to be too busy."""
        error = _error(response)
        if error and _is_busy(error):
            raise self._sorted(error)
        return self._http.without_secrets(error.words) if error else None

    def _unavailable(self, problem: str) -> DestinationUnavailableError:
        return DestinationUnavailableError(
            problem,
            where=self._where,
            remedy="nothing, if it is well again soon: what was not taken is sent again.",
        )


def _is_busy(error: _Error) -> bool:
    return error.is_transient or error.code in _BUSY


def _error(response: httpx.Response) -> _Error | None:
    """What an answer says is wrong; None where it says nothing of that."""
    try:
        return _Failure.model_validate(response.json()).error
    except (ValueError, ValidationError):
        return None
