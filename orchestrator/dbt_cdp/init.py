"""A dbt project with the package in it: a new one, or one that is there already.

No file is ever overwritten. What would have to change in one that is there is handed back, to be
pasted; only a list of packages that ends its file is appended to.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import Any

import yaml

from dbt_cdp.errors import CdpError, ConfigurationError
from dbt_cdp.output import talk
from dbt_cdp.packages import DEPENDENCIES_FILE, PACKAGES_FILE, declaring_file, read_packages
from dbt_cdp.project import (
    PACKAGE,
    PROFILES_FILE,
    PROJECT_FILE,
    Project,
    find_root,
    package_root,
    read_yaml,
)
from dbt_cdp.suggest import (
    Suggestion,
    dbt_sources_of,
    dump_yaml,
    entries_of,
    suggest_declared,
    suggest_sources,
)

_TEMPLATES = Path(__file__).parent / "new_project"
# The templates, by the names of the files that are made of them.
_FILES = {
    PROJECT_FILE: "dbt_project.yml",
    PROFILES_FILE: "profiles.yml",
    ".gitignore": "gitignore",
    "README.md": "README.md",
}
# What a folder for a new project may hold, besides hidden files.
_HARMLESS = {*_FILES, PACKAGES_FILE, "LICENSE", "README", "README.rst"}

_NAME = re.compile(r"[a-z_][a-z0-9_]*")
# Projects whose macros would get in each other's way.
_TAKEN_NAMES = {PACKAGE, "dbt"}

_FLAG = "require_ref_searches_node_package_before_root"
_LOADED_SOURCE = {"name": "web", "collector": "cdp"}


@dataclass(frozen=True)
class Change:
    """Something that is left to the user.

    Attributes:
        file: the file that has to change.
        reason: why, in words.
        text: what to paste into it; empty where there is nothing to paste.
    """

    file: str
    reason: str
    text: str = ""


@dataclass
class Outcome:
    """What came of it.

    Attributes:
        folder: the project's folder.
        name: the project's name.
        is_new: whether there was no project before.
        written: the files that were made.
        appended: the files that something was appended to.
        left: what the user has to change.
    """

    folder: Path
    name: str
    is_new: bool
    written: list[str] = field(default_factory=list)
    appended: list[str] = field(default_factory=list)
    left: list[Change] = field(default_factory=list)


def put_package(
    folder: Path | None, name: str | None, ask_name: Callable[[], str] | None
) -> Outcome:
    """Make a project, or put the package into the one that is there.

    Args:
        folder: where; by default the project that this folder is in, else this folder.
        name: a new project's name; by default it is made of the folder's.
        ask_name: asks for a name when none can be made; None where nobody can be asked.

    Raises:
        ConfigurationError: the folder holds something else, or the name is missing or cannot be
            a project's.
    """
    root = _find_project(folder)
    if root is None:
        return _new_project((folder or Path.cwd()).resolve(), name, ask_name)
    if name is not None:
        raise ConfigurationError(
            "The folder holds a project already, which has its name.",
            where=str(root / PROJECT_FILE),
            remedy="leave --name out, or give another folder.",
        )
    return _existing_project(root)


def _find_project(folder: Path | None) -> Path | None:
    if folder is not None and not folder.exists():
        return None
    try:
        return find_root(folder)
    except ConfigurationError:
        return None


def _new_project(folder: Path, name: str | None, ask_name: Callable[[], str] | None) -> Outcome:
    _require_room(folder)
    outcome = Outcome(folder, _checked_name(folder, name, ask_name), is_new=True)
    folder.mkdir(parents=True, exist_ok=True)
    _declare_package(outcome)
    for file, template in _FILES.items():
        text = (_TEMPLATES / template).read_text(encoding="utf-8")
        text = Template(text).substitute(name=outcome.name)
        if _write(folder / file, text):
            outcome.written.append(file)
        elif file != "README.md":
            outcome.left.append(Change(file, "it was there already", text))
    return outcome


def _require_room(folder: Path) -> None:
    """Make sure that a new project would not lie among files of another kind."""
    there = folder.iterdir() if folder.is_dir() else ()
    others = [path.name for path in there if not path.name.startswith(".")]
    if set(others) - _HARMLESS:
        raise ConfigurationError(
            "The folder holds something else than a dbt project.",
            where=str(folder),
            remedy="name an empty folder or a new one, as in `cdp init my_cdp`.",
        )


def _checked_name(folder: Path, name: str | None, ask_name: Callable[[], str] | None) -> str:
    """The name that was given, else one made of the folder's, else one that is asked for."""
    if name is None:
        made = re.sub(r"[^a-z0-9]+", "_", folder.name.lower()).strip("_")
        if _is_name(made):
            return made
        if ask_name is None:
            raise ConfigurationError(
                "No name of a project can be made of the folder's.",
                where=str(folder),
                remedy="give one with --name.",
            )
        name = ask_name()
    if not _is_name(name):
        raise ConfigurationError(
            f"'{name}' cannot be the name of a project.",
            remedy="use small letters, digits and _; cdp and dbt are taken.",
        )
    return name


