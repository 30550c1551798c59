"""Erasure against a plain telling of it: many small worlds, whose people ask to be erased.

The worlds share one project, so that one build tests all of them. They are the same every time;
PROPERTY_ROUNDS=20 plays more of them. A failure names the first world that differs, and tells what
happened in it.
"""

import json
import os
import signal
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import pytest

from consumer import DUCKDB, Consumer, write_shop
from dbt_cdp.cli import run
from erasure_worlds import SYSTEMS, Life, lines, marks, random_life
from plain_erasure import People, PlainWorld, marks_of
from reference import TYPES, Identifier, Person

ROUNDS = int(os.environ.get("PROPERTY_ROUNDS", "1"))
WORLDS = int(os.environ.get("PROPERTY_WORLDS", "80"))
FIRST = 1000

VARS: dict[str, Any] = {
    "cdp_sources": [
        {"name": "web", "collector": "cdp"},
        *(
            {
                "name": name,
                "collector": "cdp",
                "record_id": "id",
                "identifier_type": kind,
                "identifiers": {one: one for one in TYPES if one != kind},
                "attributes": {"company": "company"},
            }
            for name, kind in SYSTEMS.items()
        ),
    ],
    "cdp_identifiers": [{"name": name, **limits._asdict()} for name, limits in TYPES.items()],
    "cdp_traits": [
        {"name": "orders", "count": "events", "event": "ordered"},
        {"name": "notes", "recent": "properties.note"},
        {"name": "mail", "last": "traits.email"},
    ],
    "cdp_segments": [{"name": "buyers", "where": "orders > 0"}],
}
# What others have; the numbers of builds say when rows were written.
OTHERS = {
    "user_profiles": "* exclude (batch_id, data_batch_id)",
    "segments": "* exclude (batch_id)",
    "identity_graph": "* exclude (batch_id, identifier_id)",
    "resolved_events": "event_id, canonical_id, properties, timestamp",
}
# What is sent again stands in landing tables and what is a view of them.
UNREAD = ("landing_", "stg_cdp__incoming_", "stg_cdp__landed_", "stg_cdp__events")
# What has to happen in the worlds, or they would test nothing.
TURNS = [
    "erased people",
    "stripped",
    "dropped",
    "stripped when read",
    "stays shared",
    "shared and gone",
]
# Where a run is killed: before or after a function of the work.
KILLS = ("find", "sort_shared", "erase", "withdraw", "look_at_sources", "scan", "conclude")
_KILLER = """
import os, signal, sys
from dbt_cdp.cli import run
from dbt_cdp.privacy.work import Work

name, is_after, command = sys.argv[1], sys.argv[2] == "after", sys.argv[3:]
real = getattr(Work, name)

def killed(self, *arguments, **more):
    if is_after:
        real(self, *arguments, **more)
    os.kill(os.getpid(), signal.SIGKILL)

setattr(Work, name, killed)
run(command)
"""


class DifferenceError(AssertionError):
    """A warehouse does not say of a world what it should."""


