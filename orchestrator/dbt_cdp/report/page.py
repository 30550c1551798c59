"""The page of the report: one file that loads nothing, for any browser.

Its two scripts, Chart.js and the one that draws with it, are a part of it; the browser is told to
run these and no others.
"""

import hashlib
import os
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Any

from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup

from dbt_cdp.decisions import Identifier
from dbt_cdp.errors import ConfigurationError
from dbt_cdp.ledger import OK
from dbt_cdp.pages import render
from dbt_cdp.person import CANONICAL_ID
from dbt_cdp.privacy.ledger import Status
from dbt_cdp.report.attention import in_days, notices
from dbt_cdp.report.charts import charts
from dbt_cdp.report.content import DAYS, Filled, Report
from dbt_cdp.report.masks import masked

_TEMPLATE = "report_page.html"
_SCRIPTS = ("chart.js", "draw.js")

# So many segments are compared with one another; more do not fit on a screen.
_MOST_COMPARED = 12
_MOST_REQUESTS = 20
_MOST_COLUMNS = 60


def page(report: Report, *, is_revealed: bool = False) -> str:
    """The report as HTML.

    Args:
        report: what it tells.
        is_revealed: whether values are shown that identify people.
    """
    scripts = [_script(name) for name in _SCRIPTS]
    drawn = {name: asdict(one) for name, one in charts(report).items()}
    return render(
        _TEMPLATE,
        report=report,
        days=DAYS,
        notices=notices(report),
        charts=drawn,
        # Jinja's filter would sort the series by their names.
        chart_data=htmlsafe_json_dumps(drawn),
        scripts=[Markup(one) for one in scripts],  # noqa: S704
        policy=" ".join(f"'sha256-{_digest(one)}'" for one in scripts),
        filled=_filled(report)[:_MOST_COLUMNS],
        everybody=[one.column for one in report.filled if one.people == report.counts.people],
        compared=_compared(report),
        requests=_requests(report),
        runs=_run_figures(report),
        shown=lambda one: one.value if is_revealed else masked(one),
        shown_id=lambda value: value if is_revealed else masked(Identifier(CANONICAL_ID, value)),
        is_revealed=is_revealed,
        in_days=in_days,
    )


def write_page(path: Path, text: str, *, is_private: bool) -> None:
    """Write the page beside its place first, so that whoever reads it there reads all of it.

    Args:
        path: its place; a file that is there is replaced.
        text: the page.
        is_private: whether nobody but its owner may read it.

    Raises:
        ConfigurationError: the file cannot be written.
    """
    new = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        new.touch(mode=0o600 if is_private else 0o666)
        new.write_text(text, encoding="utf-8")
        new.replace(path)
    except OSError as error:
        new.unlink(missing_ok=True)
        raise ConfigurationError(
            f"The page cannot be written: {error.strerror}.",
            where=str(path),
            remedy="give another place with --output.",
        ) from None


def _script(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8").strip()


def _digest(script: str) -> str:
    return b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _filled(report: Report) -> list[Filled]:
    """What not everybody has, the most frequent first."""
    columns = [one for one in report.filled if one.people < report.counts.people]
    return sorted(columns, key=lambda one: (-one.people, one.column))


def _compared(report: Report) -> Mapping[str, Any]:
    """The share of each of the largest segments that is in each other one, from 0 to 1."""
    sizes, shares = {}, {}
    for one in report.overlaps:
        sizes[one.segment_a], sizes[one.segment_b] = one.members_a, one.members_b
        for name, other, members in (
            (one.segment_a, one.segment_b, one.members_a),
            (one.segment_b, one.segment_a, one.members_b),
        ):
            shares[name, other] = one.members_of_both / members if members else 0.0
    names = sorted(sizes, key=lambda name: (-sizes[name], name))
    return {"names": names[:_MOST_COMPARED], "shares": shares, "others": names[_MOST_COMPARED:]}


def _requests(report: Report) -> Mapping[str, Any]:
    waiting = sorted((one for one in report.requests if one.is_open), key=lambda one: one.due_at)
    confirmed = [one for one in report.requests if one.status == Status.CONFIRMED]
    took = [(one.changed_at - one.received_at).total_seconds() for one in confirmed]
    return {
        "waiting": waiting[:_MOST_REQUESTS],
        "more": len(waiting) - len(waiting[:_MOST_REQUESTS]),
        "confirmed": len(confirmed),
        "others": len(report.requests) - len(waiting) - len(confirmed),
        "median": in_days(timedelta(seconds=median(took))) if took else None,
        "longest": in_days(timedelta(seconds=max(took))) if took else None,
    }


def _run_figures(report: Report) -> Mapping[str, Any]:
    ended = [one for one in report.runs if one.seconds is not None]
    good = [one.seconds for one in ended if one.status == OK and one.seconds is not None]
    failed = [one for one in ended if one.status != OK]
    return {
        "ended": len(ended),
        "failed": failed[:5],
        "failures": len(failed),
        "median": _mid(good),
    }


def _mid(seconds: Sequence[float]) -> float | None:
    return median(seconds) if seconds else None
