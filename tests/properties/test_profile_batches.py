"""Profiles and segments are what plain Python says, whatever the batches, and outlive raw events.

The histories of a round share one database, so that one build tests all of them. Rounds are the
same every time; PROPERTY_ROUNDS=100 plays more of them. A failure is told by the one history that
shows it, without whatever is not needed for it.
"""

import math
import os
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from functools import partial
from random import Random
from typing import Any, NamedTuple

import pytest

from harness import Database, Warehouse
from histories import (
    Card,
    Event,
    Fact,
    History,
    counted_events,
    expire,
    give,
    is_too_late,
    present_cards,
    random_history,
    sightings_of,
    take_back,
)
from plain_profiles import Attribute, attributes_of, segments_of, traits_of
from profile_project import (
    People,
    Project,
    accounts_in,
    compile_project,
    forget_later,
    people_in,
)
from reference import Decision, Partition, Person, Rulings, edges_of, matched, priority

ROUNDS = int(os.environ.get("PROPERTY_ROUNDS", "1"))
# Raw events expire before the batch of that number.
HISTORIES, BATCHES, EXPIRY = 120, 4, 2
CUTS = [datetime(2024, 2, day) for day in (25, 3, 18, 28, 29)]


class Given(NamedTuple):
    """A fact, and the batch in which it is given; from the batch `end` on it is there no more."""

    fact: Fact
    since: int
    end: int | None = None


Plan = list[Given]
Plans = Mapping[int, Plan]
Check = Callable[[Project, Plans], None]


class DifferenceError(AssertionError):
    """A profile is not what it should be; `number` is that of its history."""

    def __init__(self, number: int, text: str) -> None:
        super().__init__(text)
        self.number = number


# Plans


def random_plans(part: int) -> dict[int, Plan]:
    """A plan for each of the histories of a round, by its number."""
    rng = Random(part)
    return {n: random_plan(rng, random_history(rng, n)) for n in range(10, 10 + HISTORIES)}


def random_plan(rng: Random, history: History) -> Plan:
    """Some are given as they were received, the others in no order."""
    facts = rng.sample(history.facts, len(history.facts))
    if rng.random() < 0.3:
        facts.sort(key=received_at)
    cuts = [rng.randint(0, len(facts)) for _ in range(BATCHES - 1)]
    plan = [Given(fact, sum(cut <= n for cut in cuts)) for n, fact in enumerate(facts)]
    passing = [Given(card, *sorted(rng.sample(range(BATCHES), 2))) for card in history.passing]
    return plan + passing


def received_at(fact: Fact) -> datetime:
    return (fact.received_at or fact.timestamp) if isinstance(fact, Event) else datetime.max


def facts_of(plan: Plan) -> list[Fact]:
    """What there is in the end."""
    return [given.fact for given in plan if given.end is None]


def without_late_events(plan: Plan, cut: datetime) -> Plan:
    """What would come too late is given in the last batch before the cut."""
    early = [given for given in plan if given.since < EXPIRY]
    late = [given for given in plan if given.since >= EXPIRY]
    while moved := [
        given for given in late if is_too_late(given.fact, (one.fact for one in early), cut)
    ]:
        early += [given._replace(since=EXPIRY - 1) for given in moved]
        late = [given for given in late if given not in moved]
    return early + late


# Building


def built_at_once(project: Project, plans: Plans) -> Warehouse:
    warehouse = Warehouse(project.compiled)
    give(warehouse.connection, [fact for plan in plans.values() for fact in facts_of(plan)])
    warehouse.build(1)
    return warehouse


def give_batch(warehouse: Warehouse, plans: Plans, batch: int) -> None:
    """Bring what is given from the batch before to this one."""
    given = [one for plan in plans.values() for one in plan]
    give(warehouse.connection, [fact for fact, since, _ in given if since == batch])
    take_back(warehouse.connection, [fact for fact, _, end in given if end == batch])


