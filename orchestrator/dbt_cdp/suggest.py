"""Sources that there could be: tables in the warehouse that look like a collector's or a loader's.

A schema is a collector's when one of its tables has a name and columns that nothing else has. The
columns that tell are written down in `_MARKS`; the tables that the package then reads are those of
the dbt source that comes with the collector's models.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from dbt_cdp.dbt import Dbt, Manifest
from dbt_cdp.project import PACKAGE, Project, package_root
from dbt_cdp.warehouse import Table, open_warehouse

# What makes a name of cdp_sources out of a schema's.
_NO_NAME = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True)
class Mark:
    """A table that only one collector makes.

    Attributes:
        collector: which.
        table: a pattern of the table's whole name, in lower case.
        columns: columns that it has, all of them.
        one_of: columns of which it has one; none means that it needs none.
    """

    collector: str
    table: str
    columns: frozenset[str]
    one_of: frozenset[str]

    def is_on(self, table: Table) -> bool:
        """Whether the table has the mark."""
        columns = {name.lower() for name in table.columns}
        return (
            re.fullmatch(self.table, table.name.lower()) is not None
            and self.columns <= columns
            and (not self.one_of or bool(self.one_of & columns))
        )


def _mark(collector: str, table: str, columns: str, one_of: str = "") -> Mark:
    return Mark(collector, table, frozenset(columns.split()), frozenset(one_of.split()))


_CALLS = "tracks|identifies|pages|screens"
_RUDDERSTACK = "context_source_id context_destination_id"

_MARKS = (
    _mark("segment", _CALLS, "id received_at timestamp", "uuid_ts loaded_at"),
    _mark("rudderstack", _CALLS, "id received_at uuid_ts", _RUDDERSTACK),
    _mark("jitsu", "events", "message_id type timestamp", "context_library_name context_ip"),
    _mark("snowplow", "events", "event_id collector_tstamp domain_userid event_fingerprint"),
    _mark("ga4", r"events(_\d{8})?", "user_pseudo_id event_params event_timestamp event_date"),
    _mark("amplitude", r"events?|events_\d+", "amplitude_id device_id event_type user_properties"),
    _mark("mixpanel", "mp_master_event", "distinct_id properties"),
    _mark("mixpanel", "events?", "distinct_id insert_id mp_processing_time_ms"),
    _mark("salesforce", "contact", "master_record_id account_id last_name"),
    _mark("salesforce", "contact", "masterrecordid accountid lastname"),
    _mark("hubspot", "contact", "id property_email"),
    _mark("hubspot", "contacts", "id properties_email"),
    _mark("stripe", "invoices?", "id amount_paid billing_reason", "customer_id customer"),
    _mark("zendesk", "tickets?", "id requester_id submitter_id"),
    _mark("mailchimp", "member", "id list_id email_address unique_email_id"),
    _mark("mailchimp", "list_members", "id list_id email_address unique_email_id"),
)

# What loaders call the tables of the presets, where that is not the preset's own name.
_OTHER_NAMES: Mapping[tuple[str, str], Sequence[str]] = {
    ("ga4", "events"): (r"events_\d{8}",),
    ("amplitude", "event"): ("events", r"events_\d+"),
    ("mixpanel", "mp_master_event"): ("events?",),
    ("hubspot", "contact"): ("contacts",),
    ("hubspot", "company"): ("companies",),
    ("stripe", "customer"): ("customers",),
    ("stripe", "subscription"): ("subscription_history", "subscriptions"),
    ("stripe", "subscription_item"): ("subscription_items",),
    ("stripe", "invoice"): ("invoices",),
    ("stripe", "price"): ("prices",),
    ("stripe", "plan"): ("plans",),
    ("stripe", "product"): ("products",),
    ("zendesk", "user"): ("users",),
    ("zendesk", "organization"): ("organizations",),
    ("zendesk", "ticket"): ("tickets",),
    ("mailchimp", "member"): ("list_members",),
    ("mailchimp", "list"): ("lists",),
    ("mailchimp", "campaign_recipient_activity"): ("email_activity",),
}

# How several tables of one day each are read as one.
_SHARDS = {"ga4": "events_20*"}


@dataclass(frozen=True)
class Suggestion:
    """A schema that an entry of `cdp_sources` could read.

    Attributes:
        collector: whose tables are in it.
        database: where it is.
        schema: its name.
        recognised_by: the table that tells.
        name: a name for the entry that is not taken.
        source: the dbt source: one that the project has for the schema, or a new one.
        tables: the tables that the dbt source still has to declare: the preset's name, and the
            table's own; None for one that is not there.
        event_tables: tables of single events, whose properties the entry may ask for.
    """

    collector: str
    database: str
    schema: str
    recognised_by: str
    name: str
    source: str
    tables: Mapping[str, str | None] = field(default_factory=dict)
    event_tables: Sequence[str] = ()


def suggest_sources(project: Project) -> list[Suggestion]:
    """Look through the schemas that the target's connection can see.

    Returns:
        A suggestion for each schema and collector that no entry of `cdp_sources` reads yet.

    Raises:
        ConfigurationError: this command does not know the warehouse's type.
        DbtError: the project cannot be parsed.
        WarehouseError: the warehouse cannot be opened or read.
    """
    manifest = Dbt(project).manifest()
    with open_warehouse(project) as warehouse:
        tables = warehouse.tables()
    declared = _Declared(project, manifest)
    own = {node["schema"].lower() for node in _own_nodes(manifest)}
    suggestions: list[Suggestion] = []
    for (database, schema), there in _by_schema(tables).items():
        if schema.lower() in own:
            continue
        for collector, table in recognised(there).items():
            if (collector, schema.lower()) not in declared.read:
                found = _suggestion(collector, database, schema, table, there, declared)
                declared.names.add(found.name)
                declared.source_names.add(found.source)
                suggestions.append(found)
    return suggestions


def recognised(tables: Sequence[Table]) -> dict[str, str]:
    """The collectors whose tables are in a schema, each with the table that tells."""
    found: dict[str, str] = {}
    for mark in _MARKS:
        for table in tables:
            if mark.is_on(table):
                found.setdefault(mark.collector, table.name)
    # RudderStack's columns appear with their first value: a table that has none of them yet looks
    # like Segment's.
    if "rudderstack" in found:
        found.pop("segment", None)
    return found


def as_yaml(suggestions: Sequence[Suggestion]) -> str:
    """The entries of `cdp_sources`, and the dbt sources that they name, to paste."""
    entries = [
        {"name": one.name, "collector": one.collector, "source": one.source} for one in suggestions
    ]
    sources = [_dbt_source(one) for one in suggestions if one.tables]
    parts = ["# Into dbt_project.yml", _dump({"vars": {"cdp_sources": entries}})]
    if sources:
        parts += ["# Into a YAML file among your models", _dump({"sources": sources})]
    return "\n".join(parts)


def _dump(content: Mapping[str, Any]) -> str:
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)


def _dbt_source(suggestion: Suggestion) -> dict[str, Any]:
    tables: list[dict[str, str]] = []
    for name, there in suggestion.tables.items():
        is_other = there is not None and there != name
        tables.append({"name": name, "identifier": str(there)} if is_other else {"name": name})
    return {
        "name": suggestion.source,
        "database": suggestion.database,
        "schema": suggestion.schema,
        "tables": tables,
    }


class _Declared:
    """What the project has: names of entries, dbt sources by schema, and what entries read."""

    def __init__(self, project: Project, manifest: Manifest) -> None:
        entries = project.sources()
        sources = manifest.content["sources"].values()
        self.names = {entry.name for entry in entries}
        self.source_names = {node["source_name"] for node in sources}
        # By schema: the source's name, and the tables that it has.
        self.sources: dict[str, tuple[str, set[str]]] = {}
        for node in sources:
            name, tables = self.sources.setdefault(
                node["schema"].lower(), (node["source_name"], set())
            )
            if name == node["source_name"]:
                tables.add(node["name"])
        schemas = {node["source_name"]: node["schema"].lower() for node in sources}
        self.read = {
            (entry.collector, schemas.get((entry.model_extra or {}).get("source")))
            for entry in entries
        }


def _suggestion(
    collector: str,
    database: str,
    schema: str,
    table: str,
    there: Sequence[Table],
    declared: _Declared,
) -> Suggestion:
    name = _free(collector, schema, declared.names)
    source, known = declared.sources.get(
        schema.lower(), (_free(collector, schema, declared.source_names), set[str]())
    )
    names = {table.name.lower(): table.name for table in there}
    tables = {wanted: _find(collector, wanted, names) for wanted in preset_tables(collector)}
    return Suggestion(
        collector=collector,
        database=database,
        schema=schema,
        recognised_by=table,
        name=name,
        source=source,
        tables={wanted: found for wanted, found in tables.items() if wanted not in known},
        event_tables=_event_tables(collector, there, tables.values()),
    )


def preset_tables(collector: str) -> list[str]:
    """The tables of the dbt source that comes with a collector's models."""
    path = package_root() / "models" / "staging" / collector / f"_{collector}__sources.yml"
    (source,) = yaml.safe_load(path.read_text(encoding="utf-8"))["sources"]
    return [table["name"] for table in source["tables"]]


