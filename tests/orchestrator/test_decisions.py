"""Decisions on identities: written strictly, listed with what became of them."""

import getpass
import io
import json
import re
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from dbt_cdp.cli import run
from dbt_cdp.decisions import BUILT_IN_TYPES, FILE_COLUMNS
from dbt_cdp.project import package_root

NEEDLE = "needle@shop.example"
ANN, BOB, CID = "email=ann@shop.example", "email=bob@shop.example", "user_id=cid"
HEADER = ",".join(FILE_COLUMNS)
ROWS = "select * exclude (decision_id, decided_at) from identity_decisions order by decided_at"
COUNT = "select count(*) from identity_decisions"


def decide(*arguments: object, reason: str = "they called") -> int:
    options = ["--reason", reason, "--by", "Eva"]
    return run(["identity", "decide", *map(str, arguments), *options])


def listed(capsys: pytest.CaptureFixture[str], *options: str) -> list[dict]:
    capsys.readouterr()
    assert run(["identity", "decisions", "--json", *options]) == 0
    return json.loads(capsys.readouterr().out)


def statuses(capsys: pytest.CaptureFixture[str], *options: str) -> list[tuple[str, str]]:
    return [(entry["decision"], entry["status"]) for entry in listed(capsys, *options)]


def csv_file(folder: Path, *lines: str, header: str = HEADER) -> Path:
    path = folder / "decisions.csv"
    path.write_text("".join(f"{line}\n" for line in (header, *lines)), encoding="utf-8")
    return path


# On the command line


def test_a_decision_is_written_and_listed(shop, query, capsys) -> None:
    assert decide("link", ANN, "user_id=a=b") == 0
    assert "next `dbt build`" in capsys.readouterr().err
    row = ("link", "email", "ann@shop.example", "user_id", "a=b", "Eva", "they called")
    assert query(ROWS) == [row]
    [(key, decided_at)] = query("select decision_id, decided_at from identity_decisions")
    assert listed(capsys) == [
        {
            "decision_id": key,
            "decision": "link",
            "identifiers": [
                {"type": "email", "value": "ann@shop.example"},
                {"type": "user_id", "value": "a=b"},
            ],
            "decided_at": str(decided_at),
            "decided_by": "Eva",
            "reason": "they called",
            "status": "in force",
        }
    ]
    utc = query("select timezone('UTC', now())::timestamp")[0][0]
    assert abs(utc - decided_at) < timedelta(minutes=5)


@pytest.mark.parametrize(
    ("name", "identifiers"),
    [
        ("link", [ANN, CID]),
        ("never_link", [ANN, BOB]),
        ("never-link", [ANN, BOB]),
        ("not_shared", [ANN]),
        ("Not-Shared", [ANN]),
        ("lift", [ANN]),
        ("lift", [ANN, BOB]),
    ],
)
def test_every_decision_takes_its_identifiers(shop, query, name: str, identifiers: list) -> None:
    assert decide(name, *identifiers) == 0
    [(decision, *sides, _, _)] = query(ROWS)
    assert decision == name.lower().replace("-", "_")
    expected = [part for text in identifiers for part in text.split("=")]
    assert sides == [*expected, *([None] * (4 - len(expected)))]


def test_the_ids_of_what_was_written_go_to_stdout(shop, query, capsys) -> None:
    assert decide("not_shared", ANN, "--json") == 0
    said = capsys.readouterr()
    [written] = json.loads(said.out)
    [(key, decided_at)] = query("select decision_id, decided_at from identity_decisions")
    assert written == {
        "decision_id": key,
        "decision": "not_shared",
        "decided_at": str(decided_at),
    }
    assert re.fullmatch("[0-9a-f]{32}", key)
    assert decide("not_shared", BOB) == 0
    [(key,)] = query("select decision_id from identity_decisions order by decided_at desc limit 1")
    assert key in capsys.readouterr().out


