"""An interface as it was written down in a file of `fixtures`, which fakes are held against."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from fake_api import Answer, Request


class Described:
    """What requests and answers may be: OpenAPI's paths, each with the schemas of the body of its
    request and of its answers, by their names; none where there must be no body."""

    def __init__(self, name: str) -> None:
        file = Path(__file__).parent / "fixtures" / name
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
        self._paths, self._schemas = content["paths"], content["schemas"]

    def wrong_request(self, request: Request) -> list[str]:
        """In what a request is not as it was described."""
        found = self._operation(request)
        if found is None:
            return [f"there is no {request.method} {request.path}"]
        path, operation = found
        unknown = request.query.keys() - set(operation.get("query", ()))
        wrong = [f"there is no parameter {name}" for name in sorted(unknown)]
        wrong += self._wrong(operation.get("body"), request.json)
        return [f"{request.method} {path}: {one}" for one in wrong]

    def wrong_answer(self, request: Request, answer: Answer) -> list[str]:
        """In what the fake's own answer is not as it was described."""
        found = self._operation(request)
        if found is None:
            return []
        path, operation = found
        if answer.status not in operation["answers"]:
            return [f"answer to {path}: there is no {answer.status}"]
        wrong = self._wrong(operation["answers"][answer.status], answer.body)
        return [f"answer to {path}: {one}" for one in wrong]

    def _operation(self, request: Request) -> tuple[str, Mapping[str, Any]] | None:
        for path, operations in self._paths.items():
            pattern = re.sub(r"\{\w+\}", "[^/]+", path)
            if re.fullmatch(pattern, request.path) and request.method.lower() in operations:
                return path, operations[request.method.lower()]
        return None

    def _wrong(self, name: str | None, body: Any) -> list[str]:
        if name is None:
            return [] if body is None else ["there must be no body"]
        schema = {"$ref": f"#/schemas/{name}", "schemas": self._schemas}
        return [one.message[:200] for one in Draft202012Validator(schema).iter_errors(body)]
