"""What is written to the terminal, a file or a pipe."""

import io
import json
import sys

import pytest

from dbt_cdp import output

# Red letters, a title of the window, text from right to left; in 7 and in 8 bits.
HOSTILE = "\x1b[31mred \x9b31m \x1b]0;title\x07 \u202egnp.exe \r\n next"


def test_plain_text_is_one_line_that_steers_nothing() -> None:
    said = output.plain(HOSTILE)
    assert said.isprintable()
    assert said == "\ufffd[31mred \ufffd31m \ufffd]0;title\ufffd \ufffdgnp.exe    next"
    assert output.plain("Zoë\xa0Müller 李") == "Zoë Müller 李"
    assert (output.plain(None), output.plain(0.5)) == ("", "0.5")


def test_data_steers_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_table(["name", HOSTILE], [[HOSTILE, (HOSTILE, 1)]])
    output.print_tree(HOSTILE, [HOSTILE])
    output.say(HOSTILE)
    output.print_json({HOSTILE: [HOSTILE]})
    said = capsys.readouterr().out
    assert said.replace("\n", "").isprintable()
    assert said.count("[31mred") == 8


def test_json_keeps_what_it_cannot_show(capsys: pytest.CaptureFixture[str]) -> None:
    data = {HOSTILE: ["\U000e0041", "Zoë"]}
    output.print_json(data)
    said = capsys.readouterr().out
    assert json.loads(said) == data
    assert "Zoë" in said


def test_a_table_in_a_pipe_is_not_folded_and_numbers_are_readable(capsys) -> None:
    output.print_table(["file", "rows", "why"], [["x" * 90, 1_234_567, None]])
    said = capsys.readouterr().out
    assert "x" * 90 in said
    assert "1,234,567" in said
    assert "None" not in said


def test_a_cell_may_have_lines(capsys) -> None:
    output.print_table(["pair"], [[("one", "other")]])
    assert [line.strip("│ ") for line in capsys.readouterr().out.splitlines()[3:5]] == [
        "one",
        "other",
    ]


def test_a_terminal_has_its_own_width(monkeypatch) -> None:
    assert output.stdout_console().width == 200
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("COLUMNS", "77")
    assert output.stdout_console().width == 77


def test_progress_is_for_a_terminal_only(monkeypatch, capsys) -> None:
    with output.progress("Loading", 10) as advance:
        advance(5)
    assert capsys.readouterr().err == ""
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stderr", terminal)
    with output.progress("Loading", 10) as advance:
        advance(10)
    assert "Loading" in terminal.getvalue()
