"""Erases people: finds all that is tied to them, deletes it here and in destinations, looks again.

An erasure is done in two parts, with a build of dbt between them. `begin` looks up all that the
people are known by, suppresses it, deletes what dbt reads, and withdraws the identifiers, so that
the build computes identities, profiles and segments without them. `finish` deletes what the build
has left, asks the destinations, and looks whether anything is still there. Each part can be killed
anywhere and done again.
"""

import hashlib
import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from dbt_cdp.clock import utc_now
from dbt_cdp.dbt import Dbt, Manifest, Relation
from dbt_cdp.decisions import LEDGER as DECISIONS
from dbt_cdp.decisions import Identifier, identifier_problem, identifier_types
from dbt_cdp.errors import CdpError, ConfigurationError, WarehouseError
from dbt_cdp.landing import ensure_tables
from dbt_cdp.output import talk
from dbt_cdp.person import CANONICAL_ID
from dbt_cdp.privacy.conditions import SHORTEST_IN_TEXT, Conditions
from dbt_cdp.privacy.downstream import erase_downstream
from dbt_cdp.privacy.ledger import (
    ASKED,
    DONE,
    DUE,
    IDENTIFIERS,
    IN_WORK,
    KEPT,
    LEFT,
    RUNNING,
    ErasureLedger,
    Request,
    Status,
    Task,
    check_open,
    make_tables,
)
from dbt_cdp.privacy.rules import BY_NAME, INTERNAL, Action, DescribedTable, Rule, described_tables
from dbt_cdp.privacy.suppressions import suppress
from dbt_cdp.project import Project
from dbt_cdp.queries import Queries, open_queries
from dbt_cdp.warehouse import Warehouse, open_when_free
from dbt_cdp.warehouse.duckdb import rewrite_file

_EVENTS = "cdp__raw_events"
_GRAPH, _MEMBERS = "cdp__identity_graph", "int_cdp__tuple_members"
_INCOMING = ("stg_cdp__incoming_events", "stg_cdp__incoming_records")

# More identifiers than a person usually has; a person of so many may be several.
_MANY_IDENTIFIERS = 100

_CHUNK_ROWS = 10_000
_TEXTS_AT_ONCE = 100


# Requests


def add_requests(
    project: Project,
    people: Sequence[Sequence[Identifier]],
    *,
    due: timedelta = DUE,
    evidence: str | None = None,
    by: str | None = None,
) -> list[Request]:
    """Enter requests, and find whom they mean.

    Args:
        project: the project.
        people: for each request, what the person is known by.
        due: within which time each has to be confirmed.
        evidence: how somebody has made sure that it is this person who asks; None if nobody has.
        by: who enters them.

    Raises:
        ConfigurationError: an identifier is none, or the project has not been built.
        DbtError: the project cannot be compiled, or the ledger cannot be made.
        WarehouseError: the warehouse refuses.
    """
    types = [*identifier_types(project), CANONICAL_ID]
    problems = [identifier_problem(one, types) for group in people for one in group]
    if any(problems) or not all(people):
        raise ConfigurationError(
            f"An identifier {next(filter(None, problems), 'is missing')}.",
            remedy="give each as TYPE=VALUE, such as email=ann@shop.example.",
        )
    now = utc_now()
    asked = {uuid.uuid4().hex: group for group in people}
    with opened(project) as (queries, ledger):
        staged = Dbt(project).manifest().relation(IDENTIFIERS)
        _stage(
            queries.warehouse,
            staged,
            (
                (one, identifier.type, identifier.value)
                for one, group in asked.items()
                for identifier in group
            ),
            ASKED,
        )
        requests = _found(queries, [*asked], now, due)
        for request in requests:
            ledger.enter(request, Status.RECEIVED, by, None)
            if evidence:
                ledger.enter(request, Status.VERIFIED, by, evidence)
        ledger.write()
        known = {one.request_id: one for one in ledger.read()}
    return [known[one] for one in asked]


