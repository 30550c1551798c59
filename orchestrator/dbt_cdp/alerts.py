"""Tells people when runs begin to fail, a source falls silent or a request for erasure comes due,
and when all is well again.

Each entry of the variable `cdp_alerts` gets a message for the change, not for every run. A message
holds what the ledger holds: no row of anybody's. The address is a secret, and read from the
environment alone. What cannot be sent fails no run.
"""

import os
import platform
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

import httpx
from pydantic import BaseModel, ConfigDict, field_validator

from dbt_cdp.clock import length_of
from dbt_cdp.errors import CdpError
from dbt_cdp.freshness import SourceEntry
from dbt_cdp.ledger import FAILED, INTERRUPTED, OK, Span
from dbt_cdp.output import talk
from dbt_cdp.privacy.ledger import SOON, Request
from dbt_cdp.privacy.requests import read_requests
from dbt_cdp.project import Project

_SECONDS = 10
# After what never reached the other side it is sent again.
_RETRIES = 2


# How near the end of the time for a request for erasure is, the nearest first.
_OVERDUE = "overdue"
_NEARNESS = {
    timedelta(0): _OVERDUE,
    timedelta(days=1): "due within a day",
    SOON: "due within a week",
}
# Of the requests so many are named.
_NAMED = 5


class Alert(BaseModel):
    """An entry of `cdp_alerts`.

    Attributes:
        type: webhook takes the message as JSON; slack is an incoming webhook of Slack, or of what
            takes the same, such as Mattermost.
        url_env: the environment variable that holds the address.
        stalled_after: how long nothing may come from a source of events, such as 2h or 1d.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Literal["slack", "webhook"]
    url_env: str
    stalled_after: timedelta = timedelta(days=2)

    @field_validator("stalled_after", mode="before")
    @classmethod
    def _length(cls, value: object) -> timedelta:
        return length_of(str(value))


def read_alerts(project: Project) -> list[Alert]:
    """The entries of the variable `cdp_alerts`.

    Raises:
        ConfigurationError: an entry is not as it must be.
    """
    return project.entries(
        "cdp_alerts",
        Alert,
        "An alert",
        "write `- {type: slack, url_env: CDP_SLACK_URL}`, or type webhook.",
    )


def tell_change(project: Project, before: str | None, status: str, error: str | None) -> None:
    """Send a message if the run went otherwise than the one before it.

    Args:
        project: the project.
        before: how the run before ended; None where there was none.
        status: how this run ended.
        error: what went wrong; None where nothing did.
    """
    if status == FAILED and before != FAILED:
        _send(project, read_alerts(project), "failing", f"cdp run failed: {error}")
    elif status == OK and before in (FAILED, INTERRUPTED):
        text = f"cdp run is well again; the one before was {before}."
        _send(project, read_alerts(project), "recovered", text)


def tell_no_run(project: Project, error: CdpError) -> None:
    """Send a message that a run could not begin, or not go on."""
    text = f"cdp run could not be done: {error.problem}"
    _send(project, read_alerts(project), "failing", text)


def tell_silence(
    project: Project, last: Mapping[str, SourceEntry], before: Mapping[str, SourceEntry]
) -> None:
    """Send a message for each source that has fallen silent, or sends again.

    Args:
        project: the project.
        last: what the last run has found, by source.
        before: what the run before it had.
    """
    for alert in read_alerts(project):
        for source, entry in last.items():
            is_silent = entry.is_silent(alert.stalled_after)
            was_silent = source in before and before[source].is_silent(alert.stalled_after)
            if is_silent and not was_silent:
                since = f"{entry.arrived_at:%Y-%m-%d %H:%M} UTC"
                text = f"nothing has come from the source '{source}' since {since}."
                _send(project, [alert], "stalled", text)
            elif was_silent and not is_silent:
                _send(project, [alert], "recovered", f"the source '{source}' sends again.")


def tell_deadlines(project: Project, span: Span) -> None:
    """Send a message for requests for erasure that are due within a week or a day, or overdue,
    since somebody was told last."""
    alerts = read_alerts(project)
    if not alerts:
        return
    coming: dict[str, list[str]] = {}
    for request in read_requests(project)[0]:
        near, known = (_nearness(request, moment) for moment in (span.began_at, span.told_at))
        if near and near != known:
            coming.setdefault(near, []).append(request.request_id)
    for near, ids in coming.items():
        state = "overdue" if near == _OVERDUE else "due"
        named = ", ".join(one[:8] for one in ids[:_NAMED]) + (", ..." if len(ids) > _NAMED else "")
        count = f"{len(ids):,} request{'s' * (len(ids) != 1)}"
        text = f"{near}: {count} for erasure ({named})."
        _send(project, alerts, state, text)


def _nearness(request: Request, moment: datetime | None) -> str | None:
    """How near the end of the time for a request is; None where it is far, it has ended, or was
    not there yet."""
    if not request.is_open or moment is None or request.received_at > moment:
        return None
    return next(
        (words for span, words in _NEARNESS.items() if request.due_at - moment <= span), None
    )


def _send(project: Project, alerts: Sequence[Alert], state: str, text: str) -> None:
    content = {
        "state": state,
        "text": text,
        "project": project.name,
        "target": project.target.name,
        "host": platform.node(),
    }
    for alert in alerts:
        problem = _post(alert, content)
        if problem:
            talk(f"The alert could not be sent to {alert.type} ({alert.url_env}): {problem}.")


def _post(alert: Alert, content: Mapping[str, Any]) -> str | None:
    """Send one message; what went wrong, without the address."""
    url = os.environ.get(alert.url_env)
    if not url:
        return "the environment variable is not set"
    line = "{text} (project {project}, target {target}, on {host})".format(**content)
    body = {"text": line} if alert.type == "slack" else content
    try:
        with httpx.Client(
            timeout=_SECONDS, transport=httpx.HTTPTransport(retries=_RETRIES)
        ) as client:
            answer = client.post(url, json=body)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return type(error).__name__
    return None if answer.is_success else f"it answered {answer.status_code}"
