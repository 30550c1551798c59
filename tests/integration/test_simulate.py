"""What `cdp identity simulate` says, against what comes when the change is really made."""

import hashlib
import io
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from consumer import Consumer
from dbt_cdp import dbt, project_copy, simulate
from dbt_cdp.cli import run
from dbt_cdp.dbt import Manifest
from dbt_cdp.decisions import BUILT_IN_TYPES, Identifier
from dbt_cdp.errors import ConfigurationError
from dbt_cdp.project import Project, package_root

GRAPH = "select identifier_type, identifier_value, canonical_id, is_shared from identity_graph"
PROFILES = """
    select * exclude (data_batch_id, definition_hash, batch_id) from user_profiles
    order by canonical_id
"""
MEMBERS = "select membership_id, segment_name, exited_at is null as is_open from segments"
SIZES = "select segment_name, count(*) from segments where exited_at is null group by 1"

# A phone may touch three people, and joins three contacts; an address may not join a login and a
# contact; a tablet is on no block list; nobody is a customer any more.
RULES = {
    "cdp_identifiers": [{"name": "phone", "max_people": 3}, {"name": "email", "counts": "all"}],
    "cdp_blocked_identifiers": None,
    "cdp_segments": [
        {"name": "customers", "where": "lifetime_revenue > 1000000"},
        {"name": "everybody", "where": "true"},
    ],
}
LIMIT = {"cdp_identifiers": [{"name": "phone", "max_people": 3}]}
# Without her login a phone of Ada's is nobody's that is known.
LOGIN = Identifier("user_id", "101")
# Spelled as no event and no record spells them.
MAIL = Identifier("email", "aDa@acme.EXAMPLE")
PHONE = Identifier("phone", "0049 (30) 1234567")
NORMAL = {MAIL: "ada@acme.example", PHONE: "+49301234567"}
NOBODY = Identifier("email", "nobody@nowhere.example")


