"""What the README and the docs tell a reader to write and to run, written and run."""

import contextlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from redis import Redis

import presets
from consumer import Consumer, link_package
from dbt_cdp.activation.definition import read_sync
from dbt_cdp.destinations.registry import (
    destination_types,
    modes_of,
    read_destinations,
)
from dbt_cdp.project import Project, Target, package_root
from servers import redis_server

ROOT = package_root()
PAGES = sorted((ROOT / "docs").glob("*.md"))
# These have tests of their own.
START_PAGE = ROOT / "docs" / "start.md"
COLLECTOR_PAGE = ROOT / "docs" / "collector.md"
DESTINATION_PAGES = sorted((ROOT / "docs" / "destinations").glob("*.md"))
SOURCE_PAGES = sorted((ROOT / "docs" / "sources").glob("*.md"))
# A block, and the file that the words before it name, if they end with one.
BLOCK = re.compile(r"(?:`([\w./]+)`:\n\n)?```(\w+)\n(.*?)```", re.DOTALL)
# A block of SQL that begins so is a model; others are tests.
MODEL = re.compile(r"-- (models/\w+\.sql)\n")

# Models that the pages take for granted.
MODELS = {
    "stg_app__events": """
        select 'e1' as id, 'page_viewed' as name, timestamp '2026-06-01 10:00:00' as occurred_at,
            timestamp '2026-06-01 11:00:00' as loaded_at, 'u1' as user_id, 'u1' as uid,
            'c1' as cookie, 'Ada@Acme.example' as email, 'Ada@Acme.example' as mail,
            '/pricing' as path
    """,
    "stg_salesforce__contacts": """
        select 'c1' as contact_id, 'ada@acme.example' as email, null as mobile_phone,
            'Ada' as first_name, 'Acme' as account_name, 'Analyst' as title,
            timestamp '2026-06-01 10:00:00' as system_modstamp
    """,
    "my_blocked": "select '*' as identifier_type, 'nobody' as identifier_value",
    "my_decisions": """
        select 'd1' as decision_id, 'never_link' as decision, 'email' as identifier_type_a,
            'ada@acme.example' as identifier_value_a, 'email' as identifier_type_b,
            'bea@acme.example' as identifier_value_b, null as decided_at
    """,
    "my_consents": """
        select 'Ada@Acme.example' as email, 'yes' as opted_in, '2026-06-01' as opted_at
    """,
    "my_tiers": "select 'nobody' as canonical_id, 'gold' as account_tier",
    "seg_loyal": "select canonical_id from {{ ref('cdp', 'cdp__user_profiles') }}",
}
FILES = {
    "events.ndjson": '{"userId": "u2", "event": "seen", "timestamp": "2026-06-01T10:00:00Z"}\n',
    "requesters.csv": "requester_id,email,external_id\n1,ada@acme.example,u1\n",
    "decisions.csv": (
        "decision,identifier_type_a,identifier_value_a,identifier_type_b,identifier_value_b,reason\n"
        "link,email,cid@shop.example,user_id,cid-7,signed in at the counter\n"
    ),
    "change.yml": "cdp_identifiers: [{name: phone, max_people: 1}]\n",
    "asked.txt": "ada@acme.example\n",
    "junk.csv": "identifier_type,identifier_value\nemail,info@shop.example\n",
}
# Events with cookies, and records with names.
SITE = """
vars:
  cdp_sources:
    - name: app
      events: stg_app__events
      columns:
        event_type: name
        timestamp: occurred_at
        user_id: uid
        anonymous_id: cookie
        email: mail
        page_path: path
    - name: salesforce
      records: stg_salesforce__contacts
      record_id: contact_id
      identifier_type: crm_id
      identifiers: {email: email}
      attributes: {first_name: first_name}
"""


@pytest.fixture
def reader(tmp_path: Path) -> Consumer:
    """A project as a reader has it: models of their own, and no package yet."""
    return write_reader(tmp_path / "shop")


@pytest.fixture(scope="module")
def with_source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reader's project with the package and the first source of the docs, built."""
    reader = write_reader(tmp_path_factory.mktemp("docs") / "shop")
    link_package(reader.folder)
    write(reader, blocks(ROOT / "docs" / "sources.md")[0][1])
    reader.set_vars({"cdp_as_of": "2026-06-03"})
    reader.runs("build")
    return reader.folder


