"""Imports dbt once, and forks for every call of it: to start Python and import dbt takes longer
than most of what the tests ask of it, and they ask a thousand times.

Each call has a process of its own, as if dbt had been started for it: what one does to its modules,
no other sees. See the module `dbt.cli.main` below `shim` for the other side. Not for Windows.
"""

import gc
import json
import os
import select
import signal
import socket
import sys
from contextlib import suppress
from typing import Any


def serve(path: str) -> dict[str, Any]:
    """Listen on a socket, and fork for each call.

    Returns:
        The request, in the fork that is to do it. It never returns in the process itself, which
        ends when its standard input does.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(64)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while True:
            ready, _, _ = select.select([listener, sys.stdin], [], [])
            if sys.stdin in ready:
                os._exit(0)
            client, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                return _attend(client)
            client.close()


def _attend(client: socket.socket) -> dict[str, Any]:
    """Fork once more: the fork returns with the request, this process looks after it."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    length, files, _, _ = socket.recv_fds(client, 4, 3)
    content = b""
    while len(content) < int.from_bytes(length, "big"):
        content += client.recv(1 << 20)
    worker = os.fork()
    if worker == 0:
        client.close()
        for number, file in enumerate(files):
            os.dup2(file, number)
            os.close(file)
        return json.loads(content)  # type: ignore[no-any-return]
    _look_after(worker, client)
    os._exit(0)


def _look_after(worker: int, client: socket.socket) -> None:
    """Pass signals on, kill it if whoever has called was killed, and tell how it has ended."""
    process = os.pidfd_open(worker)
    while True:
        ready, _, _ = select.select([process, client], [], [])
        if process in ready:
            _, status = os.waitpid(worker, 0)
            with suppress(OSError):
                client.sendall(status.to_bytes(4, "big"))
            return
        try:
            numbers = client.recv(16)
        except OSError:
            numbers = b""
        for number in numbers or [signal.SIGKILL]:
            os.kill(worker, number)
        if not numbers:
            os.waitpid(worker, 0)
            return


def _become(request: dict[str, Any]) -> None:
    """Be as a process is that has just been started for this call."""
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    for one in (signal.SIGINT, signal.SIGTERM):
        is_ignored = one in request["ignored"]
        usual = signal.default_int_handler if one == signal.SIGINT else signal.SIG_DFL
        signal.signal(one, signal.SIG_IGN if is_ignored else usual)
    sys.argv = ["dbt", *request["arguments"]]


if __name__ == "__main__":
    # What dbt imports when it is called, besides.
    import dbt.adapters.duckdb
    import dbt.task.build  # noqa: F401
    from dbt.cli.main import cli

    gc.freeze()
    _become(serve(sys.argv[1]))
    cli()
