"""Meta's Marketing API on loopback, with audiences of one ad account.

Every request, and every answer of its own, is held against `fixtures/meta.yml`. A person is known
by any of the keys that are somebody's own.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import yaml
from jsonschema import Draft202012Validator

from fake_api import Answer, FakeApi, Request

TOKEN, SECRET, ACCOUNT = "EAAfake", "app-s3cret", "1010"
_SPEC = yaml.safe_load((Path(__file__).parent / "fixtures" / "meta.yml").read_text())
_KEYS = {"EMAIL", "PHONE", "EXTERN_ID", "MADID"}
_PLAIN = {"EXTERN_ID", "MADID"}


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


# The people of the kit: the fake knows them as the real one knows its users.
_KNOWN = {sha256(name): name for name in (f"person{one}@shop.example" for one in range(1_300))}

Person = frozenset[tuple[str, str]]


@dataclass
class FakeAudience:
    subtype: str = "CUSTOM"
    status: int = 200
    members: list[Person] = field(default_factory=list)


class FakeMeta(FakeApi):
    """The API.

    Attributes:
        proves: whether it wants proof of the app's secret.
        error: what it answers instead, and with which status; None to do as it is asked.
        accepts: whether the terms were accepted.
    """

    def __init__(self) -> None:
        super().__init__()
        self.proves, self.accepts = False, True
        self.error: tuple[int, Mapping[str, Any]] | None = None
        self.audiences = {
            "17": FakeAudience(),
            "18": FakeAudience("LOOKALIKE"),
            "19": FakeAudience(status=471),
            "20": FakeAudience(),
        }
        self._sessions: dict[int, int] = {}

    @property
    def members(self) -> list[Person]:
        return self.audiences["17"].members

    def held(self) -> Mapping[str, Mapping[str, Any]]:
        emails = [dict(member).get("EMAIL", "") for member in self.members]
        return {_KNOWN[one]: {"email": one} for one in emails if one in _KNOWN}

    def count(self) -> int:
        return len(self.members)

    def calls(self) -> list[tuple[str, str]]:
        """The methods and paths that were asked for."""
        return [(one.method, one.path.removeprefix("/v26.0")) for one in self.requests]

    def payload(self, place: int) -> Any:
        """What a request sent of people."""
        return _form(self.requests[place])["payload"]

    def answer(self, request: Request) -> Answer:
        operation = _operation(request)
        if operation is None:
            self.violations.append(f"there is no {request.method} {request.path}")
            return Answer(405)
        form = _form(request)
        self.violations += [*_wrong(operation.get("requestBody"), form)]
        if self.error:
            return Answer(self.error[0], {"error": self.error[1]})
        answer = self._answer(request, form)
        if answer.status == 200:
            self.violations += [*_wrong(operation["responses"]["200"], answer.body)]
        return answer

    def _answer(self, request: Request, form: Any) -> Answer:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return _error(400, "Invalid OAuth access token.", 190)
        proof = hmac.new(SECRET.encode(), TOKEN.encode(), hashlib.sha256).hexdigest()
        given = form.get("appsecret_proof") or request.query.get("appsecret_proof", [""])[0]
        if self.proves and given != proof:
            return _error(400, "API calls from the server require an appsecret_proof", 100, 33)
        match request.path.split("/")[2:]:
            case [account] if account == f"act_{ACCOUNT}":
                terms = {"tos_accepted": {"custom_audience_tos": 1}} if self.accepts else {}
                return Answer(200, {"id": account, **terms})
            case [audience_id] if audience_id in self.audiences:
                return self._audience(audience_id)
            case [audience_id, "users"] if audience_id in self.audiences:
                return self._users(request.method, audience_id, form)
            case [account, "usersofanyaudience"] if account == f"act_{ACCOUNT}":
                for one in self.audiences.values():
                    _change(one, "DELETE", _people(form["payload"]))
                return Answer(200, {"success": True})
        return _error(400, "Unsupported request. Object does not exist", 100, 33)

    def _audience(self, audience_id: str) -> Answer:
        found = self.audiences[audience_id]
        return Answer(
            200,
            {
                "id": audience_id,
                "name": f"Audience {audience_id}",
                "subtype": found.subtype,
                "account_id": ACCOUNT,
                "operation_status": {"code": found.status, "description": "?"},
                "approximate_count_lower_bound": 1000,
            },
        )

    def _users(self, method: str, audience_id: str, form: Any) -> Answer:
        found = self.audiences[audience_id]
        if found.status == 471:
            return _error(400, "Invalid parameter", 100, 1713230)
        people = _people(form["payload"])
        refused = {sha256(one) for one in self.refused}
        valid = [one for one in people if dict(one).get("EMAIL") not in refused]
        session = form["session"]["session_id"]
        self._sessions[session] = self._sessions.get(session, 0) + len(people)
        _change(found, method, valid)
        return Answer(
            200,
            {
                "audience_id": audience_id,
                "session_id": str(session),
                "num_received": self._sessions[session],
                "num_invalid_entries": len(people) - len(valid),
                "invalid_entry_samples": {},
            },
        )


def _change(audience: FakeAudience, method: str, people: Sequence[Person]) -> None:
    for person in people:
        own = {one for one in person if one[0] in _KEYS}
        audience.members = [one for one in audience.members if not own & one]
        if method == "POST":
            audience.members.append(person)


def _people(payload: Mapping[str, Any]) -> list[Person]:
    columns = payload["schema"]
    rows = [zip(columns, row, strict=True) for row in payload["data"]]
    return [frozenset(one for one in row if one[1]) for row in rows]


def _error(status: int, message: str, code: int, subcode: int | None = None) -> Answer:
    error = {"message": message, "type": "OAuthException", "code": code, "fbtrace_id": "A1"}
    return Answer(status, {"error": error | ({"error_subcode": subcode} if subcode else {})})


def _form(request: Request) -> dict[str, Any]:
    fields = {name: one for name, (one,) in parse_qs(request.content.decode()).items()}
    return {
        name: json.loads(one) if name in ("payload", "session") else one
        for name, one in fields.items()
    }


def _operation(request: Request) -> Mapping[str, Any] | None:
    for path, operations in _SPEC["paths"].items():
        pattern = re.sub(r"\{\w+\}", "[0-9]+", path)
        if re.fullmatch(pattern, request.path) and request.method.lower() in operations:
            return operations[request.method.lower()]  # type: ignore[no-any-return]
    return None


def _wrong(described: Mapping[str, Any] | None, body: Any) -> Iterator[str]:
    """In what a body is not as it was described."""
    if described is None:
        return
    ((_, content),) = described["content"].items()
    schema = {**content["schema"], "components": _SPEC["components"]}
    for error in Draft202012Validator(schema).iter_errors(body):
        yield error.message[:200]
    payload = body.get("payload") or {"schema": [], "data": []}
    for row in payload["data"]:
        if len(row) != len(payload["schema"]):
            yield "a row has not as many cells as there are columns"
        for column, cell in zip(payload["schema"], row, strict=False):
            if cell and column not in _PLAIN and not re.fullmatch("[0-9a-f]{64}", cell):
                yield f"a {column} is not hashed"
