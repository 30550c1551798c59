"""What is known of a person, for that person (GDPR, articles 15 and 20): a zip of their data.

The person is found as an erasure finds them, and the rows are those that an erasure would delete,
empty or keep, but for rows that are somebody else's as well: what is too much is a breach.
"""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dbt_cdp.dbt import Dbt
from dbt_cdp.decisions import Identifier
from dbt_cdp.errors import CdpError
from dbt_cdp.lock import run_lock
from dbt_cdp.privacy.access_facts import Facts
from dbt_cdp.privacy.access_file import check_path, write_zip
from dbt_cdp.privacy.conditions import Conditions
from dbt_cdp.privacy.extract import Extract, extract, extract_folder, unreadable_tables
from dbt_cdp.privacy.ledger import ASKED, IDENTIFIERS
from dbt_cdp.privacy.leftovers import forget_bytes
from dbt_cdp.privacy.requests import check_identifiers, reasons_for_review
from dbt_cdp.privacy.rules import INTERNAL
from dbt_cdp.privacy.staged import forget, stage_found, stage_rows
from dbt_cdp.privacy.work import opened
from dbt_cdp.project import Project
from dbt_cdp.queries import Queries, open_queries

# The stage of what the person is known by, and the request that it belongs to, which is none.
_ACCESS = "access"


@dataclass(frozen=True)
class Access:
    """What was given.

    Attributes:
        path: the zip.
        is_known: whether anything is known of the person.
        tables: how many rows of each table.
        recipients: destinations that were sent something.
    """

    path: Path
    is_known: bool
    tables: Mapping[str, int]
    recipients: Sequence[str]


def give_access(
    project: Project,
    identifiers: Sequence[Identifier],
    path: Path,
    *,
    is_reviewed: bool = False,
    is_forced: bool = False,
) -> Access:
    """Write all that is known of a person to a zip.

    Args:
        project: the project.
        identifiers: what the person is known by.
        path: the zip.
        is_reviewed: whether somebody has looked at what makes it doubtful.
        is_forced: whether a file that is there is written over.

    Raises:
        CdpError: the identifiers mean nobody alone, several people, or are doubtful.
        ConfigurationError: an identifier is none, the file cannot be written, a table's
            description is not as it must be, or the project has not been built.
        DbtError: the project cannot be compiled.
        WarehouseError: the warehouse refuses.
    """
    check_identifiers(project, [identifiers])
    check_path(path, is_forced=is_forced)
    # A build in between would move rows from one person to another.
    with run_lock(project, uuid.uuid4().hex), extract_folder(project) as folder:
        with _staged(project):
            extracts, left_out = _extract(project, identifiers, folder, is_reviewed)
            facts = _facts(project, left_out)
        is_known = bool(extracts or facts.identifiers)
        if not is_known:
            # Whom nobody knew is not to be in the file by having been asked for.
            forget_bytes(project)
        recipients = write_zip(path, project.name, facts, extracts)
    return Access(path, is_known, {one.name: one.rows for one in extracts}, recipients)


@contextmanager
def _staged(project: Project) -> Iterator[None]:
    """Forget in the end whom it is about."""
    try:
        yield
    finally:
        with opened(project) as (queries, _):
            forget(queries.warehouse, Dbt(project).manifest(), [_ACCESS])


def _extract(
    project: Project, identifiers: Sequence[Identifier], folder: Path, is_reviewed: bool
) -> tuple[list[Extract], list[str]]:
    with opened(project) as (queries, _):
        manifest = Dbt(project).manifest()
        # Of an access that was killed.
        forget(queries.warehouse, manifest, [_ACCESS])
        rows = ((_ACCESS, one.type, one.value) for one in identifiers)
        stage_rows(queries.warehouse, manifest.relation(IDENTIFIERS), rows, ASKED)
        stage_found(queries, _ACCESS, "?", _ACCESS)
        _check(queries, is_reviewed)
        conditions = Conditions.of_queries(queries, manifest, _ACCESS)
        types = [*conditions.normal_forms]
        extracts = extract(queries.warehouse, manifest, conditions, folder)
        return extracts, unreadable_tables(manifest, types)


def _check(queries: Queries, is_reviewed: bool) -> None:
    """Make sure that it is one person who is meant, and nobody else."""
    asked = [tuple(rest) for request_id, *rest in queries.run("asked") if request_id == _ACCESS]
    people = {canonical_id for _, _, canonical_id, _, _ in asked if canonical_id}
    if len(people) > 1:
        raise CdpError(
            f"What was given means {len(people)} people; nobody is given what is another's.",
            remedy="give what one of them is known by. If they are one person, say so with"
            " `cdp identity decide link` and build first.",
        )
    kinds = ", ".join(f"'{kind}'" for kind in INTERNAL)
    ((count,),) = queries.run_within(
        "found",
        "select count(*) from found"  # noqa: S608
        f" where request_id = ? and identifier_type not in ({kinds})",
        _ACCESS,
    )
    reasons = list(reasons_for_review(asked, len(people), count))
    usable = [row for row in asked if not row[3] and not row[4]]
    if not usable:
        raise CdpError(
            f"Nobody is known by what was given: {'; '.join(reasons)}.",
            remedy="give another identifier, one that is the person's alone.",
        )
    if people:
        reasons += [f"nobody is known by the {kind}" for kind, _, one, *_ in usable if not one]
    if reasons and not is_reviewed:
        raise CdpError(
            f"Somebody has to look at this first: {'; '.join(reasons)}.",
            remedy="make sure that all of it is this person's, with `cdp profile` for example, and"
            " call it again with --reviewed; what is shared or blocked is left out.",
        )


def _facts(project: Project, left_out: Sequence[str]) -> Facts:
    with open_queries(project, ["access"]) as queries:
        identifiers: dict[tuple[str, str], dict[str, Any]] = {}
        for kind, value, first_seen, last_seen, source, count in queries.run("identifiers"):
            known = identifiers.setdefault(
                (kind, value),
                {
                    "type": kind,
                    "value": value,
                    "first_seen": first_seen,
                    "last_seen": last_seen,
                    "sources": {},
                },
            )
            if source:
                known["sources"][source] = int(count)
        return Facts(
            ids=queries.run("ids"),
            identifiers=[*identifiers.values()],
            sources=queries.run("sources"),
            purposes=queries.settings["purposes"],
            retention=queries.settings["retention"],
            left_out=left_out,
        )