def build(warehouse: Warehouse, plans: Plans, batch: int) -> None:
    """Give one batch of every plan and build."""
    give_batch(warehouse, plans, batch)
    warehouse.build(batch + 1)


# Comparing


def number_in(key: Person | str) -> int:
    """The number of the history that a person or an account is of."""
    text = key if isinstance(key, str) else min(value for _, value in key)
    return int(re.search(r"w(\d+)", text)[1])


def agree(one: Any, other: Any) -> bool:
    """Equal, but for the last digits of numbers that are not exact."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(agree(one[key], other[key]) for key in one)
    numbers = (int, float, Decimal)
    if isinstance(one, numbers) and isinstance(other, numbers):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-6)
    return one == other


def compare(found: Mapping[Any, Any], expected: Mapping[Any, Any], what: str) -> None:
    """Raise the first difference. Columns that are not expected are not looked at."""
    for key in sorted(found.keys() ^ expected.keys(), key=str):
        is_found = "found" if key in found else "missing"
        raise DifferenceError(number_in(key), f"{what}: {key} is {is_found}")
    for key, columns in expected.items():
        lines = [
            f"  {name}: found {found[key][name]!r:.300}, expected {value!r:.300}"
            for name, value in columns.items()
            if not agree(found[key][name], value)
        ]
        if lines:
            raise DifferenceError(number_in(key), "\n".join([f"{what}: {sorted(key)}", *lines]))


def compare_all(found: Database, expected: Database, what: str) -> None:
    """Compare all columns of the profiles of people and accounts, and who is in which segment."""
    compare(people_in(found), people_in(expected), what)
    compare(accounts_in(found), accounts_in(expected), f"{what}, account")


# What Python says


def told_people(facts: list[Fact]) -> People:
    """Everybody's traits, attributes and segments."""
    rulings = Rulings(fact for fact in facts if isinstance(fact, Decision))
    edges = edges_of(sightings_of(facts), lambda _: True)
    people = matched(Partition(edges, rulings), {}, rulings)
    person_of = {one: person for person in people for one in person}
    said: dict[Person, list[Any]] = {person: [] for person in people}
    for fact in (*counted_events(facts), *present_cards(facts)):
        somebody = [one for one in fact.identifiers if one in person_of]
        if somebody:
            strongest = min(somebody, key=lambda one: (priority(one), one))
            said[person_of[strongest]].append(fact)
    return {person: told_profile(facts) for person, facts in said.items()}


def told_profile(facts: list[Any]) -> dict[str, Any]:
    events = [fact for fact in facts if isinstance(fact, Event)]
    attributes = attributes_of(events, [fact for fact in facts if isinstance(fact, Card)])
    told = traits_of(events) | {
        "attribute_conflicts": sum(said.values > 1 for said in attributes.values()),
        **{f"attribute {name}": said for name, said in attributes.items() if not said.is_open},
    }
    return told | {"segments": segments_of(told)}


def found_people(database: Database) -> People:
    """The same as a database has it."""
    found = people_in(database)
    for profile in found.values():
        for name, value in profile["attributes"].items():
            said = profile["attribute_sources"][name]
            profile[f"attribute {name}"] = Attribute(value, said["source"], said["values"] or 0)
            assert name == "name" or profile[name] == value, name
    return found


# The checks


def check_against_python(project: Project, plans: Plans) -> None:
    found = found_people(built_at_once(project, plans))
    expected: People = {}
    for plan in plans.values():
        expected |= told_people(facts_of(plan))
    compare(found, expected, "as told by Python")


def check_batches(project: Project, plans: Plans) -> None:
    expected, warehouse = built_at_once(project, plans), Warehouse(project.compiled)
    for batch in range(BATCHES):
        build(warehouse, plans, batch)
    compare_all(warehouse, expected, "in batches")
    warehouse.build(BATCHES + 1, full_refresh=True)
    compare_all(warehouse, expected, "refreshed after batches")


