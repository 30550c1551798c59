"""Syncs that are handed over to Hightouch and Census."""

import re
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from pyrate_limiter import Duration, Rate

from dbt_cdp.activation import hand_over as following
from dbt_cdp.activation.definition import read_sync
from dbt_cdp.activation.hand_over import _follow
from dbt_cdp.destinations import hand_over
from dbt_cdp.destinations.base import Mode, Sync
from dbt_cdp.destinations.conformance import Fault, impatient
from dbt_cdp.destinations.errors import DestinationRefusedError, DestinationUnavailableError
from dbt_cdp.destinations.hand_over import HandOver, Stage, ToolRun
from dbt_cdp.destinations.registry import (
    destination_class,
    modes_of,
    open_hand_over,
    read_destinations,
)
from dbt_cdp.errors import ConfigurationError
from dbt_cdp.project import Project, Target, package_root
from fake_api import serving
from fake_hand_over import SYNC, TOKEN, FakeCensus, FakeHightouch, FakeTool

TOOLS = [FakeHightouch, FakeCensus]


@pytest.fixture(params=TOOLS, ids=lambda kind: kind.name)
def fake(request: pytest.FixtureRequest) -> Iterator[FakeTool]:
    with serving(request.param()) as fake:
        yield fake  # type: ignore[misc]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOOL_TOKEN", TOKEN)
    monkeypatch.setattr(hand_over, "_RATE", Rate(1_000, Duration.SECOND))
    monkeypatch.setattr(following, "_FIRST_WAIT", 0.001)
    monkeypatch.setattr(following, "_LONGEST_WAIT", 0.005)


def project(**entry: Any) -> Project:
    variables = {"vars": {"cdp_destinations": [{"name": "other", **entry}]}}
    return Project(package_root(), "shop", package_root(), Target("", "", {}), variables)


def opened(fake: FakeTool, sync: str = SYNC, **entry: Any) -> HandOver:
    shop = project(token_env="TOOL_TOKEN", **fake.entry, **entry)
    told = Sync("fans", Mode.HAND_OVER, sync, "", "", ())
    return open_hand_over(shop, read_destinations(shop)["other"], told)


def followed(fake: FakeTool) -> ToolRun:
    with opened(fake) as tool:
        return _follow(tool)


def trigger_count(fake: FakeTool) -> int:
    return sum(one.method == "POST" for one in fake.requests)


# One after the other


def test_a_run_is_started_and_followed_to_its_end(fake: FakeTool) -> None:
    assert followed(fake).stage is Stage.DONE
    assert (len(fake.runs), fake.overlaps, fake.violations) == (1, 0, [])
    assert fake.runs[0].is_over


@pytest.mark.parametrize("others", [1, 2])
def test_a_run_that_is_at_work_is_waited_for(fake: FakeTool, others: int) -> None:
    for _ in range(others):
        fake.add()
    assert followed(fake).stage is Stage.DONE
    assert (len(fake.runs), fake.overlaps) == (others + 1, 0)
    assert all(one.is_over for one in fake.runs)


def test_a_run_that_somebody_starts_in_between_is_waited_for(fake: FakeTool) -> None:
    fake.is_racing = True
    assert followed(fake).stage is Stage.DONE
    ours = fake.runs[-1]
    assert ours.is_over and ours.end == fake.end
    # Census skips the run that was too late, and so it is started anew.
    assert trigger_count(fake) == (2 if isinstance(fake, FakeCensus) else 1)
    assert fake.violations == []


