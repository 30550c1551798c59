"""The tables that `cdp_sources` reads and that others write: collectors, and loaders of business
systems.

What is a person's there is deleted where the user permits it (`cdp_erasure`). Where they do not, or
the warehouse refuses, a person has to do it. The macro cdp_origin_tables says where the tables name
people; which of the columns there are is seen here.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dbt_cdp.dbt import Relation
from dbt_cdp.errors import WarehouseError
from dbt_cdp.privacy.conditions import Conditions, any_of
from dbt_cdp.privacy.ledger import DONE, Task
from dbt_cdp.privacy.rules import BY_NAME, Action, Rule
from dbt_cdp.warehouse import Warehouse

_INCOMING = ("stg_cdp__incoming_events", "stg_cdp__incoming_records")
_UNREAD = "they are not read any more"
_PATTERN = "re:"


@dataclass(frozen=True)
class _Table:
    """A table with people in it.

    Attributes:
        name: the entry of `cdp_sources`, and the table.
        owned: the condition that a row is the person's.
        emptied: columns that name the person in rows of others, with the condition that they do.
        named: the condition that a row names the person, whosever it is.
    """

    name: str
    relation: Relation
    owned: str
    emptied: Sequence[tuple[str, str]]
    named: str


@dataclass
class Origins:
    """The tables of sources, on an open warehouse.

    Args:
        warehouse: the warehouse.
        conditions: makes the conditions for whom the erasure is about.
        settings: what the macro cdp_origins says.
        digest: SQL of the digest of `identifier_value`, as a system makes ids of it.
    """

    warehouse: Warehouse
    conditions: Conditions
    settings: Mapping[str, Mapping[str, Any]]
    digest: str
    _found: dict[str, list[_Table]] = field(default_factory=dict)
    _refused: dict[str, str] = field(default_factory=dict)

    def count(self) -> Iterator[tuple[str, str, int]]:
        """How many rows are the people's: table, what is done with them, rows."""
        for source, origin in self.settings.items():
            action = Action.DELETE if origin["is_permitted"] else Action.MANUAL
            for table in self._tables(source):
                if rows := self.warehouse.count(table.relation, table.owned):
                    yield table.name, str(action), rows

    def erase(self) -> Iterator[Task]:
        """Delete the people's rows, and take them out of those of others, where it is permitted.

        A table that points to another comes before it. Where the warehouse refuses one, those after
        it stay, so that the next run finds the rows that point to them.
        """
        for source in self._permitted():
            self._refused.pop(source, None)
            for table in self._tables(source):
                try:
                    yield from self._erase(table)
                except WarehouseError as error:
                    self._refused[source] = f"{table.name} could not be changed: {error.problem}"
                    break

    def _erase(self, table: _Table) -> Iterator[Task]:
        sql = f"delete from {table.relation} where {table.owned}"  # noqa: S608
        if rows := self.warehouse.execute(sql):
            yield Task("table", table.name, str(Action.DELETE), DONE, rows)
        emptied = sum(
            self.warehouse.execute(
                f"update {table.relation} set {column} = null where {condition}"  # noqa: S608
            )
            for column, condition in table.emptied
        )
        if emptied:
            yield Task("table", table.name, str(Action.NULL), DONE, emptied)

    def remains(self) -> Iterator[tuple[str, int]]:
        """The tables where it was done and rows are still there, with how many."""
        for source in self._permitted():
            for table in self._tables(source) if source not in self._refused else []:
                conditions = [table.owned, *(condition for _, condition in table.emptied)]
                if rows := self.warehouse.count(table.relation, any_of(conditions)):
                    yield table.name, rows

    def left(self) -> Mapping[str, tuple[int, str]]:
        """What is left to a person, by source: how many rows, and what to do."""
        incoming = self._incoming()
        found = {}
        for source, origin in self.settings.items():
            counts = {
                one.name: self.warehouse.count(one.relation, one.named)
                for one in self._tables(source)
            }
            counts = {name: rows for name, rows in counts.items() if rows}
            rows = sum(counts.values()) or incoming.get(source, 0)
            if rows:
                found[source] = (rows, self._advice(source, origin, counts))
        return found

    def _advice(self, source: str, origin: Mapping[str, Any], counts: Mapping[str, int]) -> str:
        tables = ", ".join(f"{name} ({rows:,})" for name, rows in counts.items())
        if source in self._refused:
            return f"{self._refused[source]} Let the user of the target do it, or delete: {tables}"
        if tables and origin["is_permitted"]:
            return (
                f"take the person out of rows of others, where no column can be emptied: {tables}"
            )
        if tables:
            return (
                f"delete the person's rows: {tables}; {_UNREAD};"
                f" `cdp_erasure: {{source_tables: [{source}]}}` lets the next run do it"
            )
        if origin["model"]:
            return (
                f"delete the person's rows in what the model {origin['model']} reads; {_UNREAD};"
                " `cdp_erasure` on its dbt source lets the next run do it"
            )
        if origin["collector"] == "ga4":
            return f"delete the person's rows in the table of each day; {_UNREAD}"
        return f"delete the person's rows there; {_UNREAD}"

    def _incoming(self) -> dict[str, int]:
        """How many rows that models read are the people's, by source."""
        rule = Rule(action=Action.DELETE, identifiers=BY_NAME)
        found: dict[str, int] = {}
        for model in _INCOMING:
            view = self.conditions.manifest.relation(model)
            condition = self.conditions.of(rule, view)
            sql = f"select source, count(*) from {view} where {condition} group by source"  # noqa: S608
            for source, count in self.warehouse.query(sql):
                found[source] = found.get(source, 0) + count
        return found

    def _permitted(self) -> list[str]:
        return [name for name, origin in self.settings.items() if origin["is_permitted"]]

    def _tables(self, source: str) -> list[_Table]:
        if source not in self._found:
            described = [
                _Described(self, one, relation, columns)
                for one in self.settings[source]["tables"]
                for relation in [Relation(**one["relation"])]
                if (columns := self.warehouse.columns(relation))
            ]
            by_name = {one.name: one for one in described}
            self._found[source] = [one.table(source, by_name) for one in described]
        return self._found[source]


