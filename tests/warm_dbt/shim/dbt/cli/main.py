"""Stands where dbt's own module stands, in tests: a process that is dbt in all that can be seen of
it from outside, but has its work done by a fork of `serve.py`, which need not import dbt first.

It hands over its arguments, folder, environment and open files, passes signals on, and ends as the
fork ends.
"""

import json
import os  # pathlib takes longer than all else here
import signal
import socket
import sys
from types import FrameType

_PASSED = (signal.SIGINT, signal.SIGTERM)


def cli() -> None:
    """What the command `dbt` calls."""
    if "WARM_DBT" not in os.environ:
        _be_cold()
    server = socket.socket(socket.AF_UNIX)
    server.connect(os.environ["WARM_DBT"])
    ignored = [one for one in _PASSED if signal.getsignal(one) is signal.SIG_IGN]

    def passed(number: int, frame: FrameType | None) -> None:
        server.send(bytes([number]))

    for one in _PASSED:
        if one not in ignored:
            signal.signal(one, passed)
    request = {
        "arguments": sys.argv[1:],
        "folder": os.getcwd(),  # noqa: PTH109
        "environment": dict(os.environ),
        "ignored": ignored,
    }
    content = json.dumps(request).encode()
    socket.send_fds(server, [len(content).to_bytes(4, "big")], [0, 1, 2])
    server.sendall(content)
    told = server.recv(4)
    if not told:
        sys.exit("The process that serves dbt to the tests is gone.")
    status = int.from_bytes(told, "big")
    if os.WIFSIGNALED(status):
        if os.WTERMSIG(status) != signal.SIGKILL:
            signal.signal(os.WTERMSIG(status), signal.SIG_DFL)
        os.kill(os.getpid(), os.WTERMSIG(status))
    sys.exit(os.waitstatus_to_exitcode(status))


def _be_cold() -> None:
    """Become dbt itself, for tests in which it has to inherit more than the environment."""
    paths = os.environ["PYTHONPATH"].split(os.pathsep)
    os.environ["PYTHONPATH"] = os.pathsep.join(one for one in paths if "warm_dbt" not in one)
    os.execv(sys.executable, [sys.executable, "-P", "-m", "dbt.cli.main", *sys.argv[1:]])


if __name__ == "__main__":
    cli()
