"""What the pages of docs/deploy tell a reader to paste, and how they call `cdp`."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from dbt_cdp.project import package_root

ROOT = package_root()
FOLDER = ROOT / "docs" / "deploy"
PAGES = sorted(FOLDER.glob("*.md"))

# A block that is a file: its name stands above it.
_FILE = re.compile(r"^`([^`\n]+)`:\n\n```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_BLOCK = re.compile(r"^```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# A call, in the text, in a shell's line, or by the image of a project; programs call it otherwise.
_CALL = re.compile(r"""(?:(?<=[\s/`])cdp|-cdp:[\d.]+) ([a-z]+[^\n`'"|;&>]*)""")
_PROGRAMS = {"python", "sh"}


def files(page: str) -> dict[str, str]:
    """The files of a page, by their names."""
    return {name: text for name, _, text in _FILE.findall(read(page))}


def manifests(page: str) -> list[dict[str, Any]]:
    """The documents of a page's YAML files."""
    found = [text for name, text in files(page).items() if name.endswith((".yaml", ".yml"))]
    return [one for text in found for one in yaml.safe_load_all(text)]


def shell_lines(page: str) -> list[str]:
    """The lines that a reader is to type."""
    text = _FILE.sub("", read(page))
    return [line for block in _BLOCK.findall(text) for line in block.splitlines()]


def calls(page: str, commands: set[str]) -> Iterator[str]:
    """The arguments of each call of one of these commands."""
    text = read(page)
    for _, language, program in _FILE.findall(text):
        if language in _PROGRAMS:
            text = text.replace(program, "")
    for found in _CALL.findall(text):
        if found.split()[0] in commands:
            yield found
    for document in manifests(page):
        for container in _containers(document):
            yield " ".join(container["args"])


def containers(page: str) -> list[dict[str, Any]]:
    """The containers of a page's manifests."""
    return [one for document in manifests(page) for one in _containers(document)]


def read(page: str) -> str:
    """The text of a page."""
    return (FOLDER / page).read_text(encoding="utf-8")


def write(page: str, folder: Path) -> None:
    """Put the files of a page where they belong, below a folder that stands for /."""
    for name, text in files(page).items():
        path = folder / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        if text.startswith("#!"):
            path.chmod(0o755)


def _containers(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, list):
        for one in value:
            yield from _containers(one)
    elif isinstance(value, dict):
        yield from value.get("containers", [])
        for one in value.values():
            yield from _containers(one)
