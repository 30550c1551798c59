"""`cdp load`: files of events and records into the landing tables."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from dbt_cdp.collector.spool import sealed_segments
from dbt_cdp.errors import ConfigurationError, ExitCode
from dbt_cdp.files import STDIN, InputFile
from dbt_cdp.landing import LoadReport, load_files, load_spool
from dbt_cdp.options import json_option, project_options, spool_option
from dbt_cdp.output import print_json, print_table, progress, talk
from dbt_cdp.project import Project

COLUMNS = ("file", "source", "kind", "read", "added", "already there", "rejected")


@click.command()
@click.argument(
    "files",
    nargs=-1,
    type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path),
    metavar="[FILE...]",
)
@click.option("--source", help="Entry of cdp_sources. Default: the only one that takes events.")
@spool_option
@json_option
@project_options
def load(
    files: tuple[Path, ...], source: str | None, spool: Path, as_json: bool, project: Project
) -> int:
    """Load FILEs of events or records; `-` reads stdin. Without a FILE, load the spool.

    The spool is what `cdp collect` has received; a part that is loaded is deleted there.

    Events are NDJSON or a JSON array, each in the shape of POST /api/events. Records, for a source
    with a record_id, may also be CSV (with a header), TSV or Parquet. Any of the text formats may
    be packed by gzip. A line that was loaded before is left out, so a load can be repeated. Lines
    that cannot be read go to the table landing_rejects with the reason, and the exit code is 1.

    Example: cdp load contacts.csv --source crm
    """
    reports = _load_files(project, files, source) if files else _load_spool(project, spool)
    _print(reports, as_json)
    complete = all(report.is_complete for report in reports)
    return ExitCode.OK if complete else ExitCode.WORK_FAILED


def _load_files(project: Project, files: Sequence[Path], source: str | None) -> list[LoadReport]:
    total = sum(path.stat().st_size for path in files if path != STDIN) or None
    done: dict[Path, int] = {}
    with progress("Loading", total) as advance:

        def show(file: InputFile) -> None:
            done[file.path] = max(file.position, done.get(file.path, 0))
            advance(sum(done.values()))

        return load_files(project, files, source, show)


def _load_spool(project: Project, spool: Path) -> list[LoadReport]:
    if not spool.is_dir():
        raise ConfigurationError(
            "There is no file to load, and no spool.",
            where=str(spool),
            remedy="name a FILE, or the spool of `cdp collect` with --spool.",
        )
    total = sum(path.stat().st_size for path in sealed_segments(spool))
    with progress("Loading", total or None) as advance:
        return load_spool(project, spool, advance)


def _print(reports: list[LoadReport], as_json: bool) -> None:
    if as_json:
        print_json([asdict(report) for report in reports])
    else:
        print_table(COLUMNS, [list(asdict(report).values())[: len(COLUMNS)] for report in reports])
    for report in reports:
        if report.problem:
            talk(f"{report.file}, source '{report.source}': {report.problem}")
    if any(report.rejected for report in reports):
        talk("The table landing_rejects tells why lines were rejected, with their numbers.")
