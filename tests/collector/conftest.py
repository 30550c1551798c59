"""Collectors that end with their tests."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from chromium import CHROMIUM, FLAGS
from serving import Collector


@pytest.fixture
def make_collector(tmp_path: Path) -> Iterator[Callable[..., Collector]]:
    """Start a collector with these options; its spool is `spool` in the test's folder."""
    started: list[Collector] = []

    def make(*options: str, spool: Path | None = None, **environment: str) -> Collector:
        collector = Collector(spool or tmp_path / "spool", *options, **environment)
        started.append(collector)
        return collector.start()

    yield make
    for collector in started:
        if collector.process and collector.process.poll() is None:
            collector.process.kill()
            collector.process.wait()


@pytest.fixture
def collector(make_collector: Callable[..., Collector]) -> Collector:
    """A collector as the options' defaults have it."""
    return make_collector()


# No longer than a module: while it is there, no other test can run an event loop.
@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def context(browser: Any) -> Iterator[Any]:
    """A browser that has never been here."""
    context = browser.new_context()
    yield context
    context.close()
