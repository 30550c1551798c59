"""The demonstration's world, whose truth is known, and the smallest worlds there are."""

import csv
import json
import random
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from consumer import Consumer, link_package
from dbt_cdp.cli import cli
from dbt_cdp.demo.world import WorldFiles, write_world
from dbt_cdp.landing import load_files
from dbt_cdp.project import Project, package_root

TEMPLATE = package_root() / "orchestrator" / "dbt_cdp" / "demo" / "project"
RULES = ("same_device", "same_name_and_title", "continued_visit")
MERGE = [{"name": name, "action": "merge"} for name in RULES]
SYSTEMS = ("salesforce", "stripe", "zendesk")


def demo_project(folder: Path) -> Consumer:
    shutil.copytree(TEMPLATE, folder)
    link_package(folder)
    return Consumer(folder, "demo.duckdb")


def load(consumer: Consumer, source: str, file: Path) -> None:
    load_files(Project.find(consumer.folder, consumer.folder), [file], source)


def write_batches(world: WorldFiles, folder: Path, count: int) -> list[dict[str, Path]]:
    """The world's files in shuffled batches, and records that were wrong before they were right.

    The first version of every third record carries another record's first identifier, which the
    last one withdraws.
    """
    rng = random.Random(11)
    lines = world.event_files[0].read_bytes().splitlines(keepends=True)
    rng.shuffle(lines)
    batches: list[dict[str, Path]] = []
    for number in range(count):
        batch = {"web": folder / f"events_{number}.ndjson"}
        batch["web"].write_bytes(b"".join(lines[number::count]))
        for system in SYSTEMS:
            batch[system] = folder / f"{system}_{number}.csv"
        batches.append(batch)
    for system in SYSTEMS:
        header, *rows = csv.reader(getattr(world, system).open(newline=""))
        write_rows(batches[0][system], header, wrong_versions(rows))
        for batch in batches[1:-1]:
            write_rows(batch[system], header, [])
        write_rows(batches[-1][system], header, rows)
    return batches


def wrong_versions(rows: list[list[str]]) -> Iterator[list[str]]:
    for position, row in enumerate(rows[:-1]):
        if position % 3 == 0:
            yield [row[0], rows[position + 1][1], *row[2:-1], "2025-01-01T00:00:00Z"]


def write_rows(path: Path, header: list[str], rows: Iterable[list[str]]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])


def test_any_batching_gives_what_one_full_build_gives(tmp_path: Path) -> None:
    world = write_world(tmp_path / "data", people=300)
    batches = write_batches(world, tmp_path, count=3)
    bit_by_bit, at_once = demo_project(tmp_path / "bits"), demo_project(tmp_path / "once")
    for consumer in (bit_by_bit, at_once):
        consumer.set_vars({"cdp_match_rules": MERGE})
    for batch in batches:
        for source, file in batch.items():
            load(bit_by_bit, source, file)
        bit_by_bit.runs("build")
    for batch in reversed(batches):
        for source, file in batch.items():
            load(at_once, source, file)
    at_once.runs("build")
    assert bit_by_bit.snapshot() == at_once.snapshot()
    assert len(at_once.query("select * from identity_conflicts")) > 20
    merged = "select distinct rule from identity_candidates where status = 'merged'"
    assert len(at_once.query(merged)) == len(MERGE)
    assert len(at_once.query("select * from int_cdp__identity_observations")) > 1000


def test_the_demonstration_merges_nobody_and_finds_everything(tmp_path: Path) -> None:
    with CliRunner().isolated_filesystem(tmp_path):
        done = CliRunner().invoke(cli, ["demo", "--people", "400", "--seed", "3", "--json"])
        report = Path("cdp-demo", "report.html").read_text(encoding="utf-8")
    assert done.exit_code == 0, done.output
    figures = json.loads(done.stdout)
    assert f"<dt>people</dt><dd>{figures['people']:,}</dd>" in report
    assert figures["truth"]["false_merges"] == 0
    assert figures["truth"]["recall"] == 1
    assert 0.9 < figures["truth"]["recall_of_all"] < 1
    assert figures["people"] >= 400
    assert figures["refused_links"] > 0
    assert all(segment["members"] > 0 for segment in figures["segments"])
    assert len(figures["segments"]) == 3
    assert {rule["rule"] for rule in figures["match_rules"]} == set(RULES)
    for rule in figures["match_rules"]:
        assert rule["candidates"] > 0 and rule["precision"] >= 0.98 and rule["recall"] > 0.3, rule
    kinds = {sighting["identifier_type"] for sighting in figures["sightings"]}
    assert kinds >= {"user_id", "email", "anonymous_id", "crm_id", "billing_id", "support_id"}


