"""Any address that takes JSON, with the signature of https://www.standardwebhooks.com.

A request holds some rows:

    {"type": "cdp.sync", "timestamp": "...", "data": {"sync": ..., "mode": ..., "object": ...,
     "audience": ..., "rows": [{"id": ..., "action": ..., "key": ..., "fields": {...}}]}}

`action` is add, change, remove or erase. `id` names the delivery, and so does the header
`webhook-id` the request: who keeps them takes nothing twice. An answer of 200 to 299 takes every
row, but for those that its body names: {"rejected": [{"id": ..., "reason": ..., "retry": false}]}.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pyrate_limiter import Duration, Rate
from standardwebhooks.webhooks import EmptyWebhookSecretError, Webhook
from typing_extensions import override

from dbt_cdp.destinations.base import Action, Destination, Mode, Outcome, Row, Settings, Sync
from dbt_cdp.destinations.errors import BatchRejectedError
from dbt_cdp.destinations.http import HttpClient, check_url, read_secret
from dbt_cdp.destinations.values import json_value, time_text
from dbt_cdp.errors import ConfigurationError

# What says that something is wrong with the rows, and not with the address.
_ABOUT_ROWS = {400, 409, 413, 422}


class WebhookSettings(Settings):
    """An entry of type webhook.

    Attributes:
        url_env: the environment variable that holds the address, which may be a secret.
        secret_env: the one that holds the secret of the signature, `whsec_` and Base64.
        rows: how many rows a request holds at most.
        per_second: how many requests are sent in a second at most.
    """

    url_env: str
    secret_env: str
    rows: int = Field(default=100, ge=1, le=10_000)
    per_second: int = Field(default=10, ge=1)


class _Rejected(BaseModel):
    """A row that an answer says was not taken."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: str
    reason: str = "no reason was given"
    retry: bool = False


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    rejected: Sequence[_Rejected] = ()


class WebhookDestination(Destination):
    """An address that takes JSON."""

    settings_model = WebhookSettings
    modes = frozenset(Mode) - {Mode.HAND_OVER}

    settings: WebhookSettings

    def __init__(self, settings: Any, sync: Sync, root: Path) -> None:
        super().__init__(settings, sync, root)
        self.max_rows = settings.rows
        where = f"destination '{settings.name}'"
        url = check_url(read_secret(settings.url_env, where), f"{where}, {settings.url_env}")
        secret = read_secret(settings.secret_env, where)
        try:
            self._webhook = Webhook(secret)
        except (ValueError, EmptyWebhookSecretError):
            raise ConfigurationError(
                f"The secret in {settings.secret_env} is not Base64.",
                where=where,
                remedy="make one: `whsec_` and 32 random bytes in Base64.",
            ) from None
        # As a whole: a path may have a query, and ends as it is written.
        self._url = url
        self._http = HttpClient(
            "",
            account=f"webhook {settings.name}",
            rates=[Rate(settings.per_second, Duration.SECOND)],
            headers={"Content-Type": "application/json"},
            secrets=[secret, url],
            credentials=f"{settings.url_env} and {settings.secret_env}",
            where=where,
        )

    @override
    def check(self) -> str:
        response = self._post("cdp.check", {}, "check")
        if not response.is_success:
            raise self._http.refused(
                f"It does not take a request of type cdp.check ({response.status_code})."
            )
        return "it takes a signed request without rows"

    @override
    def send(self, action: Action, rows: Sequence[Row]) -> Iterable[Outcome]:
        return self._send(str(action), rows)

    @override
    def erase(self, rows: Sequence[Row]) -> Iterable[Outcome]:
        return self._send("erase", rows)

    @override
    def close(self) -> None:
        self._http.close()

    def _send(self, action: str, rows: Sequence[Row]) -> Iterable[Outcome]:
        data = {
            "mode": str(self.sync.mode),
            "object": self.sync.object,
            "audience": self.sync.audience,
            "rows": [
                {
                    "id": row.delivery_id,
                    "action": action,
                    "key": row.key,
                    "fields": json_value(dict(row.fields)),
                }
                for row in rows
            ],
        }
        digest = hashlib.sha256(" ".join(row.delivery_id for row in rows).encode()).hexdigest()
        response = self._post("cdp.sync", data, digest[:32])
        if response.status_code in _ABOUT_ROWS:
            raise BatchRejectedError(self._http.reason(response))
        if not response.is_success:
            raise self._http.refused(f"It answered {response.status_code}.")
        return _outcomes(rows, response)

    def _post(self, kind: str, data: Mapping[str, Any], message_id: str) -> httpx.Response:
        def signed() -> Mapping[str, Any]:
            now = datetime.now(UTC)
            body = json.dumps(
                {
                    "type": kind,
                    "timestamp": time_text(now),
                    "data": {"sync": self.sync.name, **data},
                },
                ensure_ascii=False,
            )
            headers = {
                "webhook-id": f"msg_{message_id}",
                "webhook-timestamp": str(int(now.timestamp())),
                "webhook-signature": self._webhook.sign(f"msg_{message_id}", now, body),
            }
            return {"content": body.encode(), "headers": headers}

        return self._http.request("POST", self._url, prepare=signed)


def _outcomes(rows: Sequence[Row], response: httpx.Response) -> Iterable[Outcome]:
    """What became of the rows, by an answer that has taken some of them."""
    try:
        content = response.json()
    except ValueError:
        content = None
    try:
        # Most answers say nothing of rows, such as `ok`.
        answer = _Answer.model_validate(content if isinstance(content, dict) else {})
    except ValidationError:
        return [Outcome.retry(row, "`rejected` in the answer cannot be read") for row in rows]
    rejected = {one.id: one for one in answer.rejected}
    return [_outcome(row, rejected.get(row.delivery_id)) for row in rows]


def _outcome(row: Row, rejected: _Rejected | None) -> Outcome:
    if rejected is None:
        return Outcome.acknowledged(row)
    make = Outcome.retry if rejected.retry else Outcome.rejected
    return make(row, rejected.reason)
