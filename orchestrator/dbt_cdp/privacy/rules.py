"""Where people's data are, and what an erasure does there: `config.meta.cdp_erasure` of models,
sources, seeds and snapshots.

    config:
      meta:
        cdp_erasure:
          - {action: delete, identifiers: {email: contact_email, user_id: uid}}

A rule names columns by the types of the identifiers in them. The rows of a person are those whose
strongest identifier that anybody is known by is that person's, as when events are attributed. From
other people's rows that name the person the columns with the identifiers are emptied.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    field_validator,
    model_validator,
)

from dbt_cdp.dbt import Manifest, Relation
from dbt_cdp.errors import ConfigurationError
from dbt_cdp.project import PACKAGE

META_KEY = "cdp_erasure"

# What an erasure knows people by besides their identifiers.
INTERNAL = ("canonical_id", "identifier_id", "tuple_key")
ANY, BY_NAME = "any", "by_name"


class Action(StrEnum):
    """What is done with a person's rows.

    delete: the rows go. null: columns are emptied. hash: digests take the place of what names the
    person. keep: nothing, for a reason. manual: a person does it, as in a seed, whose rows come
    back with each build.
    """

    DELETE = "delete"
    NULL = "null"
    HASH = "hash"
    KEEP = "keep"
    MANUAL = "manual"


class Until(BaseModel):
    """How long rows are kept.

    Attributes:
        column: a date or a time of the row, from which it counts.
        months: so many months; the day after them the row goes.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    column: str
    months: int = Field(gt=0)


class Rule(BaseModel):
    """A rule of a table.

    Attributes:
        action: what is done with the person's rows.
        identifiers: by type, the column or columns with such identifiers; `by_name` for every type
            with a column of its name; the type `any` where a column may hold any.
        typed: by the column with the type, the column with the identifier.
        through: model, and the key of this table by the model's column with it: the person's rows
            are found in the model, which names identifiers by the names of its columns.
        text: columns of text that may name the person anywhere.
        columns: those that are emptied, for `null`, and without it those with the identifiers; for
            `hash`, those that are hashed besides the identifiers.
        reason: why rows are kept, such as a law, or who does it how.
        until: how long they are kept; for ever without it.
        before_build: whether it is done before dbt computes the rest anew, as for what dbt reads.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    action: Action
    identifiers: str | Mapping[str, str | Sequence[str]] = Field(default_factory=dict)
    typed: Mapping[str, str] = Field(default_factory=dict)
    through: Mapping[str, str] = Field(default_factory=dict)
    text: Sequence[str] = ()
    columns: Sequence[str] = ()
    reason: str | None = None
    until: Until | None = None
    before_build: bool = False
    _rows: str = PrivateAttr("")

    @field_validator("identifiers")
    @classmethod
    def _by_name(cls, value: Any) -> Any:
        if isinstance(value, str) and value != BY_NAME:
            raise ValueError(f"give types with their columns, or {BY_NAME}")
        return value

    @model_validator(mode="after")
    def _whole(self) -> "Rule":
        ways = [self.identifiers, self.typed, self.through, self.text]
        if sum(map(bool, ways)) != 1:
            raise ValueError("give one of identifiers, typed, through and text")
        if self.through and (len(self.through) != 2 or "model" not in self.through):
            raise ValueError("`through` is a model and one column")
        if self.action is Action.HASH and not self.identifiers:
            raise ValueError("`hash` needs identifiers")
        if self.until and (self.action is not Action.KEEP or not self.identifiers):
            raise ValueError("`until` is for `keep` with identifiers")
        if self.action in (Action.KEEP, Action.MANUAL) and not self.reason:
            raise ValueError(f"`{self.action}` needs a reason")
        return self

    @property
    def rows(self) -> str:
        """A condition of the rows that it is about; empty where it is about all."""
        return self._rows

    def of_rows(self, rows: str, action: Action) -> "Rule":
        """The rule for some of the rows alone, with what is done with them."""
        rule = self.model_copy(update={"action": action})
        rule._rows = rows
        return rule

    def behind(self) -> tuple[str, str, "Rule"]:
        """What `through` says: the table's key, the model's column with it, and the rule by which
        the model's rows are found."""
        ((key, column),) = [one for one in self.through.items() if one[0] != "model"]
        return key, column, self.model_copy(update={"identifiers": BY_NAME, "through": {}})

    def columns_by_type(self, types: Sequence[str], columns: Sequence[str]) -> dict[str, list[str]]:
        """The columns with identifiers, by type.

        Args:
            types: the identifier types.
            columns: the table's, for `by_name`.
        """
        if isinstance(self.identifiers, str):
            there = {name.lower(): name for name in columns}
            return {kind: [there[kind]] for kind in types if kind in there}
        return {
            kind: [names] if isinstance(names, str) else list(names)
            for kind, names in self.identifiers.items()
        }