def _found(
    queries: Queries, request_ids: Sequence[str], now: datetime, due: timedelta
) -> list[Request]:
    """The requests, with whom they mean and why somebody has to look at them."""
    wanted = set(request_ids)
    meanings: dict[str, list[tuple[Any, ...]]] = {one: [] for one in request_ids}
    for request_id, *meaning in queries.run("asked"):
        if request_id in wanted:
            meanings[request_id].append(tuple(meaning))
    internal = ", ".join(f"'{kind}'" for kind in INTERNAL)
    counts = dict(
        queries.run_within(
            "found",
            "select request_id, count(*) from found"  # noqa: S608
            f" where identifier_type not in ({internal}) group by request_id",
        )
    )
    requests = []
    for request_id, rows in meanings.items():
        people = {canonical_id for _, _, canonical_id, _, _ in rows if canonical_id}
        count = counts.get(request_id, 0)
        review = "; ".join(_review(rows, len(people), count)) or None
        requests.append(
            Request(request_id, Status.RECEIVED, now, now, now + due, len(people), count, review)
        )
    return requests


def _review(rows: Sequence[tuple[Any, ...]], people: int, identifiers: int) -> Iterator[str]:
    for kind, _, _, is_shared, block_reason in rows:
        if is_shared:
            yield f"the {kind} is shared, and so nobody's alone; it is left where it is"
        elif block_reason:
            yield f"the {kind} names nobody: {block_reason}"
    if people > 1:
        yield f"what was given means {people} people"
    if identifiers > _MANY_IDENTIFIERS * max(people, 1):
        yield f"the person has {identifiers:,} identifiers, and may be several"


def approve(
    project: Project,
    request_id: str,
    *,
    is_reviewed: bool = False,
    evidence: str | None = None,
    by: str | None = None,
) -> Request:
    """Let a request be done by the next run.

    Args:
        project: the project.
        request_id: its id, or how that begins.
        is_reviewed: whether somebody has looked at why it stops for review.
        evidence: how somebody has made sure that it is this person who asks.
        by: who approves it.

    Raises:
        CdpError: it stops for review, nobody has made sure who asks, or it was approved or ended
            before.
    """
    with _opened_ledger(project) as ledger:
        request = ledger.find(request_id)
        check_open(request, [Status.RECEIVED, Status.VERIFIED], "approve")
        where = f"request {request.request_id}"
        if request.status == Status.RECEIVED and not evidence:
            raise CdpError(
                "Nobody has made sure that it is this person who asks.",
                where=where,
                remedy='say how you did, such as --evidence "signed in, and asked by e-mail".',
            )
        if request.review and not is_reviewed:
            raise CdpError(
                f"The request stops for review: {request.review}.",
                where=where,
                remedy="look at what it would touch with `cdp erase run --dry-run`, then approve it"
                " with --reviewed, or deny it.",
            )
        if evidence:
            ledger.enter(request, Status.VERIFIED, by, evidence)
        ledger.enter(request, Status.APPROVED, by, "reviewed" if request.review else None)
        ledger.write()
        return ledger.find(request.request_id)


def deny(project: Project, request_id: str, reason: str, by: str | None) -> Request:
    """Refuse a request; what it was about is forgotten.

    Raises:
        CdpError: it has begun, or ended before.
    """
    with _opened_ledger(project) as ledger:
        request = ledger.find(request_id)
        check_open(request, [Status.RECEIVED, Status.VERIFIED, Status.APPROVED], "deny")
        ledger.enter(request, Status.DENIED, by, reason)
        ledger.write()
        _forget(ledger.warehouse, Dbt(project).manifest(), [request.request_id])
        return ledger.find(request.request_id)


def tick(project: Project, request_id: str, subject: str, note: str, by: str | None) -> Request:
    """Enter that a person has done what was left to do in a place.

    Raises:
        CdpError: nothing is left to do there.
    """
    with _opened_ledger(project) as ledger:
        request = ledger.find(request_id)
        tasks = ledger.tasks().get(request.request_id, [])
        left = [one for one in tasks if one.status == LEFT]
        found = [one for one in left if one.subject == subject]
        if not found:
            raise CdpError(
                f"Nothing is left to do in '{subject}'.",
                where=f"request {request.request_id}",
                remedy=f"left is: {', '.join(one.subject for one in left) or 'nothing'}.",
            )
        for task in found:
            ledger.enter_task(request.request_id, replace(task, status=DONE, detail=note), by)
        ledger.write()
        return request


def read_requests(project: Project) -> tuple[list[Request], Mapping[str, list[Task]]]:
    """All requests, and what was done and is left for each."""
    with _opened_ledger(project) as ledger:
        return ledger.read(), ledger.tasks()


