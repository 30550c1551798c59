"""The only place that starts dbt.

dbt runs as a child process: inside this one it would keep the lock on the DuckDB file. What it did
is read from the artifacts that it leaves in the target folder.
"""

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dbt_cdp.errors import ConfigurationError, DbtError, DbtUsageError, DiskFullError, ExitCode
from dbt_cdp.output import talk
from dbt_cdp.project import PACKAGE, PROFILES_FILE, PROJECT_FILE, Project, read_yaml

# Beside the manifest: for which target, and from which state of the files, it was written.
STAMP_FILE = "cdp_manifest.json"

# Beside it: compiled queries, a file each.
QUERIES_FOLDER = "cdp_queries"

# What dbt reads a project from; the values are its own defaults.
_PATHS = {
    "model-paths": ["models"],
    "macro-paths": ["macros"],
    "seed-paths": ["seeds"],
    "snapshot-paths": ["snapshots"],
    "test-paths": ["tests"],
    "analysis-paths": ["analyses"],
}
_FILES = [PROJECT_FILE, "packages.yml", "dependencies.yml"]

_MODEL = re.compile(r"\{(\w+)\}")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_CLOCK = re.compile(r"^\d\d:\d\d:\d\d\s+")
_ERROR_STARTS = ("Error while parsing node", "Encountered an error", "Completed with", "Usage:")
# Such as "12 of 52 OK created sql view model main_cdp.canonical_id_history .... [OK in 0.10s]".
_NODE = re.compile(r"(\d+) of (\d+) [A-Z]+ .*?(\S+) \.+ \[")
_KEPT_LINES = 400
# How long dbt may take to cancel its queries.
_STOP_SECONDS = 15
_SHOWN_LINES = 20


@dataclass(frozen=True)
class Relation:
    """A table or view, as the manifest places it. As text it is quoted for use in SQL."""

    database: str
    schema: str
    identifier: str
    sql: str

    def __str__(self) -> str:
        return self.sql


@dataclass(frozen=True)
class NodeResult:
    """What became of one model, seed, test or snapshot."""

    unique_id: str
    status: str
    message: str
    seconds: float

    @property
    def name(self) -> str:
        """The node's name, without its kind and package."""
        return self.unique_id.split(".")[2]


@dataclass(frozen=True)
class NodeProgress:
    """How far dbt has come: the node that it has begun or ended last, the i-th of n."""

    position: int
    total: int
    name: str


@dataclass(frozen=True)
class RunResults:
    """What became of the nodes of one dbt command, in the order in which they ended."""

    nodes: list[NodeResult] = field(default_factory=list)

    @property
    def failed(self) -> list[NodeResult]:
        """The nodes that did not succeed."""
        return [node for node in self.nodes if node.status in ("error", "fail", "runtime error")]


@dataclass(frozen=True)
class Manifest:
    """dbt's picture of the project: every enabled node, and where its table is."""

    content: Mapping[str, Any] = field(repr=False)

    def node(self, name: str) -> Mapping[str, Any]:
        """The model, seed or snapshot that `ref(name)` means within the package.

        A node of the user's own project goes before the package's: that is how one is replaced.

        Raises:
            ConfigurationError: there is no enabled node of that name.
        """
        root = self.content["metadata"]["project_name"]
        found = [
            node
            for node in self.content["nodes"].values()
            if node["name"] == name and node["resource_type"] in ("model", "seed", "snapshot")
        ]
        if not found:
            raise ConfigurationError(
                f"The project has no model {name}, or it is disabled.",
                where=f"project '{root}'",
                remedy="check that the package cdp is installed (dbt deps) and that the variable"
                " cdp_sources is set in dbt_project.yml.",
            )
        rank = {root: 0, PACKAGE: 1}
        return min(found, key=lambda node: rank.get(node["package_name"], 2))

    def relation(self, name: str) -> Relation:
        """Where the table of a model, seed or snapshot is.

        Raises:
            ConfigurationError: there is no enabled node of that name, or it has no table.
        """
        node = self.node(name)
        if not node.get("relation_name"):
            raise ConfigurationError(
                f"The model {name} has no table.",
                where=node["original_file_path"],
                remedy="materialize it as a table, a view or incrementally.",
            )
        return Relation(
            database=node.get("database") or "",
            schema=node["schema"],
            identifier=node["alias"],
            sql=node["relation_name"],
        )

    def with_tables(self, sql: str) -> str:
        """The query with every `{model}` replaced by the table of the model of that name.

        Raises:
            ConfigurationError: there is no enabled node of such a name, or it has no table.
        """
        return _MODEL.sub(lambda match: str(self.relation(match[1])), sql)


