"""The tests that destinations over a network have to pass; write one, and pass them too.

Inherit `DestinationConformance` in a file of pytest's, and give it a fake of the destination's
other side, which keeps what it is sent and can be told to misbehave:

    class TestMine(DestinationConformance):
        @pytest.fixture
        def fake(self): ...

        def open(self, fake, mode): ...

What is proved is one thing: whatever happens on the way, the rows that count as acknowledged are
those that the other side holds.
"""

import random
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Protocol

import httpx
import pytest
import stamina

from dbt_cdp.activation.difference import Change
from dbt_cdp.activation.sender import Sender
from dbt_cdp.destinations import http
from dbt_cdp.destinations.base import Action, Destination, Mode, Outcome, Row, Status, Sync
from dbt_cdp.destinations.errors import (
    DestinationError,
    DestinationRefusedError,
    DestinationUnavailableError,
)
from dbt_cdp.destinations.values import json_value


class Fault(StrEnum):
    """How the other side misbehaves, for one request.

    busy: it asks to wait a second. failing: it answers with an error of its own. cut: it hangs up
    before it has done anything. lost: it does what it is asked for, and hangs up. slow: it does it,
    and answers after a second, for which `impatient` does not wait. unauthorized: it
    refuses the credentials. moved: it sends to another address. garbled: it does nothing, and
    answers what nobody can read, as if all were well.
    """

    BUSY = "busy"
    FAILING = "failing"
    CUT = "cut"
    LOST = "lost"
    SLOW = "slow"
    UNAUTHORIZED = "unauthorized"
    MOVED = "moved"
    GARBLED = "garbled"


class Fake(Protocol):
    """The other side.

    Attributes:
        violations: what it was sent that its interface does not allow, such as too many rows.
    """

    violations: Sequence[str]

    def held(self) -> Mapping[str, Mapping[str, Any]]:
        """What it holds, by key; in mode append what was last added of each."""

    def count(self) -> int:
        """How many records it holds."""

    def misbehave(self, fault: Fault, times: int) -> None:
        """Do so for the next requests."""

    def refuse(self, key: str) -> None:
        """Take no record of this key any more."""


FIELDS = ("email", "name", "score", "is_customer", "seen_at")


def row_of(number: int, version: int = 1, **fields: Any) -> Change:
    """A row as the engine sends it, of a made-up person."""
    key = f"person{number}@shop.example"
    values = {
        "email": key,
        "name": f'Zoë "{number}" O\'Neil, {version} 木',
        "score": number * 10 + version,
        "is_customer": version % 2 == 0,
        "seen_at": datetime(2026, 6, 1, 12, version % 60, 0, 125_000),
        **fields,
    }
    row = Row(f"{number:016x}{version:016x}", key, values)
    return Change(row, Action.ADD, f"record {number}", f"row {number}", f"hash {version}", 0)


def as_removal(change: Change, sent: Outcome | None = None) -> Change:
    """The removal of what was sent."""
    row = Row(
        f"{change.row.delivery_id[:-1]}r",
        change.row.key,
        {},
        sent.remote_id if sent else None,
        None,
        (sent.sent if sent and sent.sent is not None else change.row.fields),
    )
    return Change(row, Action.REMOVE, change.record_id, change.row_id, None, 0)


