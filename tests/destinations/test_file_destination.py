"""The file destination: what stands in the files, also after values and people that are odd."""

import csv
import json
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from bucket_server import BUCKET, bucket_server
from dbt_cdp.destinations.base import Action, Mode, Row, Status, Sync
from dbt_cdp.destinations.errors import DestinationError, DestinationUnavailableError
from dbt_cdp.destinations.file.destination import FileDestination, FileSettings
from dbt_cdp.errors import ConfigurationError

FIELDS = ("email", "name", "score", "share", "price", "is_customer", "seen_at", "born", "nothing")
FORMATS = ("csv", "ndjson", "parquet")


def opened(
    folder: Path, format: str = "csv", mode: Mode = Mode.APPEND, **more: Any
) -> FileDestination:
    settings = FileSettings(
        name="files",
        type="file",
        path=more.get("path", "out"),
        format=format,  # type: ignore[arg-type]
    )
    fields = more.get("fields", FIELDS)
    sync = Sync("leads", mode, more.get("object", ""), "", "email", fields)
    destination = FileDestination(settings, sync, folder)
    destination.begin("f" * 32)
    return destination


def row(number: int, **fields: Any) -> Row:
    key = f"p{number}@shop.example"
    values = {
        "email": key,
        "name": 'Zoë "Z", 木\nO\'Neil',
        "score": number,
        "share": 0.1 + 0.2,
        "price": Decimal("12.50"),
        "is_customer": number % 2 == 0,
        "seen_at": datetime(2026, 6, 1, 12, 0, 0, 250_000),
        "born": date(1990, 2, 28),
        "nothing": None,
        **fields,
    }
    return Row(f"{number:032x}", key, values)


def read(file: Path) -> list[dict[str, Any]]:
    """The rows of a file, as a reader of its format sees them."""
    if file.suffix == ".csv":
        with file.open(encoding="utf-8", newline="") as lines:
            return list(csv.DictReader(lines))
    if file.suffix == ".ndjson":
        return [json.loads(line) for line in file.read_text("utf-8").split("\n") if line]
    with duckdb.connect() as connection:
        found = connection.execute("select * from read_parquet(?)", [str(file)])
        names = [one[0] for one in found.description or ()]
        return [dict(zip(names, values, strict=True)) for values in found.fetchall()]


def files(folder: Path) -> list[Path]:
    return sorted((folder / "out" / "leads").iterdir())


@pytest.mark.parametrize(
    ("format", "expected"),
    [
        (
            "csv",
            {
                "score": "7",
                "share": "0.30000000000000004",
                "price": "12.5",
                "is_customer": "false",
                "seen_at": "2026-06-01T12:00:00.250000Z",
                "born": "1990-02-28",
                "nothing": "",
            },
        ),
        (
            "ndjson",
            {
                "score": 7,
                "share": 0.30000000000000004,
                "price": 12.5,
                "is_customer": False,
                "seen_at": "2026-06-01T12:00:00.250000Z",
                "born": "1990-02-28",
                "nothing": None,
            },
        ),
        (
            "parquet",
            {
                "score": 7,
                "share": 0.30000000000000004,
                "price": 12.5,
                "is_customer": False,
                "seen_at": datetime(2026, 6, 1, 12, 0, 0, 250_000),
                "born": date(1990, 2, 28),
                "nothing": None,
            },
        ),
    ],
)
def test_values_arrive_as_what_they_are(
    tmp_path: Path, format: str, expected: dict[str, Any]
) -> None:
    destination = opened(tmp_path, format)
    outcomes = list(destination.send(Action.ADD, [row(7), row(8)]))
    assert [one.status for one in outcomes] == [Status.ACKNOWLEDGED] * 2
    (file,) = files(tmp_path)
    first, second = read(file)
    assert first == {"email": "p7@shop.example", "name": 'Zoë "Z", 木\nO\'Neil', **expected}
    assert list(first) == list(FIELDS)
    assert second["email"] == "p8@shop.example"
    assert {one.remote_id for one in outcomes} == {f"leads/{file.name}"}


