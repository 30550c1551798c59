"""Rows that are kept for a time: `keep` with `until`.

A rule with a date is two: what is past it is deleted, and the rest is kept.
"""

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

from dbt_cdp.clock import utc_now
from dbt_cdp.privacy.rules import Action, DescribedTable, Rule
from dbt_cdp.queries import Queries


def by_date(table: DescribedTable, is_before: str) -> DescribedTable:
    """The table, with two rules for each that keeps rows until a date.

    Args:
        table: the table.
        is_before: the SQL of whether `{x}` is before `{day}`; null where it is no date.
    """
    rules = [part for rule in table.rules for part in _parts(rule, is_before)]
    return replace(table, rules=rules)


def _parts(rule: Rule, is_before: str) -> Iterator[Rule]:
    if not rule.until:
        yield rule
        return
    last = cutoff(utc_now().date(), rule.until.months)
    test = is_before.replace("{x}", rule.until.column).replace("{day}", f"{last:%Y-%m-%d}")
    # A row whose date cannot be read is kept.
    expired = f"coalesce({test}, false)"
    yield rule.of_rows(expired, Action.DELETE)
    yield rule.of_rows(f"not {expired}", Action.KEEP)


def told(queries: Queries, table: DescribedTable, rule: Rule, condition: str) -> str:
    """Why rows are kept, and how long.

    Args:
        queries: the queries of erasures.
        table: the table.
        rule: what is kept there.
        condition: which rows are.
    """
    if not rule.until:
        return rule.reason or ""
    instant = queries.settings["instant"].replace("{x}", rule.until.column)
    ((last, undated),) = queries.warehouse.query(
        f"select max(instant), count(*) - count(instant) from (select {instant} as instant"  # noqa: S608
        f" from {table.relation} where {condition}) as kept"
    )
    parts = [rule.reason or ""]
    parts += [f"the last goes on {goes_on(last.date(), rule.until.months)}"] if last else []
    parts += [f"{undated:,} have no date, and stay"] if undated else []
    return "; ".join(parts)


def cutoff(today: date, months: int) -> date:
    """The day before which a row must be from, to be deleted today."""
    year, month = divmod(today.year * 12 + today.month - 1 - months, 12)
    if year < 1:
        return date.min
    return date(year, month + 1, min(today.day, monthrange(year, month + 1)[1]))


def goes_on(day: date, months: int) -> date:
    """The day on which a row of this day is deleted: the first that has it before its cutoff."""
    after = day + timedelta(days=1)
    year, month = divmod(after.year * 12 + after.month - 1 + months, 12)
    if after.day > monthrange(year, month + 1)[1]:
        # There is no such day in that month.
        year, month = divmod(year * 12 + month + 1, 12)
        return date(year, month + 1, 1)
    return date(year, month + 1, after.day)
