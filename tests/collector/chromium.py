"""The browser that the tests drive, where there is one."""

import shutil
from importlib.util import find_spec

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, _NAMES)), "")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # A page by http from another host than this one: no locks, as on any such page.
    "--host-resolver-rules=MAP shop.test 127.0.0.1",
)

needs_chromium = pytest.mark.skipif(
    not (CHROMIUM and find_spec("playwright")), reason="there is no Chromium, or no playwright"
)