class Trial:
    """A project, a folder for temporary files of its own, and every call of a child process."""

    def __init__(self, consumer: Consumer, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.consumer, self.monkeypatch = consumer, monkeypatch
        self.temporary = folder / "temporary"
        self.temporary.mkdir()
        self.calls: list[list[str]] = []

    def simulate(self, *options: str) -> int:
        """The exit code; nothing but that may be left of a trial."""
        before = contents(self.consumer.folder)
        folder = str(self.consumer.folder)
        with self.monkeypatch.context() as patched:
            patched.setattr(tempfile, "tempdir", str(self.temporary))
            patched.setattr(dbt.subprocess, "Popen", self._observed(dbt.subprocess.Popen))
            code = run(["identity", "simulate", "--json", "--project-dir", folder, *options])
        assert contents(self.consumer.folder) == before
        assert list(self.temporary.iterdir()) == []
        return code

    def _observed(self, start: Callable[..., Any]) -> Callable[..., Any]:
        def started(call: list[str], **options: Any) -> Any:
            self.calls.append(call)
            (profiles,) = self.temporary.glob("*/profiles/profiles.yml")
            assert stat.S_IMODE(profiles.stat().st_mode) == 0o600
            return start(call, **options)

        return started


@pytest.fixture
def trial(built: Consumer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Trial:
    return Trial(built, tmp_path, monkeypatch)


def contents(folder: Path) -> dict[str, tuple[str, int]]:
    """A digest and the time of the last change of every file in a folder."""
    return {
        str(file): (hashlib.sha256(file.read_bytes()).hexdigest(), file.stat().st_mtime_ns)
        for file in folder.rglob("*")
        if file.is_file()
    }


def look(consumer: Consumer) -> dict[str, Any]:
    """What a build has made of people, profiles and segments."""
    graph = {(kind, value): found for kind, value, *found in consumer.query(GRAPH)}
    return {
        "graph": graph,
        "people": {found[0] for found in graph.values() if found[0]},
        "profiles": {row[0]: row for row in consumer.query(PROFILES)},
        "members": {key: row for key, *row in consumer.query(MEMBERS)},
        "sizes": dict(consumer.query(SIZES)),
    }


def groups(parts: dict, wholes: dict) -> dict[str, dict[str, int]]:
    """People of the one graph that are, with all they have, one of the other with others."""
    leads: dict[str, list[str]] = defaultdict(list)
    for key, (part, _) in parts.items():
        whole = wholes.get(key, (None,))[0]
        if part and whole:
            leads[part].append(whole)
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for part, places in leads.items():
        if len(set(places)) == 1:
            found[places[0]][part] = len(places)
    return {whole: members for whole, members in found.items() if len(members) > 1}


def expected_totals(was: dict[str, Any], now: dict[str, Any]) -> dict[str, int]:
    merges, splits = groups(was["graph"], now["graph"]), groups(now["graph"], was["graph"])
    both = [(was["graph"][key], now["graph"][key]) for key in was["graph"] if key in now["graph"]]
    profiles = was["profiles"].keys() & now["profiles"].keys()
    segments = expected_segments(was, now).values()
    return {
        "people_before": len(was["people"]),
        "people_after": len(now["people"]),
        "merging_people": sum(map(len, merges.values())),
        "merged_people": len(merges),
        "splitting_people": len(splits),
        "split_people": sum(map(len, splits.values())),
        "identifiers_moved": sum(bool(a[0] and b[0] and a[0] != b[0]) for a, b in both),
        "identifiers_newly_shared": sum(b[1] and not a[1] for a, b in both),
        "identifiers_no_longer_shared": sum(a[1] and not b[1] for a, b in both),
        "identifiers_gone": len(was["graph"].keys() - now["graph"].keys()),
        "identifiers_added": len(now["graph"].keys() - was["graph"].keys()),
        "profiles_added": len(now["profiles"].keys() - was["profiles"].keys()),
        "profiles_removed": len(was["profiles"].keys() - now["profiles"].keys()),
        "profiles_changed": sum(was["profiles"][key] != now["profiles"][key] for key in profiles),
        "memberships_entered": sum(entered for entered, _ in segments),
        "memberships_exited": sum(exited for _, exited in segments),
    }


def expected_segments(was: dict[str, Any], now: dict[str, Any]) -> dict[str, tuple[int, int]]:
    """Rows that were begun and rows that were closed, by segment."""
    begun = [name for key, (name, _) in now["members"].items() if key not in was["members"]]
    closed = [
        name
        for key, (name, is_open) in now["members"].items()
        if not is_open and was["members"].get(key, (name, False))[1]
    ]
    names = was["sizes"].keys() | now["sizes"].keys()
    return {name: (begun.count(name), closed.count(name)) for name in names}


def strongest(found: dict[str, Any], part: dict[str, Any]) -> list[str]:
    """The types of a person's three strongest identifiers."""
    types = [
        kind
        for (kind, _), (canonical_id, _) in found["graph"].items()
        if canonical_id == part["canonical_id"]
    ]
    return sorted(types, key=BUILT_IN_TYPES.index)[:3]


def really(built: Consumer, folder: Path, variables: dict, blocked: list[Identifier]) -> Consumer:
    """A copy of the project in which the change is made."""
    shutil.copytree(built.folder, folder, symlinks=True)
    consumer = Consumer(folder, built.database.name)
    consumer.set_vars(variables)
    with duckdb.connect(consumer.database) as connection:
        for identifier in blocked:
            connection.execute(
                "insert into main_cdp.blocked_identifiers values (?, ?, 'a trial')",
                [identifier.type, NORMAL.get(identifier, identifier.value)],
            )
    consumer.runs("run")
    return consumer


@pytest.mark.parametrize(
    ("variables", "blocked", "happens"),
    [
        (
            RULES,
            [],
            "merging_people splitting_people identifiers_newly_shared identifiers_no_longer_shared"
            " identifiers_added memberships_entered memberships_exited",
        ),
        (
            LIMIT,
            [LOGIN, MAIL, PHONE],
            "merging_people splitting_people identifiers_moved identifiers_gone profiles_removed"
            " profiles_changed",
        ),
    ],
    ids=["other rules", "a limit and blocked values"],
)
def test_a_trial_says_what_the_change_would_do(
    trial: Trial,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    variables: dict,
    blocked: list[Identifier],
    happens: str,
) -> None:
    options = []
    if variables:
        (tmp_path / "change.yml").write_text(yaml.safe_dump(variables))
        options += ["--vars", str(tmp_path / "change.yml")]
    if blocked:
        rows = "\n".join(f"{value.type},{value.value}" for value in [*blocked[1:], NOBODY])
        stdin = io.BytesIO(f"identifier_type,identifier_value\n{rows}\n".encode())
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(stdin))
        options += ["--block", str(blocked[0]), "--block-file", "-"]
    assert trial.simulate(*options) == 0
    said = capsys.readouterr()
    found = json.loads(said.out)

    was = look(trial.consumer)
    now = look(really(trial.consumer, tmp_path / "really", variables, blocked))
    assert found["totals"] == expected_totals(was, now)
    assert {
        row["segment_name"]: (row["before"], row["after"], row["entered"], row["exited"])
        for row in found["segments"]
    } == {
        name: (was["sizes"].get(name, 0), now["sizes"].get(name, 0), *changed)
        for name, changed in expected_segments(was, now).items()
    }
    assert {
        merge["canonical_id"]: {
            part["canonical_id"]: part["identifiers"] for part in merge["parts"]
        }
        for merge in found["merges"]
    } == groups(was["graph"], now["graph"])
    # New people have other ids each time.
    assert {
        split["canonical_id"]: sorted(part["identifiers"] for part in split["parts"])
        for split in found["splits"]
    } == {
        whole: sorted(parts.values()) for whole, parts in groups(now["graph"], was["graph"]).items()
    }
    assert [(value["identifier"]["value"], value["is_seen"]) for value in found["blocked"]] == [
        *((value.value, True) for value in blocked),
        *([(NOBODY.value, False)] if blocked else []),
    ]
    for part in [part for merge in found["merges"] for part in merge["parts"]]:
        assert [value["type"] for value in part["strongest"]] == strongest(was, part)
    if found["splits"]:
        (kept,) = (
            part for part in found["splits"][0]["parts"] if part["canonical_id"] in was["people"]
        )
        assert [value["type"] for value in kept["strongest"]] == strongest(now, kept)
    assert all(found["totals"][name] for name in happens.split())
    # Nothing of it is told on the way.
    words = [word for call in trial.calls for word in call]
    for text in (*words, *said.err.splitlines()):
        assert LOGIN.value not in text.split()
        assert not any(value in text.lower() for value in ("ada@", "1234567", NOBODY.value))


def test_a_failing_build_leaves_nothing_either(trial: Trial, capsys, monkeypatch) -> None:
    with duckdb.connect(trial.consumer.database) as connection:
        connection.execute("drop table main_cdp.free_mail_domains")
    # The environment may send what dbt writes elsewhere.
    monkeypatch.setenv("DBT_TARGET_PATH", str(trial.consumer.folder / "target"))
    monkeypatch.setenv("DBT_LOG_PATH", str(trial.consumer.folder / "logs"))
    assert trial.simulate("--block", str(LOGIN)) == 1
    said = capsys.readouterr()
    assert "`dbt run` failed" in said.err
    assert "free_mail_domains" in said.err
    assert said.out == ""
    assert os.environ["DBT_LOG_PATH"] == str(trial.consumer.folder / "logs")


def test_a_signal_leaves_nothing(built: Consumer, tmp_path: Path) -> None:
    (tmp_path / "temporary").mkdir()
    before = contents(built.folder)
    with subprocess.Popen(
        [
            sys.executable,
            "-P",
            "-m",
            "dbt_cdp",
            "identity",
            "simulate",
            "--block",
            "email=a@b.example",
        ],
        cwd=built.folder,
        env={
            **os.environ,
            "PYTHONPATH": str(package_root() / "orchestrator"),
            "TMPDIR": str(tmp_path / "temporary"),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        assert "Copying" in process.stderr.readline()
        assert "Bringing" in process.stderr.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 143
    assert list((tmp_path / "temporary").iterdir()) == []
    assert contents(built.folder) == before


def test_the_tables_show_what_was_found(monkeypatch, capsys, shop: Path) -> None:
    ann, bob = Identifier("email", "ann@shop.example"), Identifier("user_id", "bob")
    found = simulate.Simulation(
        totals=simulate.Totals(*range(1_000, 1_016)),
        segments=[simulate.SegmentChange("loyal", 7, 8, 2, 1)],
        merges=[
            simulate.Regrouping(
                "one", [simulate.Part("one", 3, [bob, ann]), simulate.Part("two", 1, [ann])]
            )
        ],
        splits=[],
        blocked=[simulate.BlockedValue(ann, is_seen=False)],
    )
    command = sys.modules["dbt_cdp.commands.identity.simulate"]
    monkeypatch.setattr(command, "try_change", lambda *asked: found)
    assert run(["identity", "simulate", "--block", str(ann)]) == 0
    said = capsys.readouterr().out
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in said.splitlines()]
    figures = [row[1] for row in rows if len(row) == 2 and row[1].startswith("1,0")]
    assert figures == [f"{number:,}" for number in range(1_000, 1_016)]
    assert ["email=ann@shop.example", "no"] in rows
    assert ["one", "one", "3", "user_id=bob, email=ann@shop.example"] in rows
    assert ["", "two", "1", "email=ann@shop.example"] in rows
    assert ["loyal", "7", "8", "2", "1"] in rows
    assert "split of" not in said


# What cannot be tried


@pytest.fixture
def refused(shop: Path, capsys: pytest.CaptureFixture[str]):
    """Try a change in a project that has nothing but a warehouse file; it must be refused."""

    def call(*options: str, code: int = 2) -> str:
        assert run(["identity", "simulate", *options]) == code
        said = capsys.readouterr()
        assert said.out == ""
        assert "needle" not in said.err
        return said.err

    return call


def write_target(shop: Path, **settings: Any) -> None:
    target = {"type": "duckdb", "path": "shop.duckdb", **settings}
    profiles = {"shop": {"target": "dev", "outputs": {"dev": target}}}
    (shop / "profiles.yml").write_text(yaml.safe_dump(profiles))


def test_a_change_is_asked_for(refused) -> None:
    assert "Give a change" in refused()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"type": "bigquery", "project": "p", "dataset": "d"}, "is of type 'bigquery'"),
        ({"path": ":memory:"}, "no file that could be copied"),
        ({"path": "md:shop"}, "no file that could be copied"),
        ({"attach": [{"path": "other.duckdb"}]}, "attaches another database"),
    ],
)
def test_a_warehouse_that_cannot_be_copied_is_told(shop, refused, settings, said: str) -> None:
    write_target(shop, **settings)
    assert said in refused("--block", "email=needle@shop.example")


