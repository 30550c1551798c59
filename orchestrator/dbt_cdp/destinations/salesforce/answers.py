"""What Salesforce's answers hold, and what is wrong with a call or with a record."""

from collections.abc import Mapping, Sequence
from typing import Any

import httpx
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

# The calls of a day are used up.
LIMIT = "REQUEST_LIMIT_EXCEEDED"

# What is wrong with a record and may be over the next time, also where a trigger tells of it.
# A record that is referred to by its external id may come by another sync.
_PASSING = (
    "UNABLE_TO_LOCK_ROW",
    "ENTITY_IS_DELETED",
    "SERVER_UNAVAILABLE",
    "REQUEST_RUNNING_TOO_LONG",
    "UNKNOWN_EXCEPTION",
    "STORAGE_LIMIT_EXCEEDED",
    "Foreign key external ID",
    LIMIT,
)
_GONE = {"ENTITY_IS_DELETED", "INVALID_CROSS_REFERENCE_KEY", "NOT_FOUND"}

_NO_FIELD = "No such column"
_REASON_LETTERS = 500


class Content(BaseModel):
    """A part of an answer."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Problem(Content):
    """What Salesforce says is wrong, with a call or with a record."""

    code: str = Field(default="", validation_alias=AliasChoices("statusCode", "errorCode", "error"))
    message: str = Field(default="", validation_alias=AliasChoices("message", "error_description"))

    @property
    def reason(self) -> str:
        """Salesforce's words."""
        told = " ".join(f"{self.code}: {self.message}".split())
        return told[:_REASON_LETTERS].strip(": ") or "no reason was given"

    @property
    def is_passing(self) -> bool:
        """Whether the record may be taken the next time."""
        return any(one in self.code or one in self.message for one in _PASSING)

    @property
    def is_of_a_field(self) -> bool:
        """Whether it is that a field is not there, for whatever row."""
        return self.code == "INVALID_FIELD" and _NO_FIELD in self.message


class Result(Content):
    """What became of a record of a call."""

    id: str | None = None
    success: bool
    errors: Sequence[Problem] = ()

    @property
    def problem(self) -> Problem:
        """The first thing that is wrong."""
        return self.errors[0] if self.errors else Problem()

    @property
    def is_gone(self) -> bool:
        """Whether it is that the record, or one that it refers to, is not there."""
        return not self.success and self.problem.code in _GONE


class Described(Content):
    """A field of an object, as the user of the app may see and write it."""

    name: str
    type: str
    is_createable: bool = Field(default=False, alias="createable")
    is_updateable: bool = Field(default=False, alias="updateable")
    is_filterable: bool = Field(default=True, alias="filterable")
    is_nillable: bool = Field(default=True, alias="nillable")
    has_default: bool = Field(default=False, alias="defaultedOnCreate")
    is_external_id: bool = Field(default=False, alias="externalId")
    is_id_lookup: bool = Field(default=False, alias="idLookup")
    relationship: str | None = Field(default=None, alias="relationshipName")
    refers_to: Sequence[str] = Field(default=(), alias="referenceTo")


class Description(Content):
    """An object, and what the user of the app may do with its records."""

    is_createable: bool = Field(alias="createable")
    is_updateable: bool = Field(alias="updateable")
    is_deletable: bool = Field(alias="deletable")
    fields: Sequence[Described]

    def field(self, name: str) -> Described | None:
        """The field of a name; upper and lower case are one."""
        return self._by_name.get(name.casefold())

    @property
    def _by_name(self) -> Mapping[str, Described]:
        return {one.name.casefold(): one for one in self.fields}


class Token(Content):
    """A token of an app."""

    access_token: str = Field(min_length=1)


class Page(Content):
    """Some of the records that a query has found.

    Attributes:
        done: whether there are no more.
        records: their fields by name.
        next: the address of the next page.
    """

    done: bool
    records: Sequence[Mapping[str, Any]]
    next: str | None = Field(default=None, alias="nextRecordsUrl")


_PROBLEMS = TypeAdapter(list[Problem])


def problems_of(response: httpx.Response) -> Sequence[Problem]:
    """What an answer says is wrong: one thing at least."""
    try:
        told = response.json()
        return _PROBLEMS.validate_python(told if isinstance(told, list) else [told]) or [Problem()]
    except (ValueError, ValidationError):
        return [Problem()]