def _find(collector: str, wanted: str, names: Mapping[str, str]) -> str | None:
    """The table that is the preset's `wanted`, by its own name or a loader's; None for none."""
    for pattern in (wanted, *_OTHER_NAMES.get((collector, wanted), ())):
        found = [name for lower, name in names.items() if re.fullmatch(pattern, lower)]
        if found:
            return found[0] if len(found) == 1 else _SHARDS.get(collector, max(found))
    return None


def _event_tables(
    collector: str, tables: Sequence[Table], known: Iterable[str | None]
) -> list[str]:
    """Of collectors that give each event a table of its own, those tables."""
    if collector not in ("segment", "rudderstack"):
        return []
    known = set(known)
    return sorted(
        table.name
        for table in tables
        if table.name not in known and {"id", "event", "event_text"} <= set(table.columns)
    )


def _free(collector: str, schema: str, taken: Iterable[str]) -> str:
    """A name for what reads a schema: the collector's, or the schema's where that is taken."""
    taken = set(taken)
    plain = _NO_NAME.sub("_", schema.lower()).strip("_")
    candidates = [collector, plain, f"{collector}_{plain}"]
    numbered = (f"{collector}_{number}" for number in range(2, len(taken) + 3))
    return next(
        name for name in (*candidates, *numbered) if name not in taken and name[:1].isalpha()
    )


def _by_schema(tables: Iterable[Table]) -> dict[tuple[str, str], list[Table]]:
    found: dict[tuple[str, str], list[Table]] = {}
    for table in tables:
        found.setdefault((table.database, table.schema), []).append(table)
    return found


def _own_nodes(manifest: Manifest) -> list[Mapping[str, Any]]:
    """The package's own models and seeds."""
    return [
        node
        for node in manifest.content["nodes"].values()
        if node["package_name"] == PACKAGE and node["resource_type"] in ("model", "seed")
    ]
