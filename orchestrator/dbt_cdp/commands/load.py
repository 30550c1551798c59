"""`cdp load`: files of events and records into the landing tables."""

from dataclasses import asdict
from pathlib import Path

import click

from dbt_cdp.errors import ExitCode
from dbt_cdp.files import STDIN, InputFile
from dbt_cdp.landing import LoadReport, load_files
from dbt_cdp.options import json_option, project_options
from dbt_cdp.output import print_json, print_table, progress, talk
from dbt_cdp.project import Project

COLUMNS = ("file", "source", "kind", "read", "added", "already there", "rejected")


@click.command()
@click.argument(
    "files",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path),
    metavar="FILE...",
)
@click.option("--source", help="Entry of cdp_sources. Default: the only one that takes events.")
@json_option
@project_options
def load(files: tuple[Path, ...], source: str | None, as_json: bool, project: Project) -> int:
    """Load FILEs of events or records; `-` reads stdin.

    Events are NDJSON or a JSON array, each in the shape of POST /api/events. Records, for a source
    with a record_id, may also be CSV (with a header), TSV or Parquet. Any of the text formats may
    be packed by gzip. A line that was loaded before is left out, so a load can be repeated. Lines
    that cannot be read go to the table landing_rejects with the reason, and the exit code is 1.
    """
    total = sum(path.stat().st_size for path in files if path != STDIN) or None
    done: dict[Path, int] = {}
    with progress("Loading", total) as advance:

        def show(file: InputFile) -> None:
            done[file.path] = max(file.position, done.get(file.path, 0))
            advance(sum(done.values()))

        reports = load_files(project, files, source, show)
    _print(reports, as_json)
    complete = all(report.is_complete for report in reports)
    return ExitCode.OK if complete else ExitCode.WORK_FAILED


def _print(reports: list[LoadReport], as_json: bool) -> None:
    if as_json:
        print_json([asdict(report) for report in reports])
    else:
        print_table(COLUMNS, [list(asdict(report).values())[: len(COLUMNS)] for report in reports])
    for report in reports:
        if report.problem:
            talk(f"{report.file}: {report.problem}")
    if any(report.rejected for report in reports):
        talk("The table landing_rejects tells why lines were rejected, with their numbers.")