@dataclass
class Book:
    """What was acknowledged, and what was tried and not answered for, as the ledgers have it."""

    present: dict[str, Change] = field(default_factory=dict)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    remote_ids: dict[str, str | None] = field(default_factory=dict)
    open: dict[str, Change] = field(default_factory=dict)
    _number: int = 0

    def attempt(self, change: Change) -> Change:
        """Take note that a row is about to be sent; as it is to be sent. It has the id that it had
        where the same was tried and not answered for."""
        key = change.row.key
        before = self.open.get(key)
        is_same = before and (before.action, before.row_hash) == (change.action, change.row_hash)
        self._number += not is_same
        name = before.row.delivery_id if before and is_same else f"{self._number:032x}"
        self.open[key] = replace(change, row=replace(change.row, delivery_id=name))
        return self.open[key]

    def enter(self, change: Change, outcome: Outcome) -> None:
        """Take note of what became of a row."""
        self.outcomes[change.row.delivery_id] = outcome
        self.open.pop(change.row.key, None)
        if outcome.status is not Status.ACKNOWLEDGED:
            return
        if change.row.fields:
            self.present[change.row.key] = change
            self.remote_ids[change.row.key] = outcome.remote_id
        else:
            self.present.pop(change.row.key, None)

    def status(self, change: Change) -> Status | None:
        """What became of a row; None where nothing is known."""
        outcome = self.outcomes.get(change.row.delivery_id)
        return outcome.status if outcome else None


@contextmanager
def impatient() -> Iterator[None]:
    """Try again three times, without waiting, and wait for the answers of `HttpClient` for less
    than a second."""
    patience, http.TIMEOUT = http.TIMEOUT, httpx.Timeout(0.5)
    try:
        with stamina.set_testing(True, attempts=3, cap=True):
            yield
    finally:
        http.TIMEOUT = patience


