"""Searches every column for people, described or not: what `cdp erase run --deep` does.

Each table of the schemas that the project and its sources live in is read once, and each of its
texts is compared with each identifier. What is found is entered as a task: nobody but a person can
tell whether a name in a text is that of the one who was erased.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from urllib.parse import quote

from dbt_cdp.dbt import Manifest, Relation
from dbt_cdp.errors import WarehouseError
from dbt_cdp.privacy.conditions import SHORTEST_IN_TEXT
from dbt_cdp.privacy.ledger import DONE, IDENTIFIERS, LEFT, Task
from dbt_cdp.privacy.rules import Action, DescribedTable
from dbt_cdp.privacy.staged import stage_rows
from dbt_cdp.project import PACKAGE
from dbt_cdp.queries import Queries
from dbt_cdp.warehouse import Column

# The ledgers of erasures, which hold whom requests are about until those are confirmed.
LEDGERS = (
    *("erasure_requests", "erasure_actions", "erasure_identifiers"),
    *("suppressions", "suppression_keys"),
)

# What rows of erasure_identifiers are for, meanwhile, and how they are compared.
_SEARCH, _PART, _WHOLE = "search", "part", "whole"

_DETAIL = "look whether it is the person, and take it out; then tick it off"


@dataclass
class Findings:
    """What was found.

    Attributes:
        rows: by request, how many rows in each place: schema, table and column.
        unread: tables that cannot be read: schema and table.
        tables: how many tables were searched.
    """

    rows: dict[str, dict[str, int]] = field(default_factory=dict)
    unread: set[str] = field(default_factory=set)
    tables: int = 0


@dataclass(frozen=True)
class Search:
    """A search for the people of requests.

    Args:
        queries: the queries of erasures.
        manifest: the project's.
        described: the tables that say what an erasure does with them; what is kept is passed over.
        stage: whom it is about.
        passed: names of the package's tables that are passed over.
    """

    queries: Queries
    manifest: Manifest
    described: Sequence[DescribedTable]
    stage: str
    passed: Sequence[str]

    def run(self) -> Findings:
        """Search every table."""
        warehouse, staged = self.queries.warehouse, self.manifest.relation(IDENTIFIERS)
        forget = f"delete from {staged} where stage = ?"  # noqa: S608
        findings = Findings()
        # Of a search that was killed.
        warehouse.execute(forget, [_SEARCH])
        try:
            stage_rows(warehouse, staged, self._wanted(staged), _SEARCH)
            for relation, columns in self._tables():
                self._search(relation, columns, findings)
        finally:
            warehouse.execute(forget, [_SEARCH])
        return findings

    def _wanted(self, staged: Relation) -> Iterator[tuple[str, str, str]]:
        rows = self.queries.warehouse.query(
            "select distinct request_id, identifier_value"  # noqa: S608
            f" from {staged} where stage = ?"
            " and identifier_type not in ('identifier_id', 'tuple_key')",
            [self.stage],
        )
        for request_id, value in rows:
            if len(value) < SHORTEST_IN_TEXT:
                yield request_id, _WHOLE, value
            else:
                yield from ((request_id, _PART, one) for one in spellings(value))

    def _tables(self) -> Iterator[tuple[Relation, Sequence[Column]]]:
        """The tables, each with the columns that may hold texts."""
        nodes = [*self.manifest.content["nodes"].values()]
        nodes += self.manifest.content["sources"].values()
        passed = {
            _key(node.get("database"), node["schema"], node.get("alias") or "")
            for node in nodes
            if node["package_name"] == PACKAGE and node.get("alias") in self.passed
        }
        passed |= {
            _key(one.relation.database, one.relation.schema, one.relation.identifier)
            for one in self.described
            if any(rule.action is Action.KEEP for rule in one.rules)
        }
        schemas = {
            _key(node.get("database"), node["schema"]): (node.get("database") or "", node["schema"])
            for node in nodes
            if node.get("relation_name") and node["resource_type"] != "test"
        }
        for _, place in sorted(schemas.items()):
            columns = self.queries.warehouse.stored_columns(*place)
            for name, some in groupby(columns, lambda one: one.table):
                texts = [column for column in some if column.may_hold_text]
                if texts and _key(*place, name) not in passed:
                    yield self.queries.warehouse.relation(*place, name), texts

    def _search(self, table: Relation, columns: Sequence[Column], findings: Findings) -> None:
        """Search all columns of a table at once."""
        settings, warehouse = self.queries.settings, self.queries.warehouse
        hits = [
            settings["search_hit"].replace("{x}", f"texts.text_{n}") for n in range(len(columns))
        ]
        texts = [
            settings["search_text"].replace("{x}", warehouse.quote(column.name)) + f" as text_{n}"
            for n, column in enumerate(columns)
        ]
        counts = [f"count(distinct case when {one} then texts.row_id end)" for one in hits]
        sql = (
            settings["search"]
            .replace("{table}", str(table))
            .replace("{texts}", ", ".join(texts))
            .replace("{counts}", ", ".join(counts))
            .replace("{hits}", " or ".join(f"({one})" for one in hits))
        )
        place = f"{table.schema}.{table.identifier}"
        try:
            rows = warehouse.query(sql)
        except WarehouseError:
            findings.unread.add(place)
            return
        findings.tables += 1
        for request_id, *numbers in rows:
            places = findings.rows.setdefault(request_id, {})
            for column, count in zip(columns, numbers, strict=True):
                if count:
                    places[f"{place}.{column.name}"] = count


def spellings(value: str) -> set[str]:
    """How an identifier is written within texts: as it is, in JSON, in the address of a page."""
    in_json = (json.dumps(value, ensure_ascii=is_ascii)[1:-1] for is_ascii in (True, False))
    return {value, *in_json, quote(value, safe="")}


def tasks_of(
    findings: Findings, request_ids: Sequence[str], known: Mapping[str, Sequence[Task]]
) -> Iterator[tuple[str, Task]]:
    """What is entered of a search, by request. Who says that they have looked is believed."""
    for request_id in request_ids:
        before = {one.subject: one for one in known.get(request_id, []) if one.kind == "search"}
        found = findings.rows.get(request_id, {})
        for place, rows in found.items():
            is_seen = place in before and before[place].status == DONE and before[place].rows
            if not is_seen:
                yield request_id, Task("search", place, "look", LEFT, rows, _DETAIL)
        for place in findings.unread:
            if place not in before:
                detail = "the table cannot be read; look there"
                yield request_id, Task("search", place, "look", LEFT, None, detail)
        for place, task in before.items():
            is_gone = place not in found and place not in findings.unread
            if task.status == LEFT and is_gone:
                yield request_id, Task("search", place, "look", DONE, 0)
        detail = f"{findings.tables:,} tables"
        yield request_id, Task("searched", "every column", "search", DONE, None, detail)


def _key(database: str | None, *names: str) -> tuple[str, ...]:
    return tuple(part.lower() for part in (database or "", *names))
