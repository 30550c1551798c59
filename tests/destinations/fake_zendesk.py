"""A Zendesk of one account on loopback, which keeps Zendesk's rules.

Every request, and every answer of its own, is held against `fixtures/zendesk.yml`.
"""

import base64
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from described import Description
from fake_api import Answer, FakeApi, Request

EMAIL, TOKEN = "agent@shop.example", "fake/token"
BASIC = "Basic " + base64.b64encode(f"{EMAIL}/token:{TOKEN}".encode()).decode()
_SPEC = Description("zendesk", "/api/v2")
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[a-z]{2,}")
_MOST_JOBS = 30


class RefusedError(Exception):
    """What an answer says is wrong."""

    def __init__(self, status: int, error: str, text: str, **details: str) -> None:
        super().__init__(text)
        self.status, self.text = status, text
        self.body = {"error": error, "description": text}
        if details:
            self.body["details"] = {
                name: [{"error": error, "description": one}] for name, one in details.items()
            }


@dataclass
class Thing:
    """A user or an organization. The first of the addresses is a user's own."""

    values: dict[str, Any]
    custom: dict[str, Any] = field(default_factory=dict)
    emails: list[str] = field(default_factory=list)
    tags: set[str] = field(default_factory=set)
    role: str = "end-user"


@dataclass
class FakeJob:
    results: Any
    status: str = "completed"
    message: str = "Completed at 2026-06-01 12:00:00 +0000"
    polls: int = 1