# The work


@dataclass(frozen=True)
class Erasures:
    """What a part of the work has done.

    Attributes:
        requests: how many requests it was about.
        rows: how many rows were deleted or emptied.
        confirmed: how many requests are confirmed by it.
        left: how many wait for something.
    """

    requests: int = 0
    rows: int = 0
    confirmed: int = 0
    left: int = 0


def begin(project: Project) -> Erasures:
    """Do the first part for what is approved, or was begun before. To be called by who has the lock
    of a run, before dbt builds.

    Raises:
        ConfigurationError: a table's description is not as it must be.
        DbtError: the project cannot be compiled.
        WarehouseError: the warehouse refuses.
    """
    requests = _in_work(project)
    if not requests:
        return Erasures()
    with opened(project) as (queries, ledger):
        work = Work(project, queries, ledger, requests)
        work.find()
        work.sort_shared()
        identifiers = work.identifiers()
    # The list of suppressions has a connection of its own.
    added = suppress(project, identifiers)
    with opened(project) as (queries, ledger):
        work = Work(project, queries, ledger, requests)
        for request in requests:
            if request.status == Status.APPROVED:
                ledger.enter(request, Status.RUNNING, None, None)
        work.enter(Task("suppression", "suppressions", "suppress", DONE, added))
        rows = work.erase(before_build=True)
        work.withdraw()
        ledger.write()
    return Erasures(len(requests), rows)


def finish(project: Project) -> Erasures:
    """Do the second part, after dbt has built, for what `begin` has done the first part of.

    Returns:
        What it has done; nothing, where dbt has not built since.

    Raises:
        As `begin`.
    """
    requests = [one for one in _in_work(project) if one.status != Status.APPROVED]
    if not requests:
        return Erasures()
    with opened(project) as (queries, ledger):
        work = Work(project, queries, ledger, requests)
        if work.is_unbuilt():
            return Erasures(left=len(requests))
    left = erase_downstream(project, [one.request_id for one in requests])
    with opened(project) as (queries, ledger):
        work = Work(project, queries, ledger, requests)
        for request_id, task in left:
            ledger.enter_task(request_id, task)
        # What the destinations were sent is known until they have erased it.
        waits = {request_id for request_id, task in left if task.status == LEFT}
        rows = work.erase(before_build=True) + work.erase(
            before_build=False, but_ledgers=bool(waits)
        )
        work.look_at_sources()
        remains = work.scan()
        ledger.write()
        confirmed = work.conclude(waits, remains)
        ledger.write()
    _rewrite(project)
    return Erasures(len(requests), rows, confirmed, len(requests) - confirmed)


def _in_work(project: Project) -> list[Request]:
    with _opened_ledger(project) as ledger:
        return [one for one in ledger.read() if one.status in IN_WORK]


