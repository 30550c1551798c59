"""Erasure in the archives of retention: files without the person, rows of others without a name."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import pytest

from bucket_server import BUCKET, bucket_server
from consumer import DUCKDB, Consumer, prepare, write_shop
from dbt_cdp.cli import run
from dbt_cdp.errors import StorageError
from dbt_cdp.storage import FolderStorage

ADA = ("ada-7", "ada@gone-shop.example", "cookie-ada")
RETENTION = {"raw_events_months": 13, "archive": "archive"}
EVENTS = [
    ("2024-03-01", {"userId": "ada-7", "anonymousId": "cookie-ada"}),
    ("2024-03-01", {"userId": "bob-1", "anonymousId": "cookie-bob"}),
    ("2024-03-02", {"userId": "ada-7", "email": "ada@gone-shop.example"}),
    ("2024-03-03", {"userId": "bob-1", "email": "bob@gone-shop.example"}),
    ("2026-06-01", {"userId": "ada-7"}),
    ("2026-06-01", {"userId": "bob-1"}),
]
FOLDER = "archive/raw_events/source=web"
MIXED = f"{FOLDER}/date=2024-02-01/1.parquet"
# As if written long ago: one of Ada's by her address, since nobody is called so; one of Bob's in
# which she is named; and one of somebody who is known by nothing but what names her.
OLD = f"""
copy (
    select events.* replace (
        rows.event_id as event_id,
        rows.user_id as user_id,
        rows.email as email,
        rows.anonymous_id as anonymous_id
    )
    from (
        select * from read_parquet('{FOLDER}/date=2024-03-03/*.parquet', hive_partitioning = false)
    ) as events
    cross join (values
        ('o1', 'undefined', ' ADA@Gone-shop.example ', null),
        ('o2', 'bob-1', 'Ada@gone-shop.example', 'cookie-bob'),
        ('o3', null, null, 'cookie-ada'),
        ('o4', 'bob-1', 'bob@gone-shop.example', null)
    ) as rows (event_id, user_id, email, anonymous_id)
) to '{MIXED}' (format parquet)
"""


def lines() -> list[str]:
    return [
        json.dumps(
            {
                "messageId": f"m{number}",
                "type": "track",
                "event": "ordered",
                "timestamp": f"{day}T10:00:00Z",
                "receivedAt": f"{day}T10:00:01Z",
                **event,
            }
        )
        for number, (day, event) in enumerate(EVENTS)
    ]


def ask(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    capsys.readouterr()
    assert run(["erase", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def request(capsys: pytest.CaptureFixture[str], *identifiers: str) -> list[str]:
    """Ask for people, a request each."""
    Path("requests.txt").write_text("\n".join(identifiers))
    made = ask(capsys, "request", "--file", "requests.txt", "--evidence", "letters")
    ask(capsys, "approve", "--all")
    return [one["request_id"] for one in made]


def status(capsys: pytest.CaptureFixture[str], request_id: str) -> tuple[str, dict[str, Any]]:
    """The status of a request, and what it says of the archive."""
    found = ask(capsys, "status", request_id)
    (task,) = [one for one in found["tasks"] if one["kind"] == "archive"]
    return found["status"], task


def held() -> dict[str, list[tuple[Any, ...]]]:
    """What is in the files of the archive."""
    columns = "event_id, user_id, email, anonymous_id"
    return {
        str(file): duckdb.sql(f"select {columns} from '{file}' order by all").fetchall()
        for file in sorted(Path("archive").rglob("*.parquet"))
    }


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, without_data_tests: None) -> Path:
    """A project that was built and loaded; nothing has expired yet."""
    folder = write_shop(tmp_path_factory.mktemp("archives") / "shop", DUCKDB)
    (folder / "events.ndjson").write_text("\n".join(lines()))
    consumer = Consumer(folder, "shop.duckdb")
    consumer.set_vars({"cdp_as_of": "2026-06-30 06:00:00"})
    place = ["--project-dir", str(folder)]
    assert run(["load", str(folder / "events.ndjson"), "--source", "web", *place]) == 0
    assert run(["run", "--only", "build", *place]) == 0
    consumer.set_vars({"cdp_retention": RETENTION})
    prepare(folder)
    return folder


@pytest.fixture
def project(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Consumer:
    folder = tmp_path / "shop"
    shutil.copytree(made, folder, symlinks=True)
    monkeypatch.chdir(folder)
    return Consumer(folder, "shop.duckdb")


@pytest.fixture
def archived(project: Consumer) -> Mapping[str, list[tuple[Any, ...]]]:
    """What is in the archive, in which there is a file more."""
    assert run(["retain", "--yes"]) == 0
    Path(MIXED).parent.mkdir()
    duckdb.sql(OLD)
    return held()


# What is left of the files, by day.
KEPT = {
    "2024-02-01": [
        ("o2", "bob-1", None, "cookie-bob"),
        ("o4", "bob-1", "bob@gone-shop.example", None),
    ],
    "2024-03-01": [("m1", "bob-1", None, "cookie-bob")],
    "2024-03-03": [("m3", "bob-1", "bob@gone-shop.example", None)],
}


def by_day() -> dict[str, list[tuple[Any, ...]]]:
    return {file.split("date=")[1].split("/")[0]: rows for file, rows in held().items()}


def test_files_lose_the_person_and_others_keep_theirs(
    archived: Mapping[str, Any], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(archived) == 4
    untouched = next(Path(FOLDER).glob("date=2024-03-03/*"))
    before = (untouched.read_bytes(), untouched.stat().st_mtime_ns)
    types = duckdb.sql(f"describe from '{MIXED}'").fetchall()
    reads: Counter[str] = Counter()
    real = FolderStorage.get

    def counted(self: FolderStorage, name: str, local: Path) -> None:
        reads[name] += 1
        real(self, name, local)

    monkeypatch.setattr(FolderStorage, "get", counted)
    made = request(capsys, "user_id=ada-7", "user_id=nobody")
    assert run(["erase", "run"]) == 0
    assert by_day() == KEPT
    assert (untouched.read_bytes(), untouched.stat().st_mtime_ns) == before
    assert duckdb.sql(f"describe from '{MIXED}'").fetchall() == types
    # Of several requests each file is read once, and not again by later runs.
    assert set(reads.values()) == {1} and len(reads) == 4
    assert run(["erase", "run"]) == 0
    assert sum(reads.values()) == 4
    for one in made:
        certificate = ask(capsys, "certificate", one)
        assert certificate["status"] == "confirmed"
        (told,) = certificate["archives"]
        assert (told["subject"], told["status"], told["count_rows"]) == ("archive", "done", 5)
        assert "3 files; 4 rows deleted, 1 emptied" in told["detail"]
        assert not any(value in json.dumps(certificate) for value in ADA)


def test_what_refuses_is_left_and_tried_again(
    archived: Mapping[str, Any], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = Path(FOLDER, "date=2024-03-02", "2.parquet")
    broken.write_bytes(b"no Parquet")
    (made,) = request(capsys, "user_id=ada-7")

    def refuses(self: FolderStorage, local: Path, name: str) -> None:
        raise StorageError("The disk refuses: it is full.", where=name)

    with monkeypatch.context() as patch:
        patch.setattr(FolderStorage, "put", refuses)
        assert run(["erase", "run"]) == 0
    state, task = status(capsys, made)
    assert (state, task["status"]) == ("waiting", "left")
    assert "date=2024-02-01/1.parquet: The disk refuses: it is full., and 2 more" in task["detail"]
    assert not any(value in task["detail"] for value in ADA)

    # The next run does what it can; what is no Parquet is left to a person.
    assert run(["erase", "run"]) == 0
    state, task = status(capsys, made)
    assert (state, task["status"]) == ("waiting", "left")
    assert "2.parquet: DuckDB cannot rewrite it" in task["detail"]
    broken.unlink()
    assert run(["erase", "run"]) == 0
    assert status(capsys, made)[0] == "confirmed"
    assert by_day() == KEPT


_KILLER = """
import os, signal
from dbt_cdp.cli import run
from dbt_cdp.storage import FolderStorage

