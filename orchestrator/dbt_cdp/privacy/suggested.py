"""Rules that would tell of what an audit has found, to paste and to change.

They delete a person's rows. Whoever has to keep them, or is content with emptying columns, changes
the action.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from dbt_cdp.privacy.audit import Finding, Undescribed
from dbt_cdp.privacy.names import Kind, is_digest, plain_name
from dbt_cdp.privacy.rules import META_KEY, Action, meta_of
from dbt_cdp.project import PROJECT_FILE
from dbt_cdp.suggest import dump_yaml

# What SQL takes for a column without quotes, but for words that mean something else.
_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")
_RESERVED = frozenset(
    str.split("""
    all and any array as asc both case cast check collate column create current_user default desc
    distinct else end except false for foreign from full group having in intersect into join leading
    left limit natural not null on or order primary references right row rows select session_user
    some start table then to trailing true union unique user using when where window with
    """)
)


def suggested_entry(found: Undescribed, types: Sequence[str], warehouse: str) -> dict[str, Any]:
    """The entry of a YAML file that describes a table so that an erasure finds people in it.

    Args:
        found: the table.
        types: the identifier types.
        warehouse: the type of the target.
    """
    rule = _rule(found, types, warehouse)
    node = found.table.node
    kind, meta = f"{node['resource_type']}s", {"meta": {META_KEY: rule}}
    if found.table.package:
        # Nobody writes into the files of a package.
        entry: dict[str, Any] = {f"+{key}": value for key, value in meta.items()}
        for name in reversed(node["fqn"]):
            entry = {name: entry}
        return {kind: entry}
    described = {"name": node["name"], "config": meta}
    if kind == "sources":
        return {kind: [{"name": node["source_name"], "tables": [described]}]}
    return {kind: [described]}


def as_yaml(entries: Sequence[tuple[Undescribed, Mapping[str, Any]]]) -> str:
    """The entries as YAML to paste, a document for each file that they belong to."""
    files: dict[str, dict[str, Any]] = {}
    for found, entry in entries:
        _merge(files.setdefault(file_for(found), {}), entry)
    return "---\n".join(f"# {file}\n{dump_yaml(entry)}" for file, entry in files.items())


def file_for(found: Undescribed) -> str:
    """The file that the entry of a table belongs to."""
    if found.table.package:
        return PROJECT_FILE
    return found.table.file or "a new YAML file among your models, seeds or snapshots"


def _rule(found: Undescribed, types: Sequence[str], warehouse: str) -> Any:
    table = found.table
    known = meta_of(table.node).get(META_KEY)
    if known:
        return _extended(known, [_sql(one.column, warehouse) for one in found.findings])
    is_seed = table.node["resource_type"] == "seed"
    rule: dict[str, Any] = {"action": str(Action.MANUAL if is_seed else Action.DELETE)}
    identifiers = _identifiers(found.findings, types, warehouse)
    if identifiers:
        rule["identifiers"] = identifiers
    else:
        rule["text"] = list(dict.fromkeys(_text(one, warehouse) for one in found.findings))
    if is_seed:
        rule["reason"] = f"take the person out of {table.node['original_file_path']}"
    elif table.node["resource_type"] == "source" and table.is_read:
        rule["before_build"] = True
    return rule


def _extended(known: Any, columns: Sequence[str]) -> Any:
    """The rules of a table, the first of which empties these columns, too."""
    first, *others = known if isinstance(known, list) else [known]
    named = first.get("columns") or [
        name
        for names in dict(first["identifiers"]).values()
        for name in ([names] if isinstance(names, str) else names)
    ]
    extended = {**first, "columns": list(dict.fromkeys([*named, *columns]))}
    return [extended, *others] if isinstance(known, list) else extended


def _identifiers(
    findings: Sequence[Finding], types: Sequence[str], warehouse: str
) -> dict[str, str | list[str]]:
    """The columns with identifiers by type, in the order of the types."""
    by_type: dict[str, list[str]] = {}
    for one in findings:
        type_ = _type(one, types)
        column = _sql(one.column, warehouse)
        if type_ and column not in by_type.get(type_, ()):
            by_type.setdefault(type_, []).append(column)
    return {
        type_: by_type[type_][0] if len(by_type[type_]) == 1 else by_type[type_]
        for type_ in types
        if type_ in by_type
    }


def _type(finding: Finding, types: Sequence[str]) -> str | None:
    if finding.is_within or finding.is_nested or is_digest(finding.column):
        return None
    named = plain_name(finding.column)
    if named not in types and finding.kind in (Kind.EMAIL, Kind.PHONE):
        named = str(finding.kind)
    return named if named in types else None


def _text(finding: Finding, warehouse: str) -> str:
    """A column as a text to be looked through; JSON and lists are none."""
    column = _sql(finding.column, warehouse)
    if not finding.is_nested:
        return column
    return f"to_json_string({column})" if warehouse == "bigquery" else f"cast({column} as varchar)"


def _sql(column: str, warehouse: str) -> str:
    if _PLAIN.fullmatch(column) and column not in _RESERVED:
        return column
    mark = "`" if warehouse == "bigquery" else '"'
    return mark + column.replace(mark, mark * 2) + mark


def _merge(into: dict[str, Any], entry: Mapping[str, Any]) -> None:
    """Add an entry to others; lists are of entries with names."""
    for key, value in entry.items():
        if isinstance(value, Mapping):
            _merge(into.setdefault(key, {}), value)
        elif isinstance(value, list) and key in into:
            for one in value:
                same = next((other for other in into[key] if other["name"] == one["name"]), None)
                if same and "tables" in same:
                    same["tables"] += one["tables"]
                elif not same:
                    into[key].append(one)
        else:
            into[key] = value
