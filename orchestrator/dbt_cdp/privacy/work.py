"""What is done for requests in the warehouse."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from dbt_cdp.batches import batches
from dbt_cdp.clock import utc_now
from dbt_cdp.dbt import Dbt
from dbt_cdp.decisions import LEDGER as DECISIONS
from dbt_cdp.decisions import Identifier
from dbt_cdp.landing import ensure_tables
from dbt_cdp.privacy.conditions import SHORTEST_IN_TEXT, Conditions
from dbt_cdp.privacy.hashing import Hashing, check_hashed, new_salt
from dbt_cdp.privacy.kept import by_date, told
from dbt_cdp.privacy.ledger import (
    APPROVED,
    ASKED,
    DONE,
    IDENTIFIERS,
    KEPT,
    LEFT,
    RUNNING,
    ErasureLedger,
    Request,
    Status,
    Task,
    make_tables,
)
from dbt_cdp.privacy.leftovers import drop_failures, remove_artifacts
from dbt_cdp.privacy.origins import Origins
from dbt_cdp.privacy.payloads import ADDRESSES, without
from dbt_cdp.privacy.rules import (
    INTERNAL,
    Action,
    DescribedTable,
    Rule,
    described_tables,
)
from dbt_cdp.privacy.search import LEDGERS, Search, tasks_of
from dbt_cdp.privacy.staged import forget, stage_found, stage_rows
from dbt_cdp.project import Project
from dbt_cdp.queries import Queries, open_queries

_EVENTS = "cdp__raw_events"
_GRAPH, _MEMBERS = "cdp__identity_graph", "int_cdp__tuple_members"

_JSON = ("properties", "traits")

# What destinations were sent.
_SENT = ("deliveries", "sync_attempts", "sync_rejects")

_TEXTS_AT_ONCE, _IDS_AT_ONCE = 100, 500


class Work:
    """The work on requests, on an open warehouse."""

    def __init__(
        self,
        project: Project,
        queries: Queries,
        ledger: ErasureLedger,
        requests: Sequence[Request],
        stage: str = RUNNING,
        salt: str = "",
    ) -> None:
        self._project, self._queries, self._ledger = project, queries, ledger
        self._requests, self._stage = requests, stage
        self._ids = [one.request_id for one in requests]
        self._warehouse = queries.warehouse
        self._manifest = Dbt(project).manifest()
        self._staged = self._manifest.relation(IDENTIFIERS)
        settings = queries.settings
        self._conditions = Conditions.of_queries(queries, self._manifest, stage)
        self._origins = Origins(
            self._warehouse, self._conditions, settings["origins"], settings["md5"]
        )
        # The package's own are there: an erasure begins after a build.
        self._tables = [
            by_date(one, settings["is_before"])
            for one in described_tables(self._manifest, [*settings["normal_forms"]])
            if one.is_own or self._warehouse.exists(one.relation)
        ]
        check_hashed(self._warehouse, self._conditions, self._tables)
        self._hashing = Hashing(self._conditions, settings["digest"], salt or new_salt())
        self._known = ledger.tasks()

    def find(self) -> None:
        """Look up all that the people of approved requests are known by by now."""
        for some in batches(self._ids, _IDS_AT_ONCE):
            marks = ", ".join("?" for _ in some)
            self._warehouse.execute(
                f"update {self._staged} set stage = ?"  # noqa: S608
                f" where stage = ? and request_id in ({marks})",
                [APPROVED, ASKED, *some],
            )
        stage_found(self._queries, self._stage, self._queries.settings["approved"])

    def find_of(self, request_id: str) -> None:
        """Look up all that the people of a request are known by."""
        stage_found(self._queries, self._stage, "?", request_id)

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
        stage_rows(self._warehouse, self._staged, gone, self._stage)
        nobodys = [(one, kind, key) for one, kind, key in self._queries.run("nobodys")]
        stage_rows(self._warehouse, self._staged, nobodys, self._stage)
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
        return bool(self._warehouse.count(graph, self._is_in("identifier_id")))

    def _is_in(self, kind: str) -> str:
        rule = Rule(action=Action.DELETE, identifiers={kind: kind})
        return self._conditions.of(rule, self._staged)

    def count(self) -> Iterator[tuple[str, str, int]]:
        """How many rows are the people's: table, action, rows."""
        for table in self._tables:
            for rule in table.rules:
                condition = "" if rule.text else self._condition(table, rule)
                if condition and (rows := self._warehouse.count(table.relation, condition)):
                    yield table.name, str(rule.action), rows
        yield from self._origins.count()

    def _condition(self, table: DescribedTable, rule: Rule) -> str:
        """Which rows a rule is about, and has not been carried out for."""
        condition = self._conditions.of(rule, table.relation)
        if rule.action is not Action.NULL or not rule.columns:
            return condition
        is_full = " or ".join(f"{name} is not null" for name in rule.columns)
        return f"({condition}) and ({is_full})"

    def erase(self, *, before_build: bool, but_ledgers: bool = False) -> int:
        """Do in every table what its description says; how many rows that were."""
        total, events = 0, self._manifest.relation(_EVENTS)
        for table in self._tables:
            if but_ledgers and table.name in _SENT:
                continue
            for rule in table.rules:
                if rule.before_build == before_build:
                    total += self.apply(table, rule)
                    if table.relation == events:
                        self._move_events()
        if before_build:
            for task in self._origins.erase():
                self.enter(task)
                total += task.rows or 0
        return total

    def forget_unused(self) -> None:
        """Forget values that nothing says any more; those that name nobody go with the person."""
        for sql in self._queries.settings["unused"]:
            self._warehouse.execute(sql)

    def _move_events(self) -> None:
        """Let the next build count events anew from which an identifier was taken."""
        sql: str = self._queries.settings["moved"]
        self._warehouse.execute(sql.replace("{batch}", str(_batch_id())))

    def apply(self, table: DescribedTable, rule: Rule) -> int:
        """Do what a rule says; how many rows that were."""
        if rule.action in (Action.KEEP, Action.MANUAL):
            self._tell_kept(table, rule)
            return 0
        deleted = emptied = hashed = 0
        if rule.action is Action.DELETE:
            deleted = self._delete(table, rule)
        if rule.action is Action.HASH:
            hashed = self._hashing.apply(table, rule)
        elif rule.through:
            emptied = self._scrub(table, rule)
        elif not rule.typed and not rule.text:
            emptied = self._empty(table, rule)
        done = {Action.DELETE: deleted, Action.NULL: emptied, Action.HASH: hashed}
        for action, rows in done.items():
            if rows:
                self.enter(Task("table", table.name, str(action), DONE, rows))
        return deleted + emptied + hashed

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
        for some in batches(values, _TEXTS_AT_ONCE):
            tests = [f"{position.replace('{x}', column)} > 0" for column in rule.text for _ in some]
            total += self._warehouse.execute(
                f"delete from {table.relation} where {' or '.join(tests)}",  # noqa: S608
                some * len(rule.text),
            )
        return total

    def _empty(self, table: DescribedTable, rule: Rule) -> int:
        """Empty what a rule says; without that the columns that name the person, as in rows that
        are not theirs alone."""
        changes = [
            (self._emptied(table, column), condition)
            for column, condition in self._conditions.columns(rule, table.relation)
        ]
        if rule.action is Action.NULL and rule.columns:
            emptied = ", ".join(f"{name} = null" for name in rule.columns)
            changes = [(emptied, self._condition(table, rule))]
        return sum(
            self._warehouse.execute(
                f"update {table.relation} set {change} where {condition}"  # noqa: S608
            )
            for change, condition in changes
        )

    def _emptied(self, table: DescribedTable, column: str) -> str:
        """The assignments that empty a column; an event may hold an address in its JSON as well."""
        changes = [f"{column} = null"]
        if table.relation == self._manifest.relation(_EVENTS) and column in ADDRESSES:
            changes += [f"{name} = replace({name}, {column}, '')" for name in _JSON]
        return ", ".join(changes)

    def _scrub(self, table: DescribedTable, rule: Rule) -> int:
        """Take the identifiers out of the JSON of rows that are somebody else's."""
        column, other, by_name = rule.behind()
        view = self._manifest.relation(rule.through["model"])
        named = self._conditions.columns(by_name, view)
        if not named:
            return 0
        # How the row spells them is known there.
        said = ", ".join(
            f"case when {is_named} then {name} end as {name}" for name, is_named in named
        )
        rows = self._warehouse.query(
            f"select landed.{column}, landed.payload, named.*"  # noqa: S608
            f" from {table.relation} as landed"
            f" inner join (select {other} as row_key, {said} from {view}"
            f" where {' or '.join(is_it for _, is_it in named)}) as named"
            f" on landed.{column} = named.row_key"
        )
        for key, payload, _, *values in rows:
            spelled = {
                name: value
                for (name, _), value in zip(named, values, strict=True)
                if value is not None
            }
            self._warehouse.execute(
                f"update {table.relation} set payload = ? where {column} = ?",  # noqa: S608
                [without(payload, spelled), key],
            )
        return len(rows)

    def _tell_kept(self, table: DescribedTable, rule: Rule) -> None:
        """Enter what is kept, or left to a person who has not said that it is done."""
        condition = self._condition(table, rule)
        count = self._warehouse.count(table.relation, condition)
        if not count:
            return
        status = KEPT if rule.action is Action.KEEP else LEFT
        detail = told(self._queries, table, rule, condition)
        task = Task("table", table.name, str(rule.action), status, count, detail)
        for request_id in self._ids:
            known = self._known.get(request_id, [])
            if not any(one.place == task.place and one.status in (DONE, KEPT) for one in known):
                self._ledger.enter_task(request_id, task)

    def look_at_sources(self) -> None:
        """Enter what is left in tables of others, which the package reads and may not change. Who
        says that they have deleted it there is believed: it may take until it is loaded again."""
        found = self._origins.left()
        for request_id in self._ids:
            known = {
                one.subject: one.status
                for one in self._known.get(request_id, [])
                if one.kind == "source"
            }
            for source, (count, detail) in found.items():
                if known.get(source) != DONE:
                    task = Task("source", source, "delete", LEFT, count, detail)
                    self._ledger.enter_task(request_id, task)
            for source, status in known.items():
                if status == LEFT and source not in found:
                    self._ledger.enter_task(request_id, Task("source", source, "delete", DONE, 0))

    def scan(self) -> int:
        """Look again in every table that is described; how many rows are still there."""
        found: list[tuple[str, int]] = []
        for table in self._tables:
            for rule in table.rules:
                is_kept = rule.action in (Action.KEEP, Action.MANUAL)
                if is_kept or rule.text or rule.through or table.name in _SENT:
                    continue
                columns = self._conditions.columns(rule, table.relation)
                named = [one for _, one in columns if rule.action is not Action.NULL]
                condition = " or ".join([f"({self._condition(table, rule)})", *named])
                if count := self._warehouse.count(table.relation, condition):
                    found.append((table.name, count))
        found += self._origins.remains()
        for name, count in found:
            self.enter(Task("scan", name, "look again", LEFT, count))
        remains = sum(count for _, count in found)
        if not remains:
            self.enter(Task("scan", "all tables", "look again", DONE, 0))
        return remains

    def clear_leftovers(self) -> None:
        """Clear what dbt itself has left: failing rows of tests, and what it wrote of its runs."""
        if rows := drop_failures(self._warehouse, self._manifest):
            self.enter(Task("table", "failures of tests", str(Action.DELETE), DONE, rows))
        remove_artifacts(self._project)

    def search(self, waits: set[str]) -> None:
        """Search every column for the people; what destinations were sent stands in ledgers until
        they have erased it."""
        passed = [*LEDGERS, *(_SENT if waits else ())]
        search = Search(self._queries, self._manifest, self._tables, self._stage, passed)
        entries = tasks_of(search.run(), self._ids, self._known)
        for request_id, task in entries:
            self._ledger.enter_task(request_id, task)

    def conclude(self, waits: set[str], remains: int) -> list[Request]:
        """Enter what is left of requests, and forget whom those are about of which nothing is.

        Returns:
            These.
        """
        tasks = self._ledger.tasks()
        finished = []
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
                finished.append(request)
        forget(self._warehouse, self._manifest, [one.request_id for one in finished])
        return finished

    def enter(self, task: Task) -> None:
        """Enter what was done for all the requests at once."""
        others = len(self._ids) - 1
        if others and task.rows and not task.detail:
            task = replace(task, detail=f"together with {others:,} other requests")
        for request_id in self._ids:
            self._ledger.enter_task(request_id, task)


@contextmanager
def opened(project: Project) -> Iterator[tuple[Queries, ErasureLedger]]:
    """The queries and the ledgers, on an open warehouse."""
    requests, actions, _ = make_tables(project)
    ensure_tables(project, [DECISIONS])
    with open_queries(project, ["erasure"]) as queries:
        yield queries, ErasureLedger(queries.warehouse, requests, actions)


def _batch_id() -> int:
    """A number as builds have it (see the macro cdp_batch_id), between the last and the next."""
    return int(utc_now().timestamp() * 1_000_000)
