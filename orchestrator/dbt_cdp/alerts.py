"""Tells people when runs begin to fail, and when they are well again.

Each entry of the variable `cdp_alerts` gets a message for the change, not for every run. A message
holds what the ledger holds: no row of anybody's. The address is a secret, and read from the
environment alone. What cannot be sent fails no run.
"""

import os
import platform
from collections.abc import Mapping
from typing import Any, Literal

import httpx
from pydantic import BaseModel, ConfigDict

from dbt_cdp.errors import CdpError
from dbt_cdp.ledger import FAILED, INTERRUPTED, OK
from dbt_cdp.output import talk
from dbt_cdp.project import Project

_SECONDS = 10
# After what never reached the other side it is sent again.
_RETRIES = 2


class Alert(BaseModel):
    """An entry of `cdp_alerts`.

    Attributes:
        type: webhook takes the message as JSON; slack is an incoming webhook of Slack, or of what
            takes the same, such as Mattermost.
        url_env: the environment variable that holds the address.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Literal["slack", "webhook"]
    url_env: str


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
        _send(project, "failing", f"cdp run failed: {error}")
    elif status == OK and before in (FAILED, INTERRUPTED):
        _send(project, "recovered", f"cdp run is well again; the one before was {before}.")


def tell_no_run(project: Project, error: CdpError) -> None:
    """Send a message that a run could not begin, or not go on."""
    _send(project, "failing", f"cdp run could not be done: {error.problem}")


def _send(project: Project, state: str, text: str) -> None:
    content = {
        "state": state,
        "text": text,
        "project": project.name,
        "target": project.target.name,
        "host": platform.node(),
    }
    for alert in read_alerts(project):
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
