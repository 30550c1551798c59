"""Syncs of people: what segments, merges and consent mean for what other tools hold."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from consumer import DUCKDB, Consumer, write_shop
from dbt_cdp.cli import run
from dbt_cdp.collector.suppression import Suppressions
from dbt_cdp.decisions import Identifier
from dbt_cdp.privacy.suppressions import exported, lift, suppress
from dbt_cdp.project import Project
from fake_api import serving
from listener import SECRET, Listener

HOOK = {"type": "webhook", "url_env": "HOOK_URL", "secret_env": "HOOK_SECRET", "per_second": 1000}
VARS: dict[str, Any] = {
    "cdp_traits": [
        {"name": "orders", "count": "events", "event": "ordered"},
        {"name": "news", "last": "properties.news"},
    ],
    "cdp_segments": [{"name": "buyers", "where": "orders > 0"}],
    "cdp_consent": {"marketing": "news = 'yes'"},
    "cdp_destinations": [{"name": "hook", **HOOK}],
}
LETTERS = """
select *
from
    (values (1, ' FAY@shop.example'), (2, 'cid@shop.example'), (3, 'gus@shop.example'))
    as letters (id, email)
"""
SYNCS = {
    "buyers": {"segment": "buyers", "mode": "mirror", "consent": ["marketing"]},
    "everybody": {"mode": "upsert", "consent": ["marketing"]},
    "accounts": {
        "model": "account_profiles",
        "mode": "mirror",
        "key": "account",
        "fields": {"account": "account_id", "people": "people"},
    },
    "letters": {
        "model": "letters",
        "id": "id",
        "mode": "upsert",
        "key": "number",
        "fields": {"number": {"sql": "'letter ' || id"}, "to": "email"},
    },
}


def exposure(name: str, **sync: Any) -> dict[str, Any]:
    fields = {"email": "email", "orders": "orders"}
    meta = {"destination": "hook", "key": "email", "fields": fields, **sync}
    return {
        "name": name,
        "type": "application",
        "owner": {"name": "Growth"},
        "depends_on": ["ref('cdp', 'cdp__user_profiles')"],
        "config": {"meta": {"cdp_sync": meta}},
    }


class People:
    """A project, what happens to its people, and what a tool holds of them."""

    def __init__(self, folder: Path, listener: Listener) -> None:
        self.folder, self.listener = folder, listener
        self._events = 0

    def happen(self, *events: dict[str, Any]) -> None:
        """Load events, and build."""
        lines = []
        for event in events:
            self._events += 1
            number = self._events
            lines.append(
                {
                    "messageId": f"m{number}",
                    "type": "track",
                    "timestamp": f"2026-06-01T10:{number:02}:00Z",
                    "receivedAt": f"2026-06-01T10:{number:02}:01Z",
                    **event,
                }
            )
        file = self.folder / "events.ndjson"
        file.write_text("\n".join(map(json.dumps, lines)))
        assert run(["load", str(file), "--source", "web"]) == 0
        assert run(["run", "--only", "build"]) == 0

    def sync(self, name: str) -> list[tuple[str, str]]:
        """Run a sync; what was received by it, by key."""
        assert run(["sync", "run", name]) == 0
        return sorted(self.listener.news(), key=lambda news: news[1])


def ordered(email: str, news: str | None = None, **who: str) -> dict[str, Any]:
    properties = {"news": news} if news else {}
    return {
        "event": "ordered",
        "context": {"traits": {"email": email}},
        "properties": properties,
        **who,
    }


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    folder = write_shop(tmp_path_factory.mktemp("people") / "shop", DUCKDB)
    (folder / "models").mkdir()
    (folder / "models" / "letters.sql").write_text(LETTERS)
    exposures = [exposure(name, **sync) for name, sync in SYNCS.items()]
    (folder / "models" / "syncs.yml").write_text(json.dumps({"exposures": exposures}))
    Consumer(folder, "shop.duckdb").set_vars(VARS)
    with pytest.MonkeyPatch.context() as patch, serving(Listener()) as listener:
        patch.chdir(folder)
        patch.setenv("HOOK_URL", f"{listener.url}?token=t")
        patch.setenv("HOOK_SECRET", SECRET)
        yield People(folder, listener)  # type: ignore[arg-type]


def test_people_are_followed_through_their_lives(people: People) -> None:
    people.happen(
        ordered("ann@shop.example", "yes", userId="ann"),
        ordered("bob@shop.example", "yes", anonymousId="one"),
        ordered("cid@shop.example", "no", userId="cid"),
        ordered("dan@shop.example", userId="dan"),
        ordered("eve@shop.example", "yes", userId="eve"),
        ordered("fay@shop.example", "yes", anonymousId="two"),
    )
    # Who has not said yes, or nothing, is never sent.
    for name in ("buyers", "everybody"):
        assert people.sync(name) == [
            ("add", "ann@shop.example"),
            ("add", "bob@shop.example"),
            ("add", "eve@shop.example"),
            ("add", "fay@shop.example"),
        ]
    assert people.sync("accounts") == [("add", "shop.example")]
    assert people.listener.rows["shop.example"] == {"account": "shop.example", "people": 6}

    # Two turn out to be two others. One record of each goes on, whoever's it was: the one with the
    # address that is newest now.
    people.happen(
        ordered("bob@shop.example", userId="ann"),
        ordered("fay@shop.example", userId="eve"),
        ordered("eve@shop.example", userId="eve"),
    )
    for name in ("buyers", "everybody"):
        assert people.sync(name) == [
            ("remove", "ann@shop.example"),
            ("change", "bob@shop.example"),
            ("change", "eve@shop.example"),
            ("remove", "fay@shop.example"),
        ]
        assert people.sync(name) == []
    assert people.listener.rows["bob@shop.example"] == {"email": "bob@shop.example", "orders": 3}
    assert people.listener.rows["eve@shop.example"] == {"email": "eve@shop.example", "orders": 4}
    assert people.sync("accounts") == [("change", "shop.example")]

    # Who changes their mind is removed, in a mode that removes nobody else too.
    people.happen(
        {"event": "chose", "userId": "ann", "properties": {"news": "no"}},
        {"event": "chose", "userId": "cid", "properties": {"news": "yes"}},
    )
    for name in ("buyers", "everybody"):
        assert people.sync(name) == [("remove", "bob@shop.example"), ("add", "cid@shop.example")]
    ((state,),) = Consumer(people.folder, "shop.duckdb").query(
        "select distinct state from deliveries"
        " where key_value in ('ann@shop.example', 'bob@shop.example')"
    )
    assert state == "removed"


def test_who_is_suppressed_is_sent_to_nobody_and_removed_everywhere(
    people: People, capsys: pytest.CaptureFixture[str]
) -> None:
    project = Project.find(people.folder)
    Consumer(people.folder, "shop.duckdb").runs("run", "--select", "letters")
    # Cid is suppressed by another identifier than the one that is sent; Eve has left the segment.
    assert people.sync("letters") == [("add", f"letter {number}") for number in (1, 2, 3)]
    cid, fay = Identifier("user_id", "cid"), Identifier("email", "fay@shop.example")
    assert suppress(project, [("one", cid), ("one", fay), ("one", fay)]) == 2
    assert suppress(project, [("one", cid)]) == 0
    for name in ("buyers", "everybody"):
        removed = [("remove", "cid@shop.example"), ("remove", "eve@shop.example")]
        assert people.sync(name) == removed
        assert people.sync(name) == []
    # What is no row of a person is held against the list as it stands there.
    assert people.sync("letters") == [("remove", "letter 1")]
    assert people.sync("accounts") == []
    capsys.readouterr()
    assert run(["sync", "plan", "everybody", "letters", "--json"]) == 0
    assert [one["withheld"] for one in json.loads(capsys.readouterr().out)] == [4, 1]

    # The list stays valid under a new key, the collector reads the same one, and it can be lifted.
    assert run(["erase", "rotate-key", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"keys": 2}
    assert suppress(project, [("two", Identifier("email", "gus@shop.example"))]) == 1
    assert people.sync("letters") == [("remove", "letter 3")]
    path = people.folder / "suppressed.txt"
    path.write_text("\n".join(exported(project)))
    listed = Suppressions(path)
    for event in ({"userId": "cid"}, {"email": "FAY@shop.example "}, {"email": "gus@shop.example"}):
        assert event in listed
    assert {"email": "ann@shop.example"} not in listed
    assert lift(project, "one", "Ann", "it was a mistake") == 2
    assert people.sync("letters") == [("add", "letter 1")]
    assert [key for _, key in people.sync("everybody")] == ["cid@shop.example", "eve@shop.example"]


def test_a_sync_of_people_has_to_say_which_consent_it_needs(
    people: People, capsys: pytest.CaptureFixture[str]
) -> None:
    path = people.folder / "models" / "syncs.yml"
    before = path.read_text()
    try:
        for consent, problem in (({}, "does not say"), ({"consent": ["sales"]}, "'sales'")):
            exposures = [exposure("everybody", mode="upsert", **consent)]
            path.write_text(json.dumps({"exposures": exposures}))
            assert run(["sync", "plan", "everybody"]) != 0
            assert problem in capsys.readouterr().err
        path.write_text(json.dumps({"exposures": [exposure("all", mode="upsert", consent=[])]}))
        assert run(["sync", "plan", "all", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)[0]["withheld"] == 0
        misspelt = exposure("b", mode="upsert", consent=[], segment="byers")
        path.write_text(json.dumps({"exposures": [misspelt]}))
        assert run(["sync", "plan", "b"]) != 0
        assert "buyers" in capsys.readouterr().err
    finally:
        path.write_text(before)
