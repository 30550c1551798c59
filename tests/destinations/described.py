"""Holds requests, and a fake's own answers, against a description of an API in `fixtures`."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from fake_api import Answer, Request


class Description:
    """A description, like one of OpenAPI.

    Args:
        name: of the file, without its ending.
        prefix: what stands before the paths of requests.
    """

    def __init__(self, name: str, prefix: str = "") -> None:
        file = Path(__file__).parent / "fixtures" / f"{name}.yml"
        self._content = yaml.safe_load(file.read_text(encoding="utf-8"))
        self._prefix = prefix
        self._validators: dict[str, Draft202012Validator] = {}

    def wrong_request(self, request: Request) -> list[str]:
        """In what a request is not as it was described."""
        operation = self._operation(request)
        if operation is None:
            return [f"there is no {request.method} {request.path}"]
        unknown = set(request.query) - set(operation.get("parameters", []))
        wrong = [f"there is no parameter {one}" for one in sorted(unknown)]
        return wrong + self._wrong(operation.get("requestBody"), request.json)

    def wrong_answer(self, request: Request, answer: Answer, *, is_error: bool) -> list[str]:
        """In what the fake's own answer is not as it was described."""
        if is_error:
            return self._errors("Error", answer.body)
        described = (self._operation(request) or {})["responses"].get(str(answer.status), None)
        if described is None:
            return [f"there is no answer {answer.status} to {request.path}"]
        return self._wrong(described or None, answer.body)

    def _operation(self, request: Request) -> Mapping[str, Any] | None:
        path = request.path.removeprefix(self._prefix)
        for described, operations in self._content["paths"].items():
            if re.fullmatch(re.sub(r"\{\w+\}", "[0-9a-z]+", described), path):
                found: Mapping[str, Any] | None = operations.get(request.method.lower())
                return found
        return None

    def _wrong(self, described: Mapping[str, Any] | None, body: Any) -> list[str]:
        if described is None:
            return [] if body is None else ["there must be no body"]
        return self._errors(described["$ref"].rsplit("/", 1)[1], body)

    def _errors(self, name: str, body: Any) -> list[str]:
        if name not in self._validators:
            schema = {"$ref": f"#/components/schemas/{name}"}
            components = {"components": self._content["components"]}
            self._validators[name] = Draft202012Validator({**schema, **components})
        return [one.message[:300] for one in self._validators[name].iter_errors(body)]
