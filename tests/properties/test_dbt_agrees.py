"""dbt itself on a few of the worlds: it writes the very rows that the harness writes."""

import time
from random import Random

import duckdb
import pytest

import reference
from consumer import Consumer
from harness import SCHEMA, Compiled, Database, Warehouse, give, make_given
from picture import Teller, compare, found, tell
from reference import TYPES, Type
from worlds import World, random_life

BUILDS = [(0, 1), (2, 3), (4,), (5,)]
OTHER_TYPES = {
    **TYPES,
    "email": Type(4, 1, 1, "user_id"),
    "phone": Type(3, 2, 1, "all"),
    "anonymous_id": Type(6, 3, 2, "named"),
}


def test_dbt_writes_what_the_harness_writes_and_follows_new_rules(
    compiled: Compiled, project: Consumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = Random(1)
    lives = {10 + number: random_life(rng) for number in range(200)}
    worlds = [World(number) for number in lives]
    tellers = [Teller(world) for world in worlds]
    warehouse = Warehouse(compiled)
    models = [f"+{model.name}" for model in compiled.models]
    with duckdb.connect(project.database) as connection:
        make_given(connection)
    for build, batches in enumerate(BUILDS, 1):
        for world in worlds:
            for batch in batches:
                world.live(lives[world.number][batch], f"batch {batch}")
        is_refresh = build == len(BUILDS)
        warehouse.give(worlds, build)
        built = warehouse.build(build, is_refresh)
        tell(tellers, warehouse.keys(), built, is_refresh)
        with duckdb.connect(project.database) as connection:
            give(connection, worlds, time.time_ns() // 1000)
        project.runs("build", "-s", *models, *(["--full-refresh"] if is_refresh else []))
        with duckdb.connect(project.database) as connection:
            connection.execute(f"use {SCHEMA}")
            assert Database(connection).contents(compiled) == warehouse.contents(compiled)
    assert len(warehouse.query("from int_cdp__id_changes")) > 50

    # Other numbers hold for everything that was seen, and ids live on.
    other = [{"name": name, **limits._asdict()} for name, limits in OTHER_TYPES.items()]
    project.set_vars({"cdp_identifiers": other})
    project.runs("build", "-s", *models)
    monkeypatch.setattr(reference, "TYPES", OTHER_TYPES)
    picture = tell(tellers, warehouse.keys(), built, is_refresh=False)
    with duckdb.connect(project.database) as connection:
        connection.execute(f"use {SCHEMA}")
        compare(found(Database(connection), worlds), picture, worlds)