def test_the_demonstration_does_not_overwrite_a_folder_of_somebody_else(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    done = CliRunner().invoke(cli, ["demo", "--folder", str(tmp_path)])
    assert done.exit_code == 2
    assert "holds something else" in done.stderr
    assert (tmp_path / "mine.txt").read_text() == "precious"


def test_what_the_demonstration_says_comes_next_can_be_done(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    arguments = ["demo", "--people", "60", "--folder", str(folder)]
    done = CliRunner().invoke(cli, arguments)
    again = CliRunner().invoke(cli, arguments)
    assert done.exit_code == again.exit_code == 0
    assert "canonical " in done.stdout and "├── " in done.stdout
    assert done.stdout.split("canonical ")[0] == again.stdout.split("canonical ")[0]
    demo = Consumer(folder, "demo.duckdb")
    (show,) = [line.strip() for line in done.stderr.splitlines() if "dbt show" in line]
    demo.runs("show", "--inline", show.split('"')[1])
    for words in map(str.split, again.stderr.splitlines()):
        if words[1:2] in (["profile"], ["segments"]):
            looked = CliRunner().invoke(cli, [*words[1:], "--project-dir", str(folder)])
            assert looked.exit_code == 0, looked.output
            assert "pricing_no_trial" in looked.stdout or "identifiers" in looked.stdout
    (step,) = [line.strip() for line in done.stderr.splitlines() if "cdp load data" in line]
    loaded = CliRunner().invoke(
        cli,
        [
            *step.split()[1:2],
            str(folder / step.split()[2]),
            *step.split()[3:],
            "--json",
            "--project-dir",
            str(folder),
        ],
    )
    assert json.loads(loaded.stdout)[0]["added"] == 0


# Each of these, sent by anybody, once stopped a build or could have.
HOSTILE = [
    {"properties": "oops", "userId": "u1"},
    {"properties": "{oops", "userId": "u2"},
    {"traits": "also no object }", "userId": "u3"},
    {"traits": [1, [2, {"email": 3}]], "userId": "u4"},
    *({"properties": {"amount": "9" * digits}, "userId": "u5"} for digits in (17, 28, 29, 40)),
    {"properties": {"amount": {"value": 3}, "feature": ["a", "b"]}, "userId": "u6"},
    {"properties": {"amount": "1e999"}, "userId": "'; drop table raw_events; --"},
    {"userId": "x" * 20_000},
    {"userId": "u7\u0001"},
    {"userId": {"id": 7}},
    {"userId": "u8", "timestamp": "2026-06-01T10:00:00+25:00"},
    {"userId": "u9", "timestamp": 1780300800},
    {"userId": "u10", "timestamp": {"at": "now"}},
    {"userId": "   ", "anonymousId": ""},
]


def test_no_event_can_stop_a_build(tmp_path: Path) -> None:
    consumer = demo_project(tmp_path / "hostile")
    usual = {"event": "order_completed", "timestamp": "2026-06-01T10:00:00Z"}
    file = tmp_path / "events.ndjson"
    file.write_text("".join(json.dumps({**usual, **event}) + "\n" for event in HOSTILE))
    load(consumer, "web", file)
    consumer.runs("build")
    consumer.runs("build")
    kept = consumer.query("select count(*) from raw_events")[0][0]
    rejects = dict(
        consumer.query("select reject_reason, count(*) from stg_cdp__rejected_events group by all")
    )
    assert kept + sum(rejects.values()) == len(HOSTILE)
    assert rejects == {
        "properties are not JSON": 2,
        "traits are not JSON": 1,
        "timestamp cannot be read": 3,
        "no identifier": 1,
    }
    blocked = consumer.query("select count(*) from int_cdp__identifiers where block_reason <> ''")
    assert blocked == [(2,)]
    spent = "select lifetime_revenue from user_profiles where lifetime_revenue > 0"
    assert [float(amount) for (amount,) in consumer.query(spent)] == [float("9" * 17)]


ANONYMOUS = [
    {"anonymousId": f"c{n}", "type": "page", "timestamp": f"2026-06-{n:02d}T10:00:00Z"}
    for n in range(1, 21)
]
SINGLE = [{"userId": "u1", "event": "signed_up", "timestamp": "2026-06-01T10:00:00Z"}]


@pytest.mark.parametrize(
    ("events", "people", "identified"),
    [([], 0, 0), (SINGLE, 1, 1), (ANONYMOUS, 20, 0)],
    ids=["no events at all", "one event", "anonymous events only"],
)
def test_the_smallest_worlds_build_twice(
    tmp_path: Path, events: list[dict], people: int, identified: int
) -> None:
    consumer = demo_project(tmp_path / "small")
    consumer.runs("build")
    if events:
        file = tmp_path / "events.ndjson"
        file.write_text("".join(json.dumps(event) + "\n" for event in events))
        load(consumer, "web", file)
    consumer.runs("build")
    found = "select count(*), count(case when is_identified then 1 end) from user_profiles"
    assert consumer.query(found) == [(people, identified)]
    assert consumer.query("select count(*) from segment_sizes") == [(3,)]
