"""Which rows of a table are a person's, as SQL.

Whom an erasure is about stands in the table erasure_identifiers; the text of a condition holds no
identifier.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dbt_cdp.dbt import Manifest, Relation
from dbt_cdp.privacy.rules import ANY, BY_NAME, INTERNAL, Rule
from dbt_cdp.warehouse import Warehouse

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

    def of(self, rule: Rule, relation: Relation) -> str:
        """The condition of a rule; false for every row where the table has no such columns.

        Raises:
            ConfigurationError: there is no model that it leads through.
        """
        if rule.through:
            ((column, other),) = [one for one in rule.through.items() if one[0] != "model"]
            view = self.manifest.relation(rule.through["model"])
            by_name = rule.model_copy(update={"identifiers": BY_NAME, "through": {}})
            inner = self.of(by_name, view)
            return f"{column} in (select {other} from {view} where {inner})"  # noqa: S608
        if rule.typed:
            return _any([self._is_typed(kind, value) for kind, value in rule.typed.items()])
        found = self._columns_by_type(rule, relation)
        types = {kind: names for kind, names in found.items() if kind in self.normal_forms}
        is_told_by_strength = len(types) > 1
        each = [
            self._is_in(kind, name)
            for kind, names in found.items()
            if kind not in types or not is_told_by_strength
            for name in names
        ]
        if is_told_by_strength:
            each.insert(0, self._is_owned(types))
        if rule.identifiers == BY_NAME and RECORD_ID in self.warehouse.columns(relation):
            each.append(self._is_typed("identifier_type", RECORD_ID))
        return _any(each)

    def columns(self, rule: Rule, relation: Relation) -> list[tuple[str, str]]:
        """The columns with identifiers, each with the condition that it holds one of the
        person."""
        found = [
            (name, self._is_in(kind, name))
            for kind, names in self._columns_by_type(rule, relation).items()
            if kind in self.normal_forms
            for name in names
        ]
        if rule.identifiers == BY_NAME and MERGED_INTO in self.warehouse.columns(relation):
            found.append((MERGED_INTO, self._is_typed("identifier_type", MERGED_INTO)))
        return found

    def _columns_by_type(self, rule: Rule, relation: Relation) -> dict[str, list[str]]:
        columns = self.warehouse.columns(relation) if rule.identifiers == BY_NAME else ()
        return rule.columns_by_type([*self.normal_forms], columns)

    def _is_in(self, kind: str, column: str) -> str:
        if kind == ANY:
            return _any([self._is_in(one, column) for one in self.normal_forms])
        value = f"cast({column} as {self.text})" if kind in INTERNAL else self._normal(kind, column)
        return f"{value} in ({self._staged_of(kind)})"

    def _normal(self, kind: str, column: str) -> str:
        return self.normal_forms[kind].replace("{x}", column)

    def _staged_of(self, kind: str) -> str:
        return (
            f"select identifier_value from {self.staged}"  # noqa: S608
            f" where stage = '{self.stage}' and identifier_type = '{kind}'"
        )

    def _is_owned(self, types: Mapping[str, Sequence[str]]) -> str:
        """Whether the strongest identifier that somebody is known by is the person's.

        Args:
            types: the columns by type.
        """
        cases = []
        for kind in [one for one in self.normal_forms if one in types]:
            known = (
                f"select identifier_value from {self.graph}"  # noqa: S608
                f" where canonical_id is not null and identifier_type = '{kind}'"
            )
            for column in types[kind]:
                cases.append(f"when {self._is_in(kind, column)} then 1")
                cases.append(f"when {self._normal(kind, column)} in ({known}) then 0")
        return f"case {' '.join(cases)} else 0 end = 1"

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


def _any(conditions: Sequence[str]) -> str:
    return " or ".join(f"({one})" for one in conditions) or "1 = 0"
