"""What a sync is: a dbt exposure with `config.meta.cdp_sync`."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from apscheduler.triggers.cron import CronTrigger  # type: ignore[import-untyped]
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from dbt_cdp.dbt import Dbt, Manifest
from dbt_cdp.destinations.base import Mode, Sync
from dbt_cdp.errors import ConfigurationError
from dbt_cdp.project import Project

META_KEY = "cdp_sync"
PROFILES, ACCOUNTS = "cdp__user_profiles", "cdp__account_profiles"

# How a source is named, and the column that identifies its rows.
_SOURCES = {
    "user_profiles": (PROFILES, "canonical_id"),
    "account_profiles": (ACCOUNTS, "account_id"),
}
_COLUMN = re.compile(r"[A-Za-z_]\w*")


class SqlField(BaseModel):
    """A field whose value is an expression over the columns of the sync's model."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sql: str


class Guard(BaseModel):
    """When a sync stops before it sends anything.

    Attributes:
        max_delete_percent: if more of the destination's records than so many percent would go.
        max_rows: if more rows than these would be sent.
        min_rows: if its rows are fewer than these.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_delete_percent: float = Field(default=50, ge=0, le=100)
    max_rows: int | None = Field(default=None, ge=1)
    min_rows: int | None = Field(default=None, ge=0)


class Definition(BaseModel):
    """`config.meta.cdp_sync` of an exposure.

    Attributes:
        name: the exposure's.
        destination: name of an entry in `cdp_destinations`.
        object: the kind of record, such as contacts, or the name of a table.
        audience: the list whose members are kept, in mode audience.
        segment: whose members are synced; all rows without one.
        model: user_profiles, account_profiles, or a model of the project.
        id: the column that identifies a row of a model of the project.
        mode: what is made of the rows in the destination.
        key: the field that the destination tells its records apart by.
        fields: by the destination's name of the field, a column or `{sql: expression}`.
        guard: when it stops before it sends anything.
        schedule: every_run, or a cron expression (UTC).
        consent: purposes of `cdp_consent` that people must have consented to.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    destination: str
    object: str = ""
    audience: str = ""
    segment: str | None = None
    model: str = "user_profiles"
    id: str | None = None
    mode: Mode
    key: str
    fields: Mapping[str, str | SqlField] = Field(min_length=1)
    guard: Guard = Guard()
    schedule: str = "every_run"
    consent: Sequence[str] | None = None

    @field_validator("fields")
    @classmethod
    def _columns(cls, fields: Mapping[str, str | SqlField]) -> Mapping[str, str | SqlField]:
        for name, value in fields.items():
            if isinstance(value, str) and not _COLUMN.fullmatch(value):
                raise ValueError(
                    f"'{name}' must name a column; write {{sql: \"...\"}} for an expression"
                )
        return fields

    @field_validator("schedule")
    @classmethod
    def _cron(cls, schedule: str) -> str:
        if schedule != "every_run":
            CronTrigger.from_crontab(schedule, "UTC")
        return schedule

    @model_validator(mode="after")
    def _fit(self) -> "Definition":
        if self.key not in self.fields:
            raise ValueError(f"the key '{self.key}' is none of the fields")
        if (self.mode is Mode.AUDIENCE) != bool(self.audience):
            raise ValueError("`audience` belongs to mode audience, which needs it")
        if self.model in _SOURCES and self.id:
            raise ValueError("`id` is for models of your own")
        if self.segment and self.model not in _SOURCES:
            raise ValueError("`segment` goes with user_profiles and account_profiles alone")
        if self.consent and self.id_column != "canonical_id":
            raise ValueError("`consent` is people's: the rows must be told apart by canonical_id")
        return self

    @property
    def model_name(self) -> str:
        """The dbt model's name."""
        return _SOURCES[self.model][0] if self.model in _SOURCES else self.model

    @property
    def id_column(self) -> str:
        """The column that identifies a row."""
        if self.model in _SOURCES:
            return _SOURCES[self.model][1]
        return self.id or "canonical_id"

    @property
    def target(self) -> str:
        """What is written to in the destination: the audience, or the kind of record."""
        return (
            f"{self.object}/{self.audience}"
            if self.audience and self.object
            else (self.audience or self.object)
        )

    @property
    def removes(self) -> bool:
        """Whether a record goes when its row is gone."""
        return self.mode in (Mode.MIRROR, Mode.AUDIENCE)

    def expressions(self) -> list[dict[str, str]]:
        """The fields as the package's macros take them."""
        return [
            {"name": name, "sql": value if isinstance(value, str) else value.sql}
            for name, value in self.fields.items()
        ]

    def for_destination(self) -> Sync:
        """What the destination is told of it."""
        return Sync(self.name, self.mode, self.object, self.audience, self.key, tuple(self.fields))


