"""A workspace of Customer.io on loopback, which keeps Customer.io's rules: what is sent is checked
for its form and carried out later, and what cannot be carried out is ignored without a word.

Every request, and every answer of its own, is held against `fixtures/customerio.yml`.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fake_api import Answer, FakeApi, Request
from outlined import Described

SITE_ID, API_KEY, APP_KEY = "s1te", "track-s3cret", "app-s3cret"
_DESCRIBED = Described("customerio.yml")
_ANSWER_401 = Answer(401, {"meta": {"error": "unauthorized"}})


@dataclass
class Person:
    """A person, and after how many searches the App API knows of it."""

    cio_id: str
    attributes: dict[str, Any]
    lag: int = 0


@dataclass
class FakeSegment:
    type: str = "manual"
    members: set[str] = field(default_factory=set)


class FakeCustomerIo(FakeApi):
    """The workspace, which tells people apart by id and by email.

    Attributes:
        segment: the segment whose members are what it holds; None where people are.
        lag: how many searches pass before the App API knows of a new person.
        suppressing_deletes: whether to suppress deletes as well.
    """

    def __init__(self) -> None:
        super().__init__()
        self.segment: str | None = None
        self.segments = {"7": FakeSegment(), "8": FakeSegment("dynamic")}
        self.people: dict[str, Person] = {}
        self.suppressed: set[tuple[str, str]] = set()
        self.region, self.lag, self.suppressing_deletes = "us", 0, True
        self._ids: dict[tuple[str, str], str] = {}
        self._last_id = 0

    def held(self) -> Mapping[str, Mapping[str, Any]]:
        ids = self.people.keys() if self.segment is None else self.segments[self.segment].members
        return {
            str(self.people[one].attributes["email"]): self.people[one].attributes for one in ids
        }

    def count(self) -> int:
        return len(self.held())

    def put(self, **attributes: Any) -> str:
        """A person that somebody else has made."""
        self._last_id += 1
        cio_id = f"a3{self._last_id:06}"
        self.people[cio_id] = Person(cio_id, dict(attributes), self.lag)
        self._note(self.people[cio_id], is_new=True)
        return cio_id

    def find(self, identifiers: Mapping[str, str]) -> Person | None:
        ((name, value),) = identifiers.items()
        if name == "cio_id":
            return self.people.get(value)
        return self.people.get(self._ids.get((name, _folded(name, value)), ""))

    def _note(self, person: Person, *, is_new: bool = False) -> None:
        """Remember by what a person can be found."""
        if not is_new:
            self._ids = {key: one for key, one in self._ids.items() if one != person.cio_id}
        for name in ("id", "email"):
            if person.attributes.get(name):
                self._ids[name, _folded(name, person.attributes[name])] = person.cio_id

    def answer(self, request: Request) -> Answer:
        wrong = _DESCRIBED.wrong_request(request)
        self.violations += wrong
        answer = Answer(400, {"errors": [], "meta": {"errors": wrong}}) if wrong else None
        answer = answer or self._answer(request)
        self.violations += _DESCRIBED.wrong_answer(request, answer)
        return answer

    def _answer(self, request: Request) -> Answer:
        basic = base64.b64encode(f"{SITE_ID}:{API_KEY}".encode()).decode()
        expected = f"Basic {basic}" if request.path.startswith("/api/") else f"Bearer {APP_KEY}"
        if request.headers.get("authorization") != expected:
            return _ANSWER_401
        match request.path.split("/")[1:]:
            case ["api", "v2", "batch"]:
                return self._batch(request)
            case ["api", "v1", "segments", number, verb]:
                return self._change_members(number, verb, request)
            case ["api", "v1", "accounts", "region"]:
                suffix = "-eu" if self.region == "eu" else ""
                url = f"https://track{suffix}.customer.io"
                return Answer(200, {"url": url, "region": self.region, "environment_id": 3})
            case ["v1", "customers"]:
                return self._search(request.json["filter"])
            case ["v1", "segments", number]:
                return self._segment(number)
        raise AssertionError(request.path)

    # What changes people

    def _batch(self, request: Request) -> Answer:
        operations = request.json["batch"]
        sizes = [len(json.dumps(one, ensure_ascii=False).encode()) for one in operations]
        if len(request.content) > 500_000 or max(sizes) > 32_768:
            self.violations.append("a request or an operation is too large")
            return Answer(400, {"errors": [{"reason": "too large"}]})
        errors = []
        for place, operation in enumerate(operations):
            given = operation.get("identifiers", {})
            if self.refused & set(given.values()):
                told = {"reason": "invalid", "field": "attributes", "message": "malformed"}
                errors.append({"batch_index": place, **told})
            else:
                self._carry_out(operation)
        return Answer(207, {"errors": errors}) if errors else Answer(200, {})

    def _carry_out(self, operation: Mapping[str, Any]) -> None:
        if operation["action"] == "merge":
            self._merge(operation["primary"], operation["secondary"])
            return
        identifiers = operation["identifiers"]
        ((name, value),) = identifiers.items()
        person = self.find(identifiers)
        is_suppressed = (name, _folded(name, value)) in self.suppressed
        match operation["action"]:
            case "identify" if not is_suppressed:
                self._identify(identifiers, dict(operation["attributes"]), person)
            case "suppress":
                self._suppress(name, value, person)
            case "delete" if person:
                self._delete(person)

    def _identify(
        self, identifiers: Mapping[str, str], attributes: dict[str, Any], person: Person | None
    ) -> None:
        is_only_update = attributes.pop("_update", False)
        if person is None and (is_only_update or "cio_id" in identifiers):
            return
        for name in ("id", "email"):
            other = self.find({name: str(attributes[name])}) if attributes.get(name) else None
            is_suppressed = (name, _folded(name, attributes.get(name))) in self.suppressed
            if is_suppressed or (other is not None and other is not person):
                return
        if person is None:
            person = self.people[self.put(**identifiers)]
        for name, value in attributes.items():
            if value in (None, ""):
                person.attributes.pop(name, None)
            else:
                person.attributes[name] = value
        if {"id", "email"} & attributes.keys():
            self._note(person)

    def _suppress(self, name: str, value: str, person: Person | None) -> None:
        self.suppressed.add((name, _folded(name, value)))
        if person and self.suppressing_deletes:
            for one in ("id", "email"):
                if person.attributes.get(one):
                    self.suppressed.add((one, _folded(one, person.attributes[one])))
            self._delete(person)

    def _merge(self, primary: Mapping[str, str], secondary: Mapping[str, str]) -> None:
        winner, loser = self.find(primary), self.find(secondary)
        if winner and loser and winner is not loser:
            winner.attributes = {**loser.attributes, **winner.attributes}
            self._delete(loser)
            self._note(winner)

    def _delete(self, person: Person) -> None:
        del self.people[person.cio_id]
        for segment in self.segments.values():
            segment.members.discard(person.cio_id)

    def _change_members(self, number: str, verb: str, request: Request) -> Answer:
        segment = self.segments.get(number)
        if segment is None or segment.type != "manual":
            return Answer(400, {"meta": {"errors": ["segment is not manual"]}})
        (id_type,) = request.query["id_type"]
        for one in request.json["ids"]:
            person = self.find({id_type: one})
            if person and verb == "remove_customers":
                segment.members.discard(person.cio_id)
            elif person and person.lag <= 0:
                segment.members.add(person.cio_id)
        return Answer(200, {})

    # What tells who is there

    def _search(self, wanted: Mapping[str, Any]) -> Answer:
        matching = self._matching(wanted)
        found = [one for one in self.people.values() if one.lag <= 0 and one.cio_id in matching]
        for person in self.people.values():
            person.lag -= 1
        shown = [
            {
                "cio_id": one.cio_id,
                "id": one.attributes.get("id"),
                "email": one.attributes.get("email"),
            }
            for one in found
        ]
        return Answer(200, {"identifiers": shown, "ids": [], "next": ""})

    def _matching(self, wanted: Mapping[str, Any]) -> set[str]:
        ((kind, condition),) = wanted.items()
        if kind == "and":
            return set.intersection(*(self._matching(one) for one in condition))
        if kind == "or":
            return set.union(*(self._matching(one) for one in condition))
        if kind == "segment":
            return set(self.segments[str(condition["id"])].members)
        person = self.find({condition["field"]: condition["value"]})
        return {person.cio_id} if person else set()

    def _segment(self, number: str) -> Answer:
        segment = self.segments.get(number)
        if segment is None:
            return Answer(404, {"errors": [{"detail": "not found"}]})
        told = {"id": int(number), "name": "VIPs", "type": segment.type, "state": "finished"}
        return Answer(200, {"segment": told})


def _folded(name: str, value: Any) -> str:
    return str(value or "").casefold() if name == "email" else str(value or "")


def operations(requests: Sequence[Request]) -> list[Mapping[str, Any]]:
    """All operations that were sent."""
    return [
        one
        for request in requests
        if request.path == "/api/v2/batch"
        for one in request.json["batch"]
    ]