class Work:
    """The work on requests, on an open warehouse."""

    def __init__(
        self,
        project: Project,
        queries: Queries,
        ledger: ErasureLedger,
        requests: Sequence[Request],
        stage: str = RUNNING,
    ) -> None:
        self._project, self._queries, self._ledger = project, queries, ledger
        self._requests, self._stage = requests, stage
        self._ids = [one.request_id for one in requests]
        self._warehouse = queries.warehouse
        self._manifest = Dbt(project).manifest()
        self._staged = self._manifest.relation(IDENTIFIERS)
        settings = queries.settings
        self._conditions = Conditions(
            self._warehouse,
            self._manifest,
            self._staged,
            self._manifest.relation(_GRAPH),
            settings["normal_forms"],
            settings["text"],
            stage,
        )
        self._tables = described_tables(self._manifest, [*settings["normal_forms"]])

    def find(self) -> None:
        """Look up all that the people are known by by now."""
        wanted = set(self._ids)
        found = [row for row in self._queries.run("found") if row[0] in wanted]
        _stage(self._warehouse, self._staged, iter(found), self._stage)

    def identifiers(self) -> list[tuple[str, Identifier]]:
        """What they are known by, with the request, but for the keys of tables."""
        kinds = ", ".join(f"'{kind}'" for kind in INTERNAL)
        rows = self._warehouse.query(
            "select request_id, identifier_type, identifier_value"  # noqa: S608
            f" from {self._staged}"
            f" where stage = '{self._stage}' and identifier_type not in ({kinds})"
        )
        return [(request_id, Identifier(kind, value)) for request_id, kind, value in rows]

    def sort_shared(self) -> None:
        """Keep what they share with others shared, though they go. What they share with nobody who
        stays goes with them."""
        kept: dict[str, tuple[str, str]] = {}
        gone: list[tuple[str, str, str]] = []
        for request_id, kind, value, identifier_id, is_of_others in self._queries.run("shared"):
            if is_of_others:
                digest = hashlib.sha256(f"{kind} {value}".encode()).hexdigest()
                kept[f"shared-{digest[:32]}"] = (kind, value)
            else:
                gone += [(request_id, kind, value), (request_id, "identifier_id", identifier_id)]
        _stage(self._warehouse, self._staged, iter(gone), self._stage)
        if kept:
            self._warehouse.insert_new(
                self._manifest.relation(DECISIONS),
                {
                    "decision_id": list(kept),
                    "decision": ["shared"] * len(kept),
                    "identifier_type_a": [kind for kind, _ in kept.values()],
                    "identifier_value_a": [value for _, value in kept.values()],
                    "decided_at": [utc_now()] * len(kept),
                    "decided_by": ["cdp erase"] * len(kept),
                    "reason": ["it was shared with somebody who was erased"] * len(kept),
                },
                "decision_id",
            )

    def withdraw(self) -> None:
        """Let the next build compute identities as if neither the identifiers nor the people's
        events and records had ever been seen."""
        members = self._manifest.relation(_MEMBERS)
        self._warehouse.execute(
            f"update {members} set is_usable = false, batch_id = {_batch_id()}"  # noqa: S608
            f" where is_usable and ({self._is_in('identifier_id')} or {self._is_in('tuple_key')})"
        )

    def is_unbuilt(self) -> bool:
        """Whether dbt has not built since the identifiers were withdrawn."""
        graph = self._manifest.relation(_GRAPH)
        ((count,),) = self._warehouse.query(
            f"select count(*) from {graph} where {self._is_in('identifier_id')}"  # noqa: S608
        )
        return bool(count)

    def _is_in(self, kind: str) -> str:
        rule = Rule(action=Action.DELETE, identifiers={kind: kind})
        return self._conditions.of(rule, self._staged)

    def count(self) -> Iterator[tuple[str, str, int]]:
        """How many rows are the people's: table, action, rows."""
        for table in self._tables:
            for rule in table.rules:
                if not rule.text and (rows := self._count(table, rule)):
                    yield table.name, str(rule.action), rows

    def _count(self, table: DescribedTable, rule: Rule) -> int:
        condition = self._conditions.of(rule, table.relation)
        ((count,),) = self._warehouse.query(
            f"select count(*) from {table.relation} where {condition}"  # noqa: S608
        )
        return int(count)

    def erase(self, *, before_build: bool, but_ledgers: bool = False) -> int:
        """Do in every table what its description says; how many rows that were."""
        total, events = 0, self._manifest.relation(_EVENTS)
        for table in self._tables:
            if but_ledgers and table.name in _SENT:
                continue
            for rule in table.rules:
                if rule.before_build == before_build:
                    total += self._apply(table, rule)
                    if table.relation == events:
                        self._move_events()
        return total

    def _move_events(self) -> None:
        """Let the next build count events anew from which an identifier was taken."""
        sql: str = self._queries.settings["moved"]
        self._warehouse.execute(sql.replace("{batch}", str(_batch_id())))

    def _apply(self, table: DescribedTable, rule: Rule) -> int:
        if rule.action in (Action.KEEP, Action.MANUAL):
            self._tell_kept(table, rule)
            return 0
        deleted = emptied = 0
        if rule.action is Action.DELETE:
            deleted = self._delete(table, rule)
        if rule.through:
            emptied = self._scrub(table, rule)
        elif not rule.typed and not rule.text:
            emptied = self._empty(table, rule)
        for action, rows in ((Action.DELETE, deleted), (Action.NULL, emptied)):
            if rows:
                self.enter(Task("table", table.name, str(action), DONE, rows))
        return deleted + emptied

    def _delete(self, table: DescribedTable, rule: Rule) -> int:
        if rule.text:
            return self._delete_by_text(table, rule)
        condition = self._conditions.of(rule, table.relation)
        sql = f"delete from {table.relation} where {condition}"  # noqa: S608
        return self._warehouse.execute(sql)

    def _delete_by_text(self, table: DescribedTable, rule: Rule) -> int:
        """Rows of texts in which one of the identifiers stands."""
        position = self._queries.settings["position"]
        values = sorted(
            {
                one.value.lower()
                for _, one in self.identifiers()
                if len(one.value) >= SHORTEST_IN_TEXT
            }
        )
        total = 0
        for start in range(0, len(values), _TEXTS_AT_ONCE):
            some = values[start : start + _TEXTS_AT_ONCE]
            tests = [f"{position.replace('{x}', column)} > 0" for column in rule.text for _ in some]
            total += self._warehouse.execute(
                f"delete from {table.relation} where {' or '.join(tests)}",  # noqa: S608
                some * len(rule.text),
            )
        return total

    def _empty(self, table: DescribedTable, rule: Rule) -> int:
        """Empty the columns that name the person in rows that are not theirs alone."""
        total = 0
        for column, condition in self._conditions.columns(rule, table.relation):
            targets = rule.columns or [column]
            emptied = ", ".join(f"{name} = null" for name in targets)
            total += self._warehouse.execute(
                f"update {table.relation} set {emptied} where {condition}"  # noqa: S608
            )
        return total

    def _scrub(self, table: DescribedTable, rule: Rule) -> int:
        """Take the identifiers out of the JSON of rows that are somebody else's."""
        ((column, other),) = [one for one in rule.through.items() if one[0] != "model"]
        view = self._manifest.relation(rule.through["model"])
        by_name = rule.model_copy(update={"identifiers": BY_NAME, "through": {}})
        named = [one for _, one in self._conditions.columns(by_name, view)]
        if not named:
            return 0
        rows = self._warehouse.query(
            f"select {column}, payload from {table.relation}"  # noqa: S608
            f" where {column} in (select {other} from {view} where {' or '.join(named)})"
        )
        gone = self._spellings()
        for key, payload in rows:
            text = json.dumps(_without(json.loads(payload), gone), ensure_ascii=False)
            self._warehouse.execute(
                f"update {table.relation} set payload = ? where {column} = ?",  # noqa: S608
                [text, key],
            )
        return len(rows)

    def _spellings(self) -> frozenset[str]:
        return frozenset(_folded(one.value) for _, one in self.identifiers())

    def _tell_kept(self, table: DescribedTable, rule: Rule) -> None:
        if count := self._count(table, rule):
            status = KEPT if rule.action is Action.KEEP else LEFT
            self.enter(Task("table", table.name, str(rule.action), status, count, rule.reason))

    def look_at_sources(self) -> None:
        """What is left in tables of others, which the package reads and may not change. Who says
        that they have deleted it there is believed: it may take until it is loaded again."""
        rule = Rule(action=Action.DELETE, identifiers=BY_NAME)
        detail = "delete the person's rows there; they are not read any more"
        found: dict[str, int] = {}

        def place(source: str) -> tuple[str, str, str]:
            return "source", source, "delete"

        for model in _INCOMING:
            view = self._manifest.relation(model)
            condition = self._conditions.of(rule, view)
            sql = f"select source, count(*) from {view} where {condition} group by source"  # noqa: S608
            for source, count in self._warehouse.query(sql):
                found[source] = found.get(source, 0) + count
        tasks = self._ledger.tasks()
        for request_id in self._ids:
            known = {
                one.subject: one.status for one in tasks.get(request_id, []) if one.kind == "source"
            }
            for source, count in found.items():
                if known.get(source) != DONE:
                    self._ledger.enter_task(request_id, Task(*place(source), LEFT, count, detail))
            for source, status in known.items():
                if status == LEFT and source not in found:
                    self._ledger.enter_task(request_id, Task(*place(source), DONE, 0))

    def scan(self) -> int:
        """Look again in every table that is described; how many rows are still there."""
        remains = 0
        for table in self._tables:
            for rule in table.rules:
                if rule.action in (Action.KEEP, Action.MANUAL) or rule.text or rule.through:
                    continue
                if table.name in _SENT:
                    continue
                if count := self._count(table, rule):
                    remains += count
                    self.enter(Task("scan", table.name, "look again", LEFT, count))
        if not remains:
            self.enter(Task("scan", "all tables", "look again", DONE, 0))
        return remains

    def conclude(self, waits: set[str], remains: int) -> int:
        """Enter what the requests have come to; how many are confirmed."""
        tasks = self._ledger.tasks()
        confirmed = []
        for request in self._requests:
            known = tasks.get(request.request_id, [])
            left = [one for one in known if one.status == LEFT and one.kind != "scan"]
            if remains:
                self._ledger.enter(
                    request, Status.FAILED, None, f"{remains:,} rows are still there"
                )
            elif left or request.request_id in waits:
                if request.status != Status.WAITING:
                    places = ", ".join(sorted({one.subject for one in left}))
                    self._ledger.enter(request, Status.WAITING, None, f"left: {places}")
            else:
                self._ledger.enter(request, Status.CONFIRMED, None, None)
                confirmed.append(request.request_id)
        _forget(self._warehouse, self._manifest, confirmed)
        return len(confirmed)

    def enter(self, task: Task) -> None:
        """Enter what was done for all the requests at once."""
        others = len(self._ids) - 1
        if others and task.rows and not task.detail:
            task = replace(task, detail=f"together with {others:,} other requests")
        for request_id in self._ids:
            self._ledger.enter_task(request_id, task)