class Dbt:
    """dbt, for one project and target."""

    def __init__(self, project: Project) -> None:
        self.project = project

    def run(
        self,
        arguments: Sequence[str],
        *,
        stream: bool = True,
        on_node: Callable[[NodeProgress], None] | None = None,
    ) -> RunResults:
        """Run a dbt command such as `["build", "--select", "package:cdp"]` to its end.

        Never pass a person's data: dbt writes its arguments to logs and artifacts.

        Args:
            arguments: the command and its options, without project, profiles and target.
            stream: show what dbt says on stderr while it runs; else say nothing unless it fails.
            on_node: called with each node that dbt has begun or ended, instead of showing that.

        Returns:
            The results of the nodes; none for a command that runs none.

        Raises:
            DbtError: dbt failed; the message holds dbt's own account.
            DbtUsageError: the same, and the project or the call is wrong.
            DiskFullError: dbt failed for want of room on a disk.
        """
        started, before = time.time(), _version(self._results_path)
        lines, code = self._run_child(arguments, _listener(stream, on_node), stream)
        self._stamp(started)
        # The clock may have been set back meanwhile: what is new is not told by its time.
        is_new = _version(self._results_path) != before
        results = self.run_results() if is_new else RunResults()
        if code:
            by = f"`dbt {arguments[0]}` in {self.project.root}"
            if no_room := DiskFullError.told_by("\n".join(lines), where=by):
                raise no_room
            failure = DbtUsageError if code == ExitCode.USAGE else DbtError
            failed = [node.name for node in results.failed]
            raise failure(f"`dbt {arguments[0]}` failed.", _error_lines(lines), failed)
        return results

    def run_results(self) -> RunResults:
        """The results that the last command of dbt's left that runs nodes; none if none did."""
        results = (_read_json(self._results_path) or {}).get("results", [])
        return RunResults(
            [
                NodeResult(
                    unique_id=result["unique_id"],
                    status=result["status"],
                    message=result.get("message") or "",
                    seconds=result["execution_time"],
                )
                for result in results
            ]
        )

    @property
    def _results_path(self) -> Path:
        return self.project.target_path / "run_results.json"

    def manifest(self) -> Manifest:
        """The manifest of the project as it is now; dbt parses it first when that is due.

        Raises:
            DbtError: the project cannot be parsed.
        """
        manifest = self.fresh_manifest()
        if manifest:
            return manifest
        self.run(["parse"], stream=False)
        content = _read_json(self.project.target_path / "manifest.json")
        if content is None:
            raise DbtError("`dbt parse` wrote no manifest.", [str(self.project.target_path)])
        return Manifest(content)

    def fresh_manifest(self) -> Manifest | None:
        """The manifest, if the last command wrote it for this target from the files as they are."""
        content = _read_json(self.project.target_path / "manifest.json")
        return Manifest(content) if content and self._is_fresh(content) else None

    def compile_inline(self, jinja: str) -> str:
        """The SQL that dbt compiles from a text such as `{{ cdp.cdp_explain_sql('?', '?') }}`.

        Never write a person's data into it: dbt takes it as an argument. Let the query have
        parameters. It is compiled once, until something changes that dbt reads a project from;
        what the last dbt command left in the target folder stays as it is.

        Args:
            jinja: the query as it could stand in a model.

        Raises:
            DbtError: the project or the text cannot be compiled.
        """
        digest = hashlib.sha256(jinja.encode()).hexdigest()
        path = self.project.target_path / QUERIES_FOLDER / f"{digest[:32]}.json"
        stored = _read_json(path) or {}
        if self._is_current(stored):
            return str(stored["sql"])
        started = time.time()
        sql = self._compile(jinja)
        path.parent.mkdir(parents=True, exist_ok=True)
        content = {"jinja": jinja, "sql": sql, "place": self._place(), "read_at": started}
        path.write_text(json.dumps(content), encoding="utf-8")
        return sql

    def _compile(self, jinja: str) -> str:
        """Compile a text, with the artifacts in a folder of their own: `dbt retry` and
        `--select result:...` of the user's must go on from the last real run."""
        parsed = self.project.target_path / "partial_parse.msgpack"
        known = ["--partial-parse-file-path", str(parsed)] if parsed.is_file() else []
        with tempfile.TemporaryDirectory(prefix="cdp-") as folder:
            call = ["compile", "--inline", jinja, "--no-populate-cache", "--target-path", folder]
            self.run([*call, *known], stream=False)
            results = _read_json(Path(folder, "run_results.json")) or {}
        for result in results.get("results", []):
            if result["unique_id"].startswith("sql_operation.") and result.get("compiled_code"):
                return str(result["compiled_code"])
        raise DbtError("`dbt compile` compiled no query.", [jinja])

    def _run_child(
        self, arguments: Sequence[str], listen: Callable[[str], None], stream: bool
    ) -> tuple[list[str], int]:
        colours = "--use-colors" if stream and sys.stderr.isatty() else "--no-use-colors"
        command, *options = arguments
        # -P: a file named dbt.py in the project's folder must not be taken for dbt.
        call = [sys.executable, "-P", "-m", "dbt.cli.main", colours, command, *options]
        call += ["--project-dir", str(self.project.root)]
        call += ["--profiles-dir", str(self.project.profiles_dir)]
        call += ["--target", self.project.target.name]
        lines: deque[str] = deque(maxlen=_KEPT_LINES)
        with subprocess.Popen(
            call,
            cwd=self.project.root,
            env={**os.environ, "DO_NOT_TRACK": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as child:
            try:
                for line in child.stdout or ():
                    lines.append(line.rstrip("\n"))
                    listen(lines[-1])
            except BaseException as reason:
                _stop(child, reason)
                raise
        return list(lines), child.returncode

    def _stamp(self, started: float) -> None:
        manifest = self.project.target_path / "manifest.json"
        if not manifest.exists() or manifest.stat().st_mtime < started:
            return
        content = _read_json(manifest) or {}
        stamp = {
            "invocation_id": content.get("metadata", {}).get("invocation_id"),
            "place": self._place(),
            "read_at": started,
        }
        # Without it dbt parses once more; what is wrong with the disk is told by what follows.
        with suppress(OSError):
            (self.project.target_path / STAMP_FILE).write_text(json.dumps(stamp), encoding="utf-8")

    def _is_fresh(self, manifest: Mapping[str, Any]) -> bool:
        stamp = _read_json(self.project.target_path / STAMP_FILE) or {}
        is_its_own = stamp.get("invocation_id") == manifest["metadata"]["invocation_id"]
        return is_its_own and self._is_current(stamp)

    def _is_current(self, stamp: Mapping[str, Any]) -> bool:
        """Whether what has this stamp was made for this target from the files as they are."""
        is_of_this_place = stamp.get("place") == self._place()
        # What was read in the future, before the clock was set back, proves nothing.
        return is_of_this_place and _last_change(self.project) < stamp["read_at"] <= time.time()

    def _place(self) -> str:
        """A digest of what decides where tables are; the settings themselves may hold secrets."""
        target = self.project.target
        keys = ("path", "database", "dbname", "project", "account", "schema", "dataset")
        parts = [target.name, target.type, *(str(target.settings.get(key)) for key in keys)]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _stop(child: subprocess.Popen[str], reason: BaseException) -> None:
    """End dbt. SIGINT lets it cancel the queries at work, which a server would go on with; SIGTERM
    would end it at once."""
    # Ctrl-C has reached it, too: a second one would keep it from cancelling.
    if not isinstance(reason, KeyboardInterrupt):
        child.send_signal(signal.SIGINT)
    try:
        child.communicate(timeout=_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        child.terminate()
        child.wait()


def _listener(
    stream: bool, on_node: Callable[[NodeProgress], None] | None
) -> Callable[[str], None]:
    """What is done with each line that dbt says."""
    if on_node is None:
        return talk if stream else lambda line: None

    def listen(line: str) -> None:
        if found := _NODE.search(_COLOUR.sub("", line)):
            position, total, name = found.groups()
            on_node(NodeProgress(int(position), int(total), name.split(".")[-1]))

    return listen


def _read_json(path: Path) -> dict[str, Any] | None:
    """The object in a file; None when there is no such file or it was cut short."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def _version(path: Path) -> tuple[int, int] | None:
    """Tells one content of a file from the next; None where there is no such file."""
    try:
        state = path.stat()
    except FileNotFoundError:
        return None
    return state.st_mtime_ns, state.st_ino


def _last_change(project: Project) -> float:
    """When a file that dbt reads was last changed, added or removed (Unix time, seconds)."""
    places = [project.profiles_dir / PROFILES_FILE, *_places(project.root, project.settings)]
    if project.packages_path.is_dir():
        for package in project.packages_path.iterdir():
            if (package / PROJECT_FILE).is_file():
                places += _places(package, read_yaml(package / PROJECT_FILE))
    return max((file.stat().st_mtime for place in places for file in _walk(place)), default=0.0)


def _places(root: Path, settings: Mapping[str, Any]) -> list[Path]:
    folders = [name for key, default in _PATHS.items() for name in settings.get(key, default)]
    return [root / name for name in (*_FILES, *folders)]


def _walk(place: Path) -> Iterator[Path]:
    """The place and, if it is a folder, everything in it."""
    if not place.exists():
        return
    yield place
    if place.is_dir():
        for folder, _, files in os.walk(place, followlinks=True):
            yield Path(folder)
            yield from (Path(folder, name) for name in files if Path(folder, name).exists())


def _error_lines(lines: list[str]) -> list[str]:
    """The part of dbt's talk that tells what went wrong, without colours and clock."""
    plain = [_CLOCK.sub("", _COLOUR.sub("", line)).rstrip() for line in lines]
    starts = [i for i, line in enumerate(plain) if line.startswith(_ERROR_STARTS)]
    relevant = [line for line in plain[starts[0] if starts else 0 :] if line]
    return relevant[:_SHOWN_LINES] if starts else relevant[-_SHOWN_LINES:]
