"""Sources that there could be: tables in the warehouse that look like a collector's or a loader's.

A schema is a collector's when one of its tables has a name and columns that nothing else has. The
columns that tell are written down in `_MARKS`; the tables that the package then reads are those of
the dbt source that comes with the collector's models.

Schemas are told apart by their database too: two copies of one loader's tables are common.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import yaml

from dbt_cdp.dbt import Dbt, Manifest
from dbt_cdp.errors import ConfigurationError
from dbt_cdp.project import Project, Source, package_root, read_yaml
from dbt_cdp.warehouse import Table, open_warehouse

# A database and a schema in it, as they are compared.
_Place = tuple[str, str]

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

    @property
    def size(self) -> int:
        """How many columns it asks for."""
        return len(self.columns) + bool(self.one_of)

    def is_on(self, table: Table) -> bool:
        """Whether the table has the mark."""
        return self.is_named(table) and not self.lacking(table)

    def is_named(self, table: Table) -> bool:
        """Whether the table has the name that it takes to have the mark."""
        return re.fullmatch(self.table, table.name.lower()) is not None

    def lacking(self, table: Table) -> list[str]:
        """The columns that the table does not have; `one_of` are as one column."""
        columns = {name.lower() for name in table.columns}
        lacking = sorted(self.columns - columns)
        if self.one_of and not self.one_of & columns:
            lacking.append(" or ".join(sorted(self.one_of)))
        return lacking


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


@dataclass(frozen=True)
class PassedOver:
    """A schema that is not suggested, though it is a collector's or much like one.

    Attributes:
        collector: whose.
        database: where it is.
        schema: its name.
        reason: why it is not, in words.
    """

    collector: str
    database: str
    schema: str
    reason: str


@dataclass(frozen=True)
class Findings:
    """What came of a look through the schemas.

    Attributes:
        places: the schemas, each with its database; what dbt builds does not count.
        suggestions: one for each schema and collector that no entry of `cdp_sources` reads yet.
        passed_over: what is read already, and what nearly was recognised.
    """

    places: Sequence[tuple[str, str]]
    suggestions: Sequence[Suggestion]
    passed_over: Sequence[PassedOver]


def suggest_sources(project: Project) -> Findings:
    """Look through the schemas that the target's connection can see.

    Raises:
        ConfigurationError: this command does not know the warehouse's type.
        DbtError: the project cannot be parsed.
        WarehouseError: the warehouse cannot be opened or read.
    """
    manifest = Dbt(project).manifest()
    with open_warehouse(project) as warehouse:
        tables = warehouse.tables()
    return look_through(tables, project.sources(), manifest)


def look_through(
    tables: Iterable[Table], entries: Sequence[Source], manifest: Manifest
) -> Findings:
    """Tell what could be a source among given tables.

    Args:
        tables: what the connection can see.
        entries: those of `cdp_sources`.
        manifest: the project, with its dbt sources and what it builds.
    """
    built = _built(manifest)
    schemas = _by_schema(table for table in tables if _relation(table) not in built)
    declared = _Declared(entries, manifest)
    suggestions: list[Suggestion] = []
    passed_over: list[PassedOver] = []
    for (database, schema), there in schemas.items():
        read = declared.read.get(_place(database, schema), {})
        found = recognised(there, read)
        for collector in found:
            if collector not in read:
                suggestions.append(_suggestion(collector, found, there, declared))
                declared.add(suggestions[-1])
        reasons = {
            **{one: f"the entry '{entry}' of cdp_sources reads it" for one, entry in read.items()},
            **near_misses(there, {*found, *read}),
        }
        passed_over += [PassedOver(one, database, schema, why) for one, why in reasons.items()]
    return Findings(list(schemas), suggestions, passed_over)


def recognised(tables: Sequence[Table], known: Collection[str] = ()) -> dict[str, str]:
    """The collectors whose tables are in a schema, each with the table that tells.

    Args:
        tables: the tables of the schema.
        known: collectors of which it is known, whatever it looks like.
    """
    found: dict[str, str] = {}
    for mark in _MARKS:
        for table in tables:
            if mark.is_on(table):
                found.setdefault(mark.collector, table.name)
    # RudderStack's columns appear with their first value: a table that has none of them yet looks
    # like Segment's.
    if "rudderstack" in {*found, *known}:
        found.pop("segment", None)
    return found


def near_misses(tables: Sequence[Table], known: Collection[str]) -> dict[str, str]:
    """The collectors that a schema is nearly recognised as, each with what is lacking, in words.

    Args:
        tables: the tables of the schema.
        known: collectors of which it is known; their tables are not looked at.
    """
    others = [table for table in tables if not any(_roles(one, table) for one in known)]
    collectors = dict.fromkeys(mark.collector for mark in _MARKS if mark.collector not in known)
    lacking = {collector: _what_lacks(collector, others) for collector in collectors}
    return {collector: reason for collector, reason in lacking.items() if reason}


def _what_lacks(collector: str, tables: Sequence[Table]) -> str:
    """What keeps the tables from being a collector's, if it is little; else an empty text.

    It is little where a table has most of the columns that tell, or where most of the collector's
    tables are there. One table is not most of them: anybody may have an `events`.
    """
    by_role = {role: table.name for table in tables for role in _roles(collector, table)}
    absent = [role for role in preset_tables(collector) if role not in by_role]
    has_most_tables = len(by_role) > max(1, len(absent))
    marked = [
        (len(lacking) / mark.size, table.name, lacking)
        for mark in _MARKS
        if mark.collector == collector
        for table in tables
        if mark.is_named(table) and (lacking := mark.lacking(table))
    ]
    if marked:
        share, name, lacking = min(marked)
        is_little = share < 0.5 or has_most_tables
        return f"its table {name} lacks {', '.join(lacking)}" if is_little else ""
    if has_most_tables:
        return f"it has {', '.join(by_role.values())}, but no {', '.join(absent)}"
    return ""


def suggest_declared(project: Project) -> list[Suggestion]:
    """What the files of a project tell of sources, without dbt and without the warehouse.

    A dbt source is taken for a collector's by its name, or its schema's, and by the name of a
    table: columns are not known.

    Raises:
        ConfigurationError: an entry of `cdp_sources` is not as it must be.
    """
    nodes = _declared_nodes(project)
    declared = _Declared(project.sources(), Manifest({"sources": dict(enumerate(nodes))}))
    suggestions: list[Suggestion] = []
    for source, tables in groupby(nodes, key=itemgetter("source_name")):
        there = [Table(one["database"], one["schema"], one["identifier"], ()) for one in tables]
        for collector in dict.fromkeys(mark.collector for mark in _MARKS):
            named = [table.name for table in there if _roles(collector, table)]
            is_called_so = collector in f"{source} {there[0].schema}".lower()
            read = declared.read.get(_place(there[0].database, there[0].schema), {})
            if named and is_called_so and collector not in read:
                suggestion = _suggestion(collector, {collector: named[0]}, there, declared)
                suggestions.append(suggestion)
                declared.add(suggestion)
    return suggestions


def _declared_nodes(project: Project) -> list[dict[str, str]]:
    """The tables of the dbt sources in the YAML files of a project, as a manifest has them."""
    names = project.settings.get("model-paths", ["models"])
    folders = [project.root / str(name) for name in names] if isinstance(names, list) else []
    files = sorted(file for folder in folders for file in folder.rglob("*.y*ml"))
    nodes = [node for file in files for node in _nodes_of(file)]
    return sorted(nodes, key=itemgetter("source_name"))


def _nodes_of(file: Path) -> Iterator[dict[str, str]]:
    try:
        content = read_yaml(file)
    except ConfigurationError:
        return  # dbt says more of it than could be said here
    for source in _named(content.get("sources")):
        place = {
            "source_name": str(source["name"]),
            "database": str(source.get("database") or ""),
            "schema": str(source.get("schema") or source["name"]),
        }
        for table in _named(source.get("tables")):
            name = str(table["name"])
            yield {**place, "name": name, "identifier": str(table.get("identifier") or name)}


def _named(entries: Any) -> list[dict[str, Any]]:
    """Those of the entries of a YAML list that have a name."""
    listed = entries if isinstance(entries, list) else []
    return [entry for entry in listed if isinstance(entry, dict) and "name" in entry]


def as_yaml(suggestions: Sequence[Suggestion]) -> str:
    """The entries of `cdp_sources`, and the dbt sources that they name, to paste."""
    variables = dump_yaml({"vars": {"cdp_sources": entries_of(suggestions)}})
    parts = ["# Into dbt_project.yml, beside the entries that are there", variables]
    sources = dbt_sources_of(suggestions)
    if sources:
        parts += ["# Into a YAML file among your models", dump_yaml({"sources": sources})]
    return "\n".join(parts)


def entries_of(suggestions: Iterable[Suggestion]) -> list[dict[str, str]]:
    """The entries of `cdp_sources`."""
    return [
        {"name": one.name, "collector": one.collector, "source": one.source} for one in suggestions
    ]


def dbt_sources_of(suggestions: Iterable[Suggestion]) -> list[dict[str, Any]]:
    """The dbt sources that the entries name, as far as they still have to be declared."""
    sources: dict[str, dict[str, Any]] = {}
    for one in suggestions:
        if one.tables:
            place = {"database": one.database} if one.database else {}
            new = {"name": one.source, **place, "schema": one.schema, "tables": []}
            source = sources.setdefault(one.source, new)
            source["tables"] += _dbt_tables(one)
    return list(sources.values())


def dump_yaml(content: Mapping[str, Any]) -> str:
    """The content as YAML to read and paste, in its own order."""
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)


def _dbt_tables(suggestion: Suggestion) -> list[dict[str, str]]:
    tables: list[dict[str, str]] = []
    for name, there in suggestion.tables.items():
        is_other = there is not None and there != name
        tables.append({"name": name, "identifier": str(there)} if is_other else {"name": name})
    return tables


class _Declared:
    """What the project has, and with every suggestion would have.

    Attributes:
        names: the names of entries.
        source_names: the names of dbt sources.
        sources: by place and name of a dbt source, the identifiers of its tables by their names.
        read: by place and collector, the entry that reads it.
    """

    def __init__(self, entries: Iterable[Source], manifest: Manifest) -> None:
        nodes = manifest.content["sources"].values()
        self.names = {entry.name for entry in entries}
        self.source_names = {node["source_name"] for node in nodes}
        self.sources: dict[_Place, dict[str, dict[str, str]]] = {}
        for node in nodes:
            sources = self.sources.setdefault(_place(node["database"], node["schema"]), {})
            sources.setdefault(node["source_name"], {})[node["name"]] = node["identifier"]
        places = {name: place for place, sources in self.sources.items() for name in sources}
        self.read: dict[_Place, dict[str, str]] = {}
        for entry in entries:
            place = places.get((entry.model_extra or {}).get("source", ""))
            if place and entry.collector:
                self.read.setdefault(place, {})[entry.collector] = entry.name

    def source_for(
        self, place: _Place, tables: Mapping[str, str | None], there: Collection[str]
    ) -> str | None:
        """The dbt source of a place that has these tables, or can have them besides its own.

        It cannot where a name is taken by another table: HubSpot's `contacts` is its `contact`,
        which is Salesforce's where both are loaded into one schema.

        Args:
            place: the schema.
            tables: what the tables are to be called, and are called.
            there: the names of all tables of the schema.
        """
        for source, declared in self.sources.get(place, {}).items():
            taken = {name: table for name, table in declared.items() if table in there}
            if all(taken.get(name, table) == table for name, table in tables.items() if table):
                return source
        return None

    def add(self, suggestion: Suggestion) -> None:
        """Take the names and tables of a suggestion as given."""
        self.names.add(suggestion.name)
        self.source_names.add(suggestion.source)
        place = _place(suggestion.database, suggestion.schema)
        known = self.sources.get(place, {}).get(suggestion.source)
        if known is not None:
            known.update({name: found or name for name, found in suggestion.tables.items()})


def _suggestion(
    collector: str, found: Mapping[str, str], there: Sequence[Table], declared: _Declared
) -> Suggestion:
    """The suggestion of one of the collectors that were found in a schema."""
    database, schema = there[0].database, there[0].schema
    place = _place(database, schema)
    names = {table.name for table in there}
    # Salesforce's `contact` is none of HubSpot's, whose own may be called `contacts`.
    own = names - set(found.values()) | {found[collector]}
    tables = {
        role: _find(collector, role, {name.lower(): name for name in sorted(own)})
        for role in preset_tables(collector)
    }
    source = declared.source_for(place, tables, names)
    known = declared.sources[place][source] if source else {}
    return Suggestion(
        collector=collector,
        database=database,
        schema=schema,
        recognised_by=found[collector],
        name=_free(collector, database, schema, declared.names),
        source=source or _free(collector, database, schema, declared.source_names),
        tables={role: found for role, found in tables.items() if role not in known},
        event_tables=_event_tables(collector, there, tables.values()),
    )


@cache
def preset_tables(collector: str) -> tuple[str, ...]:
    """The tables of the dbt source that comes with a collector's models."""
    path = package_root() / "models" / "staging" / collector / f"_{collector}__sources.yml"
    (source,) = yaml.safe_load(path.read_text(encoding="utf-8"))["sources"]
    return tuple(table["name"] for table in source["tables"])


