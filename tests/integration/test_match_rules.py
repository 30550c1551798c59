"""Probable matches from events to a decision: found, reviewed, merged and taken apart again."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from consumer import Consumer, new_project
from dbt_cdp.cli import cli
from dbt_cdp.landing import load_files
from dbt_cdp.project import Project

SITE = "https://shop.example"
VARS = {
    "cdp_sources": [
        {"name": "web", "collector": "cdp"},
        {
            "name": "crm",
            "collector": "cdp",
            "record_id": "id",
            "identifier_type": "crm_id",
            "identifiers": {"email": "email"},
            "attributes": {"first_name": "first", "last_name": "last", "job_title": "title"},
        },
    ]
}
# So many that a name says something.
OTHERS = range(10, 210)
CARDS = [
    ("1", "ada@acme.example", "Ada", "Byron", "CTO"),
    ("2", "a.byron@acme.example", " ADA", "Byron", "cto"),
    ("3", "ada.smith@acme.example", "Ada", "Smith", "Accountant"),
    *((str(n), f"{n}@acme.example", f"First{n}", f"Last{n}", "Engineer") for n in OTHERS),
]
COOKIES = ("lost", "fresh", "left", "entered")


def view(cookie: str, time: str, page: str, referrer: str = "", **context: Any) -> dict[str, Any]:
    seen = {"url": f"{SITE}{page}?utm=1", "path": page, "referrer": referrer}
    return {
        "type": "page",
        "anonymousId": cookie,
        "timestamp": f"2026-06-{time}:00Z",
        "context": {"page": seen, **context},
    }


BROWSER = {"ip": "203.0.113.7", "fingerprint": "f1"}
PHONE = {"device": {"type": "mobile"}, "location": {"country": "GB", "city": "Leeds"}}
EVENTS = [
    view("lost", "01T10:00", "/", **BROWSER),
    view("fresh", "02T09:00", "/docs", **BROWSER),
    view("left", "03T10:00", "/", **PHONE),
    view("left", "03T10:05", "/prices", f"{SITE}/", **PHONE),
    view("entered", "03T10:06", "/signup", f"{SITE}/prices/#top", **PHONE),
]


class Shop:
    """A project with events and records of a few people, and the command in it."""

    def __init__(self, folder: Path) -> None:
        self.consumer: Consumer = new_project(folder, "shop", {}, vars=VARS)
        cards = "\n".join(",".join(card) for card in CARDS)
        (folder / "cards.csv").write_text(f"id,email,first,last,title\n{cards}\n")
        load_files(self.project, [folder / "cards.csv"], "crm")
        self.see(EVENTS)
        self.is_built = False

    @property
    def project(self) -> Project:
        return Project.find(self.consumer.folder, self.consumer.folder)

    def see(self, events: list[dict[str, Any]]) -> None:
        file = self.consumer.folder / "events.ndjson"
        file.write_text("".join(json.dumps(event) + "\n" for event in events))
        load_files(self.project, [file], "web")

    def builds(self, **actions: str) -> None:
        rules = [{"name": name, "action": action} for name, action in actions.items()]
        self.consumer.set_vars({"cdp_match_rules": rules})
        self.consumer.runs("run" if self.is_built else "build")
        self.is_built = True

    def call(self, *arguments: str) -> Result:
        return CliRunner().invoke(
            cli, ["identity", *arguments, "--project-dir", str(self.consumer.folder)]
        )

    def explained(self, one: str, other: str) -> str:
        call = ["explain", f"anonymous_id={one}", f"anonymous_id={other}"]
        done = CliRunner().invoke(cli, [*call, "--project-dir", str(self.consumer.folder)])
        assert done.exit_code == 0, done.output
        return done.stdout

    def reviewed(self, *arguments: str) -> list[dict[str, Any]]:
        done = self.call("review", "--json", *arguments)
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    def statuses(self) -> dict[str, str]:
        return dict(self.consumer.query("select rule, status from identity_candidates"))

    def people(self) -> int:
        """How many people the four cookies are."""
        cookies = "identifier_type = 'anonymous_id'"
        graph = f"select count(distinct canonical_id) from identity_graph where {cookies}"
        [(count,)] = self.consumer.query(graph)
        return count

    def log(self, table: str) -> list[tuple[Any, ...]]:
        columns = "rule, identifier_value_a, identifier_value_b, evidence_id"
        return self.consumer.query(f"select {columns} from {table} order by all")


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path / "shop")


def test_candidates_are_reviewed_and_decided(shop: Shop) -> None:
    not_built = shop.call("review")
    assert (not_built.exit_code, "run `dbt build` first" in not_built.stderr) == (2, True)
    shop.builds()
    found = {one["rule"]: one for one in shop.reviewed()}
    pairs = {rule: (one["one"]["value"], one["other"]["value"]) for rule, one in found.items()}
    assert pairs == {
        "same_device": ("fresh", "lost"),
        "continued_visit": ("entered", "left"),
        "same_name_and_title": ("1", "2"),
    }
    assert found["same_device"]["score"] == 0.98
    assert found["same_device"]["evidence"]["hours_apart"] == "23.0"
    assert found["continued_visit"]["evidence"]["minutes_apart"] == "1.0"
    assert found["same_name_and_title"]["evidence"]["last_names"] == "same"
    assert shop.people() == 4
    said = shop.explained("lost", "fresh")
    assert "no chain of links connects them" in said
    assert "Match rule same_device: score 0.98, waits for a decision" in said

    ids = {rule: one["candidate_id"] for rule, one in found.items()}
    accept, refuse = ids["same_device"][:8], ids["same_name_and_title"]
    for wrong, said in [
        (["--accept", accept[:3]], "is too short"),
        (["--accept", "no-such-candidate"], "is that of no candidate"),
        (["--accept", accept, "--accept", ids["same_device"]], "named more than once"),
        (["--accept", accept, "--refuse", accept], "accepted and refused"),
    ]:
        done = shop.call("review", *wrong)
        assert (done.exit_code, said in done.stderr) == (2, True), done.stderr
    done = shop.call("review", "--accept", accept, "--refuse", refuse, "--by", "Eva")
    assert done.exit_code == 0, done.output
    ledger = "select decision, decided_by, reason from identity_decisions order by decided_at"
    assert shop.consumer.query(ledger) == [
        ("link", "Eva", "same_device, score 0.98"),
        (
            "never_link",
            "Eva",
            f"same_name_and_title, score {found['same_name_and_title']['score']}",
        ),
    ]
    assert [one["rule"] for one in shop.reviewed()] == ["continued_visit"]
    assert sorted(one["status"] for one in shop.reviewed("--all")) == ["decided", "decided", "open"]
    assert len(shop.reviewed("--all", "--limit", "2")) == 2

    shop.builds(same_device="merge", same_name_and_title="merge")
    assert shop.statuses() == {
        "same_device": "accepted",
        "same_name_and_title": "refused",
        "continued_visit": "open",
    }
    assert shop.people() == 3
    [(rule, *identifiers, _)] = shop.log("identity_merges")
    assert (rule, sorted(identifiers)) == ("link", ["fresh", "lost"])


def test_what_is_merged_is_logged_and_comes_apart_with_its_evidence(shop: Shop) -> None:
    shop.builds(same_device="merge", continued_visit="merge", same_name_and_title="ignore")
    assert shop.statuses() == {"same_device": "merged", "continued_visit": "merged"}
    assert shop.people() == 2
    assert shop.log("identity_merges") == []
    said = shop.explained("entered", "left")
    assert "One person" in said and "match continued_visit" in said and "2026-06-03" in said

    # Whoever goes on under the first cookie has not lost it.
    shop.see([view("left", "04T10:00", "/", **PHONE)])
    shop.builds(same_device="review", continued_visit="merge")
    assert shop.statuses()["same_device"] == "open"
    assert "continued_visit" not in shop.statuses()
    assert shop.people() == 4
    assert [(rule, a, b) for rule, a, b, _ in shop.log("identity_splits")] == [
        ("continued_visit", "entered", "left"),
        ("same_device", "fresh", "lost"),
    ]

    # A merge after a split is logged by the candidate's id, and the elder id is the one that stays.
    shop.builds(same_device="merge")
    [(rule, *_, evidence)] = shop.log("identity_merges")
    [(candidate,)] = shop.consumer.query(
        "select candidate_id from identity_candidates where rule = 'same_device'"
    )
    assert (rule, evidence) == ("same_device", candidate)
    assert shop.people() == 3