def test_blanks_around_an_identifier_are_no_part_of_it(shop, query) -> None:
    assert decide("link", " email = ann@shop.example ", CID) == 0
    assert query(ROWS)[0][1:3] == ("email", "ann@shop.example")


def test_who_decided_is_the_user_of_the_machine_or_nobody(shop, query, monkeypatch) -> None:
    def fail() -> str:
        raise KeyError("getpwuid(): uid not found: 1000")

    monkeypatch.setattr(getpass, "getuser", lambda: "eva")
    assert run(["identity", "decide", "not_shared", ANN, "--reason", "x"]) == 0
    monkeypatch.setattr(getpass, "getuser", fail)
    assert run(["identity", "decide", "not_shared", BOB, "--reason", "x"]) == 0
    names = query("select decided_by from identity_decisions order by decided_at")
    assert names == [("eva",), (None,)]


def test_decided_at_grows_even_when_the_clock_was_set_back(shop, query, capsys) -> None:
    future = datetime(2999, 1, 1)
    query("insert into identity_decisions (decision_id, decided_at) values ('x', ?)", future)
    assert decide("link", ANN, BOB) == 0
    assert decide("lift", ANN, BOB) == 0
    times = query("select decided_at from identity_decisions where decision_id <> 'x' order by 1")
    assert times == [(future + timedelta(microseconds=n),) for n in (1, 2)]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([NEEDLE], "the decision is none of link, never_link, shared, not_shared, lift"),
        (["merge", f"email={NEEDLE}"], "the decision is none of"),
        (["link", f"email={NEEDLE}"], "link takes two identifiers, not 1"),
        (["link", f"email={NEEDLE}", ANN, BOB], "link takes two identifiers, not 3"),
        (["not_shared", f"email={NEEDLE}", ANN], "not_shared takes one identifier, not 2"),
        (["lift"], "lift takes one identifier or two, not 0"),
        (["link", NEEDLE, ANN], "the first identifier is of no known type"),
        (["link", ANN, f"{NEEDLE}=email"], "the types are user_id, crm_id, billing_id"),
        (["link", f"Email={NEEDLE}", ANN], "the first identifier is of no known type"),
        (["link", f"email={NEEDLE}", "user_id= "], "the second identifier has no value"),
        (["link", f"email={NEEDLE}\udcff", ANN], "has a character that no warehouse stores"),
        (["link", f"email={NEEDLE}", f"email= {NEEDLE}"], "the two identifiers are the same"),
        ([], "Give either a DECISION"),
        (["link", f"email={NEEDLE}", ANN, "--file", "decisions.csv"], "Give either a DECISION"),
        (["link", f"--email={NEEDLE}", ANN], "No such option"),
    ],
)
def test_a_wrong_call_writes_nothing_and_quotes_nobody(
    shop, query, capsys, arguments: list[str], said: str
) -> None:
    csv_file(shop, f"not_shared,email,{NEEDLE},,,x")
    assert decide(*arguments) == 2
    told = capsys.readouterr()
    assert said.lower() in told.err.lower()
    assert "needle" not in (told.out + told.err).lower()
    assert query(COUNT) == [(0,)]


@pytest.mark.parametrize("options", [[], ["--reason", " "]])
def test_a_reason_is_asked_for(shop, query, capsys, options: list[str]) -> None:
    assert run(["identity", "decide", "link", ANN, BOB, *options]) == 2
    assert "There is no reason." in capsys.readouterr().err
    assert query(COUNT) == [(0,)]


def test_ids_differ_in_case_and_values_of_two_types_are_two_identifiers(shop, query) -> None:
    assert decide("link", "user_id=A1", "user_id=a1") == 0
    assert decide("link", "user_id=1", "crm_id=1") == 0
    assert query(COUNT) == [(2,)]


# Identifier types


def test_the_built_in_types_are_those_of_the_package() -> None:
    macro = (package_root() / "macros" / "config" / "cdp_identifier_types.sql").read_text()
    assert tuple(re.findall(r'"(\w+)": \{"priority".*"form"', macro)) == BUILT_IN_TYPES


