"""`cdp init`: a dbt project with the package in it."""

import sys
from dataclasses import asdict
from pathlib import Path

import click

from dbt_cdp.init import Outcome, put_package
from dbt_cdp.options import json_option
from dbt_cdp.output import print_json, say, talk


@click.command()
@click.argument("folder", required=False, type=click.Path(file_okay=False, path_type=Path))
@click.option("--name", help="A new project's name. Default: made of the folder's.")
@json_option
def init(folder: Path | None, name: str | None, as_json: bool) -> None:
    """Make a dbt project with the package in it, or put it into one.

    In a FOLDER that is empty or not there yet (default: this one) it writes a project with a DuckDB
    file, a source for `cdp load`, a trait and a segment. In a project it names the package in
    packages.yml, looks for sources, and prints what is left to paste. No file is overwritten.

    Example: cdp init my_cdp
    """
    ask_name = _ask_name if sys.stdin.isatty() else None
    outcome = put_package(folder, name, ask_name)
    if as_json:
        print_json({**asdict(outcome), "next": _next(outcome)})
    else:
        _print(outcome)


def _ask_name() -> str:
    answer: str = click.prompt("Name of the project", err=True)
    return answer


def _print(outcome: Outcome) -> None:
    for file in outcome.written:
        say(f"written: {outcome.folder / file}")
    for file in outcome.appended:
        say(f"appended to: {outcome.folder / file}")
    for change in outcome.left:
        say(f"left to you: {change.file} ({change.reason})")
        if change.text:
            click.echo(f"\n{change.text}")
    if not (outcome.written or outcome.appended or outcome.left):
        talk("Everything is there already.")
    talk(f"What to do next: {', '.join(_next(outcome))}")


def _next(outcome: Outcome) -> list[str]:
    """The commands that lead on."""
    is_here = outcome.folder == Path.cwd()
    move = [] if is_here else [f"cd {outcome.folder}"]
    load = ["cdp load FILE"] if outcome.is_new else []
    return [*move, "dbt deps", *load, "dbt build", "cdp doctor"]