def _find(collector: str, role: str, names: Mapping[str, str]) -> str | None:
    """The table that is the preset's `role`, by its own name or a loader's; None for none."""
    for pattern in _patterns(collector, role):
        found = [name for lower, name in names.items() if re.fullmatch(pattern, lower)]
        if found:
            return found[0] if len(found) == 1 else _SHARDS.get(collector, max(found))
    return None


def _roles(collector: str, table: Table) -> list[str]:
    """The tables of the preset that the table can be, by its name."""
    return [
        role
        for role in preset_tables(collector)
        if any(re.fullmatch(pattern, table.name.lower()) for pattern in _patterns(collector, role))
    ]


def _patterns(collector: str, role: str) -> Sequence[str]:
    return (role, *_OTHER_NAMES.get((collector, role), ()))


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


def _free(collector: str, database: str, schema: str, taken: Iterable[str]) -> str:
    """A name for what reads a schema: the collector's, or the place's where that is taken."""
    taken = set(taken)
    plain, outer = (_NO_NAME.sub("_", name.lower()).strip("_") for name in (schema, database))
    candidates = [collector, plain, f"{collector}_{outer if plain == collector else plain}"]
    numbered = (f"{collector}_{number}" for number in range(2, len(taken) + 3))
    return next(
        name for name in (*candidates, *numbered) if name not in taken and name[:1].isalpha()
    )


def _by_schema(tables: Iterable[Table]) -> dict[tuple[str, str], list[Table]]:
    found: dict[tuple[str, str], list[Table]] = {}
    for table in tables:
        found.setdefault((table.database, table.schema), []).append(table)
    return found


def _place(database: str | None, schema: str) -> _Place:
    """A schema as it is compared: without regard to case."""
    return (database or "").lower(), schema.lower()


def _relation(table: Table) -> tuple[_Place, str]:
    return _place(table.database, table.schema), table.name.lower()


def _built(manifest: Manifest) -> set[tuple[_Place, str]]:
    """The tables that dbt builds in this project, the package's among them."""
    return {
        (_place(node["database"], node["schema"]), node["alias"].lower())
        for node in manifest.content["nodes"].values()
        if node["resource_type"] in ("model", "seed", "snapshot") and node["relation_name"]
    }
