"""A Salesforce org on loopback, which keeps Salesforce's rules.

Every request, and every answer of its own, is held against `fixtures/salesforce.yml`.
"""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import yaml
from jsonschema import Draft202012Validator

from dbt_cdp.destinations.conformance import FIELDS
from fake_api import Answer, FakeApi, Request

CLIENT_ID, CLIENT_SECRET = "3MVG9fake", "fake-secret"
_SPEC = yaml.safe_load((Path(__file__).parent / "fixtures" / "salesforce.yml").read_text())
_DATA = "/services/data/v66.0"
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[a-z]{2,}", re.IGNORECASE)
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"

# What a query may look like, of all that SOQL knows.
_QUERY = re.compile(
    r"SELECT (?P<names>[\w., ]+) FROM (?P<table>\w+)"
    r"(?: WHERE (?P<field>[\w.]+) IN \((?P<values>(?:'(?:[^'\\]|\\.)*'|-?[\d.]+)"
    r"(?:,(?:'(?:[^'\\]|\\.)*'|-?[\d.]+))*)\)(?: AND (?P<also>\w+) = '(?P<is>\w+)')?)?"
)
_LITERAL = re.compile(r"'((?:[^'\\]|\\.)*)'|(-?[\d.]+)")
_UNESCAPED = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}


@dataclass(frozen=True)
class Known:
    """A field of an object."""

    type: str = "string"
    is_external: bool = False
    is_lookup: bool = False
    is_unique: bool = False
    is_read_only: bool = False
    is_required: bool = False
    is_filterable: bool = True
    relationship: str | None = None
    to: tuple[str, ...] = ()


@dataclass
class Thing:
    """A record; `master` is the one that it was merged into."""

    values: dict[str, Any]
    is_deleted: bool = False
    master: str | None = None


@dataclass
class Job:
    kind: str
    ids: list[str] = field(default_factory=list)
    state: str = "Open"
    looks: int = 0
    done: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)


