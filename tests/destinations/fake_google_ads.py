"""Google's Data Manager API on loopback, with lists of people, and the address that gives tokens.

Every request, and every answer of its own, is held against `fixtures/google_ads.yml`. A person is
known by any identifier.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from fake_api import Answer, FakeApi, Request

ACCOUNT = "1234567890"
TOKEN = "ya29.fake"
_SPEC = yaml.safe_load((Path(__file__).parent / "fixtures" / "google_ads.yml").read_text())
_LATE = "PROCESSING_ERROR_REASON_INVALID_FORMAT"


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


# The people of the kit: the fake knows them as the real one knows its users.
_KNOWN = {sha256(name): name for name in (f"person{one}@shop.example" for one in range(1_300))}


@dataclass
class FakeList:
    kinds: Sequence[str] = ("CONTACT_ID",)
    is_open: bool = True
    is_read_only: bool = False
    members: list[set[str]] = field(default_factory=list)


@dataclass
class Job:
    """A request that was accepted; `polls` is how often it is not done yet."""

    destination: Mapping[str, Any]
    size: int
    refused: Sequence[int]
    polls: int


class FakeGoogleAds(FakeApi):
    """The API.

    Attributes:
        is_late: whether what is refused is so when requests are carried out, or at once.
        names_places: whether it says which members were refused.
        first_place: what it counts places from.
        reason: why members are refused late.
        polls: how often a request is not done yet.
        terms: whether the terms have to be accepted, and are not.
        gives_tokens: what it answers who asks for a token.
    """

    def __init__(self) -> None:
        super().__init__()
        self.is_late, self.names_places, self.first_place = False, True, 0
        self.reason, self.polls = _LATE, 0
        self.wants_terms = False
        self.token_status = 200
        self.lists = {
            "17": FakeList(),
            "18": FakeList(is_open=False),
            "19": FakeList(kinds=["MOBILE_ID"]),
            "20": FakeList(is_read_only=True),
        }
        self.jobs: dict[str, Job] = {}
        self.tokens = 0

    @property
    def members(self) -> list[set[str]]:
        return self.lists["17"].members

    def held(self) -> Mapping[str, Mapping[str, Any]]:
        found = {}
        for member in self.members:
            for one in member:
                name = _KNOWN.get(json.loads(one).get("emailAddress", ""))
                if name:
                    found[name] = {"email": sha256(name)}
        return found

    def count(self) -> int:
        return len(self.members)

    def handle(self, request: Request) -> Answer | None:
        # Tokens come from elsewhere, and do not share in what goes wrong.
        if request.path == "/token":
            self.tokens += 1
            token = {"access_token": TOKEN, "expires_in": 3600, "token_type": "Bearer"}
            error = {"error": "invalid_grant", "error_description": "the key is not good"}
            return Answer(self.token_status, token if self.token_status == 200 else error)
        return super().handle(request)

    def answer(self, request: Request) -> Answer:
        operation = _operation(request)
        if operation is None:
            self.violations.append(f"there is no {request.method} {request.path}")
            return Answer(405)
        body = request.json
        self.violations += [*_wrong(operation.get("requestBody"), body)]
        answer = self._answer(request, body)
        if answer.status == 200:
            self.violations += [*_wrong(operation["responses"]["200"], answer.body)]
        return answer

    def _answer(self, request: Request, body: Any) -> Answer:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return _error(401, "UNAUTHENTICATED", "Request had invalid credentials.")
        path = request.path.removeprefix("/v1/")
        if path == "requestStatus:retrieve":
            return self._status(request.query["requestId"][0])
        if path.startswith("accountTypes/"):
            _, _, _, account, _, list_id = path.split("/")
            return self._list(account, list_id)
        return self._ask(path.removeprefix("audienceMembers:"), body)

    def _list(self, account: str, list_id: str) -> Answer:
        found = self.lists.get(list_id)
        if account != ACCOUNT or found is None:
            return _error(404, "NOT_FOUND", "Resource not found.")
        return Answer(
            200,
            {
                "name": f"accountTypes/GOOGLE_ADS/accounts/{account}/userLists/{list_id}",
                "id": list_id,
                "displayName": f"List {list_id}",
                "readOnly": found.is_read_only,
                "membershipDuration": "46656000s",
                "membershipStatus": "OPEN" if found.is_open else "CLOSED",
                "sizeInfo": {"searchNetworkMembersCount": "1200"},
                "ingestedUserListInfo": {"uploadKeyTypes": list(found.kinds)},
            },
        )

    def _ask(self, verb: str, body: Any) -> Answer:
        (destination,) = body["destinations"]
        found = self.lists.get(destination["productDestinationId"])
        if destination["operatingAccount"]["accountId"] != ACCOUNT:
            return _error(403, "PERMISSION_DENIED", "The caller does not have permission.")
        if found is None:
            violation = _violation("destinations.destinations[0]", "INVALID_USER_LIST_ID")
            return _error(400, "INVALID_ARGUMENT", "There was a problem.", [violation])
        if self.wants_terms and verb == "ingest" and "termsOfService" not in body:
            return _error(400, "TERMS_AND_CONDITIONS_NOT_SIGNED", "Terms are not signed.")
        people = [
            {json.dumps(one, sort_keys=True) for one in member["userData"]["userIdentifiers"]}
            for member in body["audienceMembers"]
        ]
        bad = [place for place, one in enumerate(people) if self._is_refused(one)]
        if bad and not self.is_late:
            return self._refusal(bad)
        if not body.get("validateOnly"):
            for place, person in enumerate(people):
                if place not in bad:
                    _change(found, verb, person)
        request_id = f"request {len(self.jobs)}"
        self.jobs[request_id] = Job(destination, len(people), bad, self.polls)
        return Answer(200, {"requestId": request_id})

    def _is_refused(self, person: set[str]) -> bool:
        hashes = {sha256(name) for name in self.refused}
        return any(json.loads(one).get("emailAddress") in hashes for one in person)

    def _refusal(self, places: Sequence[int]) -> Answer:
        fields = [
            f"audience_members.audience_members[{place + self.first_place}].user_data"
            if self.names_places
            else "audience_members"
            for place in places
        ]
        violations = [_violation(one, "INVALID_SHA256_FORMAT") for one in fields]
        return _error(400, "INVALID_ARGUMENT", "There was a problem.", violations)

    def _status(self, request_id: str) -> Answer:
        job = self.jobs.get(request_id)
        if job is None:
            return _error(404, "NOT_FOUND", "Resource not found.")
        job.polls -= 1
        if job.polls >= 0:
            return _statuses(job, "PROCESSING")
        if not job.refused:
            return _statuses(job, "SUCCESS")
        count: dict[str, Any] = {"reason": self.reason, "recordCount": str(len(job.refused))}
        if self.names_places:
            count["recordIndices"] = [place + self.first_place for place in job.refused]
        state = "FAILED" if len(job.refused) == job.size else "PARTIAL_SUCCESS"
        return _statuses(job, state, errorInfo={"errorCounts": [count]})


def _change(found: FakeList, verb: str, person: set[str]) -> None:
    same = [one for one in found.members if one & person]
    found.members = [one for one in found.members if not one & person]
    if verb == "ingest":
        found.members.append(person.union(*same))


def _statuses(job: Job, state: str, **more: Any) -> Answer:
    status = {"destination": job.destination, "requestStatus": state, **more}
    return Answer(200, {"requestStatusPerDestination": [status]})


def _violation(place: str, reason: str) -> Mapping[str, Any]:
    return {"field": place, "description": "It is malformed.", "reason": reason}


def _error(status: int, reason: str, message: str, violations: Sequence[Any] = ()) -> Answer:
    kind = "type.googleapis.com/google.rpc."
    details: list[Any] = [{"@type": f"{kind}ErrorInfo", "reason": reason}]
    if violations:
        details.append({"@type": f"{kind}BadRequest", "fieldViolations": violations})
    return Answer(status, {"error": {"code": status, "message": message, "details": details}})


def _operation(request: Request) -> Mapping[str, Any] | None:
    for template, operations in _SPEC["paths"].items():
        pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template))
        if re.fullmatch(pattern, request.path) and request.method.lower() in operations:
            return operations[request.method.lower()]  # type: ignore[no-any-return]
    return None


def _wrong(described: Mapping[str, Any] | None, body: Any) -> Iterator[str]:
    if described is None:
        if body is not None:
            yield "a body that is not wanted"
        return
    schema = {**described["content"]["application/json"]["schema"], **_components()}
    for error in Draft202012Validator(schema).iter_errors(body):
        yield f"{error.json_path}: {error.message[:200]}"


def _components() -> Mapping[str, Any]:
    return {"components": _SPEC["components"]}
