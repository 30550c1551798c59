"""Which rows of a table are a person's, as SQL.

Whom an erasure is about stands in the table erasure_identifiers; the text of a condition holds no
identifier.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from dbt_cdp.dbt import Manifest, Relation
from dbt_cdp.person import CANONICAL_ID
from dbt_cdp.privacy.ledger import IDENTIFIERS
from dbt_cdp.privacy.rules import ANY, BY_NAME, INTERNAL, Action, Rule
from dbt_cdp.queries import Queries
from dbt_cdp.warehouse import Warehouse

_GRAPH, _IDS = "cdp__identity_graph", "cdp__canonical_id_history"

# What is looked for within texts is at least so long: a shorter value is in most of them.
SHORTEST_IN_TEXT = 4

# A record's own id, and that of the one it was merged into, have the type that it says.
RECORD_ID, MERGED_INTO = "record_id", "merged_into"


@dataclass(frozen=True)
class Conditions:
    """Makes conditions.

    Args:
        warehouse: the warehouse, which tells the columns of tables.
        manifest: where the models' tables are.
        staged: the table erasure_identifiers.
        graph: the table identity_graph.
        normal_forms: by identifier type, strongest first, the SQL of the normal form of `{x}`.
        text: the warehouse's type of texts.
        stage: which rows of `staged` count.
    """

    warehouse: Warehouse
    manifest: Manifest
    staged: Relation
    graph: Relation
    normal_forms: Mapping[str, str]
    text: str
    stage: str

    @classmethod
    def of_queries(cls, queries: Queries, manifest: Manifest, stage: str) -> Self:
        """Those of the people of a stage, by the queries of erasures."""
        settings = queries.settings
        return cls(
            queries.warehouse,
            manifest,
            manifest.relation(IDENTIFIERS),
            manifest.relation(_GRAPH),
            settings["normal_forms"],
            settings["text"],
            stage,
        )

    def of(self, rule: Rule, relation: Relation) -> str:
        """The condition of a rule; false for every row where the table has no such columns.

        Raises:
            ConfigurationError: there is no model that it leads through.
        """
        return _within(rule, self._of(rule, relation))

    def _of(self, rule: Rule, relation: Relation) -> str:
        if rule.through:
            return self._through(rule, self.of)
        if rule.typed:
            return any_of([self._is_typed(kind, value) for kind, value in rule.typed.items()])
        found = self._columns_by_type(rule, relation)
        types = {kind: found[kind] for kind in self.normal_forms if kind in found}
        is_told_by_strength = len(types) > 1
        each = [
            self.is_in(kind, name)
            for kind, names in found.items()
            if kind not in types or not is_told_by_strength
            for name in names
        ]
        if is_told_by_strength:
            each.insert(0, self._is_owned(types))
        if rule.identifiers == BY_NAME and RECORD_ID in self.warehouse.columns(relation):
            each.append(self._is_typed("identifier_type", RECORD_ID))
        return any_of(each)

    def of_nobody_else(self, rule: Rule, relation: Relation) -> str:
        """The condition of a rule, for the rows that may be shown to the person.

        It leaves out those of which a stronger identifier is somebody else's, also where a rule
        has one type in several columns, or a canonical id; and those whose typed identifiers are
        not all the person's.

        Raises:
            ConfigurationError: there is no model that it leads through.
        """
        if rule.through:
            return self._through(rule, self.of_nobody_else)
        if rule.typed:
            pairs = rule.typed.items()
            all_theirs = [f"({two} is null or {self._is_typed(one, two)})" for one, two in pairs]
            return " and ".join([f"({self.of(rule, relation)})", *all_theirs])
        found = self._columns_by_type(rule, relation)
        order = [*INTERNAL, *self.normal_forms, ANY]
        return self._is_owned({kind: found[kind] for kind in order if kind in found})

    def _through(self, rule: Rule, condition: Callable[[Rule, Relation], str]) -> str:
        column, other, by_name = rule.behind()
        view = self.manifest.relation(rule.through["model"])
        inner = condition(by_name, view)
        return f"{column} in (select {other} from {view} where {inner})"  # noqa: S608

    def columns(self, rule: Rule, relation: Relation) -> list[tuple[str, str]]:
        """The columns with identifiers, each with the condition that it holds one of the
        person."""
        found = [
            (name, _within(rule, self.is_in(kind, name)))
            for kind, name in self.typed_columns(rule, relation)
            if kind in self.normal_forms or rule.action is not Action.DELETE
        ]
        if rule.identifiers == BY_NAME and MERGED_INTO in self.warehouse.columns(relation):
            found.append((MERGED_INTO, self._is_typed("identifier_type", MERGED_INTO)))
        return found

    def typed_columns(self, rule: Rule, relation: Relation) -> list[tuple[str, str]]:
        """The columns with identifiers: type and column."""
        return [
            (kind, name)
            for kind, names in self._columns_by_type(rule, relation).items()
            for name in names
        ]

    def each_type(self, kind: str) -> Sequence[str]:
        """The types of identifiers that a column of a type may hold."""
        return [*self.normal_forms] if kind == ANY else [kind]

    def value(self, kind: str, column: str) -> str:
        """A column's value as identifiers of the person are written."""
        if kind in INTERNAL:
            return f"cast({column} as {self.text})"
        return self.normal_forms[kind].replace("{x}", column)

    def _columns_by_type(self, rule: Rule, relation: Relation) -> dict[str, list[str]]:
        columns = self.warehouse.columns(relation) if rule.identifiers == BY_NAME else ()
        return rule.columns_by_type([*self.normal_forms], columns)

    def is_in(self, kind: str, column: str) -> str:
        """The condition that a column holds an identifier of the person."""
        if kind == ANY:
            return any_of([self.is_in(one, column) for one in self.normal_forms])
        return f"{self.value(kind, column)} in ({self.staged_of(kind)})"

    def staged_of(self, kind: str, value: str = "identifier_value") -> str:
        """A query of the person's identifiers of a type, or of another SQL value of each."""
        return (
            f"select {value} from {self.staged}"  # noqa: S608
            f" where stage = '{self.stage}' and identifier_type = '{kind}'"
        )

    def _is_owned(self, types: Mapping[str, Sequence[str]]) -> str:
        """Whether the strongest identifier that somebody is known by is the person's.

        Args:
            types: the columns by type, strongest first.
        """
        cases = []
        for kind, columns in types.items():
            known = self._known(kind)
            for column in columns:
                cases.append(f"when {self.is_in(kind, column)} then 1")
                if known:
                    cases.append(f"when {self.value(kind, column)} in ({known}) then 0")
        if not cases:
            return "1 = 0"
        return f"case {' '.join(cases)} else 0 end = 1"

    def _known(self, kind: str) -> str | None:
        """What of a type somebody is known by; None where that is not told."""
        if kind == CANONICAL_ID:
            return f"select canonical_id from {self.manifest.relation(_IDS)}"  # noqa: S608
        if kind not in self.normal_forms:
            return None
        return (
            f"select identifier_value from {self.graph}"  # noqa: S608
            f" where canonical_id is not null and identifier_type = '{kind}'"
        )

    def _is_typed(self, kind: str, value: str) -> str:
        cases = " ".join(
            f"when {kind} = '{name}' then {form.replace('{x}', value)}"
            for name, form in self.normal_forms.items()
        )
        pairs = (
            f"select concat(identifier_type, ' ', identifier_value) from {self.staged}"  # noqa: S608
            f" where stage = '{self.stage}'"
        )
        return f"concat({kind}, ' ', case {cases} end) in ({pairs})"


def _within(rule: Rule, condition: str) -> str:
    """The condition, within the rows that a rule is about."""
    return f"({condition}) and ({rule.rows})" if rule.rows else condition


def any_of(conditions: Sequence[str]) -> str:
    """The condition that one of these is true; false where there are none."""
    return " or ".join(f"({one})" for one in conditions) or "1 = 0"
