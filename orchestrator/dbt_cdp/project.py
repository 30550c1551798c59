"""The dbt project that the command works for: its variables, its target, its folders."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import jinja2
import yaml
from jinja2.sandbox import SandboxedEnvironment
from pydantic import BaseModel, ConfigDict, ValidationError

from dbt_cdp.errors import ConfigurationError

PACKAGE = "cdp"
PROJECT_FILE = "dbt_project.yml"
PROFILES_FILE = "profiles.yml"

# The filters with which dbt gives a rendered value a type other than text.
_TYPED = re.compile(r"\|\s*as_(bool|number|native)\b")


Entry = TypeVar("Entry", bound=BaseModel)


class Source(BaseModel):
    """An entry of the variable `cdp_sources`; dbt checks the keys that are not named here."""

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str
    collector: str | None = None
    events: str | None = None
    records: str | None = None
    record_id: str | None = None

    @property
    def kind(self) -> str:
        """What the source gives: `events` or `records`."""
        return "records" if self.records or self.record_id else "events"

    @property
    def is_loaded(self) -> bool:
        """Whether its data comes through this command and not by another tool."""
        return self.collector == "cdp"


@dataclass(frozen=True)
class Target:
    """A rendered target of the profile: which warehouse, and how to reach it."""

    name: str
    type: str
    # Holds secrets.
    settings: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True)
class Project:
    """A dbt project with the package `cdp` in it, or the package itself.

    Attributes:
        root: the folder of dbt_project.yml.
        name: the project's name.
        profiles_dir: the folder of profiles.yml.
        target: the rendered target.
        settings: dbt_project.yml as it is written.
    """

    root: Path
    name: str
    profiles_dir: Path
    target: Target
    settings: Mapping[str, Any] = field(repr=False)

    @classmethod
    def find(
        cls,
        project_dir: Path | None = None,
        profiles_dir: Path | None = None,
        target: str | None = None,
    ) -> "Project":
        """Find and read the project as dbt would.

        Args:
            project_dir: folder of dbt_project.yml; by default this folder or the nearest above it.
            profiles_dir: folder of profiles.yml; by default the project's, else ~/.dbt.
            target: name of the target; by default the one that the profile names.

        Raises:
            ConfigurationError: a file, the profile or the target is missing or not as it must be.
        """
        root = find_root(project_dir)
        settings = read_yaml(root / PROJECT_FILE)
        if not isinstance(settings.get("name"), str):
            raise ConfigurationError("The project has no name.", where=str(root / PROJECT_FILE))
        folder = (profiles_dir or _default_profiles_dir(root)).resolve()
        return cls(
            root=root,
            name=settings["name"],
            profiles_dir=folder,
            target=_read_target(settings, folder, target),
            settings=settings,
        )

    @classmethod
    def without_target(cls, root: Path) -> "Project":
        """The project of a folder, with no profile read: nothing can be asked of its target.

        Raises:
            ConfigurationError: dbt_project.yml is missing or cannot be read.
        """
        settings = read_yaml(root / PROJECT_FILE)
        return cls(root, str(settings.get("name")), root, Target("", "", {}), settings)

    def var(self, name: str, default: Any = None) -> Any:
        """A variable of dbt_project.yml as the package's models see it.

        Values under `vars: cdp:` win over those directly under `vars:`, as they do in dbt.

        Raises:
            ConfigurationError: `vars:` is no mapping.
        """
        variables = self.settings.get("vars") or {}
        where = str(self.root / PROJECT_FILE)
        if not isinstance(variables, dict):
            raise ConfigurationError("`vars:` must hold names and values.", where=where)
        own = variables.get(PACKAGE) or {}
        if not isinstance(own, dict):
            raise ConfigurationError("`vars: cdp:` must hold names and values.", where=where)
        return {**variables, **own}.get(name, default)

    def sources(self) -> list[Source]:
        """The entries of the variable `cdp_sources`.

        Raises:
            ConfigurationError: an entry is not a mapping with a name.
        """
        return self.entries("cdp_sources", Source, "A source")

    def entries(
        self, variable: str, model: type[Entry], what: str, remedy: str | None = None
    ) -> list[Entry]:
        """The entries of a variable that is a list; none where it is not set.

        Args:
            variable: its name.
            model: what each must be.
            what: an entry in words, to begin an error with.
            remedy: what an entry looks like.

        Raises:
            ConfigurationError: it is no list, or an entry is not as it must be.
        """
        entries = self.var(variable) or []
        where = f"{variable} in {self.root / PROJECT_FILE}"
        if not isinstance(entries, list):
            raise ConfigurationError(f"{variable} must be a list.", where=where)
        try:
            return [model.model_validate(entry) for entry in entries]
        except ValidationError as error:
            first = error.errors(include_input=False)[0]
            key = ".".join(str(part) for part in first["loc"]) or "entry"
            raise ConfigurationError(
                f"{what} is not as it must be: {key}: {first['msg']}.", where=where, remedy=remedy
            ) from None

    @property
    def database_file(self) -> Path | None:
        """The DuckDB file of the target, there or not; None where it is in memory or elsewhere."""
        path = str(self.target.settings.get("path", ":memory:"))
        is_elsewhere = path.startswith(":memory:") or len(urlsplit(path).scheme) > 1
        return None if self.target.type != "duckdb" or is_elsewhere else self.root / path

    @property
    def target_path(self) -> Path:
        """The folder that dbt writes its artifacts to."""
        return self._folder("target", default="target")

    @property
    def log_path(self) -> Path:
        """The folder that dbt writes its logs to."""
        return self._folder("log", default="logs")

    def _folder(self, kind: str, default: str) -> Path:
        """A folder of dbt's, by its environment variables before the project's settings."""
        variable = f"{kind.upper()}_PATH"
        name = (
            os.environ.get(f"DBT_ENGINE_{variable}")
            or os.environ.get(f"DBT_{variable}")
            or _render(self.settings.get(f"{kind}-path", default))
        )
        return self.root / str(name)

    @property
    def packages_path(self) -> Path:
        """The folder that `dbt deps` installs packages to."""
        return self.root / str(_render(self.settings.get("packages-install-path", "dbt_packages")))


def package_root() -> Path:
    """The folder of the dbt package that came with this command: the checkout's, or the wheel's."""
    bundled = Path(__file__).parent / "dbt_package"
    return bundled if bundled.is_dir() else Path(__file__).parents[2]


def find_root(project_dir: Path | None = None) -> Path:
    """The folder of dbt_project.yml: the given one, else this folder or the nearest one above it.

    Raises:
        ConfigurationError: there is none.
    """
    start = (project_dir or Path.cwd()).resolve()
    candidates = [start] if project_dir else [start, *start.parents]
    for folder in candidates:
        if (folder / PROJECT_FILE).is_file():
            return folder
    raise ConfigurationError(
        f"There is no {PROJECT_FILE}.",
        where=str(start),
        remedy="go to the folder of your dbt project, or give it with --project-dir.",
    )


def _default_profiles_dir(root: Path) -> Path:
    return root if (root / PROFILES_FILE).is_file() else Path.home() / ".dbt"


def read_yaml(path: Path) -> dict[str, Any]:
    """The keys of a YAML file.

    Raises:
        ConfigurationError: the file is missing, cannot be read, is not YAML or holds no keys.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigurationError(
            f"There is no {path.name}.", where=str(path.parent), remedy="give its folder."
        ) from None
    except OSError as error:
        reason = f"{path.name} cannot be read: {error.strerror}."
        raise ConfigurationError(reason, where=str(path)) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        where = f"{path}, line {line + 1}" if line is not None else str(path)
        raise ConfigurationError(f"{path.name} is not YAML.", where=where) from None
    if not isinstance(content, dict):
        raise ConfigurationError(f"{path.name} holds no keys.", where=str(path))
    return content