def set_vars(shop: Path, text: str) -> None:
    path = shop / "dbt_project.yml"
    path.write_text(path.read_text() + text)


def test_types_of_the_project_are_known(shop, query, capsys) -> None:
    set_vars(shop, "  cdp_identifiers: [{name: loyalty_card}, {name: work_email, form: email}]\n")
    assert decide("link", "loyalty_card=7", ANN) == 0
    assert decide("link", "club_card=7", ANN) == 2
    assert "anonymous_id, loyalty_card, work_email" in capsys.readouterr().err
    assert query(COUNT) == [(1,)]


@pytest.mark.parametrize("value", ["7", "[email]", "[{priority: 2}]", "{name: x}"])
def test_types_that_are_no_list_of_names_are_told(shop, capsys, value: str) -> None:
    set_vars(shop, f"  cdp_identifiers: {value}\n")
    assert decide("link", ANN, BOB) == 2
    assert "cdp_identifiers must be a list" in capsys.readouterr().err


# From a file


def test_the_decisions_of_a_file_are_written_in_their_order(shop, query, capsys) -> None:
    path = csv_file(
        shop,
        "link,email,ann@shop.example,user_id,cid,same invoice",
        "",
        "never-link, email,bob@shop.example ,email,ann@shop.example,",
        'not_shared,phone,+49 170 1,,,"one, and one only"',
        "lift,email,ann@shop.example,user_id,cid,mistaken",
    )
    assert decide("--file", path, "--json") == 0
    said = capsys.readouterr()
    written = [row["decision"] for row in json.loads(said.out)]
    assert written == ["link", "never_link", "not_shared", "lift"]
    assert "4 decisions are written" in said.err
    assert query(ROWS) == [
        ("link", "email", "ann@shop.example", "user_id", "cid", "Eva", "same invoice"),
        ("never_link", *BOB.split("="), *ANN.split("="), "Eva", "they called"),
        ("not_shared", "phone", "+49 170 1", None, None, "Eva", "one, and one only"),
        ("lift", "email", "ann@shop.example", "user_id", "cid", "Eva", "mistaken"),
    ]
    times = query("select count(distinct decided_at) from identity_decisions")
    assert times == [(4,)]
    assert statuses(capsys) == [("not_shared", "in force"), ("never_link", "in force")]


def test_a_file_can_come_from_stdin_with_its_columns_in_any_order(shop, query, monkeypatch) -> None:
    columns = sorted(FILE_COLUMNS)
    cells = {"decision": "not_shared", "identifier_type_a": "email", "reason": "x"}
    cells["identifier_value_a"] = "ann@shop.example"
    row = ",".join(cells.get(name, "") for name in columns)
    text = f"\ufeff{','.join(columns)}\r\n{row}\r\n".encode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))
    assert decide("--file", "-") == 0
    assert query(ROWS) == [("not_shared", *ANN.split("="), None, None, "Eva", "x")]


def test_one_bad_row_keeps_the_whole_file_out_and_is_told_by_its_line(shop, query, capsys) -> None:
    path = csv_file(
        shop,
        "link,email,ann@shop.example,user_id,cid,good",
        f"join,email,{NEEDLE},user_id,cid,x",
        f'link,email,{NEEDLE},,,"two\nlines"',
        f"not_shared,email,{NEEDLE},,needle,x",
        f"link,{NEEDLE},email,user_id,cid,x",
        f"link,email,{NEEDLE},email,{NEEDLE},x",
        f"link,email,{NEEDLE},user_id,cid",
        f'link,"{NEEDLE}"x,,,,',
        f"link,email,{NEEDLE},user_id,,x",
        "not_shared,email,ann@shop.example,,,good",
    )
    assert decide("--file", path) == 2
    said = capsys.readouterr()
    types = ", ".join(BUILT_IN_TYPES)
    assert said.err.splitlines() == [
        "Error: 8 rows are no decision that can be taken; nothing was written.",
        "  line 3: the decision is none of link, never_link, shared, not_shared, lift",
        "  line 4: link takes two identifiers, not 1",
        "  line 6: not_shared takes one identifier, not 2",
        f"  line 7: the first identifier is of no known type; the types are {types}",
        "  line 8: the two identifiers are the same",
        "  line 9: 5 values, but the header names 6 columns",
        "  line 10: not CSV: ',' expected after '\"'",
        "  line 11: the second identifier has no value",
        "  Where: decisions.csv",
        "  What to do: correct these lines and give the whole file again.",
    ]
    assert said.out == ""
    assert query(COUNT) == [(0,)]


