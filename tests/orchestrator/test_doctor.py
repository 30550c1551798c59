"""What the doctor finds in broken projects: each broken thing is told, with what to do about it."""

import json
import subprocess
import sys
from collections import namedtuple
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib import metadata
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from dbt_cdp import doctor
from dbt_cdp.cli import run
from dbt_cdp.dbt import Dbt, Manifest
from dbt_cdp.doctor import SCRATCH_TABLE, Finding, State, examine
from dbt_cdp.errors import WarehouseError
from dbt_cdp.project import Project, package_root
from dbt_cdp.sources import SourceState
from dbt_cdp.variables import known_variables, meant

OK, WARNING, ERROR, SKIPPED = State

CHECKS = [
    *("dbt", "project", "package", "profile", "adapter", "database file", "leftovers", "disk"),
    *("variables", "parse", "access", "syncs", "connection", "permissions", "clock", "sources"),
]


@pytest.fixture
def parsed(shop: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The shop, which dbt has parsed; what a test then changes there dbt does not come to see."""
    manifest = Manifest(json.loads((shop / "target" / "manifest.json").read_text()))
    monkeypatch.setattr(Dbt, "manifest", lambda self: manifest)
    return shop


def found(check: str, **options: Any) -> list[Finding]:
    """The findings of one check; that all the others were made too is looked at."""
    findings = list(examine(**options))
    assert list(dict.fromkeys(finding.check for finding in findings)) == CHECKS
    return [finding for finding in findings if finding.check == check]


def change(file: Path, **settings: Any) -> None:
    """Set keys of a YAML file; None removes one."""
    content = {**yaml.safe_load(file.read_text()), **settings}
    file.write_text(yaml.safe_dump({key: v for key, v in content.items() if v is not None}))


def set_vars(folder: Path, **variables: Any) -> None:
    file = folder / "dbt_project.yml"
    change(file, vars={**yaml.safe_load(file.read_text())["vars"], **variables})


def set_target(folder: Path, **settings: Any) -> None:
    file = folder / "profiles.yml"
    target = yaml.safe_load(file.read_text())["shop"]["outputs"]["dev"]
    change(file, shop={"target": "dev", "outputs": {"dev": {**target, **settings}}})


def unlink_package(folder: Path) -> None:
    (folder / "dbt_packages" / "cdp").unlink()


def install_version(folder: Path, version: str) -> None:
    unlink_package(folder)
    (folder / "dbt_packages" / "cdp").mkdir()
    (folder / "dbt_packages" / "cdp" / "dbt_project.yml").write_text(
        f"name: cdp\nversion: {version}\n"
    )


def write_database(folder: Path, text: str) -> None:
    (folder / "shop.duckdb").write_text(text)


def make_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def spill(folder: Path) -> None:
    (folder / "shop.duckdb.tmp").mkdir()
    (folder / "shop.duckdb.tmp" / "block").write_text("x")


WEB = {"name": "web", "collector": "cdp"}

# What is done to the project, and what is found: check, state, words of the finding and of the fix.
BROKEN: dict[str, tuple[Callable[[Path], Any], str, State, str, str]] = {
    "no project": (
        lambda shop: (shop / "dbt_project.yml").unlink(),
        *("project", ERROR, "There is no dbt_project.yml", "--project-dir"),
    ),
    "not YAML": (
        lambda shop: (shop / "dbt_project.yml").write_text("name: [shop"),
        *("project", ERROR, "dbt_project.yml is not YAML", "correct it"),
    ),
    "no name": (
        lambda shop: change(shop / "dbt_project.yml", name=None),
        *("project", ERROR, "has no name", "name:"),
    ),
    "package not installed": (
        unlink_package,
        *("package", ERROR, "packages.yml names the package, but", "dbt deps"),
    ),
    "package not declared": (
        lambda shop: [unlink_package(shop), (shop / "packages.yml").unlink()],
        *("package", ERROR, "is not in the project", "cdp init"),
    ),
    "package gone": (
        lambda shop: [
            unlink_package(shop),
            (shop / "dbt_packages" / "cdp").symlink_to(shop / "nowhere"),
        ],
        *("package", ERROR, "not installed", "dbt deps"),
    ),
    "package of another version": (
        lambda shop: install_version(shop, "9.9.9"),
        *("package", ERROR, "version 9.9.9, this command of version", "packages.yml"),
    ),
    "parsing without the package": (
        unlink_package,
        *("parse", SKIPPED, "the package is not installed", ""),
    ),
    "no such profile": (
        lambda shop: change(shop / "dbt_project.yml", profile="other"),
        *("profile", ERROR, "There is no profile 'other'", "to one of: shop"),
    ),
    "no such target": (
        lambda shop: change(shop / "profiles.yml", shop={"target": "prod", "outputs": {"dev": {}}}),
        *("profile", ERROR, "no target 'prod'", "choose one of: dev"),
    ),
    "a profile of another shape": (
        lambda shop: change(shop / "profiles.yml", shop=["dev"]),
        *("profile", ERROR, "The profile 'shop' holds no keys", "correct it"),
    ),
    "a profile's name of another shape": (
        lambda shop: change(shop / "dbt_project.yml", profile=["shop"]),
        *("profile", ERROR, "There is no profile", "to one of: shop"),
    ),
    "a target's name of another shape": (
        lambda shop: change(shop / "profiles.yml", shop={"target": ["a"], "outputs": {1: {}}}),
        *("profile", ERROR, "has no target", "choose one of: 1"),
    ),
    "a number for a folder": (
        lambda shop: change(shop / "dbt_project.yml", **{"target-path": 5}),
        *("disk", OK, "are free at", ""),
    ),
    "an environment variable that is not set": (
        lambda shop: set_target(shop, path="{{ env_var('SHOP_NOWHERE') }}"),
        *("profile", ERROR, "SHOP_NOWHERE is not set", "set it"),
    ),
    "no adapter": (
        lambda shop: set_target(shop, type="oracle"),
        *("adapter", ERROR, "no adapter for the type 'oracle'", "pip install dbt-oracle"),
    ),
    "settings that lead nowhere": (
        lambda shop: set_target(shop, type="snowflake"),
        *("connection", ERROR, "Snowflake cannot be reached by these settings", "dbt debug"),
    ),
    "no file in a warehouse of another type": (
        lambda shop: set_target(shop, type="snowflake"),
        *("database file", SKIPPED, "of type 'snowflake'", ""),
    ),
    "in memory": (
        lambda shop: set_target(shop, path=":memory:"),
        *("connection", ERROR, "keeps its data in memory", "path:"),
    ),
    "named like the package": (
        lambda shop: set_target(shop, path="CDP.duckdb"),
        *("database file", WARNING, "CDP.duckdb makes a catalog", "another name"),
    ),
    "no folder for the file": (
        lambda shop: set_target(shop, path="nowhere/shop.duckdb"),
        *("database file", ERROR, "There is no folder", "correct the profile"),
    ),
    "a folder for a file": (
        lambda shop: make_folder(shop / "shop.duckdb"),
        *("database file", ERROR, "is no file", "path:"),
    ),
    "not built": (
        lambda shop: (shop / "shop.duckdb").unlink(),
        *("database file", WARNING, "is not there yet", "dbt build"),
    ),
    "not of DuckDB": (
        lambda shop: write_database(shop, "a shopping list" * 1000),
        *("connection", ERROR, "not a valid DuckDB database file", "correct the target 'dev'"),
    ),
    "a log beside the file": (
        lambda shop: (shop / "shop.duckdb.wal").touch(),
        *("leftovers", WARNING, "shop.duckdb.wal (0 bytes) lies beside", "Never delete it"),
    ),
    "spilled rows": (
        spill,
        *("leftovers", WARNING, "shop.duckdb.tmp lies beside", "delete"),
    ),
    "a misspelt variable": (
        lambda shop: set_vars(shop, cdp_segmets=[]),
        *("variables", ERROR, "Nothing reads the variable 'cdp_segmets'", "'cdp_segments'?"),
    ),
    "a variable of another spelling": (
        lambda shop: set_vars(shop, **{"CDP-Traits": []}),
        *("variables", ERROR, "'CDP-Traits'", "did you mean 'cdp_traits'?"),
    ),
    "a misspelt variable of the package alone": (
        lambda shop: set_vars(shop, cdp={"cdp_sorces": []}),
        *("variables", ERROR, "'cdp_sorces'", "did you mean 'cdp_sources'?"),
    ),
    "a variable like none": (
        lambda shop: set_vars(shop, cdp_zzz=1),
        *("variables", WARNING, "Nothing of the package reads the variable 'cdp_zzz'", "yours"),
    ),
    "a variable for the package alone": (
        lambda shop: set_vars(shop, cdp={"cdp_traits": []}),
        *("variables", WARNING, "your models cannot see it", "move it directly under `vars:`"),
    ),
    "a variable for the project alone": (
        lambda shop: set_vars(shop, shop={"cdp_traits": []}),
        *("variables", ERROR, "the package cannot see it", "move it directly under `vars:`"),
    ),
    "a variable outside of vars": (
        lambda shop: change(shop / "dbt_project.yml", cdp_traits=[]),
        *("variables", ERROR, "'cdp_traits' stands outside of `vars:`", "move it directly"),
    ),
    "variables of another shape": (
        lambda shop: change(shop / "dbt_project.yml", vars=["cdp_sources"]),
        *("variables", ERROR, "`vars:` must hold names and values", "correct it"),
    ),
    "sources of another shape": (
        lambda shop: set_vars(shop, cdp_sources={"web": "cdp"}),
        *("variables", ERROR, "cdp_sources must be a list", "correct it"),
    ),
    "no sources": (
        lambda shop: set_vars(shop, cdp_sources=[]),
        *("variables", WARNING, "nothing of the package is built", "cdp sources suggest"),
    ),
    "nothing may be written": (
        lambda shop: set_target(shop, config_options={"access_mode": "read_only"}),
        *("permissions", ERROR, "No table can be made and dropped", "grant the right"),
    ),
    "no schema yet": (
        lambda shop: set_target(shop, path="new.duckdb", schema="marts"),
        *("connection", SKIPPED, "no file yet", ""),
    ),
    "raw_events not built": (
        lambda shop: None,
        *("sources", SKIPPED, "raw_events has not been built", ""),
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_broken_is_told_with_what_to_do(parsed: Path, case: str) -> None:
    break_it, check, state, words, fix = BROKEN[case]
    break_it(parsed)
    findings = found(check)
    assert [(one.state, words in one.finding, fix in one.fix) for one in findings][:1] == [
        (state, True, True)
    ], findings
    # What it says stands on a line, and whoever reads of a fault reads what to do.
    assert all("\n" not in one.finding + one.fix for one in findings)
    assert all(one.fix for one in findings if one.state in (ERROR, WARNING))


def test_a_project_that_is_well_has_no_error_and_stays_as_it_is(shop: Path, capsys, query) -> None:
    before = {path: path.stat().st_mtime for path in shop.iterdir() if path.suffix == ".yml"}
    assert run(["doctor", "--json"]) == 0
    said = capsys.readouterr()
    findings = json.loads(said.out)
    assert {one["check"]: one["state"] for one in findings} == {
        **dict.fromkeys(CHECKS, "ok"),
        "sources": "skipped",
    }
    assert said.err == "0 errors, 0 warnings.\n"
    assert {
        path: path.stat().st_mtime for path in shop.iterdir() if path.suffix == ".yml"
    } == before
    assert query("select count(*) from duckdb_tables() where table_name = ?", SCRATCH_TABLE) == [
        (0,)
    ]


def test_an_error_sets_the_exit_code_and_a_table_shows_what_to_do(parsed: Path, capsys) -> None:
    unlink_package(parsed)
    assert run(["doctor"]) == 1
    said = capsys.readouterr()
    assert "but it is not installed." in said.out
    assert "-> dbt deps" in said.out
    assert said.err == "1 error, 0 warnings.\n"
    assert run(["doctor", "--project-dir", "nowhere"]) == 2


def test_a_file_that_is_not_there_is_not_made(parsed: Path) -> None:
    (parsed / "shop.duckdb").unlink()
    assert [one.state for one in found("connection")] == [SKIPPED]
    assert not (parsed / "shop.duckdb").exists()


def test_dbt_s_own_words_tell_what_is_wrong_with_a_variable(shop: Path) -> None:
    set_vars(shop, cdp_sources=[{**WEB, "colour": "red"}])
    (finding,) = found("parse")
    assert finding.state == ERROR
    assert "source 'web': unknown key 'colour'" in finding.finding
    assert "> in macro" not in finding.finding


def test_syncs_must_fit_their_destinations(shop: Path, monkeypatch) -> None:
    people = {
        "destination": "files",
        "mode": "mirror",
        "key": "email",
        "fields": {"email": "email"},
    }
    crm = {**people, "destination": "crm", "object": "contacts", "mode": "upsert"}
    syncs = {"list": people, "leads": crm, "lost": {**people, "destination": "nowhere"}}
    exposures = [
        {
            "name": name,
            "type": "application",
            "owner": {"name": "Growth"},
            "config": {"meta": {"cdp_sync": sync}},
        }
        for name, sync in syncs.items()
    ]
    (shop / "models").mkdir(exist_ok=True)
    (shop / "models" / "syncs.yml").write_text(yaml.safe_dump({"exposures": exposures}))
    hubspot = {"name": "crm", "type": "hubspot", "token_env": "HUBSPOT_TOKEN"}
    files = {"name": "files", "type": "file", "path": "out"}
    set_vars(shop, cdp_destinations=[files, hubspot])
    leads, lost = found("syncs")
    assert (leads.state, lost.state) == (ERROR, ERROR)
    assert "'leads': The environment variable HUBSPOT_TOKEN is not set" in leads.finding
    assert "'lost': There is no destination 'nowhere'" in lost.finding
    monkeypatch.setenv("HUBSPOT_TOKEN", "secret")
    del exposures[2]
    (shop / "models" / "syncs.yml").write_text(yaml.safe_dump({"exposures": exposures}))
    (well,) = found("syncs")
    assert well == Finding("syncs", OK, "syncs: leads, list; `cdp sync check` tries them")


def test_models_that_the_package_reads_must_be_public(shop: Path) -> None:
    (shop / "models").mkdir()
    for name in ("stg_open", "stg_closed"):
        (shop / "models" / f"{name}.sql").write_text("select 'u' as uid, now() as at")
    models = [{"name": "stg_open", "config": {"access": "public"}}]
    (shop / "models" / "models.yml").write_text(yaml.safe_dump({"models": models}))
    columns = {"timestamp": "at", "user_id": "uid"}
    entries = [{"name": n[4:], "events": n, "columns": columns} for n in ("stg_open", "stg_closed")]
    set_vars(shop, cdp_sources=[WEB, *entries])
    (finding,) = found("access")
    assert (finding.state, "stg_closed" in finding.finding) == (WARNING, True)
    assert finding.fix == "give it `config: {access: public}`."


def test_a_file_that_another_process_has_open_is_told(parsed: Path) -> None:
    program = "import duckdb; kept = duckdb.connect('shop.duckdb'); print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=parsed,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as child:
        assert child.stdout
        child.stdout.readline()
        (finding,) = found("connection")
        child.communicate(b"\n")
    assert finding.state == ERROR
    assert f"open (process {child.pid})" in finding.finding
    assert "wait until it has ended" in finding.fix


def test_bigquery_is_not_waited_for_in_vain(parsed: Path, monkeypatch) -> None:
    asked = []

    def fail(project: Project) -> None:
        asked.append(project.target.settings)
        raise WarehouseError("It is away.")

    monkeypatch.setattr(doctor, "open_warehouse", fail)
    set_target(parsed, type="bigquery", project="p", job_retries=9)
    (finding,) = found("connection")
    assert (finding.state, finding.finding) == (ERROR, "It is away.")
    (settings,) = asked
    assert (settings["project"], settings["job_retries"]) == ("p", 0)


@pytest.mark.parametrize(
    ("version", "state", "words"),
    [
        ("1.9.4", ERROR, "cannot read"),
        ("1.10.9", WARNING, "not tested"),
        ("1.12.0", WARNING, "not"),
    ],
)
def test_the_version_of_dbt(parsed: Path, monkeypatch, version: str, state: State, words) -> None:
    versions = metadata.version
    monkeypatch.setattr(
        metadata, "version", lambda name: version if name == "dbt-core" else versions(name)
    )
    (finding,) = found("dbt")
    assert (finding.state, words in finding.finding) == (state, True)
    assert finding.fix.startswith("pip install 'dbt-core")


def test_without_dbt_all_else_is_checked(parsed: Path, monkeypatch) -> None:
    def missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", missing)
    assert [(one.state, one.finding) for one in found("dbt")] == [
        (ERROR, "dbt is not installed where this command is.")
    ]
    assert [one.state for one in found("parse")] == [SKIPPED]
    assert [one.state for one in found("connection")] == [OK]


def test_a_check_that_fails_itself_is_an_error_that_quotes_nothing(parsed, monkeypatch) -> None:
    def fail(project: object) -> None:
        raise ZeroDivisionError("ada@acme.example")

    monkeypatch.setattr(doctor, "installed_package", fail)
    (finding,) = found("package")
    assert (finding.state, finding.finding) == (
        ERROR,
        "The check itself failed (ZeroDivisionError).",
    )


def test_a_file_that_may_not_be_written(parsed: Path, monkeypatch) -> None:
    monkeypatch.setattr(doctor, "access", lambda path, mode: False)
    (finding,) = found("database file")
    assert (finding.state, "cannot be read and written" in finding.finding) == (ERROR, True)
    (parsed / "shop.duckdb").unlink()
    (finding,) = found("database file")
    assert (finding.state, "No file can be made in" in finding.finding) == (ERROR, True)


@pytest.mark.parametrize(("free", "state"), [(999_999_999, WARNING), (1_000_000_000, OK)])
def test_room_on_the_disk(parsed: Path, monkeypatch, free: int, state: State) -> None:
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda place: usage(free))
    assert [one.state for one in found("disk")] == [state]


def test_a_large_file_needs_twice_its_room(parsed: Path, monkeypatch) -> None:
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda place: usage(4_000_000_000))
    monkeypatch.setattr(doctor, "_GIGABYTE", 1_000)
    size = (parsed / "shop.duckdb").stat().st_size
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda place: usage(2 * size - 1))
    assert [one.state for one in found("disk")] == [WARNING]
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda place: usage(2 * size))
    assert [one.state for one in found("disk")] == [OK]


@pytest.mark.parametrize(
    ("ahead", "state", "whose"),
    [(50, OK, "agree"), (7_260, WARNING, "machine's"), (-7_260, WARNING, "warehouse's")],
)
def test_clocks(parsed: Path, monkeypatch, ahead: int, state: State, whose: str) -> None:
    real = doctor.utc_now
    monkeypatch.setattr(doctor, "utc_now", lambda: real() + timedelta(seconds=ahead))
    (finding,) = found("clock")
    assert (finding.state, whose in finding.finding) == (state, True)
    assert state == OK or "2 hours" in finding.finding


def test_before_a_build_the_target_s_own_schema_counts(parsed: Path) -> None:
    with duckdb.connect(parsed / "new.duckdb") as connection:
        connection.execute("create schema marts")
    set_target(parsed, path="new.duckdb", schema="marts")
    (finding,) = found("permissions")
    assert (finding.state, finding.finding) == (
        OK,
        "tables can be made and dropped in the schema marts",
    )
    set_target(parsed, schema="other")
    (finding,) = found("permissions")
    assert (finding.state, "dbt build makes it" in finding.fix) == (WARNING, True)


def hours_ago(hours: float) -> datetime:
    return datetime.now(UTC).replace(tzinfo=None) - timedelta(hours=hours)


def state_of(rows: int, arrived_at: datetime | None = None, **more: Any) -> SourceState:
    defaults = {"name": "web", "origin": "cdp load", "kind": "events"}
    return SourceState(**{**defaults, **more}, rows=rows, arrived_at=arrived_at)


@pytest.mark.parametrize(
    ("states", "landed_at", "state", "words", "fix"),
    [
        ([state_of(5, hours_ago(3))], None, OK, "came 3 hours ago", ""),
        ([state_of(5, hours_ago(80))], None, WARNING, "came 3 days ago", "still sends"),
        ([state_of(5, hours_ago(80))], hours_ago(1), OK, "minutes ago", ""),
        ([state_of(0)], hours_ago(1), WARNING, "nothing of it is built", "dbt build"),
        ([state_of(0)], None, WARNING, "'web' has given nothing", "cdp load"),
        ([state_of(0, origin="segment")], None, WARNING, "has given nothing", "tables"),
        ([state_of(5, hours_ago(-3))], None, WARNING, "from the future, by 2 hours", "clock"),
        ([state_of(5, hours_ago(800), kind="records")], None, OK, "33 days ago", ""),
        ([state_of(0), state_of(5, hours_ago(1), kind="records")], None, OK, "ago", ""),
    ],
)
def test_how_fresh_a_source_is(
    parsed: Path, query, monkeypatch, states, landed_at, state: State, words: str, fix: str
) -> None:
    query("create table raw_events as select 1 as one")
    if landed_at:
        query(
            "insert into landing_events (ingest_id, source, payload, loaded_at) values"
            " ('i', 'web', '{\"email\": \"ada@acme.example\"}', ?)",
            landed_at,
        )
    monkeypatch.setattr(doctor, "read_sources", lambda project: states)
    (finding,) = found("sources")
    assert (finding.state, words in finding.finding, fix in finding.fix) == (state, True, True)
    assert "ada@" not in f"{finding}"


def test_no_secret_of_the_profile_is_shown(parsed: Path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("SHOP_SECRET", "hunter2")
    set_target(parsed, settings={"no_such_setting": "{{ env_var('SHOP_SECRET') }}"})
    assert run(["doctor"]) == 1
    said = capsys.readouterr()
    assert "no_such_setting" in said.out
    assert "hunter2" not in said.out + said.err


def test_every_variable_of_the_docs_and_of_the_tests_is_known() -> None:
    root = package_root()
    projects = [
        *root.glob("tests/*/dbt_project.yml"),
        *root.glob("orchestrator/**/dbt_project.yml"),
    ]
    named = {
        name
        for file in projects
        for name in yaml.safe_load(file.read_text())["vars"]
        if name.startswith("cdp_")
    }
    assert {"cdp_sources", "cdp_icp", "cdp_blocked_identifiers"} <= named
    # Of the tests' own.
    assert named - known_variables() <= {"cdp_scenarios"}
    assert {"cdp_identity_decisions", "cdp_as_of"} <= known_variables()


def test_what_may_have_been_meant() -> None:
    assert {name: meant(name) for name in ("cdp_source", "cpd_sources", "sources", "batch")} == {
        "cdp_source": "cdp_sources",
        "cpd_sources": "cdp_sources",
        "sources": "",
        "batch": "",
    }