class FakeZendesk(FakeApi):
    """The account.

    Attributes:
        tag: whose bearers are what it holds; all users without one.
        role: that of the credentials.
        has_import: whether users may be written by jobs.
        has_tags: whether users and organizations can have tags.
        running: how many jobs others have queued.
        is_numbered: whether results of users say which place they are of, or repeat the key.
        broken: the status that the next job ends with after a part of its work, and its message.
        forgets: whether jobs are forgotten before they end.
        search_lags: whether a search finds nobody yet.
        settles_after: after how many tries a deleted user can be deleted for good.
    """

    def __init__(self) -> None:
        super().__init__()
        self.tag: str | None = None
        self.role: str | None = "admin"
        self.has_import = self.has_tags = True
        self.running = 0
        self.is_numbered = False
        self.broken: tuple[str, str] | None = None
        self.forgets = self.search_lags = False
        self.settles_after = 2
        self.things: dict[str, dict[int, Thing]] = {"users": {}, "organizations": {}}
        self.deleted: dict[int, Thing] = {}
        self.custom = {"users": {"score", "is_customer", "seen_at"}, "organizations": {"plan"}}
        self.inactive: set[str] = set()
        self._unsettled: dict[int, int] = {}
        self._jobs: dict[str, FakeJob] = {}
        self._last_id = 500

    @property
    def users(self) -> dict[int, Thing]:
        return self.things["users"]

    def held(self) -> Mapping[str, Mapping[str, Any]]:
        return {
            one.emails[0]: {"email": one.emails[0], **one.values, **one.custom}
            for one in self.users.values()
            if self.tag is None or self.tag in one.tags
        }

    def count(self) -> int:
        return len(self.held())

    def put(self, kind: str = "users", *, role: str = "end-user", **values: Any) -> int:
        """A record that somebody else has made."""
        self._last_id += 1
        emails = [values.pop("email")] if "email" in values else []
        self.things[kind][self._last_id] = Thing(values, emails=emails, role=role)
        return self._last_id

    def answer(self, request: Request) -> Answer:
        wrong = _SPEC.wrong_request(request)
        self.violations += [f"{request.method} {request.path}: {one}" for one in wrong]
        try:
            if request.headers.get("authorization") not in (BASIC, "Bearer oauth"):
                raise RefusedError(401, "Couldn't authenticate you", "")
            answer = self._answer(request, request.path.split("/")[3:])
        except RefusedError as refusal:
            answer = Answer(refusal.status, refusal.body)
        if answer.status != 429:
            is_error = answer.status >= 400
            wrong = _SPEC.wrong_answer(request, answer, is_error=is_error)
            self.violations += [f"answer to {request.path}: {one}" for one in wrong]
        return answer

    def _answer(self, request: Request, path: Sequence[str]) -> Answer:
        body, query = request.json, {name: one[0] for name, one in request.query.items()}
        match [request.method, *path]:
            case [
                "POST" | "PUT",
                kind,
                ("create_many.json" | "create_or_update_many.json" | "update_many.json") as verb,
            ]:
                return self._write_many(kind, verb.removesuffix(".json"), body[kind])
            case ["DELETE", kind, "destroy_many.json"]:
                return self._destroy_many(kind, [int(one) for one in query["ids"].split(",")])
            case ["GET", "job_statuses", job]:
                return self._poll(job.removesuffix(".json"))
            case ["POST", "users.json"]:
                return Answer(201, {"user": self._shown(self._create("users", body["user"]))})
            case ["POST", "users", "create_or_update.json"]:
                user_id, is_new = self._upsert(body["user"])
                return Answer(201 if is_new else 200, {"user": self._shown(user_id)})
            case ["GET", kind, "show_many.json"]:
                return self._show_many(kind, query)
            case ["GET", kind, "search.json"]:
                return self._search(kind, query)
            case ["GET", "users", "me.json"]:
                me = {"id": 1 if self.role else None, "role": self.role or "end-user"}
                return Answer(200, {"user": me})
            case ["GET", ("user_fields.json" | "organization_fields.json") as name]:
                return self._fields(name.removesuffix(".json"), int(query.get("page[after]", 0)))
            case ["GET", "account", "settings.json"]:
                return Answer(200, {"settings": {"user": {"tagging": self.has_tags}}})
            case [method, "deleted_users", user_id]:
                return self._deleted(method, int(user_id.removesuffix(".json")))
            case [method, kind, record_id, *rest]:
                known_id = int(record_id.removesuffix(".json"))
                if known_id not in self.things[kind]:
                    raise RefusedError(404, "RecordNotFound", "Not found")
                return self._of_one(method, kind, known_id, rest, body)
        raise AssertionError(request.path)

    def _of_one(
        self, method: str, kind: str, known_id: int, rest: Sequence[str], body: Any
    ) -> Answer:
        thing = self.things[kind][known_id]
        match [method, *rest]:
            case ["PUT" | "DELETE", "tags.json"]:
                change = thing.tags.update if method == "PUT" else thing.tags.difference_update
                if self.has_tags:
                    change(body["tags"])
                return Answer(200, {"tags": sorted(thing.tags)})
            case ["DELETE"]:
                if thing.role != "end-user":
                    self.violations.append("one of the staff was deleted")
                shown = self._shown(known_id)
                self._soft_delete(known_id)
                return Answer(200, {"user": {**shown, "active": False}})
            case ["PUT", "merge.json"]:
                return self._merge(known_id, body["user"]["id"])
            case ["GET", "identities.json"]:
                return Answer(200, {"identities": self._identities(thing)})
            case ["POST", "identities.json"]:
                value = body["identity"]["value"]
                self._check_email(value, None)
                # Written as a further one first, as some accounts do.
                thing.emails.append(value.lower())
                return Answer(201, {"identity": self._identities(thing)[-1]})
            case ["PUT", "identities", place, "make_primary.json"]:
                if thing.role != "end-user":
                    self.violations.append("one of the staff was given another address")
                thing.emails.insert(0, thing.emails.pop(int(place) - 1))
                return Answer(200, {"identities": self._identities(thing)})
        raise AssertionError(rest)

    # Jobs

    def _write_many(self, kind: str, verb: str, records: Sequence[dict[str, Any]]) -> Answer:
        if kind == "users" and verb != "update_many" and not self.has_import:
            raise RefusedError(403, "Forbidden", "You do not have access to this page.")
        results = []
        for place, record in enumerate(records):
            if self.broken and place == len(records) // 2:
                break
            try:
                results.append(self._write(kind, verb, record) | {"index": place})
            except RefusedError as refusal:
                error = "UserUpdateError" if kind == "users" else "OrganizationError"
                failed = {"error": error, "details": refusal.text, "status": "Failed"}
                # What has failed has its place where others have their ids.
                results.append({"id": place, **failed, "index": place})
        if kind == "users" and verb == "create_or_update_many" and not self.is_numbered:
            results = [{k: v for k, v in one.items() if k != "index"} for one in results]
        return self._start(results)

    def _write(self, kind: str, verb: str, record: dict[str, Any]) -> dict[str, Any]:
        if verb == "create_many":
            return {"id": self._create(kind, record)}
        if verb == "create_or_update_many":
            user_id, is_new = self._upsert(record)
            key = "email" if "email" in record else "external_id"
            status = "Created" if is_new else "Updated"
            return {"id": user_id, "status": status, key: record[key]}
        if record["id"] not in self.things[kind]:
            raise RefusedError(404, "RecordNotFound", "Not found")
        self._change(kind, record["id"], record)
        return {"id": record["id"], "action": "update", "status": "Updated", "success": True}

    def _destroy_many(self, kind: str, ids: Sequence[int]) -> Answer:
        results: list[dict[str, Any]] = []
        for one in ids:
            if one not in self.things[kind]:
                failed = {"error": "RecordNotFound", "status": "Failed", "success": False}
                results.append({"action": "delete", "id": one, **failed})
                continue
            if kind == "users" and self.things[kind][one].role != "end-user":
                self.violations.append("one of the staff was deleted")
            if kind == "users":
                self._soft_delete(one)
            else:
                del self.things[kind][one]
            results.append({"action": "delete", "id": one, "status": "Deleted", "success": True})
        return self._start(results)

    def _start(self, results: Sequence[dict[str, Any]]) -> Answer:
        if self.running >= _MOST_JOBS:
            self.running = 0
            return Answer(429, {"error": "TooManyJobs"}, {"Retry-After": "0"})
        job = FakeJob(list(results))
        if self.broken:
            job.status, job.message = self.broken
            self.broken = None
        name = f"v3{len(self._jobs):030x}"
        self._jobs[name] = job
        return self._told(name, "queued", None)

    def _poll(self, name: str) -> Answer:
        if self.forgets or name not in self._jobs:
            raise RefusedError(404, "RecordNotFound", "Not found")
        job = self._jobs[name]
        if job.polls:
            job.polls -= 1
            return self._told(name, "working", None)
        return self._told(name, job.status, job)

    def _told(self, name: str, status: str, job: FakeJob | None) -> Answer:
        told = {
            "id": name,
            "url": f"{self.url}/api/v2/job_statuses/{name}.json",
            "status": status,
            "total": len(job.results) if job else None,
            "progress": None,
            "message": job.message if job else None,
            "results": job.results if job else None,
        }
        return Answer(200, {"job_status": told})

    # Records

    def _create(self, kind: str, record: dict[str, Any]) -> int:
        if not record.get("name"):
            raise RefusedError(422, "RecordInvalid", "Name: is too short (minimum 1 character)")
        self._check(kind, record, None)
        new_id = self.put(kind)
        self._change(kind, new_id, record)
        return new_id

    def _upsert(self, record: dict[str, Any]) -> tuple[int, bool]:
        known = self._find("users", record)
        if known is None:
            return self._create("users", record), True
        self._change("users", known, record)
        return known, False

    def _change(self, kind: str, record_id: int, record: dict[str, Any]) -> None:
        self._check(kind, record, record_id)
        thing = self.things[kind][record_id]
        for name, value in record.items():
            if name.endswith("_fields"):
                # What is no field is left out without a word.
                thing.custom |= {key: one for key, one in value.items() if key in self.custom[kind]}
            elif name == "email":
                if value and value.lower() not in thing.emails:
                    thing.emails.append(value.lower())
            elif name not in ("id", "skip_verify_email"):
                thing.values[name] = value

    def _check(self, kind: str, record: dict[str, Any], record_id: int | None) -> None:
        texts = [str(one).lower() for one in record.values()]
        if self.refused & set(texts):
            raise RefusedError(422, "RecordInvalid", "a rule of the account forbids it")
        if "name" in record and not record["name"]:
            raise RefusedError(422, "RecordInvalid", "Name: is too short (minimum 1 character)")
        if record.get("email"):
            self._check_email(record["email"], record_id)
        for name in ("external_id", *(("name",) if kind == "organizations" else ())):
            for other, thing in self.things[kind].items():
                value = str(record.get(name) or "").lower()
                if value and other != record_id and _lower(thing, name) == value:
                    raise RefusedError(422, "DuplicateValue", f"{name}: has already been taken")

    def _check_email(self, email: str, record_id: int | None) -> None:
        if not _ADDRESS.fullmatch(email.lower()):
            text = f"Email: {email} is not properly formatted"
            raise RefusedError(422, "RecordInvalid", text)
        if email.lower() in self.refused:
            raise RefusedError(422, "RecordInvalid", "a rule of the account forbids it")
        for other, thing in self.users.items():
            if other != record_id and email.lower() in thing.emails:
                text = f"Email: {email} is already being used by another user"
                raise RefusedError(422, "DuplicateValue", text)

    def _find(self, kind: str, record: Mapping[str, Any]) -> int | None:
        for record_id, thing in self.things[kind].items():
            if str(record.get("email") or "-").lower() in thing.emails:
                return record_id
            wanted = str(record.get("external_id") or "").lower()
            if wanted and _lower(thing, "external_id") == wanted:
                return record_id
        return None

    def _show_many(self, kind: str, query: Mapping[str, str]) -> Answer:
        wanted = (query.get("ids") or query["external_ids"]).lower().split(",")
        if len(wanted) > 100:
            self.violations.append("more than 100 records were asked for")
        found = [
            one
            for one, thing in self.things[kind].items()
            if (str(one) if "ids" in query else _lower(thing, "external_id")) in wanted
        ]
        shown: list[Any] = [self._shown(one, kind) for one in found]
        if "ids" in query and kind == "users":
            shown += [
                {**self._shown(one), "active": False} for one in self.deleted if str(one) in wanted
            ]
        return Answer(200, {kind: shown})

    def _search(self, kind: str, query: Mapping[str, str]) -> Answer:
        wanted = query.get("query", "").removeprefix("email:").strip('"').lower()
        external_id = query.get("external_id", "").lower()
        found = [
            self._shown(one, kind)
            for one, thing in self.things[kind].items()
            # A search finds what is like it, too.
            if (wanted and any(wanted in email for email in thing.emails))
            or (external_id and _lower(thing, "external_id") == external_id)
        ]
        return Answer(200, {kind: [] if self.search_lags else found})

    def _shown(self, record_id: int, kind: str = "users") -> dict[str, Any]:
        thing = self.things[kind].get(record_id) or self.deleted[record_id]
        shown = {"id": record_id, "name": None, "external_id": None, **thing.values}
        if kind == "users":
            email = thing.emails[0] if thing.emails else None
            shown |= {"email": email, "role": thing.role, "active": True}
        return shown

    def _identities(self, thing: Thing) -> list[dict[str, Any]]:
        return [
            {"id": place + 1, "type": "email", "value": email, "primary": place == 0}
            for place, email in enumerate(thing.emails)
        ]

    def _merge(self, loser: int, winner: int) -> Answer:
        if winner not in self.users:
            raise RefusedError(422, "RecordInvalid", "the user to merge into is not there")
        if any(self.users[one].role != "end-user" for one in (loser, winner)):
            self.violations.append("one of the staff was merged")
        self.users[winner].emails += self.users.pop(loser).emails
        return Answer(200, {"user": self._shown(winner)})

    def _soft_delete(self, user_id: int) -> None:
        self.deleted[user_id] = self.users.pop(user_id)
        self._unsettled[user_id] = self.settles_after

    def _deleted(self, method: str, user_id: int) -> Answer:
        if user_id not in self.deleted:
            raise RefusedError(404, "RecordNotFound", "Not found")
        shown = {**self._shown(user_id), "active": False}
        if method == "DELETE":
            if self._unsettled[user_id]:
                self._unsettled[user_id] -= 1
                raise RefusedError(422, "RecordInvalid", "the user is not deleted yet")
            del self.deleted[user_id]
        return Answer(200, {"deleted_user": shown})

    def _fields(self, name: str, start: int) -> Answer:
        """Two on a page."""
        kind = "users" if name == "user_fields" else "organizations"
        keys = sorted(self.custom[kind])
        shown = [
            {"id": at + 1, "key": key, "type": "text", "active": key not in self.inactive}
            for at, key in enumerate(keys)
        ][start : start + 2]
        meta = {"has_more": start + 2 < len(keys), "after_cursor": str(start + 2)}
        return Answer(200, {name: shown, "meta": meta})


def _lower(thing: Thing, name: str) -> str:
    return str(thing.values.get(name) or "").lower()


def tags(fake: FakeZendesk, ids: Iterable[str | None]) -> list[set[str]]:
    """The tags of users."""
    return [fake.users[int(one or 0)].tags for one in ids]
