"""People who were erased are dropped at the door, and nobody else is."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from dbt_cdp.collector.suppression import IDENTIFIER_PATHS, Suppressions, digest, normalized
from dbt_cdp.dbt import Dbt
from dbt_cdp.errors import ConfigurationError
from dbt_cdp.project import Project
from serving import Collector

KEY, OLD_KEY = bytes(range(32)), bytes(range(32, 64))
EVENT = {"type": "track", "event": "seen"}

VALUES = [
    " Ada@Shop.EXAMPLE ",
    "ada.b+news@shop.example\r\n",
    "\uff41\uff44\uff41\uff20shop.example",
    "ade\u0301le@shop.example",
    "İstanbul@shop.example",
    "STRASSE@ẞ.example",
    "+49 30 1234567",
    " +49 (0) 30 / 123-45.67 ",
    "0049 30 1234567",
    "(0049) 30 1234567",
    "tel:+49-30-1234567",
    "+1 212 555 0123 ext. 12",
    "+1 212 555 0123 x12 ",
    "030 1234567",
    "\uff11\uff12\uff13",
    "",
    "\t aB+/=9 \v",
    "007",
]


def write(path: Path, *lines: str) -> Path:
    path.write_text("".join(f"{text}\n" for text in lines))
    return path


def suppressed(tmp_path: Path, *people: tuple[str, str], key: bytes = KEY) -> Path:
    digests = [digest(key, kind, value).hex() for kind, value in people]
    return write(tmp_path / "list.txt", f"key {key.hex()}", *digests)


@pytest.mark.parametrize("country", ["", "49"])
def test_an_identifier_has_the_form_that_the_warehouse_gives_it(shop: Path, country: str) -> None:
    if country:
        settings = shop / "dbt_project.yml"
        variable = f"vars:\n  cdp_default_country_code: '{country}'"
        settings.write_text(settings.read_text().replace("vars:", variable))
    forms = {"email": "email", "phone": "phone", "user_id": "id"}
    columns = ", ".join(
        f"{{{{ cdp.cdp_normalize_identifier('{form}', 'value') }}}}" for form in forms.values()
    )
    sql = Dbt(Project.find(shop)).compile_inline(f"select {columns}")
    rows = duckdb.execute(f"{sql} from (select unnest(?::varchar[]) as value)", [VALUES]).fetchall()
    for kind, expected in zip(forms, zip(*rows, strict=True), strict=True):
        assert [normalized(kind, value, country) for value in VALUES] == list(expected)


@pytest.mark.parametrize(
    ("number", "country", "expected"),
    [
        ("1 212 555 0123", "1", "+12125550123"),
        ("8 495 123 4567", "7", "+74951234567"),
        ("06 1234 5678", "39", "+390612345678"),
    ],
)
def test_what_is_dialled_within_a_country(number: str, country: str, expected: str) -> None:
    assert normalized("phone", number, country) == expected


def test_an_event_names_people_where_staging_looks(shop: Path) -> None:
    macros = "'paths': cdp.cdp_landed_event_paths(), 'types': cdp.cdp_event_identifiers()"
    compiled = Dbt(Project.find(shop)).compile_inline(f"{{{{ tojson({{{macros}}}) }}}}")
    found = json.loads(compiled)
    expected = {
        kind: tuple(path.removeprefix("$.") for path in found["paths"][kind])
        for kind in found["types"]
    }
    assert expected == IDENTIFIER_PATHS


def test_whoever_is_named_by_any_identifier_is_dropped(tmp_path: Path) -> None:
    people = suppressed(
        tmp_path,
        ("email", "ada@shop.example"),
        ("user_id", "u1"),
        ("phone", "+49301234567"),
        ("anonymous_id", "7"),
    )
    suppressions = Suppressions(people)
    assert suppressions
    for event in (
        {"userId": " u1 "},
        {"user_id": "u1", "traits": {"email": "other@shop.example"}},
        {"traits": {"email": "ADA@shop.example"}},
        {"context": {"traits": {"phone": "0049 30 1234567"}}},
        {"anonymousId": 7},
        {"previousId": "7", "userId": "u2"},
    ):
        assert event in suppressions
    for event in (
        {},
        {"userId": "u2", "anonymousId": "u1"},
        {"userId": "U1"},
        {"userId": None, "traits": "u1", "context": [], "anonymousId": {"a": "7"}},
        {"properties": {"email": "ada@shop.example"}},
    ):
        assert event not in suppressions


def test_a_key_can_be_replaced(tmp_path: Path) -> None:
    lines = [
        f"key {OLD_KEY.hex()}",
        digest(OLD_KEY, "user_id", "u1").hex(),
        f"key {KEY.hex()}",
        "country 49",
        digest(KEY, "phone", "+49301234567").hex(),
        "",
    ]
    suppressions = Suppressions(write(tmp_path / "list.txt", *lines))
    assert {"userId": "u1"} in suppressions
    assert {"phone": "030 1234567"} in suppressions
    assert {"userId": "u2"} not in suppressions


@pytest.mark.parametrize(
    "lines",
    [
        ["key short"],
        ["0" * 64],
        [f"key {KEY.hex()}", "0" * 63],
        [f"key {KEY.hex()}", "0" * 64 + " x"],
        ["country DE"],
        ["\u00e9"],
    ],
)
def test_a_list_that_is_not_one_is_refused(tmp_path: Path, lines: list[str]) -> None:
    with pytest.raises(ConfigurationError, match=r"list\.txt"):
        Suppressions(write(tmp_path / "list.txt", *lines))
    with pytest.raises(ConfigurationError, match="no such list"):
        Suppressions(tmp_path / "nothing.txt")


def test_their_events_are_dropped_at_the_door(
    make_collector: Callable[..., Collector], tmp_path: Path
) -> None:
    people = suppressed(tmp_path, ("user_id", "u1"))
    collector = make_collector("--suppressions", str(people))
    assert collector.post("/v1/track", {**EVENT, "userId": "u1"}).status == 200
    batch = {
        "batch": [{**EVENT, "userId": name} for name in ("u1", "u2", "u3")],
        "sentAt": "2026-06-01T10:00:00Z",
    }
    assert collector.post("/v1/batch", batch).status == 200
    assert 'outcome="suppressed",source="web"} 2.0' in collector.get("/metrics").body.decode()
    # The list is exported anew while the collector runs.
    suppressed(tmp_path, ("user_id", "u1"), ("user_id", "u2"))
    for number in range(100):
        event = {**EVENT, "userId": "u2", "messageId": str(number)}
        assert collector.post("/v1/track", event).status == 200
        if 'outcome="suppressed",source="web"} 3.0' in collector.get("/metrics").body.decode():
            break
        time.sleep(0.1)
    people.write_text("damaged")
    time.sleep(1.5)
    assert collector.post("/v1/track", {**EVENT, "userId": "u1"}).status == 200
    collector.stop()
    assert any("export the list again" in text for text in collector.talk)
    users = [payload["userId"] for payload in collector.payloads()]
    assert users == ["u2", "u3"] + ["u2"] * (len(users) - 2)
    assert 2 <= len(users) < 40
    for path in collector.spool.glob("*.ndjson"):
        assert b'"u1"' not in path.read_bytes()