def _batch_id() -> int:
    """A number as builds have it (see the macro cdp_batch_id), between the last and the next."""
    return int(utc_now().timestamp() * 1_000_000)


# What destinations were sent.
_SENT = ("deliveries", "sync_attempts", "sync_rejects")


def _stage(
    warehouse: Warehouse,
    staged: Relation,
    rows: Iterator[tuple[str, str, str]],
    stage: str,
) -> None:
    chunk: dict[str, tuple[str, str, str]] = {}

    def write() -> None:
        if chunk:
            columns: dict[str, list[Any]] = {
                "entry_id": list(chunk),
                "request_id": [one for one, _, _ in chunk.values()],
                "identifier_type": [kind for _, kind, _ in chunk.values()],
                "identifier_value": [value for _, _, value in chunk.values()],
                "stage": [stage] * len(chunk),
            }
            warehouse.insert_new(staged, columns, "entry_id")
            chunk.clear()

    for row in rows:
        text = json.dumps([stage, *row], ensure_ascii=False)
        chunk[hashlib.sha256(text.encode()).hexdigest()[:32]] = row
        if len(chunk) == _CHUNK_ROWS:
            write()
    write()


def _forget(warehouse: Warehouse, manifest: Manifest, request_ids: Sequence[str]) -> None:
    """Forget whom requests are about."""
    staged = manifest.relation(IDENTIFIERS)
    for request_id in request_ids:
        warehouse.execute(f"delete from {staged} where request_id = ?", [request_id])  # noqa: S608


