"""The package in a user's project: known people in two batches, the same answer every way."""

import re
import signal

import pytest

from consumer import Consumer
from dbt_cdp.project import package_root

Snapshot = dict[str, list[tuple]]

FIRST = {"batch": 1, "cdp_as_of": "2026-06-10"}
SECOND = {"batch": 2, "cdp_as_of": "2026-06-12"}


def canonical_ids(consumer: Consumer) -> list[tuple]:
    return consumer.query("select identifier_id, canonical_id from identity_graph order by all")


def test_two_builds_give_what_is_expected_and_what_one_full_build_gives(
    consumer: Consumer, at_once: Snapshot
) -> None:
    twice = consumer
    twice.runs("build", **FIRST)
    first_ids = dict(twice.query("select identifier_id, canonical_id from identity_graph"))
    twice.runs("build", **SECOND)
    assert twice.snapshot() == at_once

    # Dan was two people in the first build: the older id is his now.
    dan = twice.query("""
        select identifier_id, canonical_id from identity_graph
        where identifier_value in ('104', 'dan@mail.example') order by identifier_type desc
    """)
    assert dan[0][1] == dan[1][1] == first_ids[dan[0][0]] != first_ids[dan[1][0]]

    # Built anew from its sources, everybody keeps their id, and nothing of the history is lost.
    ids, people = canonical_ids(twice), twice.snapshot()
    history = twice.query("select * exclude (batch_id) from segments order by all")
    twice.runs("build", "--full-refresh", **SECOND)
    assert canonical_ids(twice) == ids
    assert twice.snapshot() == people
    assert twice.query("select * exclude (batch_id) from segments order by all") == history

    # A build with nothing new writes nothing but a size of every segment, and its mark.
    before = written(twice)
    twice.runs("build", **SECOND)
    assert written(twice) == before


def written(consumer: Consumer) -> dict[str, list[tuple]]:
    tables = consumer.query("""
        select table_name from information_schema.columns
        where table_schema = 'main_cdp' and column_name = 'batch_id'
            and table_name <> 'segment_sizes' order by table_name
    """)
    marked = "membership_id, entered_at, exited_at"
    return {
        name: consumer.query(
            f"select {marked if name.endswith('segments') else 'batch_id'}, count(*) from {name}"
            " group by all order by all"
        )
        for (name,) in tables
    }


@pytest.mark.parametrize("model", ["int_cdp__components", "int_cdp__deterministic_people"])
def test_a_build_that_is_killed_is_repaired_by_the_next(
    consumer: Consumer, at_once: Snapshot, model: str
) -> None:
    killed = consumer
    killed.runs("build", **FIRST)
    child = killed.start("build", **SECOND)
    for line in child.stdout or ():
        if f"{model} " in line and "START" in line:
            child.send_signal(signal.SIGKILL)
            break
    assert child.wait() == -signal.SIGKILL
    killed.runs("build", **SECOND)
    assert killed.snapshot() == at_once


def test_rules_that_change_work_on_all_history_and_back(consumer: Consumer) -> None:
    consumer.runs("seed")
    consumer.runs("run", **SECOND)
    before, ids = consumer.snapshot(), canonical_ids(consumer)
    shared = "select is_shared from identity_graph where identifier_value = '+49305550100'"
    assert consumer.query(shared) == [(True,)]
    consumer.runs("run", **SECOND, cdp_identifiers=[{"name": "phone", "max_people": 3}])
    assert consumer.query(shared) == [(False,)]
    consumer.runs("run", **SECOND)
    assert consumer.query(shared) == [(True,)]
    assert consumer.snapshot() == before
    assert canonical_ids(consumer) == ids


def test_an_id_outlives_the_identifiers_that_it_was_anchored_on(consumer: Consumer) -> None:
    ada = "select distinct canonical_id from identity_graph where identifier_value in "
    consumer.runs("seed")
    consumer.runs("run", **FIRST)
    born = consumer.query(ada + "('ada-laptop')")
    consumer.runs("run", **SECOND)
    assert consumer.query(ada + "('ada-laptop', '101')") == born
    consumer.runs("run", **SECOND, cdp_blocked_identifiers="my_blocked_anchors")
    assert consumer.query(ada + "('ada@acme.example', 'c1')") == born
    assert consumer.query(ada + "('ada-laptop', '101')") == []


def test_a_trait_that_comes_back_has_missed_nothing(consumer: Consumer, at_once: Snapshot) -> None:
    consumer.runs("seed")
    consumer.runs("run", **FIRST)
    consumer.runs("run", **SECOND, cdp_traits=[], cdp_segments=[])
    consumer.runs("run", **SECOND)
    assert consumer.snapshot() == at_once


def test_models_of_the_users_own_keep_their_names_and_their_tables(consumer: Consumer) -> None:
    consumer.runs("build", **FIRST)
    tables = consumer.query("""
        select table_schema, table_name from information_schema.tables
        where table_name in ('segments', 'users') order by all
    """)
    assert tables == [("main", "segments"), ("main", "users"), ("main_cdp", "segments")]
    assert consumer.query("select segment from main.segments") == [("market",)]


def test_a_segment_with_broken_sql_is_named(consumer: Consumer) -> None:
    consumer.runs("build", **FIRST)
    broken = [{"name": "whales", "where": "lifetime_revenu > 1000"}]
    talk = consumer.fails(
        "build", "--select", "int_cdp__segment_matches", **FIRST, cdp_segments=broken
    )
    assert "cdp_segments, segment 'whales': user_profiles has no column 'lifetime_revenu'" in talk


def test_the_error_of_the_database_shows_the_trait_that_is_broken(consumer: Consumer) -> None:
    consumer.runs("build", **FIRST)
    for broken in (
        {"name": "whales", "count": "events", "where": "event_tpye = 'order_completed'"},
        {"name": "whales", "first": "lower(event_tpye)"},
        {"name": "whales", "sum": "event_tpye + 1"},
        {"name": "whales", "sql": "lifetime_revenu / 2"},
    ):
        models = ("--select", "int_cdp__daily_activity", "cdp__user_profiles")
        talk = consumer.fails("run", *models, **FIRST, cdp_traits=[broken], cdp_segments=[])
        assert re.search(r"LINE \d+:.*trait whales", talk), talk


def test_a_segment_whose_definition_is_removed_has_no_members(consumer: Consumer) -> None:
    consumer.runs("seed")
    consumer.runs("run", **FIRST)
    consumer.runs("run", **SECOND, cdp_segments=[])
    assert consumer.query("select count(*) from segments where exited_at is null") == [(0,)]
    assert consumer.query("select count(*) from segments where segment_name = 'picked'") == [(1,)]


def test_dbt_deps_installs_the_package_from_a_folder(consumer: Consumer) -> None:
    (consumer.folder / "dbt_packages" / "cdp").unlink()
    packages = f"packages:\n  - local: {package_root()}\n"
    (consumer.folder / "packages.yml").write_text(packages)
    consumer.runs("deps")
    assert "cdp__user_profiles" in consumer.runs("ls", "--select", "package:cdp")