def test_a_project_that_is_not_built_is_told(shop, refused) -> None:
    assert "has not been built" in refused("--block", "email=needle@shop.example")


def test_where_there_is_no_room_nothing_is_copied(shop, refused, monkeypatch) -> None:
    usage = shutil.disk_usage(shop)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage._replace(free=1))
    said = refused("--block", "email=needle@shop.example", code=1)
    assert "no room for a copy" in said
    assert "TMPDIR" in said


def test_a_warehouse_that_is_written_to_meanwhile_is_not_tried(shop, refused, monkeypatch) -> None:
    def copy_and_write(source: Path, target: Path) -> None:
        os.utime(source)

    monkeypatch.setattr(project_copy.shutil, "copyfile", copy_and_write)
    assert "Another process wrote" in refused("--block", "email=needle@shop.example", code=1)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("vars: {cdp_identifiers: []}", "No variable of the package: vars."),
        ("cdp_identifiers: []\nbatch: 1", "No variable of the package: batch."),
        ("- cdp_identifiers", "holds no keys"),
    ],
)
def test_a_file_of_other_variables_is_told(shop, refused, text: str, said: str) -> None:
    (shop / "change.yml").write_text(text)
    assert said in refused("--vars", "change.yml")


def test_a_misspelt_variable_is_told(shop, refused) -> None:
    (shop / "change.yml").write_text("cdp_identifier: [{name: phone, max_people: 1}]")
    assert "reads the variable cdp_identifier." in refused("--vars", "change.yml")


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("needle@shop.example", "--block, value 2: is of no known type; the types are user_id"),
        ("needle=email", "--block, value 2: is of no known type"),
        ("email= ", "--block, value 2: has no value"),
    ],
)
def test_a_value_that_is_no_identifier_is_told_and_not_quoted(refused, word, said: str) -> None:
    assert said in refused("--block", "email=needle@shop.example", "--block", word)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("email,needle@shop.example\nemail,needle@shop.example\n", "begin the file with the line"),
        ("identifier_type,identifier_value\n", "holds no values"),
        ("identifier_type,identifier_value\nmail,needle\n", "values.csv, line 2: is of no known"),
        ("identifier_type,identifier_value\nemail\n", "values.csv, line 2: 1 value"),
    ],
)
def test_a_file_that_is_no_list_of_values_is_told(shop, refused, text: str, said: str) -> None:
    (shop / "values.csv").write_text(text)
    assert said in refused("--block-file", "values.csv")


