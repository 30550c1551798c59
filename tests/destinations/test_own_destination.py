"""The destination that the docs show, as it stands there: it passes the tests, and is found."""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from dbt_cdp.destinations import Destination, Mode
from dbt_cdp.destinations.conformance import FIELDS, DestinationConformance
from dbt_cdp.destinations.registry import destination_types, open_destination, read_destinations
from dbt_cdp.project import Project, Target, package_root
from fake_api import Answer, FakeApi, Request, serving

PAGE = package_root() / "docs" / "destinations" / "own.md"


class People(FakeApi):
    """The API."""

    def __init__(self) -> None:
        super().__init__()
        self.people: dict[str, Mapping[str, Any]] = {}

    def answer(self, request: Request) -> Answer:
        if request.headers.get("authorization") != "Bearer t0ken":
            return Answer(401)
        key = unquote(request.path.removeprefix("/people").removeprefix("/"))
        if request.method == "GET":
            return Answer(200, [])
        if request.method == "DELETE":
            return Answer(204 if self.people.pop(key, None) else 404)
        if key in self.refused:
            return Answer(422, {"error": "not one of ours"})
        self.people[key] = request.json
        return Answer(200, {"saved": True})

    def held(self) -> Mapping[str, Mapping[str, Any]]:
        return self.people

    def count(self) -> int:
        return len(self.people)


@pytest.fixture(scope="module", autouse=True)
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The module of the page, installed as the page says."""
    site = tmp_path_factory.mktemp("site")
    text = PAGE.read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (site / "acme_cdp.py").write_text(code)
    metadata = site / "acme_cdp-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-cdp\nVersion: 1.0\n")
    (entry,) = re.findall(r"^acme = \"(.*)\"$", text, re.MULTILINE)
    (metadata / "entry_points.txt").write_text(f"[dbt_cdp.destinations]\nacme = {entry}\n")
    sys.path.insert(0, str(site))
    yield
    sys.path.remove(str(site))


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_TOKEN", "t0ken")


def project(**entry: Any) -> Project:
    settings = {
        "vars": {"cdp_destinations": [{"name": "acme", "token_env": "ACME_TOKEN", **entry}]}
    }
    return Project(Path(), "shop", Path(), Target("", "", {}), settings)


class TestOwn(DestinationConformance):
    @pytest.fixture
    def fake(self) -> Iterator[People]:
        with serving(People()) as people:
            yield people  # type: ignore[misc]

    def open(self, fake: Any, mode: Mode) -> Destination:
        shop = project(type="acme", base_url=fake.url)
        return open_destination(shop, read_destinations(shop)["acme"], self.sync(mode))

    def test_only_that_which_was_asked_for_is_called(
        self, fake: Any, destination: Destination
    ) -> None:
        destination.check()
        assert [(one.method, one.path) for one in fake.requests] == [("GET", "/people")]
        assert destination.sync.fields == FIELDS
        assert json.dumps(destination.settings.model_dump()).count("t0ken") == 0


def test_it_stands_beside_those_of_the_package() -> None:
    known = {
        "census",
        "customerio",
        "file",
        "google_ads",
        "hightouch",
        "hubspot",
        "mailchimp",
        "meta",
        "postgres",
        "redis",
        "salesforce",
        "slack",
        "webhook",
        "zendesk",
    }
    assert destination_types() == sorted({"acme", *known})
