"""A HubSpot of one account on loopback, which keeps HubSpot's rules.

Every request, and every answer of its own, is held against `fixtures/hubspot.yml`.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from fake_api import Answer, FakeApi, Request

TOKEN = "pat-na1-fake"
TYPE_IDS = {"contacts": "0-1", "companies": "0-2", "2-77": "2-77"}
_SPEC = yaml.safe_load((Path(__file__).parent / "fixtures" / "hubspot.yml").read_text())
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[a-z]{2,}")
_AT = "2026-06-01T00:00:00.000Z"


@dataclass(frozen=True)
class Property:
    type: str = "string"
    is_unique: bool = False
    is_read_only: bool = False


@dataclass
class Thing:
    """A record; `emails` are the further ones that a contact has after a merge."""

    values: dict[str, str]
    emails: set[str] = field(default_factory=set)


@dataclass
class FakeList:
    kind: str = "MANUAL"
    object_type_id: str = "0-1"
    members: set[str] = field(default_factory=set)


class RefusedError(Exception):
    """What an answer says is wrong."""

    def __init__(
        self, status: int, category: str, message: str, **context: Sequence[str] | None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"status": "error", "category": category, "message": message}
        self.body["context"] = {name: list(one) for name, one in context.items() if one}


def _faulty(error: str, name: str, message: str) -> RefusedError:
    told = json.dumps([{"isValid": False, "message": message, "error": error, "name": name}])
    return RefusedError(400, "VALIDATION_ERROR", f"Property values were not valid: {told}")


class FakeHubSpot(FakeApi):
    """The account.

    Attributes:
        is_partial: whether one bad record of a batch is answered for alone (207), or spoils it.
        is_traced: whether the records of an answer repeat their trace ids.
        missing_scopes: what the token may not do, by the part of the path that needs it.
        list_id: the list whose members are what it holds; None where records are.
    """

    def __init__(self) -> None:
        super().__init__()
        self.is_partial = self.is_traced = True
        self.missing_scopes: dict[str, str] = {}
        self.list_id: str | None = None
        self.lists = {"17": FakeList(), "18": FakeList("DYNAMIC"), "19": FakeList("MANUAL", "0-2")}
        self.blocked: set[str] = set()
        self.merged: dict[str, str] = {}
        self.records: dict[str, dict[str, Thing]] = {kind: {} for kind in TYPE_IDS}
        self.archived: dict[str, dict[str, Thing]] = {kind: {} for kind in TYPE_IDS}
        common = {
            "name": Property(),
            "score": Property("number"),
            "is_customer": Property("bool"),
            "seen_at": Property("datetime"),
            "hs_object_id": Property("number", is_read_only=True),
        }
        self.properties = {
            "contacts": common | {"email": Property(), "customer_id": Property(is_unique=True)},
            "companies": common | {"domain": Property(), "account_id": Property(is_unique=True)},
            "2-77": common | {"code": Property(is_unique=True)},
        }
        self._last_id = 500

    def held(self) -> Mapping[str, Mapping[str, Any]]:
        contacts = self.records["contacts"]
        members = contacts.keys() if self.list_id is None else self.lists[self.list_id].members
        return {contacts[one].values["email"]: contacts[one].values for one in members}

    def count(self) -> int:
        return len(self.held())

    def put(self, kind: str, **values: str) -> str:
        """A record that somebody else has made."""
        self._last_id += 1
        self.records[kind][str(self._last_id)] = Thing(dict(values))
        return str(self._last_id)

    def answer(self, request: Request) -> Answer:
        path, operation = _operation(request)
        if operation is None:
            self.violations.append(f"there is no {request.method} {request.path}")
            return Answer(405)
        body = request.json
        wrong = [*_wrong(operation.get("requestBody"), body)]
        self.violations += [f"{request.method} {path}: {one}" for one in wrong]
        try:
            answer = self._answer(request, body, wrong)
        except RefusedError as refusal:
            answer = Answer(refusal.status, refusal.body)
        self.violations += [f"answer to {path}: {one}" for one in _wrong_answer(operation, answer)]
        return answer

    def _answer(self, request: Request, body: Any, wrong: Sequence[str]) -> Answer:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            raise RefusedError(
                401, "INVALID_AUTHENTICATION", "Authentication credentials not found."
            )
        for part, scope in self.missing_scopes.items():
            if part in request.path:
                return _without_scope(scope)
        if wrong:
            raise RefusedError(400, "VALIDATION_ERROR", "Invalid input JSON")
        match request.path.split("/")[3:]:
            case ["objects", _, "gdpr-delete"]:
                return self._gdpr_delete(body["objectId"], body.get("idProperty"))
            case ["objects", kind, "batch", verb]:
                return self._batch(self._kind(kind), verb, body, request)
            case ["objects", kind, "merge"]:
                return self.merge(
                    self._kind(kind), body["primaryObjectId"], body["objectIdToMerge"]
                )
            case ["objects", kind, record_id]:
                found = self._find(self._kind(kind), record_id, None)
                if not found:
                    raise RefusedError(404, "OBJECT_NOT_FOUND", "resource not found")
                return Answer(200, self._shown(kind, found))
            case ["properties", kind]:
                return Answer(200, {"results": self._properties(self._kind(kind))})
            case ["lists", list_id]:
                return Answer(200, {"list": self._list(list_id)})
            case ["lists", list_id, "memberships", _]:
                add, remove = body["recordIdsToAdd"], body["recordIdsToRemove"]
                return self._change_members(list_id, add, remove)
        raise AssertionError(request.path)

    # Records

    def _batch(self, kind: str, verb: str, body: Any, request: Request) -> Answer:
        inputs = body["inputs"]
        ids = [one["id"].lower() for one in inputs if "id" in one]
        doubled = {one for one in ids if ids.count(one) > 1}
        if doubled:
            raise RefusedError(
                400, "VALIDATION_ERROR", "Duplicate IDs found in batch input", ids=doubled
            )
        if verb == "archive":
            for one in ids:
                if one in self.records[kind]:
                    self.archived[kind][one] = self.records[kind].pop(one)
                    self._leave_lists(one)
            return Answer(204)
        if verb == "read":
            return self._read(kind, body, is_archived=request.query.get("archived") == ["true"])
        results, errors = [], []
        # What is refused as a whole has no effect: the records are put back.
        before = {one: dict(thing.values) for one, thing in self.records[kind].items()}
        for one in inputs:
            try:
                results.append(self._write(kind, verb, one))
            except RefusedError as refusal:
                if not self.is_partial:
                    self.records[kind] = {
                        key: Thing(values, self.records[kind][key].emails)
                        for key, values in before.items()
                    }
                    raise
                context = {
                    **refusal.body["context"],
                    "objectWriteTraceId": [one["objectWriteTraceId"]],
                }
                errors.append({**refusal.body, "context": context})
        return _batch_answer(results, errors, 201 if verb == "create" else 200)

    def _read(self, kind: str, body: Any, *, is_archived: bool) -> Answer:
        ids, by = [one["id"] for one in body["inputs"]], body.get("idProperty")
        if by:
            self._check_unique(kind, by)
        found = {}
        for one in ids:
            if is_archived:
                found[one] = one if one in self.archived[kind] else None
            else:
                found[one] = self._find(kind, one, by)
        there = {one for one in found.values() if one}
        missing = [one for one, record_id in found.items() if not record_id]
        errors = (
            [RefusedError(404, "OBJECT_NOT_FOUND", "Could not get some objects", ids=missing).body]
            if missing
            else []
        )
        results = [self._shown(kind, one, body["properties"]) for one in sorted(there)]
        return _batch_answer(results, errors, 200)

    def _write(self, kind: str, verb: str, one: Mapping[str, Any]) -> Mapping[str, Any]:
        values = dict(one["properties"])
        by, record_id = one.get("idProperty"), None
        if by:
            self._check_unique(kind, by)
        if verb != "create":
            record_id = self._find(kind, one["id"], by)
        if by and not record_id:
            values.setdefault(by, one["id"])
        if verb == "update" and not record_id:
            raise RefusedError(
                404, "OBJECT_NOT_FOUND", "Could not get some objects", ids=[one["id"]]
            )
        self._check_values(kind, values, record_id)
        is_new = record_id is None
        record_id = record_id or self.put(kind)
        if "email" in values:
            values["email"] = values["email"].lower()
        self.records[kind][record_id].values.update(values)
        shown = {**self._shown(kind, record_id), "new": is_new}
        return shown | ({"objectWriteTraceId": one["objectWriteTraceId"]} if self.is_traced else {})

    def _check_unique(self, kind: str, name: str) -> None:
        known = self.properties[kind].get(name)
        if not (known and known.is_unique) and (kind, name) != ("contacts", "email"):
            text = f"Unable to perform update/upsert by non-unique {TYPE_IDS[kind]} property {name}"
            raise RefusedError(400, "VALIDATION_ERROR", text)

    def _check_values(self, kind: str, values: Mapping[str, str], record_id: str | None) -> None:
        for name, value in values.items():
            known = self.properties[kind].get(name)
            if known is None:
                raise _faulty("PROPERTY_DOESNT_EXIST", name, f'Property "{name}" does not exist')
            if known.is_read_only:
                raise _faulty("READ_ONLY_VALUE", name, f'"{name}" is a read only property')
            if value and not _fits(known.type, value):
                raise _faulty("INVALID_VALUE", name, f"{value} is no {known.type}")
            if value.lower() in self.refused:
                raise RefusedError(400, "VALIDATION_ERROR", "a rule of the account forbids it")
            taken = self._find(kind, value, name) if known.is_unique or name == "email" else None
            if value and taken and taken != record_id:
                text = f"Contact already exists. Existing ID: {taken}"
                raise RefusedError(409, "CONFLICT", text, existingId=[taken])
        email = values.get("email", "").lower()
        if email and not _EMAIL.fullmatch(email):
            raise _faulty("INVALID_EMAIL", "email", f"Email address {email} is invalid")
        if email in self.blocked and record_id is None:
            text = "This contact was permanently deleted and cannot be created again"
            raise RefusedError(400, "VALIDATION_ERROR", text)

    def _find(self, kind: str, identifier: str, by: str | None) -> str | None:
        """The id of a record, by an id that it has or had or by a unique value."""
        if not by:
            identifier = self._last(identifier)
            return identifier if identifier in self.records[kind] else None
        for record_id, thing in self.records[kind].items():
            has = {thing.values.get(by, "").lower(), *(thing.emails if by == "email" else ())}
            if identifier.lower() in has - {""}:
                return record_id
        return None

    def _last(self, record_id: str) -> str:
        """The id that a record has since it was merged."""
        while record_id in self.merged:
            record_id = self.merged[record_id]
        return record_id

    def merge(self, kind: str, primary: str, other: str) -> Answer:
        winner, loser = self._find(kind, primary, None), self._find(kind, other, None)
        if not winner or not loser:
            raise RefusedError(404, "OBJECT_NOT_FOUND", "an object to be merged does not exist")
        if winner == loser:
            raise RefusedError(400, "VALIDATION_ERROR", "an object cannot be merged into itself")
        kept, gone = self.records[kind].pop(winner), self.records[kind].pop(loser)
        record_id = self.put(kind)
        thing = Thing({**gone.values, **kept.values}, kept.emails | gone.emails)
        thing.emails |= {gone.values["email"]} if "email" in gone.values else set()
        self.records[kind][record_id] = thing
        self.merged |= {winner: record_id, loser: record_id}
        self.archived[kind] |= {winner: kept, loser: gone}
        for one in self.lists.values():
            if one.members & {winner, loser}:
                one.members = one.members - {winner, loser} | {record_id}
        return Answer(200, self._shown(kind, record_id))

    def _gdpr_delete(self, identifier: str, by: str | None) -> Answer:
        if by:
            record_id = self._find("contacts", identifier, by)
        else:
            # Old ids are not followed here: who erases has to know which record it is.
            record_id = identifier if identifier in self.records["contacts"] else None
        if record_id:
            thing = self.records["contacts"].pop(record_id)
            self.blocked |= {thing.values.get("email", ""), *thing.emails} - {""}
            self._leave_lists(record_id)
            for old in [old for old in self.merged if self._last(old) == record_id]:
                self.archived["contacts"].pop(old, None)
        elif by == "email":
            self.blocked.add(identifier.lower())
        else:
            raise RefusedError(404, "OBJECT_NOT_FOUND", "resource not found")
        return Answer(204)

    def _shown(
        self, kind: str, record_id: str, names: Sequence[str] | None = None
    ) -> Mapping[str, Any]:
        thing = self.records[kind].get(record_id) or self.archived[kind][record_id]
        values = {
            name: value or None
            for name, value in thing.values.items()
            if names is None or name in names
        }
        shown = {"id": record_id, "properties": {**values, "hs_object_id": record_id}}
        is_archived = record_id not in self.records[kind]
        return {**shown, "createdAt": _AT, "updatedAt": _AT, "archived": is_archived}

    def _kind(self, kind: str) -> str:
        if kind not in TYPE_IDS:
            raise RefusedError(400, "VALIDATION_ERROR", f"Unable to infer object type from: {kind}")
        return kind

    # Properties and lists

    def _properties(self, kind: str) -> Sequence[Mapping[str, Any]]:
        return [
            {
                "name": name,
                "label": name,
                "type": one.type,
                "fieldType": "text",
                "groupName": "all",
                "description": "",
                "options": [],
                "hasUniqueValue": one.is_unique,
                "modificationMetadata": {
                    "archivable": True,
                    "readOnlyDefinition": False,
                    "readOnlyValue": one.is_read_only,
                },
            }
            for name, one in self.properties[kind].items()
        ]

    def _known_list(self, list_id: str) -> FakeList:
        if list_id not in self.lists:
            raise RefusedError(404, "OBJECT_NOT_FOUND", f"List does not exist with ID {list_id}.")
        return self.lists[list_id]

    def _list(self, list_id: str) -> Mapping[str, Any]:
        known = self._known_list(list_id)
        return {
            "listId": list_id,
            "listVersion": 1,
            "name": f"List {list_id}",
            "objectTypeId": known.object_type_id,
            "processingStatus": "COMPLETE",
            "processingType": known.kind,
        }

    def _change_members(self, list_id: str, add: Sequence[str], remove: Sequence[str]) -> Answer:
        known = self._known_list(list_id)
        if known.kind == "DYNAMIC":
            raise RefusedError(400, "VALIDATION_ERROR", "The list must be MANUAL or SNAPSHOT")
        found = {one: self._find("contacts", one, None) for one in (*add, *remove)}
        added = {found[one] for one in add if found[one]} - known.members
        removed = {found[one] for one in remove if found[one]} & known.members
        known.members = (known.members | added) - removed
        missing = [one for one, record_id in found.items() if not record_id]
        return Answer(
            200,
            {
                "recordsIdsAdded": sorted(added),
                "recordIdsRemoved": sorted(removed),
                "recordIdsMissing": missing,
            },
        )

    def _leave_lists(self, record_id: str) -> None:
        for one in self.lists.values():
            one.members.discard(record_id)


def _fits(kind: str, value: str) -> bool:
    if kind == "number":
        return re.fullmatch(r"-?\d+(\.\d+)?", value) is not None
    if kind == "bool":
        return value in ("true", "false")
    if kind == "datetime":
        is_utc = re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", value)
        return bool(is_utc and datetime.fromisoformat(value))
    return True


def _batch_answer(results: Sequence[Any], errors: Sequence[Any], status: int) -> Answer:
    body = {"status": "COMPLETE", "results": results, "startedAt": _AT, "completedAt": _AT}
    if not errors:
        return Answer(status, body)
    return Answer(207, {**body, "numErrors": len(errors), "errors": errors})


def _without_scope(scope: str) -> Answer:
    detail = {
        "message": "One or more of the following scopes are required.",
        "context": {"requiredGranularScopes": [scope]},
    }
    text = "This app hasn't been granted all required scopes to make this call."
    body = {"status": "error", "category": "MISSING_SCOPES", "message": text, "errors": [detail]}
    return Answer(403, body)


def _operation(request: Request) -> tuple[str, Mapping[str, Any] | None]:
    for path, operations in _SPEC["paths"].items():
        pattern = re.sub(r"\{\w+\}", "[^/]+", path)
        if re.fullmatch(pattern, request.path) and request.method.lower() in operations:
            return path, operations[request.method.lower()]
    return request.path, None


def _wrong_answer(operation: Mapping[str, Any], answer: Answer) -> list[str]:
    """What the fake itself has done wrong."""
    if answer.status >= 400:
        return _wrong({"$ref": "#/components/schemas/Error"}, answer.body, is_schema=True)
    described = operation["responses"].get(str(answer.status))
    if described is None:
        return [f"there is no answer {answer.status}"]
    return _wrong(described or None, answer.body)


def _wrong(described: Mapping[str, Any] | None, body: Any, *, is_schema: bool = False) -> list[str]:
    """In what a body is not as it was described."""
    if described is None:
        return [] if body is None else ["there must be no body"]
    schema = described
    if not is_schema:
        name = described["$ref"].rsplit("/", 1)[1]
        schema = _SPEC["components"]["bodies"][name]["content"]["application/json"]["schema"]
    validator = Draft202012Validator({**schema, "components": _SPEC["components"]})
    return [one.message[:200] for one in validator.iter_errors(body)]