def write_reader(folder: Path) -> Consumer:
    (folder / "models").mkdir(parents=True)
    (folder / "tests").mkdir()
    for name, sql in MODELS.items():
        (folder / "models" / f"{name}.sql").write_text(sql)
    public = [{"name": name, "config": {"access": "public"}} for name in MODELS]
    (folder / "models" / "models.yml").write_text(yaml.safe_dump({"models": public}))
    for name, text in FILES.items():
        (folder / name).write_text(text)
    settings = {"name": "shop", "version": "1.0.0", "profile": "shop", "flags": {}, "vars": {}}
    (folder / "dbt_project.yml").write_text(yaml.safe_dump(settings))
    target = {"type": "duckdb", "path": "shop.duckdb", "threads": 1}
    profiles = {"shop": {"target": "dev", "outputs": {"dev": target}}}
    (folder / "profiles.yml").write_text(yaml.safe_dump(profiles))
    return Consumer(folder, "shop.duckdb")


def named_blocks(page: Path) -> list[tuple[str, str, str]]:
    """File or nothing, language and text of each block."""
    return BLOCK.findall(page.read_text(encoding="utf-8"))


def blocks(page: Path) -> list[tuple[str, str]]:
    return [(language, text) for _, language, text in named_blocks(page)]


# Those with something to write or to run.
BUILT_PAGES = [
    page
    for page in PAGES
    if page not in (START_PAGE, COLLECTOR_PAGE)
    and {language for language, _ in blocks(page)} & {"bash", "yaml", "sql"}
]


def write(reader: Consumer, text: str) -> None:
    """Put a YAML block of a page into the file that it belongs to."""
    text = text.replace("path/to/dbt-cdp", str(ROOT))
    content: dict[str, Any] = yaml.safe_load(text)
    if "packages" in content:
        (reader.folder / "packages.yml").write_text(text)
        return
    for kind in ("exposures", "sources"):
        if kind in content:
            path = reader.folder / "models" / f"{content[kind][0]['name']}.yml"
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
            return
    path = reader.folder / "dbt_project.yml"
    settings = yaml.safe_load(path.read_text())
    for key, values in content.items():
        settings[key].update(values)
    path.write_text(yaml.safe_dump(settings))


