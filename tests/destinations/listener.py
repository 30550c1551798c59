"""An address that takes webhooks, keeps rows by their keys, and takes no delivery twice."""

import base64
from collections.abc import Callable, Mapping
from typing import Any

from standardwebhooks import Webhook

from fake_api import Answer, FakeApi, Request

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
ROWS = 10


class Listener(FakeApi):
    """The address.

    Attributes:
        rows: the fields by key.
        deliveries: action and key of each row that was taken, in order.
        status: the answer to a request with a refused row; 200 names it and takes the others.
        is_later: whether a refused row may be sent again.
        before, after: called around each request that holds rows, with its number from 1.
    """

    def __init__(self) -> None:
        super().__init__()
        self.rows: dict[str, Mapping[str, Any]] = {}
        self.deliveries: list[tuple[str, str]] = []
        self.seen: set[str] = set()
        self.status = 200
        self.is_later = False
        self.before: Callable[[int], None] = lambda number: None
        self.after: Callable[[int], None] = lambda number: None
        self._number = 0

    def answer(self, request: Request) -> Answer:
        content = Webhook(SECRET).verify(request.content, dict(request.headers))
        if request.query.get("token") != ["t"]:
            self.violations.append("the query of the address is gone")
        if content["type"] == "cdp.check":
            return Answer(204)
        rows = content["data"]["rows"]
        if len(rows) > ROWS:
            self.violations.append(f"{len(rows)} rows in a request")
        if self.status != 200 and any(row["key"] in self.refused for row in rows):
            return Answer(self.status, {"error": "a row is wrong"})
        self._number += 1
        self.before(self._number)
        rejected = [one for one in map(self._take, rows) if one]
        self.after(self._number)
        return Answer(200, {"rejected": rejected})

    def _take(self, row: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Keep a row; what is said of it where it is not taken."""
        if row["key"] in self.refused:
            return {"id": row["id"], "reason": "not wanted", "retry": self.is_later}
        if row["id"] in self.seen:
            return None
        self.seen.add(row["id"])
        self.deliveries.append((row["action"], row["key"]))
        if row["action"] in ("remove", "erase"):
            self.rows.pop(row["key"], None)
        else:
            self.rows[row["key"]] = row["fields"]
        return None

    def held(self) -> Mapping[str, Mapping[str, Any]]:
        return self.rows

    def count(self) -> int:
        return len(self.rows)

    def news(self) -> list[tuple[str, str]]:
        """What was taken since this was asked last, in the order of the keys."""
        news, self.deliveries = sorted(self.deliveries), []
        return news