def test_many_bad_values_are_told_in_part(shop, refused) -> None:
    (shop / "values.csv").write_text("identifier_type,identifier_value\n" + "x,needle\n" * 25)
    said = refused("--block-file", "values.csv")
    assert "line 11: " in said
    assert "line 12: " not in said
    assert "  and 15 more\n" in said


# How it is copied


def copied_settings(shop: Path) -> tuple[Project, dict]:
    with project_copy.copied_project(Project.find(shop)) as copied:
        settings = yaml.safe_load((copied.root / "dbt_project.yml").read_text())
        assert Project.find(copied.root, copied.profiles_dir).target == copied.target
        assert (copied.root / "dbt_packages" / "cdp" / "dbt_project.yml").is_file()
        assert copied.target_path == copied.root / "target"
        return copied, settings


def node(name: str, package: str, materialized: str = "table", *needs: str) -> dict[str, Any]:
    return {
        "name": name,
        "package_name": package,
        "resource_type": "model",
        "fqn": [package, "folder", name],
        "original_file_path": f"models/{name}.sql",
        "config": {"materialized": materialized},
        "needs": needs,
    }


def manifest(*nodes: dict[str, Any]) -> Manifest:
    parents = {node["name"]: list(node["needs"]) for node in nodes}
    children = {name: [child for child, of in parents.items() if name in of] for name in parents}
    content = {"nodes": {node["name"]: node for node in nodes}}
    return Manifest({**content, "parent_map": parents, "child_map": children})