class Play:
    """The worlds, and the project that holds them all."""

    def __init__(self, folder: Path, lives: Mapping[int, Life]) -> None:
        self.folder, self.lives = folder, lives
        write_shop(folder, DUCKDB)
        self.consumer = Consumer(folder, "shop.duckdb")
        self.consumer.set_vars(VARS)
        (folder / "spool").mkdir()
        self.worlds = {number: PlainWorld(number) for number in lives}
        self.problems: list[tuple[int, str]] = []
        # Digits of a digest may look like a mark that nobody was given.
        facts = (one for life in lives.values() for round_ in life.facts for one in round_)
        self.given = marks_of(facts)

    def load(
        self, round_: int, *, again: bool = False, sources: Sequence[str] = ("web", *SYSTEMS)
    ) -> None:
        """Load the facts of a round, and with `again` those of earlier ones once more."""
        rounds = range(0 if again else round_, round_ + 1)
        for number, life in self.lives.items():
            for one in rounds:
                self.worlds[number].take(f for f in life.facts[one] if f.source in sources)
        for source in sources:
            file = self.folder / f"{source}.ndjson"
            with file.open("w") as out:
                for life in self.lives.values():
                    for one in rounds:
                        out.writelines(lines(life.facts[one], source))
            assert run(["load", str(file), "--source", source]) == 0
            file.unlink()

    def request(self, round_: int, capsys: pytest.CaptureFixture[str]) -> list[str]:
        """Enter and approve the requests of a round."""
        file = self.folder / "requests.txt"
        asked = {
            n: life.requests[round_] for n, life in self.lives.items() if life.requests[round_]
        }
        with file.open("w") as out:
            for some in asked.values():
                for one in some:
                    out.write("\t".join(f"{kind}={text}" for kind, text in one) + "\n")
        capsys.readouterr()
        call = ["erase", "request", "--file", str(file), "--evidence", "a letter", "--json"]
        assert run(call) == 0
        file.unlink()
        ids = [one["request_id"] for one in json.loads(capsys.readouterr().out)]
        assert run(["erase", "approve", *ids, "--reviewed"]) == 0
        return ids

    def erase(self, round_: int) -> set[Identifier]:
        """What the worlds know after the requests of a round; who is gone."""
        gone: set[Identifier] = set()
        for number, life in self.lives.items():
            if life.requests[round_]:
                gone |= self.worlds[number].erase(life.requests[round_])
        return gone

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        return self.consumer.query(sql)

    # What is compared

    def people(self) -> dict[int, People]:
        return {number: world.people() for number, world in self.worlds.items()}

    def check(self) -> None:
        """The warehouse says what the worlds say."""
        self._check_graph()
        self._check_events()
        self._check_marks()
        self.judge()

    def judge(self) -> None:
        """Raise what was found of the first world that differs."""
        if self.problems:
            number = min(number for number, _ in self.problems)
            told = [text for one, text in self.problems if one == number]
            raise DifferenceError("\n".join([*told, "", *self.worlds[number].told]))

    def _check_graph(self) -> None:
        people_of: dict[str, set[Identifier]] = defaultdict(set)
        found: dict[Identifier, tuple[Any, ...]] = {}
        person: dict[Identifier, str] = {}
        for kind, value, canonical_id, is_shared, *seen in self.query(
            "select identifier_type, identifier_value, canonical_id, is_shared, event_count,"
            " first_seen, last_seen, source_count from identity_graph"
        ):
            found[kind, value] = (is_shared, *seen)
            if canonical_id:
                people_of[canonical_id].add((kind, value))
                person[kind, value] = canonical_id
        for number, now in self.people().items():
            expected = {}
            for (one, other), edge in now.edges.items():
                if one == other:
                    expected[one] = (one in now.shared, *edge[:4])
            said = {one: row for one, row in found.items() if _world(one) == number}
            people = {one: frozenset(people_of[person[one]]) for one in said if one in person}
            self._compare(number, "graph", said, expected)
            self._compare(number, "people", people, now.person_of)

    def _check_events(self) -> None:
        columns = ", ".join(TYPES)
        found: dict[int, dict[str, Any]] = defaultdict(dict)
        people: dict[str, set[Identifier]] = defaultdict(set)
        for canonical_id, *one in self.query(
            "select canonical_id, identifier_type, identifier_value from identity_graph"
        ):
            people[canonical_id].add(tuple(one))
        for key, properties, canonical_id, *values in self.query(
            f"select event_id, properties, canonical_id, {columns} from resolved_events"
        ):
            said = {kind: text for kind, text in zip(TYPES, values, strict=True) if text}
            person = frozenset(people[canonical_id]) if canonical_id else None
            found[int(key[1:5])][key] = (said, json.loads(properties), person)
        for number, now in self.people().items():
            expected = {
                one.key: (
                    {kind: text.strip() for kind, text in one.said.items()},
                    one.properties,
                    now.owner(one),
                )
                for one in self.worlds[number].events()
            }
            self._compare(number, "events", found[number], expected)

    def _check_marks(self) -> None:
        """Nothing stands anywhere that may not."""
        allowed = {mark for world in self.worlds.values() for mark in world.marks()}
        unread = {mark for world in self.worlds.values() for mark in world.unread_marks()}
        for table in self._tables():
            found = set()
            with duckdb.connect(self.consumer.database, read_only=True) as connection:
                for (row,) in connection.execute(f"select t::text from {table} as t").fetchall():
                    found |= marks(row)
            is_unread = table.split(".")[1].startswith(UNREAD)
            self._tell_marks(table, found - allowed - (unread if is_unread else set()))
        files = [self.consumer.database]
        for folder in ("target", "logs", "spool"):
            files += [one for one in (self.folder / folder).rglob("*") if one.is_file()]
        for file in files:
            found = marks(file.read_bytes().decode("latin-1"))
            self._tell_marks(file.name, found - allowed - unread)

    def _tell_marks(self, place: str, found: set[str]) -> None:
        left = found & self.given
        for number in {_world_of(one) for one in left}:
            some = sorted(one for one in left if _world_of(one) == number)
            self.problems.append((number, f"{place} still holds {some}"))

    def _tables(self) -> list[str]:
        with duckdb.connect(self.consumer.database, read_only=True) as connection:
            rows = connection.execute(
                "select schema_name || '.' || table_name from duckdb_tables()"
                " union all select schema_name || '.' || view_name from duckdb_views()"
                " where not internal"
            ).fetchall()
        return sorted(name for (name,) in rows)

    def _compare(self, number: int, what: str, found: Any, expected: Any) -> None:
        keys = [k for k in {**found, **expected} if found.get(k) != expected.get(k)]
        if keys:
            told = [f"{k}: found {found.get(k)}, expected {expected.get(k)}" for k in keys]
            self.problems.append((number, "\n".join([what, *told])))

    def rows(self) -> dict[str, dict[str, list[str]]]:
        """The rows of everybody by canonical id, by table."""
        found: dict[str, dict[str, list[str]]] = {}
        for table, columns in OTHERS.items():
            by_person = found.setdefault(table, defaultdict(list))
            for canonical_id, row in self.query(
                f"select canonical_id, t::text from (select {columns} from {table}) as t"
                " where canonical_id is not null order by all"
            ):
                by_person[canonical_id].append(row)
        return found

    def states(self) -> dict[str, tuple[int, Any]]:
        """By canonical id the world, and what makes a person what it is."""
        canonical = {
            (kind, value): one
            for kind, value, one in self.query(
                "select identifier_type, identifier_value, canonical_id from identity_graph"
                " where canonical_id is not null"
            )
        }
        found = {}
        for number, now in self.people().items():
            world = self.worlds[number]
            owned: dict[Person | None, list[Any]] = defaultdict(list)
            for one in (*world.events(), *world.records()):
                owned[now.attributed(one)].append((one.key, one.at, one.secret))
            for person in set(now.person_of.values()):
                seen = [now.edges[one, one][:4] for one in sorted(person)]
                state = sorted(person), sorted(owned[person]), seen
                found[canonical[min(person)]] = number, state
        return found


