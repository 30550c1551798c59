"""What the commands of erasures have in common."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from dbt_cdp.clock import utc_now
from dbt_cdp.output import print_json, print_table
from dbt_cdp.privacy.ledger import Request


def print_requests(requests: Sequence[Request], as_json: bool) -> None:
    """Print requests, a row each."""
    if as_json:
        print_json([asdict(one) for one in requests])
        return
    now = utc_now()
    print_table(
        ("request", "status", "received", "due", "people", "identifiers", "to be reviewed"),
        [
            (
                one.request_id[:8],
                one.status,
                f"{one.received_at:%Y-%m-%d}",
                _due(one, now),
                one.people,
                one.identifiers,
                one.review if one.is_open else None,
            )
            for one in requests
        ],
    )


def _due(request: Request, now: datetime) -> str:
    day = f"{request.due_at:%Y-%m-%d}"
    if not request.is_open:
        return day
    left = (request.due_at - now).days
    return f"{day}, overdue" if request.is_overdue(now) else f"{day}, {left} days"