@dataclass(frozen=True)
class DescribedTable:
    """A table, and the rules of what is done with a person's rows in it.

    Attributes:
        name: how ledgers call it: the alias in the package, else the node's name.
        relation: where it is.
        is_own: whether it is one of the package.
        is_public: whether others may read it, for a model.
        documented: the columns that its YAML names.
    """

    name: str
    relation: Relation
    is_own: bool
    rules: Sequence[Rule]
    is_public: bool = False
    documented: Collection[str] = ()


def described_tables(manifest: Manifest, types: Sequence[str]) -> list[DescribedTable]:
    """Every table that says what an erasure does with it, the package's own first.

    Args:
        manifest: the project's.
        types: the identifier types.

    Raises:
        ConfigurationError: a description is not as it must be.
    """
    nodes = [*manifest.content["nodes"].values(), *manifest.content["sources"].values()]
    tables = filter(None, (_described(node, types) for node in nodes))
    return sorted(tables, key=lambda one: (not one.is_own, one.name))


def _described(node: Mapping[str, Any], types: Sequence[str]) -> DescribedTable | None:
    rules = rules_of(node, types)
    if not rules or not node.get("relation_name"):
        return None
    relation = relation_of(node)
    is_own = node["package_name"] == PACKAGE
    name = relation.identifier if is_own else node["name"]
    is_public = node.get("access") == "public"
    return DescribedTable(name, relation, is_own, rules, is_public, frozenset(node["columns"]))


def meta_of(node: Mapping[str, Any]) -> dict[str, Any]:
    """What stands under `meta` of a node of the manifest, or of a column, and of its `config`."""
    return {**node.get("meta", {}), **node.get("config", {}).get("meta", {})}


def relation_of(node: Mapping[str, Any]) -> Relation:
    """Where the table of a node of the manifest is."""
    return Relation(
        node["database"],
        node["schema"],
        node.get("alias") or node["identifier"],
        node["relation_name"],
    )


def rules_of(node: Mapping[str, Any], types: Sequence[str]) -> list[Rule]:
    """The rules of a model, seed, snapshot or source table; none where it says nothing.

    Args:
        node: of the manifest.
        types: the identifier types.

    Raises:
        ConfigurationError: they are not as they must be.
    """
    meta = meta_of(node)
    if META_KEY not in meta:
        return []
    where = f"{node['resource_type']} '{node['name']}' in {node['original_file_path']}, {META_KEY}"
    entries = meta[META_KEY]
    return list(_rules(entries if isinstance(entries, list) else [entries], where, types))


def _rules(entries: Sequence[Any], where: str, types: Sequence[str]) -> Iterator[Rule]:
    for entry in entries:
        try:
            rule = Rule.model_validate(entry)
        except ValidationError as error:
            first = error.errors(include_input=False)[0]
            key = ".".join(str(part) for part in first["loc"])
            text = first["msg"].removeprefix("Value error, ")
            raise ConfigurationError(
                f"What an erasure does with a table is not as it must be: {key}: {text}.",
                where=where,
                remedy="docs/erasure.md tells the keys.",
            ) from None
        known = [*types, *INTERNAL, ANY]
        named = () if isinstance(rule.identifiers, str) else rule.identifiers
        unknown = [name for name in named if name not in known]
        if unknown:
            raise ConfigurationError(
                f"There is no identifier type '{unknown[0]}'.",
                where=where,
                remedy=f"there are: {', '.join(known)}.",
            )
        if rule.until and named and not set(named) - set(INTERNAL):
            raise ConfigurationError(
                "Rows that are kept until a date are found by identifiers, not by other keys.",
                where=where,
                remedy=f"name a column of one of the types {', '.join(types)}.",
            )
        yield rule
