"""What a sync has to send: computed in the warehouse, and read from a file, batch by batch.

The difference is written to a Parquet file of this machine first. So the warehouse, which on DuckDB
nobody else can open meanwhile, is free while rows are sent, and a table is never held in memory.
The file is in dbt's target folder, is readable for its owner alone, and goes when the sync ends.
"""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from dbt_cdp.activation.definition import Definition, read_syncs
from dbt_cdp.dbt import Dbt
from dbt_cdp.destinations.base import Action, Destination, Mode, Row, Settings
from dbt_cdp.destinations.registry import destination_class, modes_of, read_destinations
from dbt_cdp.errors import DbtError
from dbt_cdp.project import Project
from dbt_cdp.warehouse import open_when_free

_FOLDER = "cdp_syncs"
_JINJA = """
{{% set queries = {{}} %}}
{{% for sync in fromjson({definitions}) %}}
{{% do queries.update({{sync.name: {{
    "difference": cdp.cdp_sync_difference(sync),
    "counts": cdp.cdp_sync_counts(sync),
}}}}) %}}
{{% endfor %}}
{{{{ tojson(queries) }}}}
"""

# A row that fails so often is parked until somebody asks for it.
MAX_ATTEMPTS = 5

KEEP, DOUBLED = "keep", "doubled"

# What each mode does; a row whose consent is gone is removed in all of them.
_ACTIONS = {
    Mode.UPSERT: {Action.ADD, Action.CHANGE, Action.MERGE, Action.REMOVE},
    Mode.INSERT: {Action.ADD, Action.REMOVE},
    Mode.UPDATE: {Action.ADD, Action.CHANGE, Action.REMOVE},
    Mode.MIRROR: {Action.ADD, Action.CHANGE, Action.MERGE, Action.REMOVE},
    Mode.AUDIENCE: {Action.ADD, Action.CHANGE, Action.MERGE, Action.REMOVE},
    Mode.APPEND: {Action.ADD, Action.CHANGE, Action.REMOVE},
}
# What goes first makes room; a record is merged into one that is up to date.
ORDER = (Action.REMOVE, Action.CHANGE, Action.ADD, Action.MERGE)


@dataclass(frozen=True)
class Counts:
    """How many rows there are.

    Attributes:
        source_rows: rows that the sync reads.
        without_key: of them, those without a key, which cannot be sent.
        withheld: of them, those of people who have not consented, or are suppressed.
        model_rows: rows of its model, before it is asked for the segment.
        present_records: records that the destination holds, as far as was acknowledged.
    """

    source_rows: int
    without_key: int
    withheld: int
    model_rows: int
    present_records: int


@dataclass(frozen=True, slots=True)
class Change:
    """A row of the difference.

    Attributes:
        row: what the destination is given.
        action: what is to be done with it; keep or doubled where it is not sent.
        record_id: names the destination's record.
        row_id: names the row.
        row_hash: of its values; None for a removal.
        attempts: how often it was rejected so far.
    """

    row: Row
    action: str
    record_id: str
    row_id: str
    row_hash: str | None
    attempts: int


