"""Files in a folder or a bucket."""

from pathlib import Path

import pytest

from dbt_cdp.errors import ConfigurationError, StorageError
from dbt_cdp.storage import Storage, open_storage


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return open_storage("archive", tmp_path)


def give(storage: Storage, folder: Path, name: str, content: bytes) -> None:
    local = folder / "given"
    local.write_bytes(content)
    storage.put(local, name)


def taken(storage: Storage, folder: Path, name: str) -> bytes:
    local = folder / "taken"
    storage.get(name, local)
    return local.read_bytes()


def test_a_file_comes_back(storage: Storage, tmp_path: Path) -> None:
    give(storage, tmp_path, "2026/01/a.csv", b"one")
    assert taken(storage, tmp_path, "2026/01/a.csv") == b"one"
    assert list(storage.names("2026/0")) == ["2026/01/a.csv"]
    storage.delete("2026/01/a.csv")
    with pytest.raises(StorageError, match="no such file"):
        taken(storage, tmp_path, "2026/01/a.csv")


@pytest.mark.parametrize("name", ["", "/a", "../a", "a/../b", "a//b", "a/", "a\\b", ".a", "a\nb"])
def test_a_name_that_leads_elsewhere_is_refused(storage: Storage, tmp_path: Path, name: str):
    with pytest.raises(ConfigurationError, match="cannot be kept under the name"):
        give(storage, tmp_path, name, b"")