def _world(one: Identifier) -> int:
    (mark,) = marks(one[1]) or {f"zq{one[1]}"}
    return _world_of(mark)


def _world_of(mark: str) -> int:
    return int(mark[2:6] if mark.startswith("zq") else mark[4:8])


def nobody_else_changed(play: Play, before: Any, states: Any) -> int:
    """Of whom everything is as it was has the same rows; how many those are."""
    after, now = play.rows(), play.states()
    same = [one for one in states if now.get(one) == states[one]]
    for table, rows in before.items():
        for one in same:
            if rows[one] != after[table][one]:
                number, (person, *_) = states[one]
                text = f"{table} of {person}: {rows[one]} became {after[table][one]}"
                play.problems.append((number, text))
    play.judge()
    return len(same)


def run_killed(rng: Random, command: Sequence[str]) -> None:
    """Run a command that is killed, and then again."""
    function, when = rng.choice(KILLS), rng.choice(["before", "after"])
    killed = subprocess.run(
        [sys.executable, "-c", _KILLER, function, when, *command], env=os.environ, check=False
    )
    assert killed.returncode == -signal.SIGKILL, (function, when)
    assert run([*command]) == 0


@pytest.mark.parametrize("seed", range(1, ROUNDS + 1))
def test_whoever_is_erased_is_gone_and_nobody_else_changes(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = Random(seed)
    lives = {number: random_life(rng, number, 4) for number in range(FIRST, FIRST + WORLDS)}
    play = Play(tmp_path / "shop", lives)
    monkeypatch.chdir(play.folder)
    play.load(0)
    assert run(["run", "--only", "build"]) == 0
    play.check()

    first = play.request(0, capsys)
    before, states = play.rows(), play.states()
    run_killed(rng, ["erase", "run"])
    play.erase(0)
    play.check()
    same = nobody_else_changed(play, before, states)
    assert_confirmed(first, capsys, play.folder)

    # What was sent before is sent again, with what is new.
    play.load(1, again=True)
    assert run(["run"]) == 0
    play.check()
    before, states = play.rows(), play.states()
    assert run(["run", "--full-refresh"]) == 0
    play.check()
    same += nobody_else_changed(play, before, states)

    # Events that are loaded before the run that erases are read after the erasure.
    second = play.request(1, capsys)
    play.erase(1)
    play.load(2, again=True, sources=["web"])
    run_killed(rng, ["run"])
    play.check()
    assert_confirmed(second, capsys, play.folder)

    # Whoever is let in again is known by what comes from now on.
    for one in {*first, *second}:
        assert run(["erase", "lift", one, "--reason", "has signed up again"]) == 0
    for world in play.worlds.values():
        world.lift()
    play.load(3)
    assert run(["run"]) == 0
    play.check()
    story = sum((world.story for world in play.worlds.values()), Counter())
    assert same > 100 and all(story[turn] for turn in TURNS), (same, story)


def assert_confirmed(ids: Iterable[str], capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    capsys.readouterr()
    assert run(["erase", "status", "--all", "--json"]) == 0
    known = {one["request_id"]: one["status"] for one in json.loads(capsys.readouterr().out)}
    assert {known[one] for one in ids} == {"confirmed"}
    for one in [*ids][:3]:
        assert run(["erase", "certificate", one, "--json"]) == 0
        path = folder / "certificate.json"
        path.write_text(capsys.readouterr().out)
        assert run(["erase", "verify", str(path)]) == 0
        path.unlink()
