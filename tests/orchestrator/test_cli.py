"""The command line: help, usage errors, exit codes, signals."""

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import click
import pytest

from dbt_cdp import __version__
from dbt_cdp.cli import COMMANDS, cli, run
from dbt_cdp.errors import CdpError, ConfigurationError, ExitCode

ROOT = Path(__file__).parents[2]
# What stands in a line of a shell block, or between backticks.
CALL = re.compile(r"(?:^|`)cdp ([a-z][^`\n]*)", re.MULTILINE)

SOURCE_ROOT = Path(__file__).parents[2] / "orchestrator"


def leaves(command: click.Command, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    if not isinstance(command, click.Group):
        return [path]
    context = click.Context(command)
    found = []
    for name in command.list_commands(context):
        child = command.get_command(context, name)
        assert child is not None
        found += leaves(child, (*path, name))
    return found


ALL = leaves(cli)


def test_every_command_is_there() -> None:
    assert {path[0] for path in ALL} == set(COMMANDS)


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_every_command_and_option_has_help(path: tuple[str, ...], capsys) -> None:
    assert run([*path, "-h"]) == ExitCode.OK
    assert f"Usage: cdp {' '.join(path)}" in capsys.readouterr().out
    command: click.Command | None = cli
    for name in path:
        assert isinstance(command, click.Group)
        command = command.get_command(click.Context(command), name)
    assert command is not None
    assert command.help
    for parameter in command.params:
        assert not isinstance(parameter, click.Option) or parameter.help, parameter.name


def command_of(path: Sequence[str]) -> click.Command:
    """The command of that path; KeyError where there is none."""
    command: click.Command = cli
    for name in path:
        child = command.get_command(click.Context(command), name)  # type: ignore[attr-defined]
        if child is None:
            raise KeyError(name)
        command = child
    return command


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_every_command_has_an_example_that_can_be_read(path: tuple[str, ...]) -> None:
    command = command_of(path)
    (example,) = re.findall(r"Example: cdp (.*)", command.help or "")
    words = shlex.split(example)
    assert tuple(words[: len(path)]) == path
    with command.make_context(path[-1], words[len(path) :], resilient_parsing=True) as context:
        assert context.args == []


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_every_command_gives_json_to_programs(path: tuple[str, ...]) -> None:
    """But for those that run until they are stopped, and those whose word is one."""
    options = {name for parameter in command_of(path).params for name in parameter.opts}
    without = [("collect",), ("schedule",), ("keys", "add"), ("keys", "revoke")]
    assert ("--json" in options) == (path not in without)


def test_the_docs_and_the_commands_match() -> None:
    named = set()
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for call in CALL.findall(page.read_text(encoding="utf-8")):
            words = call.split()
            path = next(
                (tuple(words[:n]) for n in (2, 1) if tuple(words[:n]) in (*ALL, ("sources",))), None
            )
            is_group = words[0] in COMMANDS and len(words) == 1
            assert path or is_group, f"{page.name}: cdp {call}"
            if path:
                named.add(path)
                known = {name for one in command_of(path).params for name in one.opts}
                told = set(re.findall(r"--[a-z-]+", call))
                assert path == ("sources",) or told <= known | {"--help"}, f"{page.name}: {call}"
    assert {*ALL} - named == {("sources", "list")}, "say in the docs what these are for"


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_an_unknown_option_is_a_usage_error(path: tuple[str, ...], capsys) -> None:
    assert run([*path, "--no-such-option"]) == ExitCode.USAGE
    assert "No such option" in capsys.readouterr().err


def test_an_unknown_command_is_a_usage_error(capsys) -> None:
    assert run(["no-such-command"]) == ExitCode.USAGE
    said = capsys.readouterr()
    assert "No such command" in said.err
    assert said.out == ""


def test_the_help_lists_the_commands_and_the_version_is_told(capsys) -> None:
    assert run(["--help"]) == ExitCode.OK
    said = capsys.readouterr().out
    assert all(f"\n  {name}" in said for name in COMMANDS)
    assert run(["--version"]) == ExitCode.OK
    assert capsys.readouterr().out == f"cdp, version {__version__}\n"


def test_an_error_of_ours_is_told_and_sets_the_exit_code(monkeypatch, capsys) -> None:
    def fail(error: BaseException) -> int:
        @click.command()
        def broken() -> None:
            raise error

        monkeypatch.setattr(cli, "get_command", lambda context, name: broken)
        return run(["broken"])

    assert fail(CdpError("It broke.", where="table t", remedy="mend it.")) == 1
    assert capsys.readouterr().err == (
        "Error: It broke.\n  Where: table t\n  What to do: mend it.\n"
    )
    assert fail(ConfigurationError("Wrong.")) == 2
    assert fail(KeyboardInterrupt()) == 130
    with pytest.raises(ZeroDivisionError):
        fail(ZeroDivisionError())


def test_the_project_folder_can_come_from_the_environment(tmp_path, monkeypatch, capsys) -> None:
    (tmp_path / "events.ndjson").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CDP_PROJECT_DIR", str(tmp_path))
    monkeypatch.setenv("CDP_TARGET", "no-such-target")
    (tmp_path / "dbt_project.yml").write_text("name: shop\nprofile: shop\n")
    (tmp_path / "profiles.yml").write_text("shop: {outputs: {dev: {type: duckdb}}}\n")
    assert run(["load", "events.ndjson"]) == ExitCode.USAGE
    assert "no target 'no-such-target'" in capsys.readouterr().err


# The command, but it says so on stdout when it has begun to read. What a shell starts in the
# background ignores Ctrl-C, and so would the command if the tests were started that way.
OBSERVED = """
import signal

from dbt_cdp import cli
from dbt_cdp.commands import load

load_files = load.load_files
load.load_files = lambda *arguments: load_files(
    *arguments[:-1], lambda file: print("reading", flush=True)
)
signal.signal(signal.SIGINT, signal.default_int_handler)
cli.main()
"""


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, ExitCode.INTERRUPTED), (signal.SIGTERM, ExitCode.TERMINATED)],
)
def test_a_signal_stops_a_load_and_leaves_nothing(shop, query, number: int, code: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", OBSERVED, "load", "-"],
        cwd=shop,
        env={**os.environ, "PYTHONPATH": str(SOURCE_ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(b'{"user_id": "u1"}\n' * 100)
        process.stdin.flush()
        assert process.stdout.readline() == b"reading\n"
        process.send_signal(number)
        assert process.wait(timeout=60) == code
        assert process.stderr.read().strip() == b"Stopped."
    assert query("select count(*) from landing_events") == [(0,)]
