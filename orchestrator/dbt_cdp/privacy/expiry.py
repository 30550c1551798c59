"""Deletes rows of people who were erased, when the time has come until which they are kept.

Nobody knows these people any more. The digests of the suppressions tell which of the rows past
their date are theirs: one query a run for each table that keeps rows until a date.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from dbt_cdp.dbt import Dbt, Manifest
from dbt_cdp.decisions import identifier_types
from dbt_cdp.privacy.conditions import Conditions
from dbt_cdp.privacy.kept import by_date, told
from dbt_cdp.privacy.ledger import DONE, IDENTIFIERS, KEPT, ErasureLedger, Task
from dbt_cdp.privacy.leftovers import forget_bytes
from dbt_cdp.privacy.rules import INTERNAL, Action, DescribedTable, Rule, described_tables
from dbt_cdp.privacy.work import Work, opened
from dbt_cdp.project import Project
from dbt_cdp.queries import Queries

# What rows of erasure_identifiers are for, meanwhile.
_EXPIRED = "expired"


def delete_expired(project: Project) -> int:
    """Delete rows past their date of whoever is suppressed, and enter it for their requests. To be
    called by who has the lock of a run.

    Returns:
        How many rows were deleted or emptied.

    Raises:
        ConfigurationError: a table's description is not as it must be.
        DbtError: the project cannot be compiled.
        WarehouseError: the warehouse refuses.
    """
    tables = [
        table
        for table in described_tables(Dbt(project).manifest(), identifier_types(project))
        if any(rule.until for rule in table.rules)
    ]
    if not tables:
        return 0
    with opened(project) as (queries, ledger):
        expiry = _Expiry(project, queries, ledger)
        expiry.forget()
        rows = sum(
            expiry.delete(by_date(table, queries.settings["is_before"]))
            for table in tables
            if queries.warehouse.exists(table.relation)
        )
        ledger.write()
    if rows:
        forget_bytes(project)
    return rows


class _Expiry:
    """Deletes what has expired, on an open warehouse."""

    def __init__(self, project: Project, queries: Queries, ledger: ErasureLedger) -> None:
        self._project, self._queries, self._ledger = project, queries, ledger
        self._manifest: Manifest = Dbt(project).manifest()
        self._conditions = Conditions.of_queries(queries, self._manifest, _EXPIRED)

    def forget(self) -> None:
        """Forget who was found, here or by a run that was killed."""
        staged = self._manifest.relation(IDENTIFIERS)
        self._queries.warehouse.execute(
            f"delete from {staged} where stage = ?",  # noqa: S608
            [_EXPIRED],
        )

    def delete(self, table: DescribedTable) -> int:
        """Delete what has expired in a table; how many rows that were."""
        rules = [rule for rule in table.rules if rule.until]
        expired = [rule for rule in rules if rule.action is Action.DELETE]
        kept = [rule for rule in rules if rule.action is Action.KEEP]
        with self._staged(table, expired) as ids:
            if not ids:
                return 0
            requests = [one for one in self._ledger.read() if one.request_id in ids]
            work = Work(self._project, self._queries, self._ledger, requests, _EXPIRED)
            rows = sum(work.apply(table, rule) for rule in expired)
        known = {one.request_id for one in requests}
        if rows and known:
            self._enter_kept(table, kept, known)
        return rows

    def _enter_kept(
        self, table: DescribedTable, rules: list[Rule], request_ids: Collection[str]
    ) -> None:
        """Enter what is still kept."""
        with self._staged(table, rules) as ids:
            for rule in rules:
                condition = self._conditions.of(rule, table.relation)
                count = self._queries.warehouse.count(table.relation, condition)
                detail = told(self._queries, table, rule, condition)
                for one in request_ids:
                    is_left = count and one in ids
                    state = (KEPT, count, detail) if is_left else (DONE, 0, rule.reason)
                    self._ledger.enter_task(one, Task("table", table.name, "keep", *state))

    @contextmanager
    def _staged(self, table: DescribedTable, rules: list[Rule]) -> Iterator[set[str]]:
        """Take down, for a while, who of the suppressed is named in the rows that rules are about;
        whose requests they belong to."""
        warehouse, staged = self._queries.warehouse, self._manifest.relation(IDENTIFIERS)
        named = [one for rule in rules for one in self._named(table, rule)]
        stage: str = self._queries.settings["stage_suppressed"]
        sql = stage.replace("{named}", " union all ".join(named))
        if not named or not warehouse.execute(sql, [_EXPIRED]):
            yield set()
            return
        ids = warehouse.query(
            f"select distinct request_id from {staged} where stage = ?",  # noqa: S608
            [_EXPIRED],
        )
        try:
            yield {one for (one,) in ids}
        finally:
            self.forget()

    def _named(self, table: DescribedTable, rule: Rule) -> Iterator[str]:
        """Queries of the identifiers in the rows that a rule is about."""
        for kind, column in self._conditions.typed_columns(rule, table.relation):
            if kind not in INTERNAL:
                for one in self._conditions.each_type(kind):
                    value = self._conditions.value(one, column)
                    yield (
                        f"select '{one}' as identifier_type, {value} as identifier_value"  # noqa: S608
                        f" from {table.relation} where {column} is not null and {rule.rows}"
                    )
