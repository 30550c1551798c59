"""The charts of the report, as the script of the page draws them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from dbt_cdp.audit import SizeBand
from dbt_cdp.ledger import StepEntry
from dbt_cdp.report.content import Report

_LINE, _BAR = "line", "bar"

# A legend of more is not read.
_MOST_SERIES = 8
_OTHERS = "others"

# The steps of a run, in their order.
_STEPS = ("load", "erase", "build", "confirm", "sync", "retain")


@dataclass(frozen=True)
class Chart:
    """A chart.

    Attributes:
        kind: line, or bar.
        unit: what is counted, such as events, or s for seconds.
        labels: of the horizontal axis, in order.
        series: by name, a number a label; None where nothing is known.
        is_stacked: whether the series of one label stand on one another.
        is_cut: whether there are more series, which are left out.
    """

    kind: str
    unit: str
    labels: Sequence[str]
    series: Mapping[str, Sequence[float | None]]
    is_stacked: bool = False
    is_cut: bool = False


def charts(report: Report) -> dict[str, Chart]:
    """The charts by name; one of which nothing is known is left out."""
    drawn = {
        "events": _events(report),
        "people": _people(report),
        "changes": _changes(report),
        "segments": _segments(report),
        "syncs": _syncs(report),
        "runs": _runs(report),
    }
    return {name: one for name, one in drawn.items() if one}


def _events(report: Report) -> Chart | None:
    rows: dict[str, dict[date, int]] = defaultdict(dict)
    for one in report.event_days:
        rows[one.source][one.day] = one.events
    return _by_day(rows, "events", report.as_of.date())


def _people(report: Report) -> Chart | None:
    bands = report.audit.sizes
    if not any(one.people for one in bands):
        return None
    people = [one.people for one in bands]
    return Chart(_BAR, "people", [_band(one) for one in bands], {"people": people})


def _band(band: SizeBand) -> str:
    if band.largest is None:
        return f"{band.smallest} or more"
    if band.smallest == band.largest:
        return str(band.smallest)
    return f"{band.smallest} to {band.largest}"


def _changes(report: Report) -> Chart | None:
    changes = report.audit.changes
    rows = {
        "merges": {one.changed_date: one.merges for one in changes},
        "splits": {one.changed_date: one.splits for one in changes if one.splits},
    }
    return _by_day({name: days for name, days in rows.items() if days}, "people", _today(report))


def _syncs(report: Report) -> Chart | None:
    rows: dict[str, dict[date, int]] = defaultdict(lambda: defaultdict(int))
    for one in report.sync_days:
        rows["acknowledged"][one.day] += one.acknowledged
        rows["rejected"][one.day] += one.rejected
    return _by_day(rows, "rows", _today(report))


def _segments(report: Report) -> Chart | None:
    """The largest segments of people. A build may not have known all of them."""
    largest = sorted(
        (one for one in report.segments if one.entity == "person" and one.members is not None),
        key=lambda one: -(one.members or 0),
    )
    shown = [one.name for one in largest[:_MOST_SERIES]]
    sizes: dict[str, dict[date, int]] = {name: {} for name in shown}
    for one in report.sizes:
        if one.entity == "person" and one.segment in sizes:
            sizes[one.segment][one.moment] = one.members
    moments = sorted({moment for known in sizes.values() for moment in known})
    if not moments:
        return None
    series = {name: [known.get(one) for one in moments] for name, known in sizes.items()}
    labels = [_moment(one) for one in moments]
    kind = _LINE if len(moments) > 1 else _BAR
    return Chart(kind, "people", labels, series, is_cut=len(largest) > len(shown))


def _moment(moment: date) -> str:
    return f"{moment:%Y-%m-%d %H:%M}" if isinstance(moment, datetime) else f"{moment:%Y-%m-%d}"


def _runs(report: Report) -> Chart | None:
    """How long the steps of each run took, the last run at the right."""
    runs = [one for one in reversed(report.runs) if one.seconds is not None]
    if not runs:
        return None
    seconds = [{step.step: _seconds(step) for step in one.steps} for one in runs]
    series = {step: [one.get(step) for one in seconds] for step in _STEPS}
    return Chart(
        _BAR,
        "s",
        [_moment(one.started_at) for one in runs],
        {step: known for step, known in series.items() if any(known)},
        is_stacked=True,
    )


def _seconds(step: StepEntry) -> float | None:
    return None if step.seconds is None else round(step.seconds, 1)


def _by_day(rows: Mapping[str, Mapping[date, int]], unit: str, today: date) -> Chart | None:
    """Stacked bars of every day from the first one that is known to today."""
    days = [day for known in rows.values() for day in known]
    if not days:
        return None
    first = min(days)
    dates = [first + timedelta(days=number) for number in range((today - first).days + 1)]
    series = {name: [known.get(day, 0) for day in dates] for name, known in rows.items()}
    chart = Chart(_BAR, unit, [f"{day:%Y-%m-%d}" for day in dates], series, is_stacked=True)
    return _with_others(chart)


def _with_others(chart: Chart) -> Chart:
    """The chart, whose smallest series are summed up if they are too many."""
    ranked = sorted(chart.series, key=lambda name: -sum(filter(None, chart.series[name])))
    if len(ranked) <= _MOST_SERIES:
        return chart
    kept, others = ranked[: _MOST_SERIES - 1], ranked[_MOST_SERIES - 1 :]
    rest = zip(*(chart.series[name] for name in others), strict=True)
    series = {name: chart.series[name] for name in kept}
    return replace(chart, series={**series, _OTHERS: [sum(filter(None, one)) for one in rest]})


def _today(report: Report) -> date:
    return report.made_at.date()
