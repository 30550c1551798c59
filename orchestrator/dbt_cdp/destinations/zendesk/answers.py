"""What Zendesk's answers say: of records, of jobs, and of what is wrong."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import httpx
from pydantic import BaseModel, ConfigDict, Field, field_validator

from dbt_cdp.destinations.errors import BatchRejectedError

_REASON_LETTERS = 500

# What a job says of a record that it has done what was asked for.
_DONE = {"created", "updated", "deleted"}
_PASSING = re.compile(r"conflict|timeout|timed out|lock|temporar", re.IGNORECASE)

RUNNING = {"queued", "working"}


class _Content(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Record(_Content):
    """A user or an organization; `role` and `active` are users'."""

    id: int
    email: str | None = None
    external_id: str | None = None
    role: str = "end-user"
    active: bool = True

    @property
    def is_staff(self) -> bool:
        """Whether it is an agent or an administrator."""
        return self.role != "end-user"


class Identity(_Content):
    """An address of a user."""

    id: int
    type: str
    value: str
    is_primary: bool = Field(default=False, alias="primary")


class Result(_Content):
    """What a job says of a record.

    Attributes:
        id: the record's. Of one that has failed it is not: there it is its place among the records.
    """

    index: int | None = None
    id: int | None = None
    status: str = ""
    success: bool | None = None
    error: str = ""
    details: str = ""
    email: str | None = None
    external_id: str | None = None

    @field_validator("error", "details", mode="before")
    @classmethod
    def _text(cls, value: object) -> str:
        return "" if value is None else str(value)

    @property
    def is_done(self) -> bool:
        """Whether the job has done what it was asked for."""
        if self.error or self.success is False or self.id is None:
            return False
        if self.status:
            return self.status.lower() in _DONE
        return self.success is True or self.index is not None

    @property
    def is_failed(self) -> bool:
        """Whether the job says that it has not."""
        return bool(self.error) or self.success is False or self.status.lower() == "failed"

    @property
    def reason(self) -> str:
        """Zendesk's words."""
        return _short(": ".join(filter(None, (self.error, self.details)))) or "no reason was given"

    @property
    def is_passing(self) -> bool:
        """Whether it may be otherwise the next time."""
        return _PASSING.search(self.reason) is not None


class Job(_Content):
    """A job that works through records."""

    id: str
    status: str
    message: str = ""
    results: Sequence[Result] = ()

    @field_validator("results", mode="before")
    @classmethod
    def _listed(cls, value: object) -> object:
        # Null while it has not begun; an object where it says nothing of single records.
        return value if isinstance(value, list) else []

    @field_validator("message", mode="before")
    @classmethod
    def _said(cls, value: object) -> str:
        return _short(str(value or ""))

    def of(self, records: Sequence[Mapping[str, Any]]) -> Sequence[Result | None]:
        """What it says of each of its records; None of those that it says nothing of."""
        found: list[list[Result]] = [[] for _ in records]
        is_whole = len(self.results) == len(records)
        for place, result in enumerate(self.results):
            # Results have their records' order, and not all kinds of jobs number them.
            at = result.index if result.index is not None else (place if is_whole else -1)
            if 0 <= at < len(records) and _is_of(result, records[at]):
                found[at].append(result)
        return [one[0] if len(one) == 1 else None for one in found]


class CustomField(_Content):
    """A custom field."""

    key: str
    active: bool = True


class CallRefusedError(BatchRejectedError):
    """A call was refused because of what it holds.

    Attributes:
        is_not_found: whether it is that a record is not there.
    """

    def __init__(self, response: httpx.Response, text: str) -> None:
        super().__init__(text)
        self.is_not_found = response.status_code == httpx.codes.NOT_FOUND


def problem_of(response: httpx.Response) -> str:
    """What an answer says is wrong, in Zendesk's words; empty where it says nothing."""
    try:
        body = response.json()
    except ValueError:
        return ""
    if not isinstance(body, dict):
        return ""
    error = body.get("error")
    parts = list(error.values()) if isinstance(error, dict) else [error]
    parts.append(body.get("description"))
    details = body.get("details")
    for one in details.values() if isinstance(details, dict) else []:
        parts += [each.get("description") for each in one if isinstance(each, dict)]
    return _short(": ".join(part for part in parts if isinstance(part, str) and part))


def _is_of(result: Result, record: Mapping[str, Any]) -> bool:
    """Whether a result can be of a record: what it repeats of it must be the record's own."""
    for name in ("email", "external_id"):
        told, sent = getattr(result, name), record.get(name)
        if told and sent and folded(told) != folded(str(sent)):
            return False
    if result.is_done and "id" in record:
        return bool(result.id == record["id"])
    return True


def folded(key: str) -> str:
    """A key as Zendesk compares them."""
    return key.strip().casefold()


def _short(text: str) -> str:
    return " ".join(text.split())[:_REASON_LETTERS]
