"""What people decide on identities, by the command, in a project that dbt builds."""

import pytest
from click.testing import CliRunner

from consumer import Consumer
from dbt_cdp.cli import cli

HEADER = "decision,identifier_type_a,identifier_value_a,identifier_type_b,identifier_value_b,reason"


class Office:
    """A project, and somebody who decides."""

    def __init__(self, consumer: Consumer) -> None:
        self.consumer = consumer

    def decides(self, *decisions: str) -> None:
        """Write decisions: the word, then each identifier as TYPE=VALUE."""
        rows = [HEADER]
        for decision in decisions:
            word, *identifiers = decision.split()
            sides = [part for identifier in identifiers for part in identifier.split("=")]
            rows.append(",".join([word, *sides, *[""] * (4 - len(sides)), "known"]))
        call = ["identity", "decide", "--file", "-", "--project-dir", str(self.consumer.folder)]
        done = CliRunner().invoke(cli, call, input="\n".join(rows), catch_exceptions=False)
        assert done.exit_code == 0, done.output

    def then(self, *decisions: str) -> None:
        """What is decided takes effect with the next build."""
        self.decides(*decisions)
        self.consumer.runs("run")

    def who(self, *values: str) -> list[str | None]:
        found = dict(
            self.consumer.query("select identifier_value, canonical_id from identity_graph")
        )
        return [found[value] for value in values]


@pytest.fixture
def office(built: Consumer) -> Office:
    return Office(built)


def test_decisions_win_and_can_be_taken_back(
    office: Office, at_once: dict[str, list[tuple]]
) -> None:
    consumer, before = office.consumer, office.who("104", "dan@mail.example", "105", "106")
    assert before[0] == before[1] and before[2] != before[3]

    office.then(
        "never_link user_id=104 email=dan@mail.example",
        "link user_id=105 user_id=106",
        "not_shared phone=+49305550100",
        "not_shared email=test@test.com",
    )
    dan, mail, fay, gil = office.who("104", "dan@mail.example", "105", "106")
    assert dan != mail and fay == gil == min(before[2:], key=[before[2], before[3]].index)
    ben, ida, jon, phone = office.who("c2", "c3", "c4", "+49305550100")
    assert ben == ida == jon == phone
    assert office.who("test@test.com")[0] is not None
    splits = consumer.query("select canonical_id, split_canonical_id, rule from identity_splits")
    assert splits == [(before[0], dan if mail == before[0] else mail, "never_link")]
    merges = (
        "select canonical_id, merged_canonical_id, rule, identifier_value_a from identity_merges"
    )
    assert (fay, before[3], "link", "105") in consumer.query(merges)
    refused = consumer.query("select reason from identity_conflicts where detail is not null")
    assert ("never_link",) in refused
    history = dict(
        consumer.query("select canonical_id, current_canonical_id from canonical_id_history")
    )
    assert history[before[3]] == fay

    # With nothing new nothing is written, and built anew it is the same.
    decided = consumer.snapshot()
    consumer.runs("run", "--full-refresh")
    assert consumer.snapshot() == decided
    assert office.who("104", "dan@mail.example", "105", "106") == [dan, mail, fay, gil]

    office.then(
        "lift email=DAN@mail.example user_id=104",
        "lift user_id=106 user_id=105",
        "lift phone=+49305550100",
        "lift email=test@test.com",
    )
    assert consumer.snapshot() == at_once
    assert office.who("104", "dan@mail.example", "105", "106") == before


def test_a_link_by_way_of_somebody_never_seen_holds(office: Office) -> None:
    office.then(
        "link user_id=107 crm_id=never-seen",
        "link crm_id=never-seen user_id=108",
    )
    one, other = office.who("107", "108")
    assert one == other


def test_decisions_that_contradict_one_another_are_an_error_that_names_them(
    office: Office,
) -> None:
    before = office.who("105", "106", "109")
    office.decides(
        "link user_id=105 user_id=106",
        "link user_id=106 user_id=109",
        "never_link user_id=109 user_id=105",
    )
    ids = [
        decision_id
        for (decision_id,) in office.consumer.query(
            "select decision_id from identity_decisions order by decided_at"
        )
    ]
    talk = office.consumer.fails("run")
    assert f"{ids[0]} contradicts {ids[2]}" in talk and f"{ids[1]} contradicts {ids[2]}" in talk
    assert "'105'" not in talk and "'109'" not in talk
    assert office.who("105", "106", "109") == before
    office.then("lift user_id=105 user_id=109")
    assert len(set(office.who("105", "106", "109"))) == 1
