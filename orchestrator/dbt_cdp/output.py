"""Data goes to stdout, talk to stderr; a progress bar is shown on a terminal only."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.tree import Tree

# A table that goes to a file or a pipe is not folded to the width of a terminal.
PIPE_WIDTH = 200


def talk(text: str) -> None:
    """Say something to the person at the terminal (stderr)."""
    click.echo(text, err=True)


def print_json(data: Any) -> None:
    """Write data as one JSON document to stdout; dates and paths become text."""
    click.echo(json.dumps(data, indent=2, ensure_ascii=False, default=str))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Write a table to stdout; numbers are set to the right, None is left blank."""
    table = Table()
    for position, name in enumerate(columns):
        is_number = any(isinstance(row[position], int | float) for row in rows)
        table.add_column(name, justify="right" if is_number else "left")
    for row in rows:
        table.add_row(*(_cell(value) for value in row))
    _stdout().print(table)


def print_tree(root: str, leaves: Sequence[str]) -> None:
    """Write a tree of one level to stdout."""
    tree = Tree(root)
    for leaf in leaves:
        tree.add(leaf)
    _stdout().print(tree)


def _stdout() -> Console:
    width = None if sys.stdout.isatty() else PIPE_WIDTH
    return Console(file=sys.stdout, width=width, markup=False, highlight=False)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return str(value)


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