def check_expiry(project: Project, plans: Plans, cut: datetime) -> None:
    fair = {number: without_late_events(plan, cut) for number, plan in plans.items()}
    expected, warehouse = built_at_once(project, plans), Warehouse(project.compiled)
    for batch in range(BATCHES):
        if batch == EXPIRY:
            expire(warehouse.connection, cut)
        build(warehouse, fair, batch)
    compare_all(warehouse, expected, f"after {cut:%d %B} had expired")
    warehouse.build(BATCHES + 1, full_refresh=True)
    compare_all(warehouse, expected, "refreshed after raw events had expired")


def check_addition(project: Project, plans: Plans) -> None:
    expected, warehouse = built_at_once(project, plans), Warehouse(project.compiled)
    build(warehouse, plans, 0)
    build(warehouse, plans, 1)
    before = people_in(warehouse)
    forget_later(warehouse, project.later_measures)
    warehouse.compiled = project.added
    warehouse.build(3)
    compare(people_in(warehouse), before, "with traits added later")
    later = ", ".join(f"'{measure}'" for measure in project.later_measures)
    touched = f"from int_cdp__daily_activity where batch_id = 3 and measure not in ({later})"
    assert warehouse.query(touched) == []

    # Traits that are added at the same time as there is something new.
    forget_later(warehouse, project.later_measures)
    give_batch(warehouse, plans, 2)
    warehouse.build(4)
    warehouse.compiled = project.compiled
    give_batch(warehouse, plans, 3)
    warehouse.build(5)
    compare_all(warehouse, expected, "with traits added along with events")


# Failures


def passes(check: Check, project: Project, plans: Plans) -> None:
    """Run a check; where it fails, raise the failure of one history, without what is not needed."""
    try:
        check(project, plans)
    except DifferenceError as failure:
        raise reduced(check, project, plans, failure) from None


def attempt(check: Check, project: Project, plans: Plans) -> Exception | None:
    try:
        check(project, plans)
    except Exception as failure:
        return failure
    return None


def reduced(check: Check, project: Project, plans: Plans, failure: DifferenceError) -> Exception:
    """Half of the history is taken away where it can be, then a quarter, and so on."""
    number = failure.number
    plan = plans[number]
    alone = attempt(check, project, {number: plan})
    if not alone:
        failure.add_note("only among other histories")
        return failure
    size = len(plan)
    while size > 1:
        size = (size + 1) // 2
        for start in range((len(plan) - 1) // size * size, -1, -size):
            smaller = plan[:start] + plan[start + size :]
            if found := attempt(check, project, {number: smaller}):
                alone, plan = found, smaller
    alone.add_note("\n".join(map(str, sorted(plan, key=lambda given: given.since))))
    return alone


# The tests


@pytest.fixture(scope="module")
def profiles(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The project, compiled once."""
    return compile_project(tmp_path_factory.mktemp("profiles") / "worlds")


@pytest.mark.parametrize("part", range(ROUNDS))
def test_profiles_and_segments_are_what_python_says(profiles: Project, part: int) -> None:
    passes(check_against_python, profiles, random_plans(part))


@pytest.mark.parametrize("part", range(ROUNDS))
def test_any_batches_give_the_same_profiles_and_members(profiles: Project, part: int) -> None:
    passes(check_batches, profiles, random_plans(part))


@pytest.mark.parametrize("part", range(ROUNDS))
def test_profiles_outlive_raw_events(profiles: Project, part: int) -> None:
    cut = CUTS[part % len(CUTS)]
    passes(partial(check_expiry, cut=cut), profiles, random_plans(part))


@pytest.mark.parametrize("part", range(ROUNDS))
def test_traits_added_later_count_all_events_that_are_left(profiles: Project, part: int) -> None:
    passes(check_addition, profiles, random_plans(part))
