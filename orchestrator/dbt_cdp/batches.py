"""Cuts what is too much at once."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

_Item = TypeVar("_Item")


def batches(
    items: Iterable[_Item],
    max_items: int,
    max_bytes: int = 0,
    bytes_of: Callable[[_Item], int] = lambda item: 0,
) -> Iterator[list[_Item]]:
    """The items, as many at a time as are allowed; one that is larger than that is alone.

    Args:
        items: what is read as it is asked for.
        max_items: how many are allowed.
        max_bytes: how many bytes of them, by `bytes_of`, are.
        bytes_of: the bytes of an item.
    """
    batch: list[_Item] = []
    size = 0
    for item in items:
        added = bytes_of(item)
        if batch and (len(batch) == max_items or size + added > max_bytes):
            yield batch
            batch, size = [], 0
        batch.append(item)
        size += added
    if batch:
        yield batch
