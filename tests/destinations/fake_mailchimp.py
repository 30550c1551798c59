"""A Mailchimp of one audience on loopback, which keeps Mailchimp's rules.

Every request, and every answer of its own, is held against `fixtures/mailchimp.yml`.
"""

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fake_api import Answer, FakeApi, Request
from outlined import Described

KEY, AUDIENCE = "0123456789abcdef-us6", "b1234346"
_DESCRIBED = Described("mailchimp.yml")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[a-z]{2,}", re.IGNORECASE)
_FORGOTTEN = (
    "{} was permanently deleted and cannot be re-imported. The contact must re-subscribe to get"
    " back on the list."
)


@dataclass
class FakeMember:
    contact_id: str
    address: str
    status: str
    values: dict[str, Any] = field(default_factory=dict)
    tags: set[int] = field(default_factory=set)


@dataclass
class FakeSegment:
    name: str
    type: str = "static"


@dataclass
class FakeField:
    type: str = "text"
    required: bool = False


class RefusedError(Exception):
    """What an answer says is wrong."""

    def __init__(self, status: int, title: str, detail: str, **errors: str) -> None:
        super().__init__(detail)
        told = [{"field": name, "message": text} for name, text in errors.items()]
        self.answer = Answer(
            status, {"title": title, "status": status, "detail": detail, "errors": told}
        )


_NOT_FOUND = RefusedError(404, "Resource Not Found", "The requested resource could not be found.")


