"""The identity models against a plain telling of their rules: many small worlds, batch by batch.

The worlds of a round share one database, so that one build tests all of them. Rounds are the same
every time; PROPERTY_ROUNDS=100 plays more of them. A failure is told by the one world that shows
it, without whatever is not needed for it.
"""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from random import Random
from typing import NamedTuple

import pytest

from harness import Compiled, ProgramError, Warehouse
from picture import DifferenceError, Teller, check_causes, compare, found, partition_in, tell
from worlds import BATCHES, NAMES, Life, See, World, random_life

ROUNDS = int(os.environ.get("PROPERTY_ROUNDS", "4"))
PARTS, WORLDS = 3, 500

# What has to happen in the rounds of every part, or they would test nothing.
TURNS = [
    "refused: limit",
    "refused: never_link",
    "refused: shared",
    "refused: blocked",
    "marked by people",
    "marked by its own neighbours",
    "linked and marked",
    "matched",
    "match refused",
    "unborn to current",
    "current to merged",
    "current to retired",
    "merged to current",
    "merged to merged",
    "merged to retired",
    "retired to current",
    "retired to merged",
    "moved anchor",
    "inherited anchor of a current id",
    "inherited anchor of a merged or retired id",
    "followed",
]


class Build(NamedTuple):
    """How a batch is built."""

    is_refresh: bool = False
    broken: str | None = None


def play(
    compiled: Compiled,
    lives: Mapping[int, Life],
    builds: Sequence[Build],
    is_script: bool = False,
) -> Counter[str]:
    """Live through all batches; returns what happened, or raises where the warehouse is wrong."""
    worlds = [World(number) for number in lives]
    tellers = [Teller(world) for world in worlds]
    warehouse = Warehouse(compiled, is_script=is_script)
    for batch, build in enumerate(builds, 1):
        for world in worlds:
            world.live(lives[world.number][batch - 1], f"batch {batch} {build}")
        warehouse.give(worlds, batch)
        built = warehouse.build(batch, build.is_refresh, build.broken)
        picture = tell(tellers, warehouse.keys(), built, build.is_refresh)
        if not build.broken:
            compare(found(warehouse, worlds), picture, worlds)
            check_causes(warehouse, tellers, batch)
    assert_nothing_is_written_without_news(warehouse, batch + 1)
    assert_same_people_at_once(warehouse, worlds)
    stories = [teller.story + teller.registry.story for teller in tellers]
    return sum(stories, Counter())


def random_builds(rng: Random, compiled: Compiled) -> list[Build]:
    """The last one is whole."""
    names = [model.name for model in compiled.models if model.materialized != "view"]
    builds = []
    for batch in range(BATCHES):
        is_broken = rng.random() < 0.25 and batch < BATCHES - 1
        builds.append(Build(rng.random() < 0.2, rng.choice(names) if is_broken else None))
    return builds


def assert_nothing_is_written_without_news(warehouse: Warehouse, batch: int) -> None:
    before = warehouse.contents(warehouse.compiled)
    warehouse.build(batch)
    for name, rows in warehouse.contents(warehouse.compiled).items():
        assert rows == before[name], f"a build without anything new has written {name}"


def assert_same_people_at_once(warehouse: Warehouse, worlds: Sequence[World]) -> None:
    """One build of what is there in the end gives the same people."""
    at_once = Warehouse(warehouse.compiled)
    at_once.give([world.present() for world in worlds], 1)
    at_once.build(1)
    layer = "people; expected are those of a first build"
    compare({layer: partition_in(warehouse)}, {layer: partition_in(at_once)}, worlds)


def attempt(
    compiled: Compiled, lives: Mapping[int, Life], builds: Sequence[Build], is_script: bool
) -> Exception | None:
    try:
        play(compiled, lives, builds, is_script)
    except Exception as failure:
        return failure
    return None