def test_a_column_of_several_types_is_text_in_parquet(tmp_path: Path) -> None:
    destination = opened(tmp_path, "parquet", fields=("email", "any", "number"))
    rows = [
        Row(str(place), f"k{place}", {"email": f"k{place}", "any": value, "number": number})
        for place, (value, number) in enumerate([(1, 1), ("one", 2.5), (None, Decimal("3"))])
    ]
    list(destination.send(Action.ADD, rows))
    (file,) = files(tmp_path)
    assert [(one["any"], one["number"]) for one in read(file)] == [
        ("1", 1.0),
        ("one", 2.5),
        (None, 3.0),
    ]


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("mode", [Mode.MIRROR, Mode.APPEND])
def test_erased_people_are_in_no_file(tmp_path: Path, format: str, mode: Mode) -> None:
    destination = opened(tmp_path, format, mode)
    if mode is Mode.MIRROR:
        destination.replace(row(number) for number in range(3))
    else:
        list(destination.send(Action.ADD, [row(0), row(1)]))
        list(destination.send(Action.ADD, [row(1, name="Again"), row(2)]))
        list(destination.send(Action.ADD, [row(2)]))
    before = {file: file.stat().st_ino for file in tmp_path.rglob(f"*.{format}")}
    gone = [Row("x", "p1@shop.example"), Row("y", "p9@shop.example")]
    for _ in range(2):
        outcomes = list(destination.erase(gone))
        assert [one.status for one in outcomes] == [Status.ACKNOWLEDGED] * 2
    found = [one["email"] for file in before for one in read(file)]
    assert "p1@shop.example" not in found
    assert {*found} == {"p0@shop.example", "p2@shop.example"}
    if mode is Mode.APPEND:
        *_, last = files(tmp_path)
        assert last.stat().st_ino == before[last]


def test_a_removal_takes_the_person_out_of_all_files(tmp_path: Path) -> None:
    destination = opened(tmp_path)
    list(destination.send(Action.ADD, [row(0), row(1)]))
    list(destination.send(Action.REMOVE, [Row("x", "p1@shop.example")]))
    (file,) = files(tmp_path)
    assert [one["email"] for one in read(file)] == ["p0@shop.example"]


def test_only_files_that_are_not_on_record_are_discarded(tmp_path: Path) -> None:
    destination = opened(tmp_path)
    kept = {one.remote_id for one in destination.send(Action.ADD, [row(0)])}
    list(destination.send(Action.ADD, [row(1)]))
    destination.begin("e" * 32)
    list(destination.send(Action.ADD, [row(2)]))
    destination.discard("f" * 32, frozenset(name for name in kept if name))
    assert [one["email"] for file in files(tmp_path) for one in read(file)] == [
        "p0@shop.example",
        "p2@shop.example",
    ]


@pytest.mark.parametrize("object", ["../leads", "a/../b", ".hidden", "a//b", "a\\b"])
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, object: str) -> None:
    with pytest.raises(ConfigurationError, match="leads"):
        opened(tmp_path, object=object)


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    with bucket_server() as bucket:
        monkeypatch.setenv("AWS_ENDPOINT_URL", bucket.url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        yield bucket


@pytest.mark.parametrize("format", FORMATS)
def test_files_are_kept_in_a_bucket(tmp_path: Path, s3: Any, format: str) -> None:
    destination = opened(tmp_path, format, Mode.MIRROR, path=f"s3://{BUCKET}/out")
    assert f"s3://{BUCKET}/out" in destination.check()
    assert s3.objects == {}
    destination.replace(row(number) for number in range(3))
    destination.erase([Row("x", "p1@shop.example")])
    ((name, content),) = s3.objects.items()
    assert name == f"out/leads.{format}"
    local = tmp_path / f"copy.{format}"
    local.write_bytes(content)
    assert [one["email"] for one in read(local)] == ["p0@shop.example", "p2@shop.example"]


def test_what_a_bucket_refuses_is_told_and_not_taken(tmp_path: Path, s3: Any) -> None:
    destination = opened(tmp_path, path="s3://another/out")
    with pytest.raises(DestinationUnavailableError):
        list(destination.send(Action.ADD, [row(1)]))
    with pytest.raises(DestinationError):
        destination.check()