def _read_target(settings: Mapping[str, Any], folder: Path, target: str | None) -> Target:
    path = folder / PROFILES_FILE
    profiles = read_yaml(path)
    name = os.environ.get("DBT_PROFILE") or _render(settings.get("profile"))
    if not isinstance(name, str) or name not in profiles:
        raise ConfigurationError(
            f"There is no profile '{name}'." if name else "The project names no profile.",
            where=str(path),
            remedy=f"set `profile:` in {PROJECT_FILE} to one of: {', '.join(map(str, profiles))}.",
        )
    profile = _mapping(profiles[name], f"The profile '{name}'", path)
    outputs = _mapping(profile.get("outputs") or {}, f"`outputs:` of the profile '{name}'", path)
    target = str(target or _render(profile.get("target", "default")))
    if target not in outputs:
        raise ConfigurationError(
            f"The profile '{name}' has no target '{target}'.",
            where=str(path),
            remedy=f"choose one of: {', '.join(map(str, outputs))}.",
        )
    values = _mapping(_render(outputs[target]), f"The target '{target}'", path)
    if not isinstance(values.get("type"), str):
        raise ConfigurationError(f"The target '{target}' has no type.", where=str(path))
    return Target(name=target, type=values["type"], settings=values)


def _mapping(value: Any, what: str, path: Path) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ConfigurationError(f"{what} holds no keys.", where=str(path))
    return value


def _render(value: Any) -> Any:
    """Render the Jinja of a setting as dbt does: `env_var` and the filters `as_...`."""
    if isinstance(value, Mapping):
        return {key: _render(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_render(item) for item in value]
    if not isinstance(value, str) or "{" not in value:
        return value
    try:
        text = _JINJA.from_string(value).render()
    except jinja2.TemplateError as error:
        raise ConfigurationError(
            f"A setting cannot be rendered: {error}.", where=f"`{value}`"
        ) from None
    return yaml.safe_load(text) if _TYPED.search(value) else text


def _env_var(name: str, default: str | None = None) -> str:
    value = os.environ.get(name, default)
    if value is None:
        raise ConfigurationError(
            f"The environment variable {name} is not set.",
            where=f"{PROFILES_FILE} or {PROJECT_FILE}",
            remedy="set it, or give env_var a second argument as the default.",
        )
    return str(value)


def _jinja() -> SandboxedEnvironment:
    # The result is SQL settings and paths, never HTML.
    environment = SandboxedEnvironment(undefined=jinja2.StrictUndefined, autoescape=False)
    environment.globals["env_var"] = _env_var
    for name in ("as_bool", "as_native", "as_number", "as_text"):
        environment.filters[name] = lambda value: value
    return environment


_JINJA = _jinja()