class FakeMailchimp(FakeApi):
    """The audience.

    Attributes:
        tag: the tag whose members are what it holds; None where members are.
        is_silent: whether it names only those who were newly tagged.
        busy: addresses that have signed up too often lately.
        held_back: those that cannot be removed, for compliance.
    """

    def __init__(self) -> None:
        super().__init__()
        self.tag: int | None = None
        self.is_silent = True
        self.members: dict[str, FakeMember] = {}
        self.forgotten: set[str] = set()
        self.busy: set[str] = set()
        self.held_back: set[str] = set()
        self.segments = {
            31: FakeSegment("people"),
            32: FakeSegment("people who buy"),
            33: FakeSegment("lapsed", "saved"),
        }
        self.fields = {
            "FNAME": FakeField(),
            "NAME": FakeField(),
            "SCORE": FakeField("number"),
            "IS_CUSTOMER": FakeField(),
            "SEEN_AT": FakeField(),
            "BORN": FakeField("birthday"),
            "SINCE": FakeField("date"),
            "HOME": FakeField("address"),
        }
        self._last_id = 0

    def held(self) -> Mapping[str, Mapping[str, Any]]:
        there = [
            one
            for one in self.members.values()
            if one.status != "archived" and (self.tag is None or self.tag in one.tags)
        ]
        return {
            one.address: {
                "email": one.address,
                **{tag.lower(): value for tag, value in one.values.items()},
            }
            for one in there
        }

    def count(self) -> int:
        return len(self.held())

    def put(self, address: str, status: str = "subscribed", **values: Any) -> FakeMember:
        """A member that somebody else has made."""
        self._last_id += 1
        member = FakeMember(f"contact{self._last_id}", address, status, dict(values))
        self.members[member.contact_id] = member
        return member

    def find(self, name: str) -> FakeMember | None:
        """A member by contact id, or by the hash of its address."""
        if name in self.members:
            return self.members[name]
        return next((one for one in self.members.values() if hashed(one.address) == name), None)

    def answer(self, request: Request) -> Answer:
        wrong = _DESCRIBED.wrong_request(request)
        self.violations += wrong
        try:
            if wrong:
                raise RefusedError(400, "Invalid Resource", "; ".join(wrong))
            answer = self._answer(request)
        except RefusedError as refusal:
            answer = refusal.answer
        self.violations += _DESCRIBED.wrong_answer(request, answer)
        return answer

    def _answer(self, request: Request) -> Answer:
        kind, _, both = request.headers.get("authorization", "").partition(" ")
        if kind != "Basic" or base64.b64decode(both).decode().partition(":")[2] != KEY:
            raise RefusedError(401, "API Key Invalid", "Your API key may be invalid.")
        body = request.json
        _, _, _, audience, *rest = request.path.split("/")
        if audience != AUDIENCE:
            raise _NOT_FOUND
        match (request.method, *rest):
            case ("GET",):
                return Answer(200, {"name": "Customers"})
            case ("POST",):
                return self._batch(body["members"])
            case ("GET", "merge-fields"):
                fields = [
                    {"tag": tag, "type": one.type, "required": one.required}
                    for tag, one in self.fields.items()
                ]
                return Answer(200, {"merge_fields": fields})
            case ("GET", "tag-search"):
                (name,) = request.query["name"]
                return Answer(
                    200, {"tags": [one for one in self._tags() if one["name"].startswith(name)]}
                )
            case (method, "segments", number):
                return self._segment(method, int(number), body)
            case (method, "members", name):
                return self._member(method, name, body)
            case ("POST", "members", address_hash, "actions", "delete-permanent"):
                return self._forget(address_hash)
        raise AssertionError(request.path)

    # Members

    def _batch(self, members: Sequence[Mapping[str, Any]]) -> Answer:
        new, errors = [], []
        hashes = {hashed(one.address): one for one in self.members.values()}
        for one in members:
            address = one["email_address"]
            known = hashes.get(hashed(address))
            if known and known.status != "archived":
                error = {
                    "error": f"{address} is already a list member.",
                    "error_code": "ERROR_CONTACT_EXISTS",
                }
                # Sometimes an address is told in quotes.
                errors.append({"email_address": f'"{address}"', **error})
                continue
            problem = self._problem(address) or self._missing(one["merge_fields"])
            problem = problem or self._misfit(one["merge_fields"])
            if problem:
                errors.append({"email_address": address, "error_code": "ERROR_GENERIC", **problem})
                continue
            member = known or self.put(address)
            member.address, member.status = address, one["status"]
            member.values |= self._known(one["merge_fields"])
            new.append(self._shown(member))
        return Answer(
            200,
            {
                "new_members": new,
                "updated_members": [],
                "errors": errors,
                "total_created": len(new),
                "total_updated": 0,
                "error_count": len(errors),
            },
        )

    def _problem(self, address: str) -> Mapping[str, str] | None:
        if hashed(address) in self.forgotten:
            return {"error": _FORGOTTEN.format(address)}
        if not _EMAIL.fullmatch(address) or address in self.refused:
            return {"error": f"{address} looks fake or invalid, please enter a real email address."}
        if address in self.busy:
            return {
                "error": f"{address} has signed up to a lot of lists very recently; we're not"
                " allowing more signups for now"
            }
        return None

    def _missing(self, values: Mapping[str, Any]) -> Mapping[str, str] | None:
        for tag, one in self.fields.items():
            if one.required and values.get(tag) in (None, ""):
                told = {"field": tag, "field_message": "This value should not be blank."}
                return {"error": "Your merge fields were invalid.", **told}
        return None

    def _misfit(self, values: Mapping[str, Any]) -> Mapping[str, str] | None:
        for tag, value in values.items():
            kind = self.fields[tag].type if tag in self.fields else "text"
            if value != "" and not _fits(kind, value):
                told = {"field": tag, "field_message": f"Please enter a {kind}."}
                return {"error": "Your merge fields were invalid.", **told}
        return None

    def _known(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Of a field that is not there nothing is said."""
        return {tag: value for tag, value in values.items() if tag in self.fields}

    def _member(self, method: str, name: str, body: Any) -> Answer:
        member = self.find(name)
        if member is None:
            raise _NOT_FOUND
        if method == "DELETE":
            if member.status == "archived" or member.address in self.held_back:
                raise RefusedError(
                    405,
                    "Method Not Allowed",
                    "This list member cannot be removed. Please contact support.",
                )
            member.status, member.tags = "archived", set()
            return Answer(204)
        if method == "PATCH":
            self._change(member, body)
        return Answer(200, self._shown(member))

    def _change(self, member: FakeMember, body: Mapping[str, Any]) -> None:
        address = body.get("email_address", member.address)
        other = self.find(hashed(address))
        if other and other is not member:
            raise RefusedError(400, "Member Exists", f"{address} is already a list member.")
        problem = self._problem(address) if not other else None
        if problem or address in self.refused:
            raise RefusedError(
                400, "Invalid Resource", str((problem or {}).get("error", "refused"))
            )
        misfit = self._misfit(body["merge_fields"])
        if misfit:
            told = {misfit["field"]: misfit["field_message"]}
            raise RefusedError(400, "Invalid Resource", misfit["error"], **told)
        member.address = address
        member.values |= self._known(body["merge_fields"])

    def _forget(self, address_hash: str) -> Answer:
        """Contact ids are not taken here."""
        member = self.find(address_hash) if address_hash not in self.members else None
        if member is None:
            raise _NOT_FOUND
        if member.address in self.held_back:
            raise RefusedError(
                405,
                "Method Not Allowed",
                f"{member.address} cannot be removed. Please contact support.",
            )
        del self.members[member.contact_id]
        self.forgotten.add(address_hash)
        return Answer(204)

    def _shown(self, member: FakeMember) -> Mapping[str, Any]:
        return {
            "id": hashed(member.address),
            "contact_id": member.contact_id,
            "email_address": member.address,
            "status": member.status,
            "merge_fields": member.values,
            "tags": [one for one in self._tags() if one["id"] in member.tags],
        }

    # Segments

    def _tags(self) -> Sequence[dict[str, Any]]:
        return [
            {"id": number, "name": one.name}
            for number, one in self.segments.items()
            if one.type == "static"
        ]

    def _segment(self, method: str, number: int, body: Any) -> Answer:
        segment = self.segments.get(number)
        if segment is None:
            raise _NOT_FOUND
        if method == "GET":
            return Answer(200, {"id": number, "name": segment.name, "type": segment.type})
        if segment.type != "static":
            raise RefusedError(400, "Bad Request", "You can only add members to a static segment.")
        moved: dict[str, list[Any]] = {"members_to_add": [], "members_to_remove": []}
        missing = []
        for verb, addresses in body.items():
            for address in addresses:
                member = self.find(hashed(address))
                if member is None or member.status == "archived":
                    missing.append(address)
                    continue
                is_there = number in member.tags
                (member.tags.add if verb == "members_to_add" else member.tags.discard)(number)
                if is_there == (verb == "members_to_remove") or not self.is_silent:
                    moved[verb].append(self._shown(member))
        told = "Email addresses do not exist or are not subscribed to the list."
        errors = [{"email_addresses": missing, "error": told}] if missing else []
        added, removed = moved.values()
        return Answer(
            200,
            {
                "members_added": added,
                "members_removed": removed,
                "errors": errors,
                "total_added": len(added),
                "total_removed": len(removed),
                "error_count": len(errors),
            },
        )


def hashed(address: str) -> str:
    return hashlib.md5(address.lower().encode()).hexdigest()


def _fits(kind: str, value: Any) -> bool:
    if kind == "number":
        return isinstance(value, int | float)
    patterns = {"birthday": r"\d\d/\d\d", "date": r"\d{4}-\d\d-\d\d"}
    return (
        isinstance(value, str)
        and re.fullmatch(patterns.get(kind, ".*"), value, re.DOTALL) is not None
    )