def reduced(
    compiled: Compiled,
    lives: Mapping[int, Life],
    builds: Sequence[Build],
    is_script: bool,
    failure: Exception,
) -> Exception:
    """The failure of one world by itself, without whatever is not needed for it."""
    suspects = [failure.number] if isinstance(failure, DifferenceError) else list(lives)
    while True:
        half = len(suspects) // 2
        for part in filter(None, (suspects[:half], suspects[half:])):
            if smaller := attempt(compiled, {n: lives[n] for n in part}, builds, is_script):
                suspects, failure = part, smaller
                break
        else:
            failure.add_note("only among other worlds")
            return failure
        if len(suspects) == 1:
            break
    [number] = suspects
    life, builds = lives[number], list(builds)
    for batch in range(BATCHES):
        for act in reversed(range(len(life[batch]))):
            less = [list(acts) for acts in life]
            del less[batch][act]
            if smaller := attempt(compiled, {number: less}, builds, is_script):
                failure, life = smaller, less
        plainer = [*builds[:batch], Build(), *builds[batch + 1 :]]
        if smaller := attempt(compiled, {number: life}, plainer, is_script):
            failure, builds = smaller, plainer
    return failure


@pytest.mark.parametrize("part", range(PARTS))
def test_every_batch_leaves_what_the_rules_say(compiled: Compiled, part: int) -> None:
    story: Counter[str] = Counter()
    for number in range(ROUNDS):
        rng = Random(f"{part} {number}")
        lives = {10 + n: random_life(rng) for n in range(WORLDS)}
        builds = random_builds(rng, compiled)
        is_script = number % 4 == 3
        try:
            story += play(compiled, lives, builds, is_script)
        except Exception as failure:
            raise reduced(compiled, lives, builds, is_script, failure) from None
    assert all(story[turn] >= 3 for turn in TURNS), story


# Decisions that cannot be followed

U0, U1 = ("user_id", "w1-u0"), ("user_id", "w1-u1")
E0, E1 = ("email", "e0@w1.example"), ("email", "e1@w1.example")
NEVER_SEEN, NOBODY = ("phone", "+493019"), ("", "")
IMPOSSIBLE = {
    "a chain of links joins what must never be linked": [
        ("d1", "link", *U0, *NEVER_SEEN, "2026-02-01"),
        ("d2", "link", *NEVER_SEEN, *E1, "2026-02-02"),
        ("d3", "never_link", *U0, *E1, "2026-02-03"),
    ],
    "two decisions at one time": [
        ("d1", "link", *U0, *E1, "2026-02-01"),
        ("d2", "never_link", *E1, *U0, "2026-02-01"),
    ],
    "an unknown word": [("d1", "merge", *U0, *E1, "2026-02-01")],
    "an unknown type": [("d1", "link", *U0, "mail", E1[1], "2026-02-01")],
    "no second identifier": [("d1", "never_link", *U0, *NOBODY, "2026-02-01")],
    "no identifier at all": [("d1", "not_shared", *NOBODY, *NOBODY, "2026-02-01")],
    "one identifier too many": [("d1", "not_shared", *U0, *E1, "2026-02-01")],
    "one identifier twice": [("d1", "never_link", *E0, "email", " E0@w1.EXAMPLE", "2026-02-01")],
}


def two_people() -> World:
    world = World(1)
    for user, email in (("w{n}-u0", "e0@w{n}.example"), ("w{n}-u1", "e1@w{n}.example")):
        who = NAMES.index(("user_id", user)), NAMES.index(("email", email))
        world.act(See(who, 0, 1, 1, False))
    return world


@pytest.mark.parametrize("is_first_build", [True, False])
@pytest.mark.parametrize("decisions", IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_impossible_decisions_are_refused_by_their_ids(
    compiled: Compiled, decisions: list[tuple[str, ...]], is_first_build: bool
) -> None:
    warehouse, world = Warehouse(compiled), two_people()
    warehouse.give([world], 1)
    if not is_first_build:
        warehouse.build(1)
    for decision in decisions:
        warehouse.connection.execute(f"insert into given.my_decisions values {decision}")
    with pytest.raises(ProgramError) as refused:
        warehouse.build(2)
    assert all(decision[0] in str(refused.value) for decision in decisions), refused.value
    assert "w1" not in str(refused.value) and "3019" not in str(refused.value)

    # Lifted, and then also taken out of their list, they are forgotten.
    for _, _, *subject, _ in decisions:
        lift = ("l", "lift", *subject, "2026-03-01")
        warehouse.connection.execute(f"insert into given.my_decisions values {lift}")
    warehouse.build(3)
    lifted = warehouse.query("from identity_graph order by all")
    warehouse.give([world], 4)
    warehouse.build(4)
    assert warehouse.query("from identity_graph order by all") == lifted
    assert len({canonical for canonical, *_ in lifted}) == 2
