"""What somebody has to look at, and the command to do it with."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from dbt_cdp.clock import to_seconds
from dbt_cdp.ledger import FAILED, INTERRUPTED, OK, RUNNING, STOPPED
from dbt_cdp.privacy.ledger import SOON
from dbt_cdp.report.content import Report
from dbt_cdp.sources import EVENTS

BAD, WARNING = "bad", "warning"

# From when on a source, or the package's builds, count as silent.
_SILENT = timedelta(days=2)
# The share of a source's rows that may be rejected.
_REJECTED = 0.01
# More identifiers than a person usually has; a person of so many may be several.
_MANY_IDENTIFIERS = 100


@dataclass(frozen=True)
class Notice:
    """Something to be looked at.

    Attributes:
        level: bad or warning.
        text: what it is.
        command: what shows more of it, or helps.
    """

    level: str
    text: str
    command: str


def notices(report: Report) -> list[Notice]:
    """What has to be looked at, what is bad first."""
    found = [
        *_erasures(report),
        *_runs(report),
        *_sources(report),
        *_syncs(report),
        *_identities(report),
        *_segments(report),
    ]
    return sorted(found, key=lambda one: one.level != BAD)


def _erasures(report: Report) -> Iterator[Notice]:
    now, command = report.made_at, "cdp erase status"
    waiting = [one for one in report.requests if one.is_open]
    overdue = sum(one.is_overdue(now) for one in waiting)
    soon = sum(now <= one.due_at < now + SOON for one in waiting)
    if overdue:
        yield Notice(BAD, _requests(overdue, "overdue"), command)
    if soon:
        yield Notice(WARNING, _requests(soon, f"due within {SOON.days} days"), command)


def _runs(report: Report) -> Iterator[Notice]:
    ended = next((one for one in report.runs if one.status != RUNNING), None)
    if ended and ended.status in (FAILED, STOPPED, INTERRUPTED):
        why = f": {ended.error}" if ended.error else "."
        yield Notice(BAD, f"The last run was {ended.status}{why}", "cdp status")
    good = next((one for one in report.runs if one.status == OK), None)
    if good and report.made_at - good.started_at > _SILENT:
        text = f"No run has succeeded since {good.started_at:%Y-%m-%d %H:%M}."
        yield Notice(BAD, text, "cdp status")


def _sources(report: Report) -> Iterator[Notice]:
    for one in report.sources:
        if one.kind == EVENTS and one.age and one.age > _SILENT:
            text = f"Nothing has come from {one.name} for {in_days(one.age)}."
            yield Notice(WARNING, text, "cdp sources")
        rejected = sum(one.rejects.values())
        if rejected and rejected > _REJECTED * (one.rows + rejected):
            share = rejected / (one.rows + rejected)
            text = f"Of the {one.kind} of {one.name} {share:.1%} are rejected ({rejected:,})."
            yield Notice(WARNING, text, "cdp sources")


def _syncs(report: Report) -> Iterator[Notice]:
    for one in report.syncs:
        command = f"cdp sync history {one.sync}"
        if not one.is_well:
            why = f": {one.error}" if one.error else "."
            yield Notice(BAD, f"The sync {one.sync} is {one.status}{why}", command)
        if one.rejects:
            text = f"Rows of {one.sync} that its destination has not taken: {one.rejects:,}."
            yield Notice(WARNING, text, command)


def _identities(report: Report) -> Iterator[Notice]:
    waiting = sum(one.pairs for one in report.audit.candidates if one.status == "open")
    if waiting:
        text = f"Pairs of people who are probably one person, and wait for a decision: {waiting:,}."
        yield Notice(WARNING, text, "cdp identity review")
    many = [one for one in report.audit.largest_people if one.identifiers > _MANY_IDENTIFIERS]
    if many:
        text = f"Somebody has {many[0].identifiers:,} identifiers, which may be several people's."
        yield Notice(WARNING, text, "cdp identity audit")


def _segments(report: Report) -> Iterator[Notice]:
    empty = [one.name for one in report.segments if one.members == 0]
    if empty and report.counts.people:
        text = f"Nobody is in {', '.join(empty)}."
        yield Notice(WARNING, text, f"cdp segments show {empty[0]}")


def _requests(number: int, state: str) -> str:
    """How many requests are in a state, as a sentence."""
    if number == 1:
        return f"1 request for erasure is {state}."
    return f"{number:,} requests for erasure are {state}."


def in_days(length: timedelta) -> str:
    """A length of time in days and hours, in hours, in minutes or in seconds."""
    hours, days = length.total_seconds() / 3_600, length.days
    if days >= 2:
        return f"{days:,} days"
    if hours >= 2:
        return f"{hours:.0f} hours"
    if hours >= 1 / 30:
        return f"{hours * 60:.0f} minutes"
    return f"{to_seconds(length).seconds} seconds"
