"""What is wrong with a project, its warehouse or this machine, each with what to do about it.

A check that needs what an earlier one has not found is skipped; the others go on. What is written
is an empty table, dropped at once, and what `dbt parse` leaves in the folder target/.
"""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from importlib import metadata
from importlib.util import find_spec
from itertools import groupby
from os import R_OK, W_OK, access
from pathlib import Path
from typing import NamedTuple, TypeVar

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from dbt_cdp import __version__
from dbt_cdp.activation.definition import Definition, read_syncs
from dbt_cdp.activation.engine import destination_of, tool_of
from dbt_cdp.clock import utc_now
from dbt_cdp.dbt import Dbt, Manifest
from dbt_cdp.destinations.base import Mode
from dbt_cdp.errors import CdpError, ConfigurationError, DbtError, WarehouseError
from dbt_cdp.packages import declaring_file, installed_package
from dbt_cdp.project import (
    PACKAGE,
    PROFILES_FILE,
    PROJECT_FILE,
    Project,
    find_root,
    package_root,
    read_yaml,
)
from dbt_cdp.sources import EVENTS, SourceState, read_sources
from dbt_cdp.variables import misplaced_variables, unknown_variables
from dbt_cdp.warehouse import Warehouse, open_tables, open_warehouse

SCRATCH_TABLE = "cdp_doctor_scratch"

_DISTRIBUTION = "dbt-cdp"
_RAW_EVENTS = "cdp__raw_events"
_LANDED = ("cdp__landing_events", "cdp__landing_records")

# When each source of `cdp load` was last loaded.
_LOADED = """
select source, max(loaded_at)

from (
    select source, loaded_at from {cdp__landing_events}
    union all
    select source, loaded_at from {cdp__landing_records}
) as landed

group by source
"""

_CLOCK_SECONDS = 60
_MEGABYTE = 1_000_000
_GIGABYTE = 1_000 * _MEGABYTE
# A build may write the largest tables anew beside the old ones.
_ROOM = 2
# A source of events that is silent for so long has perhaps stopped.
_SILENCE = timedelta(days=2)

_BIGQUERY_PATIENCE = {"job_retries": 0, "job_creation_timeout_seconds": 30}

# Lines of dbt's errors that say nothing to a user.
_FRAMES = ("Encountered an error", "> in ", "> called by ")


