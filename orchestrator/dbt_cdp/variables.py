"""The variables that the package and the command read, and names that were meant to be one.

dbt does not see that a variable is misspelt: it is a variable that nobody reads.
"""

import re
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from dbt_cdp.project import PACKAGE, package_root

_PREFIX = "cdp_"

# How a variable is read: by its name, in the package's SQL and in this command.
_READ = re.compile(
    r"""\b(?:var|entries|cdp_list_var|cdp_mapping_var)\(\s*["'](cdp_\w+)["']"""
    r"""|\bcdp_with_own_model\(.*?["'](cdp_(?!_)\w+)["']"""
)

# How alike two names are (0 to 1): without the prefix, and in whole.
_LIKE = 0.6
_ALMOST = 0.85


class Misplaced(NamedTuple):
    """A variable that is set where not everybody who reads it can see it.

    Attributes:
        name: which.
        scope: the name under `vars:` that it is set under; empty where it is outside of `vars:`.
    """

    name: str
    scope: str


@cache
def known_variables() -> frozenset[str]:
    """The names of all variables `cdp_*` that the package or this command reads."""
    root = package_root()
    places = [(root / "macros", "*.sql"), (root / "models", "*.sql"), (root / "models", "*.yml")]
    places.append((Path(__file__).parent, "*.py"))
    texts = (
        path.read_text(encoding="utf-8")
        for folder, pattern in places
        for path in folder.rglob(pattern)
    )
    found = (match for text in texts for match in _READ.finditer(text))
    return frozenset(match[1] or match[2] for match in found)


def unknown_variables(variables: Mapping[str, Any], project: str) -> dict[str, str]:
    """The names that look like the package's and that nobody reads.

    Args:
        variables: what stands under `vars:`.
        project: the project's name, under which there may be variables too.

    Returns:
        By name, the one that may have been meant; an empty text where none is like it.
    """
    scopes = [variables.get(scope) for scope in (PACKAGE, project)]
    names = [*variables, *(name for scope in scopes if isinstance(scope, dict) for name in scope)]
    found = {str(name): meant(str(name)) for name in names if name not in known_variables()}
    return {name: like for name, like in found.items() if like or name.startswith(_PREFIX)}


def meant(name: str) -> str:
    """The variable that may have been meant by a name that nobody reads; empty for none."""
    known = sorted(known_variables())
    plain = name.lower().replace("-", "_")
    if not plain.startswith(_PREFIX):
        return next(iter(get_close_matches(plain, known, n=1, cutoff=_ALMOST)), "")
    short = {one.removeprefix(_PREFIX): one for one in known}
    like = get_close_matches(plain.removeprefix(_PREFIX), short, n=1, cutoff=_LIKE)
    return short[like[0]] if like else ""


def misplaced_variables(settings: Mapping[str, Any], project: str) -> list[Misplaced]:
    """The package's variables that are set elsewhere than directly under `vars:`.

    Args:
        settings: dbt_project.yml.
        project: the project's name.
    """
    variables = settings.get("vars") or {}
    places: dict[str, Any] = {"": settings}
    if isinstance(variables, dict):
        # In the package itself they are one.
        places |= {scope: variables.get(scope) for scope in (PACKAGE, project)}
    return [
        Misplaced(name, scope)
        for scope, there in places.items()
        if isinstance(there, dict)
        for name in sorted(known_variables() & there.keys())
    ]