class HandedOver(Definition):
    """A sync in mode hand_over: what is sent is for the other tool to know, which reads the
    warehouse itself."""

    key: str = ""
    fields: Mapping[str, str | SqlField] = {}

    @model_validator(mode="after")
    def _fit(self) -> "HandedOver":
        if not self.object:
            raise ValueError("`object` must be the id of the other tool's sync")
        own = {"name", "destination", "object", "mode", "schedule"}
        foreign = sorted(self.model_fields_set - own)
        if foreign:
            raise ValueError(
                f"`{foreign[0]}` does not go with mode hand_over: the other tool reads the"
                " warehouse itself, so rows, fields and consent belong into the model that it reads"
            )
        return self


def read_syncs(project: Project, names: Sequence[str] = ()) -> list[Definition]:
    """The syncs of a project, in the order of their names.

    Args:
        project: the project.
        names: those to read; all without any.

    Raises:
        ConfigurationError: one is not as it must be, or there is none of a name.
        DbtError: the project cannot be parsed.
    """
    manifest = Dbt(project).manifest()
    syncs = _syncs_of(manifest)
    unknown = [name for name in names if name not in syncs]
    if unknown:
        raise ConfigurationError(
            f"There is no sync '{unknown[0]}'.",
            where=f"exposures of project '{project.name}'",
            remedy=f"there are: {', '.join(syncs)}." if syncs else "docs/syncs.md shows one.",
        )
    is_consent_asked = bool(project.var("cdp_consent"))
    return [
        read_sync(name, *syncs[name], is_consent_asked)
        for name in syncs
        if name in (names or syncs)
    ]


def _syncs_of(manifest: Manifest) -> dict[str, tuple[Any, str]]:
    """What stands under the key of each enabled exposure that has it, and in which file."""
    found = {}
    for exposure in manifest.content["exposures"].values():
        meta = {**exposure.get("meta", {}), **exposure.get("config", {}).get("meta", {})}
        if META_KEY in meta:
            found[exposure["name"]] = (meta[META_KEY], exposure["original_file_path"])
    return dict(sorted(found.items()))


def read_sync(name: str, meta: Any, file: str, is_consent_asked: bool) -> Definition:
    """The sync of an exposure.

    Args:
        name: the exposure's.
        meta: what stands under the key.
        file: where.
        is_consent_asked: whether a sync of people has to say which consent it needs.

    Raises:
        ConfigurationError: it is not as it must be.
    """
    where = f"exposure '{name}' in {file}, config.meta.{META_KEY}"
    remedy = "docs/syncs.md tells the keys."
    if not isinstance(meta, Mapping):
        raise ConfigurationError("A sync must be keys and values.", where=where, remedy=remedy)
    try:
        kind = HandedOver if meta.get("mode") == Mode.HAND_OVER else Definition
        sync = kind.model_validate({**meta, "name": name})
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        text = first["msg"].removeprefix("Value error, ")
        raise ConfigurationError(
            f"A sync is not as it must be: {key + ': ' if key else ''}{text}.",
            where=where,
            remedy=remedy,
        ) from None
    is_ours = sync.mode is not Mode.HAND_OVER and sync.id_column == "canonical_id"
    if is_consent_asked and sync.consent is None and is_ours:
        raise ConfigurationError(
            "A sync does not say which consent it needs, though cdp_consent is set.",
            where=where,
            remedy="name the purposes, such as `consent: [marketing]`, or write `consent: []` if it"
            " needs none.",
        )
    return sync
