"""What the Python clients share: a call a line of stdin, an acknowledgement a line of stdout."""

import json
import re
import sys
from collections.abc import Callable
from typing import Any


def relay(make_client: Callable[..., Any]) -> None:
    """Make the calls of stdin, flush, and tell which the collector has acknowledged.

    Both Python clients have the same interface. They tell only what they have given up.

    Args:
        make_client: the client's class. The collector's address and the write key are arguments of
            the command.
    """
    url, key = sys.argv[1:]
    made: list[str] = []
    given_up: set[str] = set()

    def on_error(error: Exception, batch: list[dict[str, Any]]) -> None:
        given_up.update(message["userId"] for message in batch)

    client = make_client(key, host=url, on_error=on_error, upload_interval=0.1)
    for line in sys.stdin:
        call = json.loads(line)
        made.append(call["userId"])
        method = getattr(client, call.pop("type"))
        method(**{_in_snake_case(name): value for name, value in call.items()})
    client.shutdown()
    for user in made:
        if user not in given_up:
            print(json.dumps({"acknowledged": user}))  # noqa: T201


def _in_snake_case(name: str) -> str:
    return re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", name)
