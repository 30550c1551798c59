"""`cdp profile`: shows all that is known of one person."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from dbt_cdp.errors import ConfigurationError
from dbt_cdp.options import json_option, project_options
from dbt_cdp.output import plain, print_json, stdout_console, talk
from dbt_cdp.person import Person, in_words, shortened
from dbt_cdp.profile import read_person
from dbt_cdp.profile_page import page
from dbt_cdp.project import Project

# What fits on a screen beside the rest of a person.
_SHOWN_IDENTIFIERS = 12
_SHOWN_CHANGES = 5
_DETAIL_LENGTH = 80

# From these widths on attributes and traits stand side by side, and identifiers tell what showed
# them first.
_WIDE = 130
_WIDER = 160


@click.command()
@click.argument("identifier", nargs=-1, metavar="ANY_IDENTIFIER")
@click.option(
    "--html",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the person to this file as a page for a browser.",
)
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="Show also segments that the person has left, and what is cut short.",
)
@json_option
@project_options
def profile(
    identifier: tuple[str, ...],
    html: Path | None,
    everything: bool,
    as_json: bool,
    project: Project,
) -> None:
    """Show a person: identifiers, attributes, traits, scores, segments, consents, last events.

    ANY_IDENTIFIER is a value, or TYPE=VALUE such as email=ann@shop.example, in any spelling that
    events may have; or a canonical id, also one that was merged into another. What is typed stays
    in the shell's history; `-` reads the identifier from stdin, or asks for it.

    The page that --html writes holds all of it in one file, with the identity tree and a calendar
    of the person's days.

    Example: cdp profile email=ann@shop.example
    """
    # Click would quote what is too much.
    if len(identifier) != 1:
        raise click.UsageError("Give one identifier; one with spaces in it needs quotes.")
    is_asked = identifier[0] == "-"
    where = "standard input" if is_asked else "the argument of `cdp profile`"
    person = read_person(project, _read() if is_asked else identifier[0], where)
    if html:
        _write(html, page(person))
    if as_json:
        print_json(asdict(person))
    elif not html:
        _print(person, everything)


def _read() -> str:
    stdin = click.get_text_stream("stdin")
    if stdin.isatty():
        return str(click.prompt("Identifier", err=True))
    lines = [line for line in stdin.read().splitlines() if line.strip()]
    if len(lines) != 1:
        raise click.UsageError(f"Standard input has {len(lines)} lines; give one identifier.")
    return lines[0]


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(
            f"The page cannot be written: {error.strerror}.", where=str(path)
        ) from None
    talk(f"The page is in {path}.")


def _print(person: Person, everything: bool) -> None:
    console = stdout_console()
    console.print(_header(person))
    with_evidence = console.width >= _WIDER
    console.print(_section("identifiers", _identifiers(person, everything, with_evidence)))
    facts = [
        _section("attributes", _attributes(person)),
        _section("traits", _traits(person, everything)),
    ]
    console.print(_side_by_side(facts) if console.width >= _WIDE else Group(*facts))
    console.print(_section("scores", _scores(person)))
    console.print(_section("segments", _segments(person, everything)))
    if person.consents:
        console.print(_section("consents", _consents(person)))
    if person.history:
        console.print(_section("merges and splits", _history(person, everything)))
    console.print(_section("last events", _events(person)))


def _header(person: Person) -> Text:
    title = person.name or person.email or "Nobody known by name"
    email = person.email if person.name else None
    engagement = f"engagement {person.engagement}" if person.engagement else None
    known = [part for part in (email, person.company, engagement) if part]
    times = [("first seen", person.first_seen), ("last active", person.last_active)]
    facts = [f"canonical id {person.canonical_id}"]
    facts += [f"account {person.account_id}"] if person.account_id else []
    facts += [f"{name} {_day(time)}" for name, time in times if time]
    merged = f"\n{person.merged_id} was merged into it." if person.merged_id else ""
    return Text.assemble(
        (plain(title), "bold"),
        plain("".join(f" · {part}" for part in known)),
        "\n",
        plain(" · ".join(facts)),
        merged,
    )


def _section(title: str, content: RenderableType | None) -> RenderableType:
    body = content or Text("none", style="dim")
    return Group(Text(f"\n{title}", style="bold cyan"), Padding(body, (0, 0, 0, 2), expand=False))


def _grid(rows: Sequence[Sequence[Any]]) -> Table | None:
    """Rows in columns without lines; None where there are no rows."""
    if not rows:
        return None
    # A column that is empty takes a place too, for which rich would fold another one.
    columns = [cells for cells in zip(*rows, strict=True) if any(cells)]
    grid = Table.grid(padding=(0, 2))
    for _ in columns:
        grid.add_column(overflow="fold")
    for row in zip(*columns, strict=True):
        grid.add_row(*(Text(plain(cell)) for cell in row))
    return grid


def _side_by_side(parts: Sequence[RenderableType]) -> Table:
    grid = Table.grid(padding=(0, 4), expand=True)
    for _ in parts:
        grid.add_column(ratio=1)
    grid.add_row(*parts)
    return grid


def _identifiers(person: Person, everything: bool, with_evidence: bool) -> RenderableType | None:
    shown = person.identifiers if everything else person.identifiers[:_SHOWN_IDENTIFIERS]
    grid = _grid(
        [
            (
                known.identifier.type,
                known.identifier.value,
                f"{_day(known.first_seen)} to {_day(known.last_seen)}",
                ", ".join(f"{source} {count:,}" for source, count in known.sources.items()),
                f"first by {known.evidence}" if with_evidence else "",
            )
            for known in shown
        ]
    )
    return _with_rest(grid, len(person.identifiers) - len(shown))


def _attributes(person: Person) -> Table | None:
    return _grid(
        [
            (
                attribute.name,
                in_words(attribute.value),
                attribute.source,
                _day(attribute.said_at),
                f"of {attribute.count_values} values" if attribute.count_values > 1 else "",
            )
            for attribute in person.attributes
        ]
    )


def _traits(person: Person, everything: bool) -> RenderableType | None:
    shown = [trait for trait in person.traits if everything or not trait.is_empty]
    empty = [trait.name for trait in person.traits if trait not in shown]
    grid = _grid([(trait.name, in_words(trait.value)) for trait in shown])
    if not empty:
        return grid
    rest = Text(plain(f"none or 0: {', '.join(empty)}"), style="dim")
    return Group(grid, rest) if grid else rest


def _scores(person: Person) -> Table | None:
    return _grid(
        [(score.name, in_words(score.value), _parts(score.parts)) for score in person.scores]
    )


def _parts(parts: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {in_words(value)}" for name, value in parts.items())


def _segments(person: Person, everything: bool) -> Table | None:
    return _grid(
        [
            (
                membership.segment_name,
                f"since {_minute(membership.entered_at)}"
                if membership.exited_at is None
                else f"{_minute(membership.entered_at)} to {_minute(membership.exited_at)}",
                membership.causes,
            )
            for membership in person.segments
            if everything or membership.exited_at is None
        ]
    )


def _consents(person: Person) -> Table | None:
    return _grid(
        [
            (
                consent.purpose,
                in_words(consent.is_granted),
                f"since {_minute(consent.said_at)}" if consent.said_at else "",
                consent.source,
            )
            for consent in person.consents
        ]
    )


def _history(person: Person, everything: bool) -> RenderableType | None:
    shown = person.history if everything else person.history[:_SHOWN_CHANGES]
    grid = _grid(
        [
            (
                _minute(change.changed_at),
                change,
                f"{change.evidence}: {' and '.join(map(str, change.identifiers))}"
                if change.identifiers
                else "",
            )
            for change in shown
        ]
    )
    return _with_rest(grid, len(person.history) - len(shown))


def _events(person: Person) -> Table | None:
    return _grid(
        [
            (
                _minute(event.timestamp),
                event.source,
                event.event_type,
                shortened(event.detail, _DETAIL_LENGTH),
            )
            for event in person.events
        ]
    )


def _with_rest(content: Table | None, count: int) -> RenderableType | None:
    if content is None or not count:
        return content
    return Group(content, Text(f"and {count:,} more, see --all", style="dim"))


def _day(time: datetime | None) -> str:
    return f"{time:%Y-%m-%d}" if time else "?"


def _minute(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M}"