class DestinationConformance:
    """The tests. They use the mode of the class, and others where the destination knows them.

    Attributes:
        mode: the mode that most tests use: one in which a key has one record.
        over_a_network: whether the other side can misbehave.
        faults: how it can, by what it speaks.
        partly: whether it can take some rows of a batch and refuse others.
    """

    mode: ClassVar[Mode] = Mode.UPSERT
    over_a_network: ClassVar[bool] = True
    faults: ClassVar[frozenset[Fault]] = frozenset(Fault)
    partly: ClassVar[bool] = True

    @pytest.fixture
    def fake(self) -> Any:
        """The other side, empty."""
        raise NotImplementedError

    def open(self, fake: Any, mode: Mode) -> Destination:
        """The destination, for a sync of that mode with the fields `FIELDS` and the key `email`."""
        raise NotImplementedError

    def shown(self, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        """The fields as `held` of the fake shows them."""
        return {name: json_value(value) for name, value in fields.items()}

    def sync(self, mode: Mode, **more: Any) -> Sync:
        """A sync of that mode, to be given to a destination."""
        audience = "people" if mode is Mode.AUDIENCE else ""
        return Sync("leads", mode, more.get("object", ""), audience, "email", FIELDS)

    @pytest.fixture
    def book(self) -> Book:
        """An empty book."""
        return Book()

    @pytest.fixture
    def destination(self, fake: Any) -> Iterator[Destination]:
        """The destination, open."""
        with self.open(fake, self.mode) as destination:
            destination.begin("0" * 32)
            yield destination

    def deliver(
        self, destination: Destination, book: Book, action: Action, changes: Iterable[Change]
    ) -> None:
        """Send rows as the engine does."""
        sender = Sender(destination, book.enter)
        sender.send(action, changes)
        sender.end()

    def agrees(self, fake: Fake, book: Book) -> None:
        """The other side holds what was acknowledged, and nothing else."""
        expected = {key: self.shown(one.row.fields) for key, one in book.present.items()}
        assert {key: dict(fields) for key, fields in fake.held().items()} == expected
        assert fake.count() == len(expected)
        assert not fake.violations

    def needs(self, condition: bool, what: str) -> None:
        """Skip the test where the destination does not have that."""
        if not condition:
            pytest.skip(what)

    def needs_fault(self, fault: Fault) -> None:
        """Skip the test where the other side cannot misbehave so."""
        self.needs(self.over_a_network, "there is no network")
        self.needs(fault in self.faults, "its interface has no such fault")

    # What it takes

    def test_a_check_sends_nothing(self, fake: Fake, destination: Destination) -> None:
        """`check` says what it has found."""
        assert destination.check()
        assert fake.count() == 0

    def test_rows_are_held_and_acknowledged(
        self, fake: Fake, destination: Destination, book: Book
    ) -> None:
        """Each row has an outcome, and its values arrive."""
        rows = [row_of(number) for number in range(5)]
        self.deliver(destination, book, Action.ADD, rows)
        assert [book.status(one) for one in rows] == [Status.ACKNOWLEDGED] * 5
        self.agrees(fake, book)

    def test_no_more_rows_than_it_takes_are_sent_at_once(
        self, fake: Fake, destination: Destination, book: Book
    ) -> None:
        """Rows of two batches and a half all arrive."""
        number = min(destination.max_rows * 2 + destination.max_rows // 2 + 1, 1_200)
        self.deliver(destination, book, Action.ADD, (row_of(one) for one in range(number)))
        assert len(book.present) == number
        self.agrees(fake, book)

    def test_a_change_changes_the_record(
        self, fake: Fake, destination: Destination, book: Book
    ) -> None:
        """It is still one record."""
        self.deliver(destination, book, Action.ADD, [row_of(1), row_of(2)])
        self.deliver(destination, book, Action.CHANGE, [self._later(book, 1)])
        self.agrees(fake, book)

    def test_a_value_may_be_null(self, fake: Fake, destination: Destination, book: Book) -> None:
        """A value that was there and is null now is emptied."""
        self.deliver(destination, book, Action.ADD, [row_of(1)])
        self.deliver(destination, book, Action.CHANGE, [self._later(book, 1, name=None)])
        assert not fake.held()[row_of(1).row.key]["name"]

    def test_rows_sent_twice_have_no_second_effect(
        self, fake: Fake, destination: Destination, book: Book
    ) -> None:
        """As after a kill between sending and recording."""
        rows = [row_of(number) for number in range(3)]
        self.deliver(destination, book, Action.ADD, rows)
        self.deliver(destination, book, Action.ADD, rows)
        self.agrees(fake, book)

    def test_removed_rows_are_gone_and_others_stay(
        self, fake: Fake, destination: Destination, book: Book
    ) -> None:
        """A removal finds what was sent."""
        self.needs(destination.removes, "it cannot remove")
        rows = [row_of(number) for number in range(3)]
        self.deliver(destination, book, Action.ADD, rows)
        self.deliver(destination, book, Action.REMOVE, [self._removal(book, 1)])
        assert rows[1].row.key not in fake.held()
        self.agrees(fake, book)

    def test_the_removal_of_what_is_not_there_is_acknowledged(
        self, fake: Fake, destination: Destination, book: Book
    ) -> None:
        """Somebody has deleted it there, or a removal is sent twice."""
        self.needs(destination.removes, "it cannot remove")
        self.deliver(destination, book, Action.ADD, [row_of(0), row_of(1)])
        removal = self._removal(book, 1)
        self.deliver(destination, book, Action.REMOVE, [removal])
        self.deliver(destination, book, Action.REMOVE, [removal])
        assert book.status(removal) is Status.ACKNOWLEDGED
        self.agrees(fake, book)

    def test_a_key_may_change_where_records_have_ids(
        self, fake: Fake, destination: Destination, book: Book
    ) -> None:
        """It stays the same record."""
        self.needs(destination.updates_by_id, "it finds records by their keys")
        self.deliver(destination, book, Action.ADD, [row_of(1)])
        old = row_of(1).row.key
        remote_id = book.remote_ids[old]
        new = row_of(1, 2, email="new@shop.example")
        row = Row(
            new.row.delivery_id, "new@shop.example", new.row.fields, remote_id, None, new.row.fields
        )
        change = Change(row, Action.CHANGE, new.record_id, new.row_id, new.row_hash, 0)
        self.deliver(destination, book, Action.CHANGE, [change])
        assert fake.held().keys() == {"new@shop.example"}
        assert fake.count() == 1

    def test_a_record_is_merged_into_another(
        self, fake: Fake, destination: Destination, book: Book
    ) -> None:
        """One of the two is left."""
        self.needs(destination.merges, "it cannot merge")
        self.deliver(destination, book, Action.ADD, [row_of(1), row_of(2)])
        loser, winner = row_of(2), row_of(1)
        row = Row(
            loser.row.delivery_id[:-1] + "m",
            loser.row.key,
            {},
            book.remote_ids[loser.row.key],
            book.remote_ids[winner.row.key],
            loser.row.fields,
        )
        merge = Change(row, Action.MERGE, loser.record_id, loser.row_id, None, 0)
        self.deliver(destination, book, Action.MERGE, [merge])
        assert book.status(merge) is Status.ACKNOWLEDGED
        assert fake.held().keys() == {winner.row.key}

    def test_erased_people_are_gone(self, fake: Fake, destination: Destination, book: Book) -> None:
        """Also when it is asked twice, and of those who were never there."""
        self.deliver(destination, book, Action.ADD, [row_of(0), row_of(1)])
        gone = [self._removal(book, 1).row, as_removal(row_of(7)).row]
        for _ in range(2):
            outcomes = list(destination.erase(gone))
            assert [one.status for one in outcomes] == [Status.ACKNOWLEDGED] * 2
        assert fake.held().keys() == {row_of(0).row.key}

    def test_a_mode_that_it_does_not_know_is_refused(self, fake: Fake) -> None:
        """Before anything is sent."""
        unknown = set(Mode) - self.open(fake, self.mode).modes
        for mode in unknown:
            with pytest.raises(Exception, match="mode"):
                self.open(fake, mode)

    # What goes wrong

    def test_a_refused_row_does_not_harm_the_others(
        self, fake: Fake, destination: Destination, book: Book
    ) -> None:
        """It is rejected, with a reason."""
        self.needs(self.partly, "it takes all or nothing")
        rows = [row_of(number) for number in range(5)]
        fake.refuse(rows[3].row.key)
        self.deliver(destination, book, Action.ADD, rows)
        assert book.status(rows[3]) is not Status.ACKNOWLEDGED
        assert book.outcomes[rows[3].row.delivery_id].reason
        assert len(book.present) == 4
        self.agrees(fake, book)

    def test_it_waits_as_long_as_it_is_asked_to(
        self, fake: Fake, destination: Destination, book: Book
    ) -> None:
        """`Retry-After`."""
        self.needs_fault(Fault.BUSY)
        fake.misbehave(Fault.BUSY, 1)
        began = time.monotonic()
        self.deliver(destination, book, Action.ADD, [row_of(1)])
        assert time.monotonic() - began >= 1.0
        self.agrees(fake, book)

    @pytest.mark.parametrize("fault", [Fault.FAILING, Fault.CUT, Fault.LOST, Fault.SLOW])
    def test_what_fails_once_is_tried_again(
        self, fake: Fake, destination: Destination, book: Book, fault: Fault
    ) -> None:
        """Within the same delivery."""
        self.needs_fault(fault)
        fake.misbehave(fault, 1)
        with impatient():
            self.deliver(destination, book, Action.ADD, [row_of(number) for number in range(3)])
        assert len(book.present) == 3
        self.agrees(fake, book)

    @pytest.mark.parametrize("fault", [Fault.BUSY, Fault.FAILING, Fault.CUT, Fault.LOST])
    def test_what_fails_for_long_is_left_to_the_next_run(
        self, fake: Fake, destination: Destination, book: Book, fault: Fault
    ) -> None:
        """Nothing is acknowledged; the next run ends as if nothing had happened."""
        self.needs_fault(fault)
        rows = [row_of(number) for number in range(3)]
        fake.misbehave(fault, 1_000)
        with impatient(), pytest.raises(DestinationUnavailableError):
            self.deliver(destination, book, Action.ADD, rows)
        assert book.present == {}
        fake.misbehave(fault, 0)
        self.deliver(destination, book, Action.ADD, rows)
        self.agrees(fake, book)

    @pytest.mark.parametrize("fault", [Fault.UNAUTHORIZED, Fault.MOVED])
    def test_what_refuses_everything_is_not_asked_again(
        self, fake: Fake, destination: Destination, book: Book, fault: Fault
    ) -> None:
        """The sync stops, and nobody is led elsewhere with credentials."""
        self.needs_fault(fault)
        fake.misbehave(fault, 1)
        with pytest.raises(DestinationRefusedError):
            self.deliver(destination, book, Action.ADD, [row_of(1)])
        assert book.outcomes == {}
        assert fake.count() == 0

    def test_an_answer_that_says_nothing_acknowledges_nothing(
        self, fake: Fake, destination: Destination, book: Book
    ) -> None:
        """As if all were well, and yet."""
        self.needs_fault(Fault.GARBLED)
        fake.misbehave(Fault.GARBLED, 1)
        with impatient(), suppress(DestinationError):
            self.deliver(destination, book, Action.ADD, [row_of(1), row_of(2)])
        self.agrees(fake, book)

    @pytest.mark.parametrize("seed", range(10))
    def test_whatever_happens_the_two_agree_in_the_end(
        self, fake: Fake, destination: Destination, book: Book, seed: int
    ) -> None:
        """Random deliveries under random faults, until everything was acknowledged."""
        self.needs(self.over_a_network, "there is no network")
        chance = random.Random(seed)
        faults = [fault for fault in _FAULTS if fault in self.faults]
        wanted: dict[int, int] = {}
        for version in range(1, 16):
            if chance.random() < 0.6:
                fake.misbehave(chance.choice(faults), chance.randint(1, 4))
            for number in chance.sample(range(12), chance.randint(1, 6)):
                if destination.removes and chance.random() < 0.3:
                    wanted.pop(number, None)
                else:
                    wanted[number] = version
            with impatient(), suppress(DestinationError):
                self._bring_about(destination, book, wanted)
            assert not fake.violations
        fake.misbehave(Fault.FAILING, 0)
        self._bring_about(destination, book, wanted)
        assert {one.row.key for one in book.present.values()} == {
            row_of(number).row.key for number in wanted
        }
        self.agrees(fake, book)

    def _bring_about(self, destination: Destination, book: Book, wanted: dict[int, int]) -> None:
        """Send what differs between what is held, or may be, and what is wanted."""
        rows = {row_of(number).row.key: (number, version) for number, version in wanted.items()}
        sends: dict[Action, list[Change]] = {
            action: [] for action in (Action.REMOVE, Action.CHANGE, Action.ADD)
        }
        for key in {**book.present, **book.open}:
            if key not in rows:
                held = book.present.get(key)
                outcome = book.outcomes[held.row.delivery_id] if held else None
                sends[Action.REMOVE].append(as_removal(held or book.open[key], outcome))
        for key, (number, version) in rows.items():
            held = book.present.get(key)
            if held is None:
                sends[Action.ADD].append(row_of(number, version))
            elif key in book.open or held.row_hash != f"hash {version}":
                sends[Action.CHANGE].append(self._later(book, number, version))
        attempts = {
            action: [book.attempt(change) for change in changes]
            for action, changes in sends.items()
        }
        for action, changes in attempts.items():
            self.deliver(destination, book, action, changes)

    def _later(self, book: Book, number: int, version: int = 2, **fields: Any) -> Change:
        """A later version of a row that was delivered."""
        change, before = row_of(number, version, **fields), book.present[row_of(number).row.key]
        row = Row(
            change.row.delivery_id,
            change.row.key,
            change.row.fields,
            book.remote_ids[change.row.key],
            None,
            self.shown(before.row.fields),
        )
        return Change(row, Action.CHANGE, change.record_id, change.row_id, change.row_hash, 0)

    def _removal(self, book: Book, number: int) -> Change:
        change = book.present[row_of(number).row.key]
        return as_removal(change, book.outcomes[change.row.delivery_id])


_FAULTS = (Fault.BUSY, Fault.FAILING, Fault.CUT, Fault.LOST, Fault.GARBLED)