def killed(self, *arguments):
    os.kill(os.getpid(), signal.SIGKILL)

FolderStorage.{method} = killed
run(["erase", "run"])
"""


@pytest.mark.parametrize("method", ["put", "delete"])
def test_a_kill_leaves_whole_files(
    archived: Mapping[str, Any], capsys: pytest.CaptureFixture[str], method: str
) -> None:
    (made,) = request(capsys, "user_id=ada-7")
    call = [sys.executable, "-c", _KILLER.format(method=method)]
    killed = subprocess.run(call, env=os.environ, check=False)
    assert killed.returncode == -signal.SIGKILL
    days = by_day()
    assert all(KEPT.get(file) == rows or rows in archived.values() for file, rows in days.items())
    assert run(["erase", "run"]) == 0
    assert by_day() == KEPT
    assert status(capsys, made)[0] == "confirmed"


def test_an_archive_that_is_not_written_to_any_more_in_a_bucket(
    project: Consumer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"s3://{BUCKET}/cdp"
    project.set_vars({"cdp_retention": {**RETENTION, "archive": address}})
    with bucket_server() as bucket:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        monkeypatch.setenv("AWS_ENDPOINT_URL", bucket.url)
        assert run(["retain", "--yes"]) == 0
        assert len(bucket.objects) == 3
        project.set_vars({"cdp_retention": None})
        (made,) = request(capsys, "user_id=ada-7")
        bucket.fail(403, "AccessDenied")
        assert run(["erase", "run"]) == 0
        state, task = status(capsys, made)
        assert (state, task["subject"], task["status"]) == ("waiting", address, "left")
        assert run(["erase", "run"]) == 0
        assert status(capsys, made)[0] == "confirmed"
    days = sorted(key.split("date=")[1].split("/")[0] for key in bucket.objects)
    assert days == ["2024-03-01", "2024-03-03"]
