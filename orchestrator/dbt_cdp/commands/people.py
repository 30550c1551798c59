"""Options that say by what people are known."""

from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

import click

from dbt_cdp.decisions import Identifier
from dbt_cdp.errors import ConfigurationError


def identifier_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --identifier and --file, and pass the `people` that they name, each by identifiers."""

    @click.option(
        "--identifier",
        "identifiers",
        multiple=True,
        metavar="TYPE=VALUE",
        help="What the person is known by; repeatable.",
    )
    @click.option(
        "--file",
        type=click.File(encoding="utf-8"),
        help="People, a line each: TYPE=VALUE, several of one person with tabs between; `-` reads"
        " stdin.",
    )
    @wraps(command)
    def with_people(
        *args: Any, identifiers: tuple[str, ...], file: click.utils.LazyFile | None, **kwargs: Any
    ) -> Any:
        if bool(identifiers) == bool(file):
            raise click.UsageError("Give either identifiers or a --file.")
        people = list(_read(file)) if file else [[*map(Identifier.parse, identifiers)]]
        if not people:
            raise ConfigurationError("The file names nobody.", remedy="write a person a line.")
        return command(*args, people=people, **kwargs)

    return with_people


def _read(file: click.utils.LazyFile) -> Iterator[list[Identifier]]:
    for line in file:
        parts = [part for part in str(line).rstrip("\r\n").split("\t") if part.strip()]
        if parts:
            yield [*map(Identifier.parse, parts)]