def _is_name(name: str) -> bool:
    return _NAME.fullmatch(name) is not None and name not in _TAKEN_NAMES


def _existing_project(root: Path) -> Outcome:
    project = Project.without_target(root)
    if project.name == PACKAGE:
        raise ConfigurationError("This is the package itself.", where=str(root))
    outcome = Outcome(root, project.name, is_new=False)
    is_set = bool(project.var("cdp_sources"))
    # Before the package is declared: dbt parses nothing while one is not installed.
    suggestions = [] if is_set else _suggestions(project, outcome)
    _declare_package(outcome)
    outcome.left += _changes(project, None if is_set else suggestions)
    return outcome


def _changes(project: Project, suggestions: Sequence[Suggestion] | None) -> Iterator[Change]:
    """What a project's own files lack; suggestions are None where it has sources already."""
    flags = project.settings.get("flags")
    has_flag = isinstance(flags, dict) and flags.get(_FLAG)
    wanted: dict[str, Any] = {} if has_flag else {"flags": {_FLAG: True}}
    reason = "else dbt warns of each model of yours that the package reads"
    if suggestions is not None:
        wanted["vars"] = {"cdp_sources": entries_of(suggestions) or [_LOADED_SOURCE]}
        reason = "nothing of the package is built until cdp_sources is set"
    if wanted:
        yield Change(PROJECT_FILE, reason, dump_yaml(wanted))
    sources = dbt_sources_of(suggestions or ())
    if sources:
        reason = "the package reads these tables by their names"
        yield Change("a YAML file among your models", reason, dump_yaml({"sources": sources}))


def _suggestions(bare: Project, outcome: Outcome) -> list[Suggestion]:
    """What could be a source: as the warehouse tells, else as the project's files tell."""
    try:
        project = Project.find(bare.root)
    except ConfigurationError as error:
        outcome.left.append(Change(PROFILES_FILE, f"{error.problem} `cdp doctor` says more"))
        return suggest_declared(bare)
    found: list[Suggestion] = []
    file = project.database_file
    # To open a DuckDB file that is not there would make one.
    if file is None or file.is_file():
        talk("Looking for the tables of collectors in the warehouse ...")
        try:
            found = list(suggest_sources(project).suggestions)
        except CdpError as error:
            talk(f"They could not be looked for: {error.problem}")
    return found or suggest_declared(project)


def _declare_package(outcome: Outcome) -> None:
    """Name the package among those that `dbt deps` installs."""
    root = outcome.folder
    if declaring_file(root):
        return
    entry = {"local": str(package_root())}
    has_dependencies = bool(read_packages(root / DEPENDENCIES_FILE))
    path = root / (DEPENDENCIES_FILE if has_dependencies else PACKAGES_FILE)
    text = dump_yaml({"packages": [entry]})
    comment = "# As it came with the command cdp. From a repository: git: and revision:\n"
    if _write(path, comment + text):
        outcome.written.append(path.name)
    elif _append(path, entry):
        outcome.appended.append(path.name)
    else:
        outcome.left.append(Change(path.name, "dbt deps installs what is named here", text))


def _write(path: Path, text: str) -> bool:
    """Make a file; False if there is one already."""
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        return False
    return True


def _append(path: Path, entry: Mapping[str, str]) -> bool:
    """Append an entry to a list of packages; False, and nothing done, where that is not plain.

    It is plain where the file with the line at its end reads as before, with one entry more.
    """
    text = path.read_text(encoding="utf-8")
    marks = re.findall(r"^( *)- ", text, re.MULTILINE)
    before = read_yaml(path) if marks else {}
    line = f"{marks[0]}- {dump_yaml(entry)}" if marks else ""
    start = "" if text.endswith("\n") else "\n"
    try:
        after = yaml.safe_load(text + start + line)
    except yaml.YAMLError:
        return False
    if not marks or after != {**before, "packages": [*before.get("packages", []), entry]}:
        return False
    with path.open("a", encoding="utf-8") as file:
        file.write(start + line)
    return True