class RefusedError(Exception):
    """What an answer says is wrong, with a call or a record."""

    def __init__(self, code: str, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def long_id(prefix: str, number: int) -> str:
    """An id of 18 letters, of which the last three say which of the others are upper case."""
    short = f"{prefix}fK{number:010d}"
    ends = ""
    for start in (0, 5, 10):
        bits = [letter.isupper() for letter in short[start : start + 5]]
        ends += _LETTERS[sum(1 << place for place, is_upper in enumerate(bits) if is_upper)]
    return short + ends


class FakeSalesforce(FakeApi):
    """The org.

    Attributes:
        campaign: the id of the campaign whose members are what it holds; None where contacts are.
        calls: how many calls it has left today.
        page: how many records a page of a query has.
        locked: ids of records that somebody else holds.
        may_hard_delete: whether the user has the permission.
        job_looks: after how many looks a job ends.
        job_fails: whether jobs fail in the end, when half was done.
        too_much: more records than triggers can take at once.
    """

    def __init__(self) -> None:
        super().__init__()
        self.campaign: str | None = None
        self.calls, self.page, self.too_much = 100_000, 2_000, 1_000
        self.locked: set[str] = set()
        self.converted: set[str] = set()
        self.hidden: set[str] = set()
        self.may_hard_delete = True
        self.job_looks, self.job_fails = 1, False
        self.tokens: set[str] = set()
        self.tokens_given = 0
        self.rights: dict[tuple[str, str], bool] = {}
        person = {
            "Id": Known("id", is_read_only=True),
            "IsDeleted": Known("boolean", is_read_only=True),
            "MasterRecordId": Known("reference", is_read_only=True),
            "email": Known("email", is_lookup=True),
            "name": Known(),
            "score": Known("double"),
            "is_customer": Known("boolean"),
            "seen_at": Known("datetime"),
            "born_on": Known("date"),
            "Colors__c": Known("multipicklist"),
            "Secret__c": Known(is_filterable=False),
            "Formula__c": Known(is_read_only=True),
            "Customer_Id__c": Known(is_external=True, is_unique=True),
            "Number__c": Known("double", is_external=True),
        }
        self.objects: dict[str, dict[str, Known]] = {
            "Contact": person
            | {
                "AccountId": Known("reference", relationship="Account", to=("Account",)),
                "OwnerId": Known("reference", relationship="Owner", to=("Group", "User")),
            },
            "Lead": person | {"IsConverted": Known("boolean", is_read_only=True)},
            "Account": {
                "Id": Known("id", is_read_only=True),
                "IsDeleted": Known("boolean", is_read_only=True),
                "MasterRecordId": Known("reference", is_read_only=True),
                "Name": Known(is_required=True),
                "Code__c": Known(is_external=True),
                "Site": Known(),
            },
            "Thing__c": {
                "Id": Known("id", is_read_only=True),
                "IsDeleted": Known("boolean", is_read_only=True),
                "Code__c": Known(is_external=True),
                "Name": Known(),
                "Person__c": Known("reference", relationship="Person__r", to=("Contact",)),
            },
            "Campaign": {"Id": Known("id", is_read_only=True), "Name": Known()},
            "CampaignMember": {
                "Id": Known("id", is_read_only=True),
                "CampaignId": Known("reference", to=("Campaign",)),
                "ContactId": Known("reference", relationship="Contact", to=("Contact",)),
                "LeadId": Known("reference", relationship="Lead", to=("Lead",)),
                "Status": Known(),
            },
        }
        self._prefixes = {
            "Contact": "003",
            "Lead": "00Q",
            "Account": "001",
            "Thing__c": "a01",
            "Campaign": "701",
            "CampaignMember": "00v",
        }
        self.records: dict[str, dict[str, Thing]] = {kind: {} for kind in self.objects}
        self.jobs: dict[str, Job] = {}
        self._pages: dict[str, list[Any]] = {}
        self._last = 0
        self.spring = self.put("Campaign", Name="Spring")

    # What tests ask and do

    def held(self) -> Mapping[str, Mapping[str, Any]]:
        contacts = self.there("Contact")
        if self.campaign:
            members = {one.values["ContactId"] for one in self.there("CampaignMember").values()}
            contacts = {name: one for name, one in contacts.items() if name in members}
        return {
            one.values["email"]: {name: one.values.get(name) for name in FIELDS}
            for one in contacts.values()
        }

    def count(self) -> int:
        kind = "CampaignMember" if self.campaign else "Contact"
        return len(self.there(kind))

    def there(self, kind: str) -> dict[str, Thing]:
        """The records that are not in the recycle bin."""
        return {name: one for name, one in self.records[kind].items() if not one.is_deleted}

    def put(self, kind: str, **values: Any) -> str:
        """A record that somebody else has made."""
        self._last += 1
        name = long_id(self._prefixes[kind], self._last)
        self.records[kind][name] = Thing(dict(values))
        return name

    def merge(self, kind: str, master: str, other: str) -> None:
        """What a person does in Salesforce."""
        gone = self.records[kind][other]
        gone.is_deleted, gone.master = True, master

    def set(self, kind: str, name: str, **changes: Any) -> None:
        """Change a field of an object."""
        fields = self.objects[kind]
        self.objects[kind] = {**fields, name: replace(fields.get(name, Known()), **changes)}

    # Answers

    def answer(self, request: Request) -> Answer:
        path, operation = _operation(request)
        if operation is None:
            self.violations.append(f"there is no {request.method} {request.path}")
            return Answer(405, [{"errorCode": "METHOD_NOT_ALLOWED", "message": "no"}])
        body = _body(operation, request)
        wrong = [*_wrong(operation.get("requestBody"), body)]
        if set(request.query) != set(operation.get("parameters", ())):
            wrong.append(f"parameters {sorted(request.query)}")
        self.violations += [f"{request.method} {path}: {one}" for one in wrong]
        try:
            answer = self._answer(request, body)
        except RefusedError as refusal:
            told = [{"errorCode": refusal.code, "message": refusal.message}]
            answer = Answer(refusal.status, told)
        self.violations += [f"answer to {path}: {one}" for one in _wrong_answer(operation, answer)]
        if isinstance(answer.body, str):
            answer = replace(answer, body=answer.body.encode())
        usage = f"api-usage={100_000 - self.calls}/100000"
        return replace(answer, headers={**answer.headers, "Sforce-Limit-Info": usage})

    def _answer(self, request: Request, body: Any) -> Answer:
        if request.path.startswith("/services/oauth2"):
            return self._give_token(body)
        if request.headers.get("authorization", "").removeprefix("Bearer ") not in self.tokens:
            raise RefusedError("INVALID_SESSION_ID", "Session expired or invalid", status=401)
        if self.calls <= 0:
            text = "TotalRequests Limit exceeded."
            raise RefusedError("REQUEST_LIMIT_EXCEEDED", text, status=403)
        self.calls -= 1
        match request.path.removeprefix(_DATA).split("/")[1:]:
            case ["sobjects", kind, "describe"]:
                return Answer(200, self._described(self._kind(kind)))
            case ["query" | "queryAll" as verb]:
                return self._query(request.query["q"][0], deleted=verb == "queryAll")
            case ["query", locator]:
                return self._paged(self._pages.pop(locator))
            case ["composite", "sobjects"] if request.method == "DELETE":
                return Answer(200, self._delete(request.query["ids"][0].split(",")))
            case ["composite", "sobjects"]:
                return Answer(200, self._write(body["records"], None))
            case ["composite", "sobjects", kind, by]:
                if not self.objects[self._kind(kind)].get(by, Known()).is_external:
                    text = f"Provided external ID field does not exist or is not accessible: {by}"
                    raise RefusedError("NOT_FOUND", text, status=404)
                return Answer(200, self._write(body["records"], by))
            case ["jobs", "ingest", *rest]:
                return self._job(request.method, rest, body)
        raise AssertionError(request.path)

    def _give_token(self, grant: Mapping[str, str]) -> Answer:
        if (grant["client_id"], grant["client_secret"]) != (CLIENT_ID, CLIENT_SECRET):
            told = {"error": "invalid_client", "error_description": "invalid client credentials"}
            return Answer(400, told)
        self.tokens_given += 1
        token = f"00Dfake!token{self.tokens_given}"
        self.tokens.add(token)
        return Answer(
            200, {"access_token": token, "instance_url": self.url, "token_type": "Bearer"}
        )

    def _kind(self, kind: str) -> str:
        if kind not in self.objects or kind in self.hidden:
            raise RefusedError("NOT_FOUND", "The requested resource does not exist", status=404)
        return kind

    def _described(self, kind: str) -> Mapping[str, Any]:
        rights = {
            right: self.rights.get((kind, right), True)
            for right in ("createable", "updateable", "deletable", "queryable")
        }
        fields = [
            {
                "name": name,
                "type": one.type,
                "createable": not one.is_read_only,
                "updateable": not one.is_read_only,
                "filterable": one.is_filterable,
                "nillable": not one.is_required,
                "defaultedOnCreate": one.type == "boolean",
                "externalId": one.is_external,
                "idLookup": one.is_external or one.is_lookup,
                "unique": one.is_unique,
                "relationshipName": one.relationship,
                "referenceTo": list(one.to),
            }
            for name, one in self.objects[kind].items()
        ]
        return {"name": kind, **rights, "fields": fields}

    # Records

    def _find(self, record_id: str) -> tuple[str, str, Thing] | None:
        """A record, by its long or its short id."""
        for kind, records in self.records.items():
            for name, thing in records.items():
                if record_id in (name, name[:15]):
                    return kind, name, thing
        return None

    def _write(self, records: Sequence[Mapping[str, Any]], by: str | None) -> list[Any]:
        for one in records:
            self._check_form(one)
        if len(records) > self.too_much:
            text = "System.LimitException: Apex CPU time limit exceeded"
            return [_failed("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", text)] * len(records)
        keys = [str(one.get(by)).lower() for one in records] if by else []
        ids = [str(one["id"])[:15] for one in records if "id" in one]
        if len(set(ids)) < len(ids):
            self.violations.append("an id stands twice in a call")
        results = []
        for one in records:
            try:
                if by and keys.count(str(one[by]).lower()) > 1:
                    text = f"Duplicate external id specified: {one[by]}"
                    raise RefusedError("DUPLICATE_VALUE", text)
                results.append(self._write_one(one, by))
            except RefusedError as refusal:
                results.append(_failed(refusal.code, refusal.message))
        return results

    def _check_form(self, record: Mapping[str, Any]) -> None:
        """What is not a record at all spoils the call."""
        kind = self._kind(record["attributes"]["type"])
        for name, value in record.items():
            if name in ("attributes", "id"):
                continue
            known = self.objects[kind].get(name)
            relations = {one.relationship for one in self.objects[kind].values()}
            if isinstance(value, dict) and name in relations:
                continue
            if known is None:
                text = f"No such column '{name}' on sobject of type {kind}"
                raise RefusedError("INVALID_FIELD", text)
            if value is not None and not _fits(known.type, value):
                text = f"Cannot deserialize instance of {known.type} from VALUE_STRING value"
                raise RefusedError("JSON_PARSER_ERROR", text)

    def _write_one(self, record: Mapping[str, Any], by: str | None) -> Mapping[str, Any]:
        kind = record["attributes"]["type"]
        values = self._resolved(kind, record)
        name = None
        if "id" in record:
            found = self._find(record["id"])
            if not found or found[0] != kind:
                raise RefusedError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
            name = found[1]
        elif by:
            name = self._by_external_id(kind, by, values[by])
        thing = self.records[kind][name] if name else None
        if thing and thing.is_deleted:
            raise RefusedError("ENTITY_IS_DELETED", "entity is deleted")
        if name in self.converted:
            raise RefusedError("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead")
        if name in self.locked:
            raise RefusedError("UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access")
        self._check_values(kind, values, name)
        is_new = name is None
        name = name or self.put(kind)
        self.records[kind][name].values.update(values)
        return {"id": name, "success": True, "errors": [], "created": is_new}

    def _resolved(self, kind: str, record: Mapping[str, Any]) -> dict[str, Any]:
        """The values of a record, with ids instead of external ids of others."""
        values: dict[str, Any] = {}
        for name, value in record.items():
            if name in ("attributes", "id"):
                continue
            if not isinstance(value, dict):
                values[name] = value.lower() if name == "email" and value else value
                continue
            ((far, key),) = value.items()
            own = next(own for own, one in self.objects[kind].items() if one.relationship == name)
            to = self.objects[kind][own].to[0]
            found = self._by_external_id(to, far, key)
            if not found:
                text = f"Foreign key external ID: {key} not found for field {far} in entity {to}"
                raise RefusedError("INVALID_FIELD", text)
            values[own] = found
        return values

    def _by_external_id(self, kind: str, by: str, key: Any) -> str | None:
        found = [
            name
            for name, one in self.there(kind).items()
            if str(one.values.get(by, "")).lower() == str(key).lower()
        ]
        if len(found) > 1:
            text = f"more than one record found for external id field: {found}"
            raise RefusedError("DUPLICATE_EXTERNAL_ID", text)
        return found[0] if found else None

    def _check_values(self, kind: str, values: Mapping[str, Any], name: str | None) -> None:
        known = self.objects[kind]
        for one, value in values.items():
            if str(value).lower() in self.refused:
                raise RefusedError("FIELD_CUSTOM_VALIDATION_EXCEPTION", "a rule forbids it")
            if known[one].is_read_only:
                text = f"Unable to create/update fields: {one}."
                raise RefusedError("INVALID_FIELD_FOR_INSERT_UPDATE", text)
            if value and known[one].type == "email" and not _EMAIL.fullmatch(value):
                text = f"Email: invalid email address: {value}"
                raise RefusedError("INVALID_EMAIL_ADDRESS", text)
            if value and known[one].to:
                self._check_reference(str(value))
            others = [
                other
                for other, thing in self.there(kind).items()
                if other != name and thing.values.get(one) == value
            ]
            if value and known[one].is_unique and others:
                text = f"duplicate value found: {one} duplicates value on record with id: {others}"
                raise RefusedError("DUPLICATE_VALUE", text)
        if kind == "CampaignMember" and self._is_member(values):
            raise RefusedError("DUPLICATE_VALUE", "Already a campaign member.")
        missing = [
            one
            for one, field in known.items()
            if field.is_required and not values.get(one, "" if name is None else "there")
        ]
        if missing:
            raise RefusedError("REQUIRED_FIELD_MISSING", f"Required fields are missing: {missing}")
        if name is None and values.get("name") == "Same Again":
            raise RefusedError("DUPLICATES_DETECTED", "Use one of these records?")

    def _check_reference(self, record_id: str) -> None:
        found = self._find(record_id)
        if not found:
            raise RefusedError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
        if found[2].is_deleted:
            raise RefusedError("ENTITY_IS_DELETED", "entity is deleted")

    def _is_member(self, values: Mapping[str, Any]) -> bool:
        def person(one: Mapping[str, Any]) -> tuple[str, Any, Any]:
            return one["CampaignId"][:15], one.get("ContactId"), one.get("LeadId")

        members = self.there("CampaignMember").values()
        return any(person(one.values) == person(values) for one in members)

    def _delete(self, ids: Sequence[str]) -> list[Any]:
        if len(ids) > 200:
            self.violations.append("more than 200 ids")
        results = []
        for record_id in ids:
            found = self._find(record_id)
            if not found:
                results.append(_failed("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id"))
            elif found[2].is_deleted:
                results.append(_failed("ENTITY_IS_DELETED", "entity is deleted"))
            elif found[1] in self.locked:
                results.append(_failed("DELETE_FAILED", "it is associated with cases"))
            else:
                found[2].is_deleted = True
                self._leave_campaigns(found[1])
                results.append({"id": found[1], "success": True, "errors": []})
        return results

    def _leave_campaigns(self, record_id: str) -> None:
        members = self.records["CampaignMember"]
        for name, one in list(members.items()):
            if record_id in (one.values.get("ContactId"), one.values.get("LeadId")):
                del members[name]

    # Queries

    def _query(self, text: str, *, deleted: bool) -> Answer:
        query = _QUERY.fullmatch(text)
        if query is None:
            raise RefusedError("MALFORMED_QUERY", "unexpected token")
        if len(text) > 16_000:
            self.violations.append("a query is too long")
        names, table = [one.strip() for one in query["names"].split(",")], query["table"]
        if table == "UserPermissionAccess":
            if "UserPermissionAccess" in self.hidden:
                raise RefusedError("INVALID_TYPE", "sObject type is not supported")
            one = {names[0]: self.may_hard_delete, "attributes": {"type": table}}
            return self._paged([one])
        wanted = []
        for quoted, number in _LITERAL.findall(query["values"]):
            plain = re.sub(r"\\(.)", lambda one: _UNESCAPED.get(one[1], one[1]), quoted)
            wanted.append(number or plain)
        found = []
        for name, thing in self.records[table].items():
            if thing.is_deleted and not deleted:
                continue
            row = self._row(table, name, thing)
            value = self._at(table, row, query["field"])
            is_meant = not query["also"] or row[query["also"]][:15] == query["is"][:15]
            if is_meant and any(_equal(value, one) for one in wanted):
                shown: dict[str, Any] = {"attributes": {"type": table}}
                for one in names:
                    self._show(shown, table, row, one)
                found.append(shown)
        return self._paged(found)

    def _row(self, kind: str, name: str, thing: Thing) -> dict[str, Any]:
        return {
            **{field: thing.values.get(field) for field in self.objects[kind]},
            "Id": name,
            "IsDeleted": thing.is_deleted,
            "MasterRecordId": thing.master,
            "IsConverted": name in self.converted,
        }

    def _at(self, kind: str, row: Mapping[str, Any], path: str) -> Any:
        relation, _, far = path.partition(".")
        known = {name.lower(): name for name in self.objects[kind]}
        if not far:
            if path.lower() not in known:
                raise RefusedError("INVALID_FIELD", f"No such column '{path}' on entity '{kind}'.")
            return row[known[path.lower()]]
        own = next(own for own, one in self.objects[kind].items() if one.relationship == relation)
        to = self.objects[kind][own].to[0]
        thing = self.records[to].get(row[own] or "")
        return self._at(to, self._row(to, row[own], thing), far) if thing else None

    def _show(self, shown: dict[str, Any], kind: str, row: Mapping[str, Any], path: str) -> None:
        """Names are shown in Salesforce's own case, and those of others as records."""
        relation, _, far = path.partition(".")
        value = self._at(kind, row, path)
        if far:
            shown[relation] = {"attributes": {"type": relation}, far.capitalize(): value}
        else:
            shown[path[:1].upper() + path[1:]] = value

    def _paged(self, records: Sequence[Any]) -> Answer:
        page = {"totalSize": len(records), "done": len(records) <= self.page}
        if not page["done"]:
            locator = f"01gfK-{len(self._pages)}-{len(records)}"
            self._pages[locator] = list(records[self.page :])
            page["nextRecordsUrl"] = f"{_DATA}/query/{locator}"
        return Answer(200, {**page, "records": records[: self.page]})

    # Jobs

    def _job(self, method: str, rest: Sequence[str], body: Any) -> Answer:
        if not rest:
            if not self.may_hard_delete:
                text = "hardDelete operation requires special user profile permission"
                raise RefusedError("FEATURENOTENABLED", text)
            name = long_id("750", len(self.jobs) + 1)
            self.jobs[name] = Job(body["object"])
            return self._job_shown(name)
        job = self.jobs[rest[0]]
        match method, rest[1:]:
            case "PUT", ["batches"]:
                if job.state != "Open" or job.ids:
                    raise RefusedError("INVALIDJOBSTATE", "data were uploaded before")
                job.ids = body.split()[1:]
                return Answer(201)
            case "PATCH", []:
                job.state = body["state"]
            case "GET", []:
                self._go_on(job)
            case "GET", ["successfulResults"]:
                rows = [[one, "false", one] for one in job.done]
                return _csv(["sf__Id", "sf__Created", "Id"], rows)
            case "GET", ["failedResults"]:
                failed = [[one, why, one] for one, why in job.failed.items()]
                return _csv(["sf__Id", "sf__Error", "Id"], failed)
            case "GET", ["unprocessedrecords"]:
                left = [one for one in job.ids if one not in (*job.done, *job.failed)]
                return _csv(["Id"], [[one] for one in left])
        return self._job_shown(rest[0])

    def _go_on(self, job: Job) -> None:
        if job.state not in ("UploadComplete", "InProgress"):
            return
        job.looks += 1
        job.state = "InProgress"
        if job.looks < self.job_looks:
            return
        job.state = "Failed" if self.job_fails else "JobComplete"
        for one in job.ids[: len(job.ids) // 2] if self.job_fails else job.ids:
            found = self._find(one)
            if not found or found[2].is_deleted:
                job.failed[one] = "ENTITY_IS_DELETED:entity is deleted:--"
            elif found[1] in self.locked:
                job.failed[one] = 'DELETE_FAILED:"it" is associated with cases,\nand more:--'
            else:
                del self.records[job.kind][found[1]]
                self._leave_campaigns(found[1])
                job.done.append(one)

    def _job_shown(self, name: str) -> Answer:
        job = self.jobs[name]
        shown = {"id": name, "object": job.kind, "operation": "hardDelete", "state": job.state}
        if job.state == "Failed":
            shown["errorMessage"] = "InternalServerError : too many attempts"
        return Answer(200, shown)


def _failed(code: str, message: str) -> Mapping[str, Any]:
    return {"success": False, "errors": [{"statusCode": code, "message": message, "fields": []}]}


def _csv(names: Sequence[str], rows: Sequence[Sequence[str]]) -> Answer:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows([names, *rows])
    return Answer(200, text.getvalue())


def _equal(value: Any, wanted: str) -> bool:
    if value is None:
        return False
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value) == float(wanted)
    # An id may be given by its first 15 letters.
    text = str(value)
    return text.lower() == wanted.lower() or (len(wanted) == 15 and text[:15] == wanted)


def _fits(kind: str, value: Any) -> bool:
    if kind == "double":
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind == "boolean":
        return isinstance(value, bool)
    if kind == "datetime":
        is_utc = re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", str(value))
        return bool(is_utc and datetime.fromisoformat(value))
    if kind == "date":
        return bool(re.fullmatch(r"\d{4}-\d\d-\d\d", str(value)))
    return isinstance(value, str)


def _operation(request: Request) -> tuple[str, Mapping[str, Any] | None]:
    for path, operations in _SPEC["paths"].items():
        pattern = re.sub(r"\{\w+\}", "[^/]+", path)
        if re.fullmatch(pattern, request.path) and request.method.lower() in operations:
            return path, operations[request.method.lower()]
    return request.path, None


def _content(described: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    name = described["$ref"].rsplit("/", 1)[1]
    ((kind, content),) = _SPEC["components"]["bodies"][name]["content"].items()
    return kind, content["schema"]


def _body(operation: Mapping[str, Any], request: Request) -> Any:
    """A body as its type says; the type itself must be told."""
    if "requestBody" not in operation:
        return request.json
    kind, _ = _content(operation["requestBody"])
    if kind not in request.headers.get("content-type", ""):
        return f"a body of {request.headers.get('content-type')}"
    if kind == "text/csv":
        return request.content.decode()
    if kind == "application/json":
        return request.json
    return dict(parse_qsl(request.content.decode()))


def _wrong_answer(operation: Mapping[str, Any], answer: Answer) -> list[str]:
    """What the fake itself has done wrong."""
    if answer.status >= 400:
        return _wrong_by(_SPEC["components"]["schemas"]["Error"], answer.body)
    described = operation["responses"].get(str(answer.status))
    if described is None:
        return [f"there is no answer {answer.status}"]
    return _wrong(described or None, answer.body)


def _wrong(described: Mapping[str, Any] | None, body: Any) -> list[str]:
    """In what a body is not as it was described."""
    if described is None:
        return [] if body is None else ["there must be no body"]
    return _wrong_by(_content(described)[1], body)


def _wrong_by(schema: Mapping[str, Any], body: Any) -> list[str]:
    validator = Draft202012Validator({**schema, "components": _SPEC["components"]})
    return [one.message[:200] for one in validator.iter_errors(body)]
