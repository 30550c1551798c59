"""Data goes to stdout, talk to stderr; a progress bar is shown on a terminal only.

Data may hold a terminal's control sequences: whatever is shown of it goes through here.
"""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.tree import Tree

# A table that goes to a file or a pipe is not folded to the width of a terminal.
_PIPE_WIDTH = 200


def talk(text: str) -> None:
    """Say something to the person at the terminal (stderr)."""
    click.echo(text, err=True)


def say(text: str) -> None:
    """Write a line to stdout."""
    click.echo(plain(text))


def print_json(data: Any) -> None:
    """Write data as one JSON document to stdout; dates and paths become text."""
    text = json.dumps(data, indent=2, ensure_ascii=False, default=str)
    click.echo("".join(map(_json_letter, text)))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Write a table to stdout; numbers are set to the right, None is left blank.

    Args:
        columns: their names.
        rows: a cell for each column; one that is a tuple has a line for each of its items.
    """
    table = Table()
    for position, name in enumerate(columns):
        is_number = any(isinstance(row[position], int | float) for row in rows)
        table.add_column(plain(name), justify="right" if is_number else "left")
    for row in rows:
        table.add_row(*(_cell(value) for value in row))
    stdout_console().print(table)


def print_tree(root: str, leaves: Sequence[str]) -> None:
    """Write a tree of one level to stdout."""
    tree = Tree(plain(root))
    for leaf in leaves:
        tree.add(plain(leaf))
    stdout_console().print(tree)


def stdout_console() -> Console:
    """What lays out text for stdout: as wide as the terminal, else wide enough for a table.

    It shows markup as it is, but not the control sequences of data: those are for `plain`.
    """
    width = None if sys.stdout.isatty() else _PIPE_WIDTH
    return Console(file=sys.stdout, width=width, markup=False, highlight=False)


def plain(value: Any) -> str:
    """The value as one line of text that a terminal shows and does not obey; empty for None."""
    return "" if value is None else "".join(map(_plain_letter, str(value)))


def _plain_letter(letter: str) -> str:
    if letter.isprintable():
        return letter
    return " " if letter.isspace() else "\ufffd"


def _json_letter(letter: str) -> str:
    return letter if letter.isprintable() or letter == "\n" else json.dumps(letter)[1:-1]


def _cell(value: Any) -> str:
    if isinstance(value, tuple):
        return "\n".join(map(_cell, value))
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return plain(value)


@contextmanager
def progress(description: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Show a progress bar on stderr and yield the function that moves it.

    Args:
        description: what is being worked on.
        total: the number that means "done", in any unit; None when nobody knows.

    Yields:
        A function that takes how much is done so far; it does nothing without a terminal.
    """
    if not sys.stderr.isatty():
        yield lambda done: None
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(file=sys.stderr), transient=True) as bar:
        task = bar.add_task(description, total=total)
        yield lambda done: bar.update(task, completed=done)


@contextmanager
def node_progress() -> Iterator[Callable[[int, int, str], None]]:
    """Show a progress bar of dbt's nodes on stderr.

    Yields:
        A function that takes the node's place, how many there are, and its name; it does nothing
        without a terminal.
    """
    if not sys.stderr.isatty():
        yield lambda position, total, name: None
        return
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=Console(file=sys.stderr), transient=True) as bar:
        task = bar.add_task("dbt starts", total=None)
        yield lambda position, total, name: bar.update(
            task, completed=position, total=total, description=name
        )