@dataclass(frozen=True)
class _Described:
    """What is said of a table, and the columns that it has."""

    origins: Origins
    people: Mapping[str, Any]
    relation: Relation
    columns: Sequence[str]

    @property
    def name(self) -> str:
        return str(self.people["name"])

    def table(self, source: str, others: Mapping[str, "_Described"]) -> _Table:
        """The table, with its conditions."""
        columns = [*self._columns("identifiers"), *self._columns("mentions")]
        owned = self._owned(others)
        return _Table(
            f"{source}.{self.name}",
            self.relation,
            owned,
            list(self._emptied(columns)),
            any_of([owned, *(condition for _, condition in columns)]),
        )

    def _emptied(self, columns: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str]]:
        """The columns that can be emptied, with the condition that they are."""
        lasting = ["", *self._spelled(self.people.get("lasting", []))]
        key = self._spelled(self._versions.get("key", []))[:1]
        # What has no key is told by all of its columns: it would be another row.
        if self._versions and not key:
            return
        for column, condition in columns:
            if column not in lasting:
                yield (
                    column,
                    " and ".join([f"({condition})", *(f"{one} is not null" for one in key)]),
                )

    @property
    def _versions(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.people.get("versions", {})
        return found

    def _owned(self, others: Mapping[str, "_Described"]) -> str:
        """The condition that a row is the person's, be it by the version of it that counts."""
        by_type = {
            kind: [sql for one in columns for _, sql in self._reads(one)]
            for kind, columns in self.people.get("identifiers", {}).items()
        }
        by_type = {kind: reads for kind, reads in by_type.items() if reads}
        ways = [*self._digested(), *self._through(others)]
        if by_type:
            rule = Rule(action=Action.DELETE, identifiers=by_type)
            ways.insert(0, self.origins.conditions.of(rule, self.relation))
        owned = any_of(ways)
        key = self._spelled(self._versions.get("key", []))[:1]
        by = self._spelled(self._versions.get("by", []))
        if not key or not by:
            return owned
        direction = "asc" if self._versions.get("is_first") else "desc"
        order = ", ".join(f"{column} {direction} nulls last" for column in by)
        return (
            f"({owned}) or {key[0]} in ("  # noqa: S608
            f"select {key[0]} from (select {key[0]},"
            f" case when {owned} then 1 else 0 end as is_theirs,"
            f" row_number() over (partition by {key[0]} order by {order}) as age"
            f" from {self.relation}) as versions where age = 1 and is_theirs = 1)"
        )

    def _digested(self) -> Iterator[str]:
        """The conditions that a column has the digest of one of the identifiers."""
        for kind, columns in self.people.get("digests", {}).items():
            staged = self.origins.conditions.staged_of(kind, self.origins.digest)
            for column in self._spelled(columns):
                yield f"lower(cast({column} as {self.origins.conditions.text})) in ({staged})"

    def _through(self, others: Mapping[str, "_Described"]) -> Iterator[str]:
        """The conditions that the row that a column points to is the person's."""
        for column, (table, key) in self.people.get("through", {}).items():
            for other in [others[table]] if table in others else []:
                owned = other._owned(others)
                for here in self._spelled([column]):
                    for there in other._spelled([key]):
                        yield f"{here} in (select {there} from {other.relation} where {owned})"  # noqa: S608

    def _columns(self, key: str) -> Iterator[tuple[str, str]]:
        """The columns that name people, empty for a field of a document, each with the condition
        that it names the person."""
        for kind, columns in self.people.get(key, {}).items():
            for wanted in columns:
                is_field = not isinstance(wanted, str) and wanted["is_field"]
                for column, sql in self._reads(wanted):
                    rule = Rule(action=Action.DELETE, identifiers={kind: sql})
                    condition = self.origins.conditions.of(rule, self.relation)
                    yield "" if is_field else column, condition

    def _reads(self, wanted: str | Mapping[str, Any]) -> list[tuple[str, str]]:
        """The columns that a spelling stands for, each with the SQL that reads its identifier."""
        if isinstance(wanted, str):
            return [(name, name) for name in self._spelled([wanted])]
        sql: str = wanted["sql"]
        return [(name, sql.replace("{x}", name)) for name in self._spelled([wanted["column"]])]

    def _spelled(self, spellings: Sequence[str]) -> list[str]:
        """The columns that there are of these, quoted."""
        quote = self.origins.warehouse.quote
        return [quote(name) for one in spellings for name in self.columns if _is_spelled(one, name)]


def _is_spelled(spelling: str, name: str) -> bool:
    if spelling.startswith(_PATTERN):
        return bool(re.fullmatch(spelling.removeprefix(_PATTERN), name.lower()))
    return spelling.lower() == name.lower()