class State(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Finding:
    """What a check has found.

    Attributes:
        check: which one.
        state: how it ended.
        finding: what is there, in a line.
        fix: what to do about it; empty where nothing is to be done.
    """

    check: str
    state: State
    finding: str
    fix: str = ""


class _Verdict(NamedTuple):
    """A finding, of a check that need not say its own name."""

    state: State
    finding: str
    fix: str = ""


_Verdicts = Iterator[_Verdict]
_Found = TypeVar("_Found")


class _SkippedError(Exception):
    """A check cannot be made; the text says why."""


def _ok(finding: str) -> _Verdict:
    return _Verdict(State.OK, finding)


def _warning(finding: str, fix: str) -> _Verdict:
    return _Verdict(State.WARNING, finding, fix)


def _error(finding: str, fix: str) -> _Verdict:
    return _Verdict(State.ERROR, finding, fix)


class _Case:
    """What the checks have found out so far, each for those that come after it."""

    def __init__(
        self, project_dir: Path | None, profiles_dir: Path | None, target: str | None
    ) -> None:
        self.project_dir, self.profiles_dir, self.target = project_dir, profiles_dir, target
        self.has_dbt = self.has_package = self.has_adapter = self.is_connected = False
        self.found_settings: Project | None = None
        self.found_project: Project | None = None
        self.found_manifest: Manifest | None = None

    @property
    def settings(self) -> Project:
        """The project, of whose target nothing may be asked."""
        return _needed(self.found_settings, f"{PROJECT_FILE} could not be read")

    @property
    def project(self) -> Project:
        """The project with its target."""
        return _needed(self.found_project, "the target could not be read from the profile")

    @property
    def manifest(self) -> Manifest:
        """What dbt has parsed."""
        return _needed(self.found_manifest, "dbt has not parsed the project")

    @property
    def database_file(self) -> Path:
        """The DuckDB file of the target, there or not."""
        path = self.project.database_file
        if path is None:
            kind = self.project.target.type
            where = "in memory or elsewhere" if kind == "duckdb" else f"of type '{kind}'"
            raise _SkippedError(f"the target has no file of its own: it is {where}")
        return path

    @property
    def connected(self) -> Project:
        """The project, whose warehouse answers."""
        if not self.is_connected:
            raise _SkippedError("the warehouse was not reached")
        return self.project


def _needed(found: _Found | None, reason: str) -> _Found:
    if found is None:
        raise _SkippedError(reason)
    return found


def examine(
    project_dir: Path | None = None, profiles_dir: Path | None = None, target: str | None = None
) -> Iterator[Finding]:
    """Make all checks, in an order in which each can build on the ones before.

    Args:
        project_dir: folder of dbt_project.yml; by default this folder or the nearest above it.
        profiles_dir: folder of profiles.yml; by default the project's, else ~/.dbt.
        target: name of the target; by default the one that the profile names.

    Yields:
        One finding or more for each check, as soon as they are there.
    """
    case = _Case(project_dir, profiles_dir, target)
    for name, check in _CHECKS.items():
        for verdict in _made(check, case):
            yield Finding(name, *verdict)


def _made(check: Callable[[_Case], _Verdicts], case: _Case) -> _Verdicts:
    """The verdicts of a check; what it stumbles over is one too."""
    try:
        yield from check(case)
    except _SkippedError as reason:
        yield _Verdict(State.SKIPPED, f"not checked: {reason}.")
    except CdpError as error:
        yield _verdict_of(error)
    except Exception as error:
        # Its text may quote a value.
        kind = type(error).__name__
        yield _error(f"The check itself failed ({kind}).", "report it; the other checks go on.")


def _verdict_of(error: CdpError, fix: str = "correct it there.") -> _Verdict:
    if isinstance(error, DbtError):
        lines = [line.strip() for line in error.lines]
        told = [line for line in lines if line and not line.startswith(_FRAMES)]
        return _error(" ".join([error.problem, *told]), "correct what dbt names.")
    where = f" ({error.where})" if error.where else ""
    return _error(f"{error.problem.removesuffix('.')}{where}.", error.remedy or fix)


def _dbt(case: _Case) -> _Verdicts:
    """The package says which dbt it can be read by, the command which it was tested with."""
    readable = SpecifierSet(
        ",".join(read_yaml(package_root() / PROJECT_FILE)["require-dbt-version"])
    )
    supported = readable & _required("dbt-core")
    fix = f"pip install 'dbt-core{supported}'"
    try:
        version = metadata.version("dbt-core")
    except metadata.PackageNotFoundError:
        yield _error("dbt is not installed where this command is.", fix)
        return
    case.has_dbt = readable.contains(version, prereleases=True)
    if not case.has_dbt:
        yield _error(f"dbt-core {version} cannot read the package.", fix)
    elif not supported.contains(version, prereleases=True):
        yield _warning(f"The command was not tested with dbt-core {version}.", fix)
    else:
        yield _ok(f"dbt-core {version}")


def _required(name: str) -> SpecifierSet:
    """The versions of a library that this command asks for; all where it was not installed."""
    try:
        lines = metadata.requires(_DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        return SpecifierSet()
    found = [Requirement(line) for line in lines]
    return next((one.specifier for one in found if one.name == name), SpecifierSet())


def _project(case: _Case) -> _Verdicts:
    root = find_root(case.project_dir)
    project = case.found_settings = Project.without_target(root)
    if isinstance(project.settings.get("name"), str):
        yield _ok(f"'{project.name}' in {root}")
    else:
        yield _error(f"The project has no name ({root / PROJECT_FILE}).", "give it `name:`.")


def _package(case: _Case) -> _Verdicts:
    project = case.settings
    folder = installed_package(project)
    if folder is None:
        declared = declaring_file(project.root)
        if declared:
            yield _error(f"{declared.name} names the package, but it is not installed.", "dbt deps")
        else:
            yield _error("The package cdp is not in the project.", "cdp init, and then dbt deps")
        return
    case.has_package = True
    version = str(read_yaml(folder / PROJECT_FILE).get("version"))
    if version == __version__:
        yield _ok(f"cdp {version}")
    else:
        yield _error(
            f"The package is of version {version}, this command of version {__version__}.",
            "install the same of both: change packages.yml and run dbt deps, or use pip.",
        )


def _profile(case: _Case) -> _Verdicts:
    settings = case.settings
    if not isinstance(settings.settings.get("name"), str):
        raise _SkippedError("the project has no name")
    project = Project.find(settings.root, case.profiles_dir, case.target)
    case.found_project = project
    file = project.profiles_dir / PROFILES_FILE
    yield _ok(f"target '{project.target.name}' of type {project.target.type} in {file}")


def _adapter(case: _Case) -> _Verdicts:
    name = case.project.target.type
    distribution = f"dbt-{name}"
    try:
        case.has_adapter = find_spec(f"dbt.adapters.{name}") is not None
    except ModuleNotFoundError:
        case.has_adapter = False
    if not case.has_adapter:
        yield _error(f"dbt has no adapter for the type '{name}'.", f"pip install {distribution}")
        return
    try:
        yield _ok(f"{distribution} {metadata.version(distribution)}")
    except metadata.PackageNotFoundError:
        yield _ok(f"an adapter for {name}")


def _file(case: _Case) -> _Verdicts:
    path = case.database_file
    if path.stem.lower() == PACKAGE:
        yield _warning(
            f"{path.name} makes a catalog of the name that a schema of the package may have: where"
            " both are called cdp DuckDB cannot tell them apart.",
            "give the file another name, and `path:` in the profile too.",
        )
    if path.is_file():
        yield from _existing_file(path)
    elif path.exists():
        yield _error(f"{path} is no file.", "let `path:` in the profile name a file.")
    elif not path.parent.is_dir():
        yield _error(f"There is no folder {path.parent}.", "make it, or correct the profile.")
    elif not access(path.parent, W_OK):
        yield _error(f"No file can be made in {path.parent}.", "give yourself the right to write.")
    else:
        yield _warning(
            f"{path} is not there yet.",
            "dbt build makes it; if it was built, `path:` in the profile leads elsewhere.",
        )


def _existing_file(path: Path) -> _Verdicts:
    if access(path, R_OK | W_OK) and access(path.parent, W_OK):
        yield _ok(f"{path}, {path.stat().st_size / _MEGABYTE:,.1f} MB")
    else:
        yield _error(
            f"{path} cannot be read and written.",
            "give yourself the right to write the file and its folder, for DuckDB keeps a log"
            " beside it.",
        )


def _leftovers(case: _Case) -> _Verdicts:
    """What DuckDB removes when it is closed; looked for before a connection is made."""
    path = case.database_file
    log, spilled = (path.with_name(path.name + ending) for ending in (".wal", ".tmp"))
    has_spilled = spilled.is_dir() and any(spilled.iterdir())
    if log.exists():
        yield _warning(
            f"{log.name} ({log.stat().st_size:,} bytes) lies beside the file: a process is writing,"
            " or was killed.",
            "nothing: whoever opens the file next takes it over. Never delete it, for it holds what"
            " was committed.",
        )
    if has_spilled:
        yield _warning(
            f"{spilled.name} lies beside the file: a query is spilling to disk, or was killed.",
            f"if no process has the file open, delete {spilled}.",
        )
    if not log.exists() and not has_spilled:
        yield _ok("nothing lies beside the file")


def _disk(case: _Case) -> _Verdicts:
    """Room where the DuckDB file is and where dbt writes; a disk is told of once."""
    project = case.found_project or case.settings
    wanted = {_there(project.target_path): _GIGABYTE}
    file = project.database_file
    if file:
        size = file.stat().st_size if file.is_file() else 0
        wanted = {_there(file.parent): max(_ROOM * size, _GIGABYTE), **wanted}
    disks: dict[int, tuple[Path, int]] = {}
    for place, room in wanted.items():
        disks.setdefault(place.stat().st_dev, (place, room))
    for place, room in disks.values():
        free = shutil.disk_usage(place).free
        told = f"{free / _GIGABYTE:,.1f} GB are free at {place}"
        if free < room:
            yield _warning(f"Only {told}.", f"make room: {room / _GIGABYTE:,.1f} GB at least.")
        else:
            yield _ok(told)


def _there(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there."""
    return next(place for place in (folder, *folder.parents) if place.is_dir())


def _variables(case: _Case) -> _Verdicts:
    project = case.settings
    # Says what is wrong with `vars:` as a whole.
    project.var("cdp_sources")
    verdicts = [*_unknown(project), *_misplaced(project)]
    yield from verdicts
    sources = project.sources()
    if not sources:
        yield _warning(
            "cdp_sources is not set: nothing of the package is built.",
            f"set it in {PROJECT_FILE}; `cdp sources suggest` prints what could be a source.",
        )
    elif not verdicts:
        yield _ok(f"sources: {', '.join(source.name for source in sources)}")


def _unknown(project: Project) -> _Verdicts:
    for name, like in unknown_variables(project.settings.get("vars") or {}, project.name).items():
        if like:
            yield _error(f"Nothing reads the variable '{name}'.", f"did you mean '{like}'?")
        else:
            yield _warning(
                f"Nothing of the package reads the variable '{name}'.",
                "remove it; if it is yours, a name without cdp_ is safe from later versions.",
            )


def _misplaced(project: Project) -> _Verdicts:
    for name, scope in misplaced_variables(project.settings, project.name):
        fix = f"move it directly under `vars:` in {PROJECT_FILE}."
        if not scope:
            yield _error(f"'{name}' stands outside of `vars:`, where nothing reads it.", fix)
        elif scope == PACKAGE:
            yield _warning(f"'{name}' is under `vars: cdp:`, where your models cannot see it.", fix)
        else:
            unseen = f"'{name}' is under `vars: {scope}:`, where the package cannot see it."
            yield _error(unseen, fix)


def _parse(case: _Case) -> _Verdicts:
    project = case.project
    for is_there, what in (
        (case.has_dbt, "dbt"),
        (case.has_adapter, "the adapter"),
        (case.has_package, "the package"),
    ):
        if not is_there:
            raise _SkippedError(f"{what} is not installed as it must be")
    case.found_manifest = Dbt(project).manifest()
    yield _ok("dbt parses the project and its variables")


def _access(case: _Case) -> _Verdicts:
    names = _closed_models(case.manifest)
    for name in names:
        yield _warning(
            f"The package reads your model {name}, which is not public.",
            "give it `config: {access: public}`.",
        )
    if not names:
        yield _ok("your models that the package reads are public")


def _closed_models(manifest: Manifest) -> list[str]:
    """The project's models that the package reads and that are not `access: public`."""
    nodes, root = manifest.content["nodes"], manifest.content["metadata"]["project_name"]
    read = {
        parent
        for node in nodes.values()
        if node["package_name"] == PACKAGE
        for parent in (node.get("depends_on") or {}).get("nodes", ())
    }
    own = [nodes[name] for name in sorted(read & nodes.keys())]
    return [
        node["name"]
        for node in own
        if node["package_name"] == root != PACKAGE
        and node["resource_type"] == "model"
        and node.get("access") != "public"
    ]


def _syncs(case: _Case) -> _Verdicts:
    """What can be said without a word to a destination."""
    project = case.project
    if case.found_manifest is None:
        raise _SkippedError("dbt has not parsed the project")
    syncs = read_syncs(project)
    verdicts = [*_misfits(project, syncs)]
    yield from verdicts
    if not syncs:
        yield _ok("no exposure is a sync")
    elif not verdicts:
        yield _ok(f"syncs: {', '.join(sync.name for sync in syncs)}; `cdp sync check` tries them")


def _misfits(project: Project, syncs: Sequence[Definition]) -> _Verdicts:
    for sync in syncs:
        opened = tool_of if sync.mode is Mode.HAND_OVER else destination_of
        try:
            opened(project, sync).close()
        except CdpError as error:
            verdict = _verdict_of(error)
            yield verdict._replace(finding=f"'{sync.name}': {verdict.finding}")


def _connection(case: _Case) -> _Verdicts:
    project = case.project
    file = project.database_file
    if file and not file.is_file():
        raise _SkippedError("there is no file yet, and to open it would make one")
    try:
        with open_warehouse(_impatient(project)) as warehouse:
            warehouse.query("select 1")
    except CdpError as error:
        where = f"the target '{project.target.name}' in {project.profiles_dir / PROFILES_FILE}"
        yield _verdict_of(error, f"correct {where}; `dbt debug` tries it too.")
        return
    case.is_connected = True
    yield _ok(f"{project.target.type} answers")


def _impatient(project: Project) -> Project:
    """The project with a target that gives up soon; BigQuery's client tries for minutes."""
    if project.target.type != "bigquery":
        return project
    settings = {**project.target.settings, **_BIGQUERY_PATIENCE}
    return replace(project, target=replace(project.target, settings=settings))


def _permissions(case: _Case) -> _Verdicts:
    with open_warehouse(case.connected) as warehouse:
        schema = _built_schema(warehouse, case)
        fix = "grant the right to make and drop tables there."
        blame = _error
        if not schema:
            settings = case.project.target.settings
            schema = [str(settings.get("schema") or settings.get("dataset") or "main")]
            fix += " If the schema is not there yet, dbt build makes it."
            blame = _warning
        table = ".".join(map(warehouse.quote, [*schema, SCRATCH_TABLE]))
        where = f"in the schema {'.'.join(schema)}"
        try:
            warehouse.execute(f"drop table if exists {table}")
            warehouse.execute(f"create table {table} (id int)")
            warehouse.execute(f"drop table {table}")
        except WarehouseError as error:
            yield blame(f"No table can be made and dropped {where}: {error.problem}", fix)
        else:
            yield _ok(f"tables can be made and dropped {where}")


def _built_schema(warehouse: Warehouse, case: _Case) -> list[str]:
    """Database and schema of the package's tables; nothing where they are not built."""
    with suppress(_SkippedError, ConfigurationError):
        relation = case.manifest.relation(_LANDED[0])
        if warehouse.exists(relation):
            return [name for name in (relation.database, relation.schema) if name]
    return []


def _clock(case: _Case) -> _Verdicts:
    with open_warehouse(case.connected) as warehouse:
        before = utc_now()
        ((moment,),) = warehouse.query("select cast(current_timestamp as timestamp)")
        after = utc_now()
    ahead = max(moment - after, before - moment, timedelta())
    if ahead.total_seconds() <= _CLOCK_SECONDS:
        yield _ok("the warehouse's clock and this machine's agree")
    else:
        which = "warehouse's" if moment > after else "machine's"
        yield _warning(
            f"The {which} clock is ahead by {_length(ahead)}.",
            "set the machine's clock by NTP; builds take what is later than what they have seen.",
        )


def _sources(case: _Case) -> _Verdicts:
    project, manifest = case.connected, case.manifest
    if not project.sources():
        raise _SkippedError("cdp_sources is not set")
    with open_tables(project, _LANDED) as warehouse:
        if not warehouse.exists(manifest.relation(_RAW_EVENTS)):
            raise _SkippedError("raw_events has not been built; run dbt build")
        landed = dict(warehouse.query(manifest.with_tables(_LOADED)))
    for name, states in groupby(read_sources(project), key=lambda state: state.name):
        yield _freshness(name, list(states), landed.get(name))


def _freshness(name: str, states: list[SourceState], landed_at: datetime | None) -> _Verdict:
    """How a source is doing. A source of records of which nothing changes is not a stalled one."""
    rows = sum(state.rows for state in states)
    times = [state.arrived_at for state in states if state.arrived_at]
    if landed_at:
        times.append(landed_at)
    if not rows:
        if landed_at:
            return _warning(f"'{name}' was loaded, but nothing of it is built.", "dbt build")
        is_loaded = states[0].origin == "cdp load"
        fix = "cdp load" if is_loaded else "see whether its tables are filled, and run dbt build"
        return _warning(f"'{name}' has given nothing.", f"{fix}; `cdp sources` tells of rejects.")
    age = utc_now() - max(times) if times else timedelta()
    if age.total_seconds() < -_CLOCK_SECONDS:
        return _warning(
            f"The newest row of '{name}' comes from the future, by {_length(-age)}.",
            "correct the clock of what sends or loads it.",
        )
    gives_events = any(state.kind == EVENTS and state.rows for state in states)
    if gives_events and age > _SILENCE:
        return _warning(
            f"The newest row of '{name}' came {_length(age)} ago.",
            "see whether it still sends, and whether its loader and dbt build still run.",
        )
    return _ok(f"the newest row of '{name}' came {_length(age)} ago")


def _length(span: timedelta) -> str:
    """A length of time in its largest unit."""
    seconds = int(span.total_seconds())
    for unit, size in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{max(seconds, 0)} seconds"


_CHECKS: Mapping[str, Callable[[_Case], _Verdicts]] = {
    "dbt": _dbt,
    "project": _project,
    "package": _package,
    "profile": _profile,
    "adapter": _adapter,
    "database file": _file,
    "leftovers": _leftovers,
    "disk": _disk,
    "variables": _variables,
    "parse": _parse,
    "access": _access,
    "syncs": _syncs,
    "connection": _connection,
    "permissions": _permissions,
    "clock": _clock,
    "sources": _sources,
}