def _without(value: Any, gone: frozenset[str]) -> Any:
    """JSON without the identifiers."""
    if isinstance(value, dict):
        return {name: _without(one, gone) for name, one in value.items()}
    if isinstance(value, list):
        return [_without(one, gone) for one in value]
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return None if _folded(str(value)) in gone else value
    return value


def _folded(text: str) -> str:
    return text.strip().lower()


@contextmanager
def opened(project: Project) -> Iterator[tuple[Queries, ErasureLedger]]:
    """The queries and the ledgers, on an open warehouse."""
    requests, actions, _ = make_tables(project)
    ensure_tables(project, [DECISIONS])
    with open_queries(project, ["erasure"]) as queries:
        yield queries, ErasureLedger(queries.warehouse, requests, actions)


@contextmanager
def _opened_ledger(project: Project) -> Iterator[ErasureLedger]:
    requests, actions, _ = make_tables(project)
    with open_when_free(project) as warehouse:
        yield ErasureLedger(warehouse, requests, actions)


def _rewrite(project: Project) -> None:
    """On DuckDB the bytes of deleted rows stay in the file until it is written anew."""
    file = project.database_file
    if file is None:
        return
    try:
        rewrite_file(file)
    except WarehouseError as error:
        talk(f"The rows are deleted, but their bytes may still be in the file.\n{error.message}")