def test_what_is_between_models_of_the_package_is_built_too() -> None:
    between = node("between", "shop", "view", "far")
    nodes = [
        node("events", "shop"),
        node("graph", "cdp", "table", "events"),
        node("far", "shop", "table", "graph"),
        between,
        node("segments", "cdp", "table", "between"),
        node("report", "shop", "table", "segments"),
    ]
    assert simulate._selection(manifest(*nodes)) == [
        "package:cdp",
        "shop.folder.between",
        "shop.folder.far",
    ]
    between["config"]["materialized"] = "external"
    with pytest.raises(ConfigurationError, match="between writes a file outside the warehouse"):
        simulate._selection(manifest(*nodes))


def test_one_moment_counts_for_both_builds(shop: Path) -> None:
    _, settings = copied_settings(shop)
    assert settings["vars"]["cdp_as_of"] > "2026"
    path = shop / "dbt_project.yml"
    path.write_text(f'{path.read_text()}  cdp: {{cdp_as_of: "2026-06-30"}}\n')
    _, settings = copied_settings(shop)
    assert settings["vars"]["cdp_as_of"] == "2026-06-30"
    assert settings["vars"]["cdp"] == {}


def test_what_a_crash_has_left_to_be_written_is_copied_too(tmp_path: Path) -> None:
    path = tmp_path / "shop.duckdb"
    crash = (
        "import duckdb, os, sys; connection = duckdb.connect(sys.argv[1]);"
        " connection.execute('create table t as select 7 as n'); os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", crash, path], check=True)
    assert (tmp_path / "shop.duckdb.wal").exists()
    before = contents(tmp_path)
    (tmp_path / "copy").mkdir()
    copied = project_copy._copy_database(path, tmp_path / "copy")
    with duckdb.connect(copied) as connection:
        assert connection.execute("select n from shop.t").fetchall() == [(7,)]
    assert contents(tmp_path).items() >= before.items()


def test_the_profile_is_found_where_the_environment_names_it(shop: Path, monkeypatch) -> None:
    profiles = yaml.safe_load((shop / "profiles.yml").read_text())
    (shop / "profiles.yml").write_text(yaml.safe_dump({"other": profiles["shop"]}))
    monkeypatch.setenv("DBT_PROFILE", "other")
    copied, _ = copied_settings(shop)
    assert copied.target.name == "dev"


def test_other_databases_stay_where_they_are(shop: Path) -> None:
    attached = [
        {"path": "../other.duckdb", "read_only": True},
        {"path": "s3://bucket/other.duckdb", "read_only": True},
    ]
    write_target(shop, attach=attached)
    copied, _ = copied_settings(shop)
    assert [entry["path"] for entry in copied.target.settings["attach"]] == [
        str(shop / "../other.duckdb"),
        "s3://bucket/other.duckdb",
    ]
    assert Path(copied.target.settings["path"]).name == "shop.duckdb"