class Shell:
    """Runs the lines of shell blocks, as far as they can be run here.

    Attributes:
        has_built: the folders whose projects were built since `has_built` was cleared last.
    """

    def __init__(self, folder: Path, tmp_path: Path) -> None:
        self._folder = folder
        self._tmp_path = tmp_path
        self._variables = {"DO_NOT_TRACK": "1"}
        self._collector: subprocess.Popen[str] | None = None
        self._address = ""
        self.has_built: set[Path] = set()

    def run(self, line: str) -> None:
        command, *arguments = shlex.split(os.path.expandvars(self._filled(line)))
        if command == "make":
            target = rf"^{arguments[0]}:"
            assert re.search(target, (ROOT / "Makefile").read_text(), re.MULTILINE)
        elif command == "cd":
            self._folder = self._folder / arguments[0]
        elif command == "export":
            self._variables |= dict([arguments[0].split("=", 1)])
        elif (command, arguments[0]) == ("cdp", "collect"):
            self._collect(arguments)
        else:
            self._call(command, arguments, line)

    def close(self) -> None:
        """End the collector, as the ten seconds do that the page speaks of."""
        if self._collector:
            self._collector.terminate()
            self._collector.wait()
            self._collector = None

    def _filled(self, line: str) -> str:
        line = line.replace("path/to/dbt-cdp", str(ROOT)).replace("[collector]", "")
        line = line.replace("$WRITE_KEY", self._variables.get("WRITE_KEY", ""))
        line = line.replace("1f2e3d4c", self._variables.get("KEY_ID", ""))
        return line.replace("http://127.0.0.1:8080", self._address)

    def _collect(self, arguments: list[str]) -> None:
        self.close()
        self._collector = subprocess.Popen(
            [sys.executable, "-P", "-m", "dbt_cdp", *arguments, "--port", "0"],
            cwd=self._folder,
            env={**os.environ, **self._variables},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._collector.stderr
        self._address = self._collector.stderr.readline().split()[2]

    def _call(self, command: str, arguments: list[str], line: str) -> None:
        if arguments[0] == "load":
            self.close()
        text = None
        if "<" in arguments:
            *arguments, _, file = arguments
            text = (self._folder / file).read_text()
        modules = {"dbt": "dbt.cli.main", "cdp": "dbt_cdp", "pip": "pip"}
        if command == "pip":
            # Its dependencies are here; it goes to a folder of its own.
            place = str(self._tmp_path / "installed")
            arguments += ["--no-deps", "--no-build-isolation", "--upgrade", "--target", place]
        if command in ("cp", "mkdir"):
            call = [command, *arguments]
        elif command == "curl":
            call = ["curl", "--silent", "--fail", *arguments]
        else:
            call = [sys.executable, "-P", "-m", modules[command], *arguments]
        done = subprocess.run(
            call,
            input=text,
            cwd=self._folder,
            env={**os.environ, **self._variables},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        if (command, arguments[0]) == ("dbt", "build") or arguments == ["run"]:
            assert command != "dbt" or "WARN=0" in done.stdout, f"{line}\n{done.stdout}"
            self.has_built.add(self._folder)
        if arguments[:2] == ["keys", "add"]:
            self._variables["WRITE_KEY"] = done.stdout.strip()
            stored = json.loads((self._folder / "spool" / "keys.json").read_text())
            self._variables["KEY_ID"] = stored["keys"][-1]["id"]


def follow(
    reader: Consumer, page: Path, tmp_path: Path, begin_in: Path | None = None
) -> tuple[list[str], bool]:
    """Write and run everything on a page, from its top; returns the lines that were run, and
    whether the reader's project was built when all was written."""
    lines = []
    with contextlib.closing(Shell(begin_in or reader.folder, tmp_path)) as shell:
        for name, language, text in named_blocks(page):
            if name.startswith("seeds/") or (name and language in ("csv", "json")):
                path = reader.folder / name
                path.parent.mkdir(exist_ok=True)
                path.write_text(text)
            if language in ("yaml", "sql"):
                shell.has_built.clear()
            if language == "yaml" and not name.startswith("seeds/"):
                write(reader, text)
            if language == "sql":
                name = f"tests/{page.stem}_{len(list((reader.folder / 'tests').glob('*')))}.sql"
                model = MODEL.match(text)
                (reader.folder / (model[1] if model else name)).write_text(text)
            if language == "bash":
                for line in text.strip().splitlines():
                    shell.run(line)
                    lines.append(line)
        return lines, reader.folder in shell.has_built


def test_the_readme_leads_from_nothing_to_a_segment(reader: Consumer, tmp_path: Path) -> None:
    lines, _ = follow(reader, ROOT / "README.md", tmp_path)
    assert [line.split()[0] for line in lines].count("dbt") >= 5
    assert reader.query("select identifier_type, identifier_value from identity_graph") == [
        ("user_id", "u1"),
        ("email", "ada@acme.example"),
        ("anonymous_id", "c1"),
    ]
    assert reader.query("select segment_name from segment_sizes") == [("pricing_no_trial",)]


def test_the_first_ten_minutes_lead_to_a_file_that_follows_a_segment(tmp_path: Path) -> None:
    reader = Consumer(tmp_path / "my_cdp", "warehouse.duckdb")
    follow(reader, START_PAGE, tmp_path, begin_in=tmp_path)
    shown = named_blocks(START_PAGE)
    files = [text for name, language, text in shown if language == "csv" and not name]
    assert len(files) == 2
    assert (reader.folder / "out" / "pricing_leads.csv").read_text() == files[-1]
    (lobby,) = reader.query(
        "select canonical_id, is_shared from identity_graph where identifier_value = 'lobby-tablet'"
    )
    assert lobby == (None, True)


def test_the_page_of_the_collector_leads_from_a_key_to_raw_events(
    reader: Consumer, tmp_path: Path
) -> None:
    link_package(reader.folder)
    lines, _ = follow(reader, COLLECTOR_PAGE, tmp_path)
    assert sum(line.startswith("cdp collect") for line in lines) == 3
    assert reader.query("select event_type, user_id from raw_events") == [("trial_started", "u1")]


@pytest.mark.parametrize("page", BUILT_PAGES, ids=lambda page: page.stem)
def test_what_a_page_shows_builds(with_source: Path, tmp_path: Path, page: Path) -> None:
    folder = tmp_path / "shop"
    shutil.copytree(with_source, folder, symlinks=True)
    reader = Consumer(folder, "shop.duckdb")
    _, has_built = follow(reader, page, tmp_path)
    shown = {language for language, _ in blocks(page)}
    if shown & {"yaml", "sql"} and not has_built:
        reader.runs("build")


def test_a_web_site_finds_people_in_redis_by_any_identifier(
    reader: Consumer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link_package(reader.folder)
    write(reader, SITE)
    page = ROOT / "docs" / "destinations" / "redis.md"
    with redis_server() as port, Redis(port=port) as client:
        monkeypatch.setenv("SITE_REDIS_URL", f"redis://127.0.0.1:{port}")
        lines, _ = follow(reader, page, tmp_path)
        assert [line for line in lines if line.startswith("cdp sync run")]

        found = []
        for identifier in ("anonymous_id:c1", "user_id:u1", "email:ada@acme.example"):
            pointer = json.loads(client.get(f"cdp:site_ids:{identifier}"))
            found.append(json.loads(client.get(f"cdp:site_profiles:{pointer['canonical_id']}")))
        ada = found[0]
        assert found == [ada] * 3
        assert ada["segments"] == "pricing_fans,visitors"
        assert ada["first_name"] == "Ada" and isinstance(ada["lead_score"], int | float)
        assert len(client.keys("cdp:site_profiles:*")) == 1


def test_what_the_page_of_hightouch_shows_builds(reader: Consumer, tmp_path: Path) -> None:
    link_package(reader.folder)
    write(reader, SITE)
    follow(reader, ROOT / "docs" / "destinations" / "hightouch.md", tmp_path)
    reader.runs("build", cdp_as_of="2026-06-03")
    found = reader.query("select email from main.hightouch_pricing_fans")
    assert found == [("ada@acme.example",)]


def test_every_collector_has_a_page_that_says_what_its_tests_set() -> None:
    project = ROOT / "tests" / "sources" / "dbt_project.yml"
    entries = yaml.safe_load(project.read_text(encoding="utf-8"))["vars"]["cdp_sources"]
    told = {
        page.stem: [text for kind, text in blocks(page) if kind == "yaml"] for page in SOURCE_PAGES
    }
    assert sorted(told) == presets.collectors()
    listed = (ROOT / "docs" / "sources.md").read_text(encoding="utf-8")
    for entry in entries:
        (text,) = told[entry["collector"]]
        assert yaml.safe_load(text) == {"vars": {"cdp_sources": [entry]}}
        assert f"(sources/{entry['collector']}.md)" in listed


def test_every_destination_has_a_page_whose_syncs_can_be_read() -> None:
    pages = {page.stem: page for page in DESTINATION_PAGES}
    assert {*pages} == {*destination_types(), "own"}
    listed = (ROOT / "docs" / "syncs.md").read_text(encoding="utf-8")
    for name, page in pages.items():
        assert f"(destinations/{name}.md)" in listed
        if name == "own":  # has a test of its own
            continue
        variables: dict[str, Any] = {}
        exposures: list[dict[str, Any]] = []
        for kind, text in blocks(page):
            content = yaml.safe_load(text) if kind == "yaml" else {}
            variables |= content.get("vars", {})
            exposures += content.get("exposures", [])
        project = Project(ROOT, "shop", ROOT, Target("", "", {}), {"vars": variables})
        destinations = read_destinations(project)
        assert exposures
        for one in exposures:
            meta = one["config"]["meta"]["cdp_sync"]
            sync = read_sync(one["name"], meta, page.name, is_consent_asked=False)
            assert sync.mode in modes_of(destinations[sync.destination])


def test_the_page_on_upgrades_names_every_table_that_is_never_rebuilt() -> None:
    page = (ROOT / "docs" / "upgrade.md").read_text(encoding="utf-8")
    section = page.split("## What is never rebuilt")[1].split("## ")[0].split("Everything else")[0]
    named = re.findall(r"`(?:int_cdp__)?([a-z_]+)`", section)
    models = [
        path
        for path in (ROOT / "models").rglob("*.sql")
        if path.parent.name == "operations" or "full_refresh=false" in path.read_text()
    ]
    assert sorted(named) == sorted(path.stem.split("cdp__")[1] for path in models)


def test_yaml_that_cannot_be_built_here_can_be_read() -> None:
    read = [
        content
        for page in (ROOT / "docs").rglob("*.md")
        for language, text in blocks(page)
        if language == "yml"
        for content in yaml.safe_load_all(text)
    ]
    assert read and all(isinstance(content, dict) for content in read)


def test_links_of_the_docs_lead_somewhere() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    for page in pages:
        for link in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
            path, _, section = link.partition("#")
            target = page.parent / path if path else page
            assert "://" in link or target.exists(), f"{page.name}: {link}"
            assert "://" in link or not section or section in sections(target), link


def sections(page: Path) -> list[str]:
    """What the headings of a page are called in links, as code hosts do it."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return [re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings]


def test_the_index_leads_to_every_page() -> None:
    docs = ROOT / "docs"
    linked = re.findall(r"\]\(([^)]+[.]md)\)", (docs / "README.md").read_text(encoding="utf-8"))
    pages = {str(page.relative_to(docs)) for page in docs.rglob("*.md")}
    assert {*linked} == pages - {"README.md"} | {"../CHANGELOG.md"}


def test_the_wheel_carries_the_dbt_package(tmp_path: Path) -> None:
    call = [sys.executable, "-m", "pip", "wheel", str(ROOT), "--no-deps", "--no-build-isolation"]
    subprocess.run([*call, "--wheel-dir", tmp_path], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("dbt_cdp-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    done = subprocess.run(
        [sys.executable, "-P", "-m", "dbt_cdp", "demo", "--people", "60", "--json"],
        cwd=tmp_path,
        env={**os.environ, "DO_NOT_TRACK": "1", "PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    packages = yaml.safe_load((tmp_path / "cdp-demo" / "packages.yml").read_text())
    assert packages == {"packages": [{"local": str(tmp_path / "site" / "dbt_cdp" / "dbt_package")}]}
