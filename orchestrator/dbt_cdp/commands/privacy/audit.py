"""`cdp privacy audit`: lists what looks like personal data and has no erasure rule."""

from collections.abc import Mapping, Sequence
from typing import Any

import click

from dbt_cdp.decisions import identifier_types
from dbt_cdp.errors import ExitCode
from dbt_cdp.options import json_option, project_options
from dbt_cdp.output import plain, print_json, print_table, talk
from dbt_cdp.privacy.audit import Audit, Finding, Undescribed
from dbt_cdp.privacy.audit import audit as look
from dbt_cdp.privacy.suggested import as_yaml, file_for, suggested_entry
from dbt_cdp.project import Project


@click.command()
@click.option(
    "--offline",
    is_flag=True,
    help="Look at names of columns alone, as files tell them, without the warehouse.",
)
@click.option(
    "--suggest", is_flag=True, help="Print the YAML that would describe the tables, to paste."
)
@json_option
@project_options
def audit(offline: bool, suggest: bool, as_json: bool, project: Project) -> int:
    """List columns that look like personal data of which no erasure rule tells.

    Looks at models, seeds, snapshots and sources that are tables. A column is told by its name, or
    by at most 1,000 rows, of which nothing is shown. What is no personal data is described so:
    `config: {meta: {cdp_personal: false}}` of the column. Ends with 1 if something is listed.

    Example: cdp privacy audit --offline
    """
    found = look(project, is_offline=offline)
    types = identifier_types(project)
    entries = [(one, suggested_entry(one, types, project.target.type)) for one in found.tables]
    if as_json:
        tables = [_as_json(one, entry) for one, entry in entries]
        print_json({"tables": tables, "unread": found.unread})
    elif entries and suggest:
        click.echo(as_yaml(entries), nl=False)
    elif entries:
        _print(found.tables)
    _tell(found, is_suggested=suggest or as_json)
    return ExitCode.WORK_FAILED if entries else ExitCode.OK


def _as_json(found: Undescribed, entry: Mapping[str, Any]) -> dict[str, Any]:
    table = found.table
    return {
        "table": table.name,
        "resource_type": table.node["resource_type"],
        "package": table.package,
        "file": table.file,
        "has_rule": bool(table.rules),
        "columns": [
            {
                "column": one.column,
                "kind": one.kind,
                "told_by": one.told_by,
                "share": None if one.share is None else round(one.share, 3),
                "is_within": one.is_within,
            }
            for one in found.findings
        ],
        "suggestion": {"file": file_for(found), "entry": entry},
    }


def _print(tables: Sequence[Undescribed]) -> None:
    print_table(
        ("table", "column", "looks like", "told by"),
        [
            (
                tuple(_heading(found)),
                tuple(one.column for one in found.findings),
                tuple(one.kind for one in found.findings),
                tuple(map(_told_by, found.findings)),
            )
            for found in tables
        ],
    )


def _heading(found: Undescribed) -> list[str]:
    table = found.table
    package = f" of the package {table.package}" if table.package else ""
    lines = [
        f"{table.name} ({table.node['resource_type']}{package})",
        f"  {table.file or 'not described in any YAML'}",
    ]
    return [*lines, "  its rule empties others"] if table.rules else lines


def _told_by(finding: Finding) -> str:
    if finding.share is None:
        return finding.told_by
    share = f"{finding.share:.0%}" if finding.share >= 0.01 else "under 1%"
    return f"{finding.told_by}, {share}"


def _tell(found: Audit, *, is_suggested: bool) -> None:
    for name, reason in found.unread.items():
        talk(f"{plain(name)} was not looked into: {plain(reason)}")
    if not found.tables:
        of = "Of the others nothing" if found.unread else "Nothing"
        talk(f"{of} looks like personal data without an erasure rule.")
        return
    columns = sum(len({one.column for one in each.findings}) for each in found.tables)
    talk(
        f"Columns that look like personal data, and of which no erasure rule tells: {columns:,}, in"
        f" {len(found.tables):,} tables."
    )
    if not is_suggested:
        talk("`cdp privacy audit --suggest` prints rules to paste.")
