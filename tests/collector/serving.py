"""A collector in a process of its own, as a user runs it."""

import json
import os
import re
import subprocess
import sys
import threading
import time
from base64 import b64encode
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple

from dbt_cdp.collector.keys import KeyFile
from dbt_cdp.collector.segments import SpooledEvent, read_segment
from dbt_cdp.collector.spool import sealed_segments

SOURCE = "web"


class Reply(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


class Collector:
    """`cdp collect` with a spool of its own; `port` is kept when it is started again."""

    def __init__(self, spool: Path, *options: str, **environment: str) -> None:
        self.spool = spool
        self.key = KeyFile(spool).add(SOURCE)
        self.port = 0
        self.process: subprocess.Popen[str] | None = None
        self.talk: list[str] = []
        self._options = options
        self._environment = environment

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> list[dict[str, Any]]:
        """The access log so far, of all its lives."""
        return [json.loads(line) for line in (self.spool / "access.log").read_text().splitlines()]

    def start(self) -> "Collector":
        command = [sys.executable, "-m", "dbt_cdp", "collect", "--spool", str(self.spool)]
        options = ["--port", str(self.port), "--min-free-mb", "0", *self._options]
        with (self.spool / "access.log").open("a") as output:
            self.process = subprocess.Popen(
                [*command, *options],
                stdout=output,
                stderr=subprocess.PIPE,
                text=True,
                env={**os.environ, **self._environment},
            )
        assert self.process.stderr
        first = self.process.stderr.readline()
        found = re.search(r"http://127\.0\.0\.1:(\d+) ", first)
        assert found, first + self.process.stderr.read()
        self.port = int(found[1])
        # What it says is read all the time, or it would wait for us.
        threading.Thread(target=self.talk.extend, args=(self.process.stderr,), daemon=True).start()
        self._wait_until_ready()
        return self

    def stop(self) -> int:
        """End it by SIGTERM; everything is sealed then."""
        assert self.process
        self.process.terminate()
        return self.process.wait(60)

    def kill(self) -> None:
        """End it by SIGKILL."""
        assert self.process
        self.process.kill()
        self.process.wait(60)

    def post(
        self,
        path: str,
        body: object,
        key: str | None = None,
        headers: dict[str, str] | None = None,
        method: str = "POST",
    ) -> Reply:
        """Send a request; the body is bytes, or what JSON holds. key="" sends none."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = dict(headers or {})
        if key is None:
            key = self.key
        if key:
            sent.setdefault("Authorization", f"Basic {b64encode(f'{key}:'.encode()).decode()}")
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, data, sent)
            response = connection.getresponse()
            return Reply(
                response.status,
                {name.lower(): value for name, value in response.getheaders()},
                response.read(),
            )
        finally:
            connection.close()

    def get(self, path: str) -> Reply:
        return self.post(path, b"", key="", method="GET")

    def stored(self) -> list[SpooledEvent]:
        """What is in the sealed segments."""
        return [event for path in sealed_segments(self.spool) for event in read_segment(path)]

    def payloads(self) -> list[dict[str, Any]]:
        """The events in the sealed segments that can be loaded."""
        return [json.loads(event.payload) for event in self.stored() if event.payload]

    def _wait_until_ready(self) -> None:
        for _ in range(600):
            try:
                if self.get("/healthz").status in (200, 503):
                    return
            except OSError:
                time.sleep(0.05)
        raise AssertionError("the collector does not answer")