def test_of_many_bad_rows_the_first_are_told(shop, capsys) -> None:
    assert decide("--file", csv_file(shop, *["link,,,,,"] * 25)) == 2
    said = capsys.readouterr().err
    assert "25 rows" in said
    assert "  line 11: " in said
    assert "line 12" not in said
    assert "  and 15 more\n" in said


def test_a_row_without_any_reason_is_bad(shop, capsys) -> None:
    path = csv_file(shop, "not_shared,email,ann@shop.example,,,")
    assert run(["identity", "decide", "--file", str(path)]) == 2
    assert "1 row is" in (said := capsys.readouterr().err)
    assert "line 2: there is no reason" in said


@pytest.mark.parametrize(
    ("header", "lines", "code", "said"),
    [
        (f"link,email,{NEEDLE},user_id,cid,x", [f"lift,email,{NEEDLE},,,x"], 2, "begin the file"),
        (f"{HEADER},decided_at", [f"not_shared,email,{NEEDLE},,,x,2026"], 2, "and no others"),
        (f"not_shared,email,{NEEDLE},,,x", [], 1, "not a header"),
        (HEADER, [], 2, "holds no decisions"),
    ],
)
def test_a_file_that_is_no_list_of_decisions_is_told(
    shop, query, capsys, header: str, lines: list[str], code: int, said: str
) -> None:
    assert decide("--file", csv_file(shop, *lines, header=header)) == code
    told = capsys.readouterr().err
    assert said in told
    assert NEEDLE not in told
    assert query(COUNT) == [(0,)]


# What became of them


def test_a_later_decision_on_the_same_pair_supersedes_and_a_lift_lifts(shop, capsys) -> None:
    for name, *identifiers in [
        ("link", ANN, BOB),
        ("never_link", BOB, ANN),
        ("lift", ANN, BOB),
        ("link", ANN, CID),
        ("not_shared", ANN),
    ]:
        assert decide(name, *identifiers) == 0
    assert statuses(capsys) == [("not_shared", "in force"), ("link", "in force")]
    assert statuses(capsys, "--all") == [
        ("not_shared", "in force"),
        ("link", "in force"),
        ("lift", "lift"),
        ("never_link", "lifted"),
        ("link", "superseded"),
    ]
    assert decide("lift", ANN) == 0
    assert decide("link", BOB, ANN) == 0
    assert statuses(capsys) == [("link", "in force"), ("link", "in force")]
    assert ("never_link", "lifted") in statuses(capsys, "--all")


def test_the_list_is_a_table(shop, capsys) -> None:
    assert decide("link", ANN, CID, reason="[bold]same invoice") == 0
    capsys.readouterr()
    assert run(["identity", "decisions"]) == 0
    said = capsys.readouterr()
    assert f"{ANN}, {CID}" in said.out
    assert "[bold]same invoice" in said.out
    assert "in force" in said.out
    assert said.err == ""


def test_a_warehouse_from_before_the_ledger_gets_it(shop, query, capsys) -> None:
    query("drop table identity_decisions")
    assert listed(capsys) == []
    assert decide("not_shared", ANN) == 0
    assert query(COUNT) == [(1,)]