def test_a_run_that_takes_too_long_is_left_to_the_next_one(
    fake: FakeTool, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.length = 1_000_000
    looks = iter(range(20))
    clock = SimpleNamespace(monotonic=lambda: 4.0 * next(looks), sleep=lambda wait: None)
    monkeypatch.setattr(following, "time", clock)
    late = pytest.raises(DestinationUnavailableError, match="within 1 minutes")
    with late, opened(fake, timeout_minutes=1) as tool:
        _follow(tool)
    assert trigger_count(fake) == 1


def test_the_waits_become_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(following, "_FIRST_WAIT", 1.0)
    monkeypatch.setattr(following, "_LONGEST_WAIT", 30.0)
    clock = SimpleNamespace(monotonic=lambda: sum(waits), sleep=waits.append)
    monkeypatch.setattr(following, "time", clock)
    assert len(list(following._looks(600))) == len(waits) + 1
    assert waits[:3] == [1.0, 1.5, 2.25] and waits[-1] == 30.0
    assert 600 <= sum(waits) < 630


# What the tools count, and say


def rows(added: int = 0, changed: int = 0, removed: int = 0) -> dict[str, int]:
    return {"addedCount": added, "changedCount": changed, "removedCount": removed}


HIGHTOUCH_COUNTS = {
    "querySize": 20,
    "plannedRows": rows(7, 5, 3),
    "successfulRows": rows(6, 4, 2),
    "failedRows": rows(1, 1, 0),
}
CENSUS_COUNTS = {
    "source_record_count": 15,
    "source_record_updates": 12,
    "source_record_deletes": 2,
    "source_record_invalids": 1,
    "records_processed": 14,
    "records_updated": 13,
    "records_failed": 1,
}


@pytest.mark.parametrize(
    ("kind", "end", "result", "found"),
    [
        (FakeHightouch, "success", {}, ToolRun(Stage.DONE)),
        (
            FakeHightouch,
            "success",
            HIGHTOUCH_COUNTS,
            ToolRun(Stage.DONE, 20, 7, 5, 3, acknowledged=12, rejected=2),
        ),
        (
            FakeHightouch,
            "warning",
            HIGHTOUCH_COUNTS | {"error": "Some rows  were rejected: ann@shop.example is unknown"},
            ToolRun(
                *(Stage.DONE, 20, 7, 5, 3, 12, 2, True),
                words="Some rows were rejected: *** is unknown",
            ),
        ),
        (
            FakeHightouch,
            "failed",
            {"error": f"no such table; your key is {TOKEN}"},
            ToolRun(Stage.FAILED, words="no such table; your key is ***"),
        ),
        (FakeHightouch, "cancelled", {}, ToolRun(Stage.FAILED, words="cancelled")),
        (FakeHightouch, "interrupted", {}, ToolRun(Stage.FAILED, words="interrupted")),
        (FakeCensus, "completed", {}, ToolRun(Stage.DONE)),
        (
            FakeCensus,
            "completed",
            CENSUS_COUNTS,
            ToolRun(Stage.DONE, 15, 0, 13, 2, acknowledged=13, rejected=2),
        ),
        (
            FakeCensus,
            "failed",
            {
                "error_code": "JSON_ARRAY_ERROR",
                "error_message": "The array is no JSON",
                "error_detail": "the value 'jim' is none",
            },
            ToolRun(Stage.FAILED, words="JSON_ARRAY_ERROR: The array is no JSON"),
        ),
        (
            FakeCensus,
            "completed",
            {"canceled": True},
            ToolRun(Stage.FAILED, words="cancelled"),
        ),
    ],
)
def test_a_run_is_told_as_the_tool_tells_it(
    kind: type[FakeTool], end: str, result: dict[str, Any], found: ToolRun
) -> None:
    with serving(kind()) as fake:
        fake.end, fake.result = end, result  # type: ignore[attr-defined]
        assert followed(fake) == found  # type: ignore[arg-type]
        assert fake.violations == []


def test_a_word_that_nobody_knows_is_waited_out() -> None:
    with serving(FakeHightouch()) as fake:
        run = fake.add(0, "polishing")  # type: ignore[attr-defined]
        with opened(fake) as tool:  # type: ignore[arg-type]
            assert tool.look(str(run.id)).stage is Stage.AT_WORK
            assert tool.look("1").stage is Stage.AT_WORK


# Checks


def test_a_check_looks_and_starts_nothing(fake: FakeTool) -> None:
    with opened(fake) as tool:
        assert re.fullmatch(r"sync 17( \(pricing-fans\))? is turned on in \w+", tool.check())
        fake.is_scheduled = True
        assert "by a schedule of its own" in tool.check()
        fake.is_off = True
        with pytest.raises(DestinationRefusedError, match="is turned off"):
            tool.check()
    assert fake.runs == [] and fake.violations == []


def test_a_sync_that_is_turned_off_is_not_started(fake: FakeTool) -> None:
    fake.is_off = True
    with pytest.raises(DestinationRefusedError, match="is turned off"):
        followed(fake)
    assert fake.runs == []


def test_a_sync_that_is_not_there_is_told(fake: FakeTool) -> None:
    with opened(fake, "18") as tool, pytest.raises(DestinationRefusedError, match="no sync 18"):
        tool.check()


@pytest.mark.parametrize("fault", [Fault.UNAUTHORIZED, Fault.MOVED])
def test_what_refuses_the_key_is_told_with_its_variable(fake: FakeTool, fault: Fault) -> None:
    fake.misbehave(fault, 1)
    with pytest.raises(DestinationRefusedError) as error:
        followed(fake)
    assert "TOOL_TOKEN" in error.value.message and TOKEN not in error.value.message


def test_a_wrong_key_is_told_without_it(fake: FakeTool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOOL_TOKEN", "other-token")
    with pytest.raises(DestinationRefusedError) as error:
        followed(fake)
    assert "other-token" not in error.value.message and TOKEN not in error.value.message


@pytest.mark.parametrize("fault", [Fault.BUSY, Fault.FAILING, Fault.CUT, Fault.LOST])
def test_a_tool_that_is_away_for_a_moment_is_asked_again(fake: FakeTool, fault: Fault) -> None:
    fake.misbehave(fault, 2)
    with impatient():
        assert followed(fake).stage is Stage.DONE
    assert fake.violations == []


def test_a_start_whose_answer_is_lost_ends_in_a_run_that_is_over(fake: FakeTool) -> None:
    with opened(fake) as tool, impatient():
        assert not tool.is_busy()
        fake.misbehave(Fault.LOST, 1)
        tool.start()
        assert _follow(tool).stage is Stage.DONE
    assert all(one.is_over for one in fake.runs)


@pytest.mark.parametrize("fault", [Fault.FAILING, Fault.GARBLED])
def test_a_tool_that_stays_away_is_told(fake: FakeTool, fault: Fault) -> None:
    fake.misbehave(fault, 1_000)
    with impatient(), pytest.raises(DestinationUnavailableError):
        followed(fake)
    assert fake.runs == []


# Definitions


@pytest.mark.parametrize("sync", ["", "fans", "17/../18", "1 7", "17?"])
def test_a_sync_has_to_be_named_by_its_number(fake: FakeTool, sync: str) -> None:
    with pytest.raises(ConfigurationError, match="does not say which one"):
        opened(fake, sync)


SYNC_META = {"destination": "other", "object": SYNC, "mode": "hand_over"}


def read(is_consent_asked: bool = False, **meta: Any) -> Any:
    return read_sync("fans", {**SYNC_META, **meta}, "models/syncs.yml", is_consent_asked)


def test_a_definition_names_the_sync_and_no_more() -> None:
    sync = read(schedule="0 6 * * *", is_consent_asked=True)
    assert (sync.mode, sync.target, sync.fields) == (Mode.HAND_OVER, SYNC, {})


@pytest.mark.parametrize(
    "more",
    [
        {"key": "email"},
        {"fields": {"email": "email"}},
        {"model": "people"},
        {"segment": "vips"},
        {"guard": {"max_rows": 1}},
        {"consent": []},
        {"audience": "vips"},
        {"id": "id"},
    ],
)
def test_what_belongs_into_the_other_tool_s_model_is_refused(more: dict[str, Any]) -> None:
    (name,) = more
    with pytest.raises(ConfigurationError, match="reads the warehouse itself") as error:
        read(**more)
    assert f"`{name}` does not go with mode hand_over" in error.value.message


def test_a_definition_without_the_sync_s_id_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="id of the other tool's sync"):
        read(object="")


def test_only_these_tools_are_handed_over_to() -> None:
    shop = project(type="file", path="out")
    entry = read_destinations(shop)["other"]
    with pytest.raises(ConfigurationError, match="Nothing can be handed over"):
        open_hand_over(shop, entry, Sync("fans", Mode.HAND_OVER, SYNC, "", "", ()))
    assert Mode.HAND_OVER not in modes_of(entry)


@pytest.mark.parametrize("kind", ["hightouch", "census"])
def test_rows_cannot_be_sent_to_these_tools(kind: str) -> None:
    entry = read_destinations(project(type=kind, token_env="TOOL_TOKEN"))["other"]
    assert modes_of(entry) == {Mode.HAND_OVER}
    with pytest.raises(ConfigurationError, match="mode: hand_over"):
        destination_class(entry)
