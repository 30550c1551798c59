"""How rows are put into calls: no more of them, and no more bytes, than a destination takes."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from dbt_cdp.activation.sender import Sender
from dbt_cdp.destinations.base import Action, Destination, Mode, Outcome, Row, Settings, Sync
from dbt_cdp.destinations.conformance import FIELDS, Book, row_of


class Scales(Destination):
    """Takes note of how many rows, and bytes of them, each call has."""

    modes = frozenset({Mode.UPSERT})
    max_rows = 4
    max_bytes = 700

    def __init__(self) -> None:
        settings = Settings(name="scales", type="scales")
        super().__init__(settings, Sync("leads", Mode.UPSERT, "", "", "email", FIELDS), Path())
        self.calls: list[tuple[int, int]] = []

    def check(self) -> str:
        return "it is there"

    def send(self, action: Action, rows: Sequence[Row]) -> Iterable[Outcome]:
        self.calls.append((len(rows), sum(self.bytes_of(action, row) for row in rows)))
        return [Outcome.acknowledged(row) for row in rows]

    def erase(self, rows: Sequence[Row]) -> Iterable[Outcome]:
        return []


def calls(*names: str) -> list[tuple[int, int]]:
    scales, book = Scales(), Book()
    rows = [row_of(number, name=name) for number, name in enumerate(names)]
    Sender(scales, book.enter).send(Action.ADD, rows)
    assert len(book.present) == len(names)
    return scales.calls


def test_a_call_has_no_more_rows_than_it_may() -> None:
    assert [rows for rows, _ in calls(*"abcdefghi")] == [4, 4, 1]


def test_a_call_has_no_more_bytes_than_it_may() -> None:
    found = calls("木" * 130, "a", "b", "c", "木" * 130)
    assert [rows for rows, _ in found] == [2, 2, 1]
    assert all(size <= 700 for _, size in found)


def test_a_row_that_is_too_large_is_alone() -> None:
    assert [rows for rows, _ in calls("a", "x" * 5_000, "b")] == [1, 1, 1]
