"""The tables that an audit looks at, and what their descriptions say of them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dbt_cdp.dbt import Manifest, Relation
from dbt_cdp.errors import ConfigurationError
from dbt_cdp.privacy.rules import Action, Rule, meta_of, relation_of, rules_of
from dbt_cdp.project import PACKAGE
from dbt_cdp.warehouse import Table

PERSONAL_KEY = "cdp_personal"

# What holds no data of its own.
_VIEWS = ("view", "materialized_view", "ephemeral")
_TABLES = ("model", "seed", "snapshot", "source")

_YAML = re.compile(r"\.ya?ml$")

# A database, a schema and a table, as they are compared.
Place = tuple[str, str, str]


@dataclass(frozen=True)
class Audited:
    """A table to look at.

    Attributes:
        node: of the manifest.
        name: of the model, or of the source and the table.
        package: the package that it is of; None for the project itself.
        file: the YAML file that describes it; None where none does.
        relation: where it is.
        rules: what an erasure does with it.
        personal: by column in lower case, what its description says of it.
        is_read: whether dbt builds something from it.
    """

    node: Mapping[str, Any]
    name: str
    package: str | None
    file: str | None
    relation: Relation
    rules: Sequence[Rule]
    personal: Mapping[str, bool]
    is_read: bool

    def is_covered(self) -> bool:
        """Whether rules tell of all columns, since they mean whole rows."""
        return any(rule.action not in (Action.NULL, Action.HASH) for rule in self.rules)

    def covered(self, types: Sequence[str], columns: Sequence[str]) -> frozenset[str]:
        """The columns of which rules tell that empty or hash some, in lower case.

        Args:
            types: the identifier types.
            columns: the table's.
        """
        named = (
            name
            for rule in self.rules
            for names in (rule.columns, *rule.columns_by_type(types, columns).values())
            for name in names
        )
        return frozenset(unquoted(name).lower() for name in named)


def audited_tables(manifest: Manifest, types: Sequence[str]) -> list[Audited]:
    """Every table of the project and of its packages, but for the package cdp's, which are
    described. What one node says of a table counts for all that are that table, as where the source
    of one is the model of another.

    Args:
        manifest: the project's.
        types: the identifier types.

    Raises:
        ConfigurationError: a description is not as it must be.
    """
    root = manifest.content["metadata"]["project_name"]
    nodes = sorted(_nodes(manifest), key=lambda node: node["package_name"] != root)
    rules: dict[Place, list[Rule]] = {}
    for node in nodes:
        rules.setdefault(place_of(relation_of(node)), []).extend(rules_of(node, types))
    known = {place_of(relation_of(node)) for node in nodes if node["package_name"] == PACKAGE}
    tables = []
    for node in nodes:
        relation = relation_of(node)
        place = place_of(relation)
        if place not in known and _is_personal(node, _where(node)) is not False:
            tables.append(_audited(node, relation, rules[place], manifest))
        known.add(place)
    return tables


def place_of(table: Relation | Table) -> Place:
    """Where a table is, as it is compared: without regard to case."""
    name = table.identifier if isinstance(table, Relation) else table.name
    return (table.database or "").lower(), table.schema.lower(), name.lower()


def unquoted(name: str) -> str:
    """A column as it is called, where a rule has it as SQL wants it."""
    is_quoted = len(name) > 1 and name[0] == name[-1] and name[0] in '"`'
    return name[1:-1].replace(name[0] * 2, name[0]) if is_quoted else name


def _nodes(manifest: Manifest) -> Iterator[Mapping[str, Any]]:
    content = manifest.content
    for node in [*content["nodes"].values(), *content["sources"].values()]:
        is_view = node["config"].get("materialized") in _VIEWS
        if node["resource_type"] in _TABLES and node.get("relation_name") and not is_view:
            yield node


def _audited(
    node: Mapping[str, Any], relation: Relation, rules: Sequence[Rule], manifest: Manifest
) -> Audited:
    package = node["package_name"]
    children = manifest.content["child_map"].get(node["unique_id"], [])
    return Audited(
        node=node,
        name=_name(node),
        package=None if package == manifest.content["metadata"]["project_name"] else package,
        file=_file(node),
        relation=relation,
        rules=rules,
        personal=_described_columns(node),
        is_read=any(child.startswith(("model.", "snapshot.")) for child in children),
    )


def _file(node: Mapping[str, Any]) -> str | None:
    """The YAML file with a node's entry. Sources, and some snapshots, are nowhere else."""
    described = (node.get("patch_path") or "").partition("://")[2]
    own = str(node["original_file_path"])
    return described or (own if _YAML.search(own) else None)


def _described_columns(node: Mapping[str, Any]) -> dict[str, bool]:
    said = {
        name.lower(): _is_personal(column, f"column '{name}' of the {_where(node)}")
        for name, column in node["columns"].items()
    }
    return {name: is_personal for name, is_personal in said.items() if is_personal is not None}


def _is_personal(described: Mapping[str, Any], where: str) -> bool | None:
    value = meta_of(described).get(PERSONAL_KEY)
    if value is None or isinstance(value, bool):
        return value
    raise ConfigurationError(
        f"{PERSONAL_KEY} is neither true nor false.",
        where=f"{where}, config.meta",
        remedy="write `false` where there is no personal data, or leave it out.",
    )


def _where(node: Mapping[str, Any]) -> str:
    return f"{node['resource_type']} '{_name(node)}' in {node['original_file_path']}"


def _name(node: Mapping[str, Any]) -> str:
    is_source = node["resource_type"] == "source"
    return f"{node['source_name']}.{node['name']}" if is_source else str(node["name"])
