"""Finds destinations by the type that an entry of `cdp_destinations` names."""

import importlib
from collections.abc import Mapping
from difflib import get_close_matches
from importlib.metadata import entry_points
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from dbt_cdp.destinations.base import Destination, Mode, Settings, Sync
from dbt_cdp.destinations.hand_over import HandOver
from dbt_cdp.errors import ConfigurationError
from dbt_cdp.project import PROJECT_FILE, Project

ENTRY_POINTS = "dbt_cdp.destinations"
VARIABLE = "cdp_destinations"

# Imported when they are used: some have clients that take seconds.
_OWN = {
    "census": "dbt_cdp.destinations.census:Census",
    "customerio": "dbt_cdp.destinations.customerio.destination:CustomerIoDestination",
    "file": "dbt_cdp.destinations.file.destination:FileDestination",
    "google_ads": "dbt_cdp.destinations.google_ads.destination:GoogleAdsDestination",
    "hightouch": "dbt_cdp.destinations.hightouch:Hightouch",
    "hubspot": "dbt_cdp.destinations.hubspot.destination:HubSpotDestination",
    "mailchimp": "dbt_cdp.destinations.mailchimp.destination:MailchimpDestination",
    "meta": "dbt_cdp.destinations.meta.destination:MetaDestination",
    "postgres": "dbt_cdp.destinations.postgres.destination:PostgresDestination",
    "redis": "dbt_cdp.destinations.redis:RedisDestination",
    "salesforce": "dbt_cdp.destinations.salesforce.destination:SalesforceDestination",
    "slack": "dbt_cdp.destinations.slack.destination:SlackDestination",
    "webhook": "dbt_cdp.destinations.webhook:WebhookDestination",
    "zendesk": "dbt_cdp.destinations.zendesk.destination:ZendeskDestination",
}


class _Entry(BaseModel):
    """An entry, before it is known what its type wants."""

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str
    type: str


def destination_types() -> list[str]:
    """The types that there are, those that were installed beside this package too."""
    return sorted({*_OWN, *(one.name for one in entry_points(group=ENTRY_POINTS))})


def read_destinations(project: Project) -> Mapping[str, Settings]:
    """The entries of the variable `cdp_destinations`, by name.

    Raises:
        ConfigurationError: an entry is not as it must be, or two have one name.
    """
    entries = project.entries(
        "cdp_destinations",
        _Entry,
        "A destination",
        "write `- {name: files, type: file, path: out}`.",
    )
    found: dict[str, Settings] = {}
    for entry in entries:
        where = f"{VARIABLE}, destination '{entry.name}', in {project.root / PROJECT_FILE}"
        if entry.name in found:
            raise ConfigurationError("Two destinations have one name.", where=where)
        found[entry.name] = _settings(entry, where)
    return found


def open_destination(project: Project, settings: Settings, sync: Sync) -> Destination:
    """The destination of an entry, for a sync.

    Raises:
        ConfigurationError: the entry or the sync is not as the destination wants it, an environment
            variable is not set, or a Python module is missing.
    """
    return destination_class(settings)(settings, sync, project.root)


def open_hand_over(project: Project, settings: Settings, sync: Sync) -> HandOver:
    """The tool of an entry, for a sync that is handed over to it.

    Raises:
        ConfigurationError: the entry or the sync is not as the tool wants it, an environment
            variable is not set, or the entry is none of such a tool.
    """
    found = _class(settings.type, _entry_of(settings))
    if not issubclass(found, HandOver):
        raise ConfigurationError(
            f"Nothing can be handed over to the destination '{settings.name}'.",
            where=f"sync '{sync.name}'",
            remedy=f"take another mode: {', '.join(sorted(found.modes))}.",
        )
    return found(settings, sync, project.root)


def destination_class(settings: Settings) -> type[Destination]:
    """The class of an entry's type.

    Raises:
        ConfigurationError: there is none, a Python module is missing, or it is a tool that sends
            rows itself.
    """
    found = _class(settings.type, _entry_of(settings))
    if not issubclass(found, Destination):
        raise ConfigurationError(
            f"The destination '{settings.name}' is a tool that reads the warehouse itself.",
            where=_entry_of(settings),
            remedy="hand its syncs over: `mode: hand_over`, and no key and fields.",
        )
    return found


def modes_of(settings: Settings) -> frozenset[Mode]:
    """The modes that an entry's type knows.

    Raises:
        ConfigurationError: there is no such type, or a Python module is missing.
    """
    return _class(settings.type, _entry_of(settings)).modes


def _entry_of(settings: Settings) -> str:
    return f"{VARIABLE}, destination '{settings.name}'"


def _settings(entry: _Entry, where: str) -> Settings:
    model = _class(entry.type, where).settings_model
    try:
        return model.model_validate(entry.model_dump())
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        key = ".".join(str(part) for part in first["loc"]) or "entry"
        known = ", ".join(one.alias or name for name, one in model.model_fields.items())
        raise ConfigurationError(
            f"A destination of type {entry.type} is not as it must be: {key}: {first['msg']}.",
            where=where,
            remedy=f"its keys are: {known}.",
        ) from None


def _class(kind: str, where: str) -> type[Destination] | type[HandOver]:
    try:
        return _load(kind)
    except KeyError:
        like = get_close_matches(kind, destination_types(), n=1)
        raise ConfigurationError(
            f"There is no destination of type '{kind}'.",
            where=where,
            remedy=(f"did you mean '{like[0]}'? " if like else "")
            + f"There are: {', '.join(destination_types())}.",
        ) from None
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"There is no Python module '{error.name}', which it needs.",
            where=where,
            remedy=f"pip install 'dbt-cdp[{kind}]'.",
        ) from None


def _load(kind: str) -> type[Destination] | type[HandOver]:
    """The class of a type; KeyError where there is none."""
    if kind in _OWN:
        module, name = _OWN[kind].split(":")
        found: Any = getattr(importlib.import_module(module), name)
    else:
        found = {one.name: one for one in entry_points(group=ENTRY_POINTS)}[kind].load()
    if not (isinstance(found, type) and issubclass(found, Destination | HandOver)):
        raise ConfigurationError(
            f"What is registered as the destination '{kind}' is no class that inherits Destination"
            " or HandOver."
        )
    return found
