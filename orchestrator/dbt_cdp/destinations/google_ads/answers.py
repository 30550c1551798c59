"""What the answers of Google's Data Manager API say.

They may name members by their places. Those are a hint and no more: Google's own pages count them
from 0 and from 1.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

_PLACE = re.compile(r"audience_?members\[(\d+)\]", re.IGNORECASE)

_UNKNOWN = "PROCESSING_ERROR_REASON_UNSPECIFIED"
# Why members may be refused this time, and not the next time.
_PASSING = {"PROCESSING_ERROR_REASON_INTERNAL_ERROR", _UNKNOWN}
# The account's own fault, whoever the members are.
_OF_ALL = {"PROCESSING_ERROR_REASON_NO_CONSENT"}

_REASON_LETTERS = 500


class State(StrEnum):
    """What became of the members of a request: all taken, all refused, or some of each."""

    TAKEN = "taken"
    REFUSED = "refused"
    MIXED = "mixed"


@dataclass(frozen=True)
class Verdict:
    """What became of the members of a request.

    Attributes:
        state: of all of them.
        reason: why some were refused.
        is_lasting: whether they will be the next time, too.
        is_of_all: whether it is the account's own fault.
        places: where those that were refused may be; empty where nothing is known.
    """

    state: State
    reason: str = ""
    is_lasting: bool = True
    is_of_all: bool = False
    places: frozenset[int] = frozenset()


class _Content(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, alias_generator=to_camel)


class _Violation(_Content):
    field: str = ""
    description: str = ""
    reason: str = ""

    @property
    def words(self) -> str:
        return ": ".join(filter(None, (self.reason, self.description)))


class _Detail(_Content):
    reason: str = ""
    field_violations: Sequence[_Violation] = ()


class Error(_Content):
    """Why a call is refused."""

    message: str = ""
    details: Sequence[_Detail] = ()

    @property
    def words(self) -> str:
        """Google's words, the most telling of them at the end."""
        reasons = [one.words for one in self._violations] or [one.reason for one in self.details]
        words = "; ".join(dict.fromkeys(filter(None, [self.message, *reasons])))
        return " ".join(words.split())[:_REASON_LETTERS]

    def verdict(self) -> Verdict | None:
        """What it says of the members; None where it is not because of them."""
        places = [_PLACE.search(one.field) for one in self._violations]
        known = frozenset(int(place[1]) for place in places if place)
        # What is wrong with the list, or the account, is so for everybody.
        if not known or not all(places):
            return None
        return Verdict(State.MIXED, self.words, places=known)

    @property
    def _violations(self) -> list[_Violation]:
        return [one for detail in self.details for one in detail.field_violations]


class _Failure(_Content):
    error: Error


class Accepted(_Content):
    """A request that will be carried out."""

    request_id: str


class _ErrorCount(_Content):
    reason: str = _UNKNOWN
    record_indices: Sequence[int] = ()


class _ErrorInfo(_Content):
    error_counts: Sequence[_ErrorCount] = ()


class _Status(_Content):
    request_status: str
    error_info: _ErrorInfo = _ErrorInfo()


class Statuses(_Content):
    """How far a request is, for each list that it was about."""

    request_status_per_destination: Sequence[_Status] = Field(min_length=1)

    def verdict(self) -> Verdict | None:
        """What became of the members, of one list; None while nothing has yet."""
        status = self.request_status_per_destination[0]
        if status.request_status == "SUCCESS":
            return Verdict(State.TAKEN)
        if status.request_status not in ("FAILED", "PARTIAL_SUCCESS"):
            return None
        counts = status.error_info.error_counts
        reasons = {one.reason for one in counts} or {_UNKNOWN}
        return Verdict(
            State.REFUSED if status.request_status == "FAILED" else State.MIXED,
            ", ".join(sorted(reasons)),
            is_lasting=not reasons & _PASSING,
            is_of_all=bool(reasons & _OF_ALL),
            places=frozenset(place for one in counts for place in one.record_indices),
        )


class _ListInfo(_Content):
    upload_key_types: Sequence[str] = ()


class _SizeInfo(_Content):
    search_network_members_count: int = 0


class UserList(_Content):
    """A list of people."""

    display_name: str
    membership_status: str = ""
    read_only: bool = False
    account_access_status: str = ""
    membership_duration: str = ""
    ingested_user_list_info: _ListInfo = _ListInfo()
    size_info: _SizeInfo = _SizeInfo()

    @property
    def membership_days(self) -> int | None:
        """After how many days a member leaves who is not added again; None where never."""
        seconds = re.fullmatch(r"([0-9]+)(\.[0-9]+)?s", self.membership_duration)
        return int(seconds[1]) // 86_400 if seconds else None


def error_of(response: httpx.Response) -> Error:
    """What an answer says is wrong; nothing where it cannot be read."""
    try:
        return _Failure.model_validate(response.json()).error
    except (ValueError, ValidationError):
        return Error()