class Difference:
    """The difference of one sync, in a file."""

    def __init__(
        self,
        sync: Definition,
        destination: Destination,
        file: Path,
        counts: Counts,
        *,
        retries: bool,
    ) -> None:
        self.counts = counts
        self._sync, self._is_partial = sync, destination.is_partial
        gone = set() if destination.removes else {Action.REMOVE, Action.MERGE}
        self._actions = _ACTIONS[sync.mode] - gone
        self._connection = duckdb.connect()
        # The file is read once, in its order; more threads would only hold more of it.
        self._connection.execute("set threads = 1")
        # Where a sort that is too large for memory goes: not to the folder that this runs in.
        self._connection.execute("set temp_directory = ?", [str(file.parent)])
        self._file = str(file)
        self._waits = "true" if retries else f"not is_refused and attempts < {MAX_ATTEMPTS}"

    def number(self, action: str) -> int:
        """How many rows are to be sent by an action, without those that are parked."""
        if not self._is_done(action):
            return 0
        return self._count("action = ? and " + self._waits, action)

    @property
    def parked(self) -> int:
        """How many rows were rejected for good, or too often."""
        actions = [action for action in ORDER if self._is_done(action)]
        return self._count(f"not ({self._waits}) and list_contains(?, action)", actions)

    @property
    def new_doubled(self) -> int:
        """How many rows are newly found not to be alone with their id or key."""
        return self._count("action = ? and attempts = 0", DOUBLED)

    def changes(self, action: str) -> Iterator[Change]:
        """The rows to be sent by an action, or newly found doubled."""
        if action == DOUBLED or self._is_done(action):
            waits = "attempts = 0" if action == DOUBLED else self._waits
            yield from self._read(f"action = ? and {waits}", [action])

    def sample(self, action: str, size: int) -> list[Change]:
        """The first rows, by their keys, to be sent by an action."""
        if not self._is_done(action):
            return []
        condition = f"action = ? and {self._waits} order by key_value, delivery_id limit {size}"
        return list(self._read(condition, [action]))

    def everything(self) -> Iterator[Change]:
        """All rows that the destination is to hold, by their keys, also those that have not
        changed: the same rows give the same file."""
        condition = "action in (?, ?, ?) order by key_value"
        yield from self._read(condition, [Action.ADD, Action.CHANGE, KEEP])

    def _is_done(self, action: str) -> bool:
        return action in self._actions

    def _count(self, condition: str, *parameters: Any) -> int:
        sql = f"select count(*) from read_parquet(?) where {condition}"  # noqa: S608
        found = self._connection.execute(sql, [self._file, *parameters]).fetchone()
        return int(found[0]) if found else 0

    def _read(self, condition: str, parameters: Sequence[Any]) -> Iterator[Change]:
        columns = ", ".join(f"field_{place}" for place in range(len(self._sync.fields)))
        sql = (
            "select action, delivery_id, record_id, row_id, key_value, remote_id, into_remote_id,"  # noqa: S608
            f" row_hash, sent, tried, attempts, {columns} from read_parquet(?) where {condition}"
        )
        cursor = self._connection.cursor()
        cursor.execute(sql, [self._file, *parameters])
        while rows := cursor.fetchmany(2_000):
            yield from (self._change(*row) for row in rows)

    def _change(
        self,
        action: str,
        delivery_id: str,
        record_id: str,
        row_id: str,
        key: str | None,
        remote_id: str | None,
        into_remote_id: str | None,
        row_hash: str | None,
        sent_text: str | None,
        tried_text: str | None,
        attempts: int,
        *values: Any,
    ) -> Change:
        sent = json.loads(sent_text) if sent_text else {}
        fields = dict(zip(self._sync.fields, values, strict=True)) if row_hash else {}
        if self._is_partial:
            # What people have entered there is not emptied by what was never known here.
            fields = {
                name: value
                for name, value in fields.items()
                if value is not None or sent.get(name) is not None
            }
        tried = json.loads(tried_text) if tried_text else {}
        row = Row(delivery_id, key or "", fields, remote_id, into_remote_id, sent, tried)
        return Change(row, action, record_id, row_id, row_hash, attempts)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


@contextmanager
def open_difference(
    project: Project, sync: Definition, destination: Destination, *, retries: bool = False
) -> Iterator[Difference]:
    """Compute what a sync has to send.

    Args:
        project: the project.
        sync: the sync.
        destination: its destination.
        retries: whether rows that are parked are sent too.

    Raises:
        ConfigurationError: the package's tables are not there.
        DbtError: the project cannot be compiled, or the sync does not fit it.
        WarehouseError: the warehouse refuses the query, such as for a column that is not there.
    """
    compiled = compiled_queries(project, sync)
    folder = project.target_path / _FOLDER
    # What a run that was killed has left.
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)
    try:
        file = folder / f"{sync.name}.parquet"
        with open_when_free(project) as warehouse:
            warehouse.export(compiled["difference"], [], file)
            (counts,) = warehouse.query(compiled["counts"])
        difference = Difference(sync, destination, file, Counts(*map(int, counts)), retries=retries)
        try:
            yield difference
        finally:
            difference.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def compiled_queries(project: Project, sync: Definition) -> Mapping[str, str]:
    """The queries of a sync, `difference` and `counts`. Those of all syncs are compiled together,
    since dbt takes seconds to start; where one of them is broken, this one's alone.

    Raises:
        ConfigurationError: a destination is not as it must be.
        DbtError: the project cannot be compiled, or the sync does not fit it.
    """
    destinations = read_destinations(project)
    syncs = [
        one
        for one in read_syncs(project)
        if one.mode is not Mode.HAND_OVER
        and one.destination in destinations
        and one.mode in modes_of(destinations[one.destination])
    ]
    try:
        found = _compile(project, syncs, destinations)
    except DbtError:
        found = _compile(project, [sync], destinations)
    return found[sync.name]


def _compile(
    project: Project, syncs: Sequence[Definition], destinations: Mapping[str, Settings]
) -> Mapping[str, Mapping[str, str]]:
    definitions = json.dumps([_described(one, destinations[one.destination]) for one in syncs])
    # JSON's texts are Jinja's too.
    jinja = _JINJA.format(definitions=json.dumps(definitions))
    queries: Mapping[str, Mapping[str, str]] = json.loads(Dbt(project).compile_inline(jinja))
    return queries


def _described(sync: Definition, settings: Settings) -> Mapping[str, Any]:
    """A sync as the package's macros take it."""
    destination = destination_class(settings)
    return {
        "name": sync.name,
        "destination": sync.destination,
        "object": sync.target,
        "model": sync.model_name,
        "segment": sync.segment,
        "id": sync.id_column,
        "key": list(sync.fields).index(sync.key),
        "fields": sync.expressions(),
        "consent": sync.consent or [],
        "removes": sync.removes,
        "ignores_case": destination.ignores_case,
        "updates_by_id": destination.updates_by_id,
        "replaces": sync.mode in destination.replaces,
    }
