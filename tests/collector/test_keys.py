"""Write keys: shown once, stored as hashes, taken and refused."""

import json
import threading
from pathlib import Path

import pytest

from dbt_cdp.cli import run
from dbt_cdp.collector.keys import KeyFile, WriteKeys, parse_pairs
from dbt_cdp.errors import ConfigurationError


def cdp(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = run([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_a_key_is_made_listed_and_revoked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spool = ("--spool", tmp_path / "spool")
    code, out, err = cdp(capsys, "keys", "add", "web", *spool)
    key = out.strip()
    assert (code, key[:4], len(key)) == (0, "cdp_", 36)
    assert key not in err
    cdp(capsys, "keys", "add", "app", *spool)
    code, out, _ = cdp(capsys, "keys", "list", "--json", *spool)
    listed = json.loads(out)
    assert [entry["source"] for entry in listed] == ["web", "app"]
    assert set(listed[0]) == {"id", "source", "created_at"}
    assert listed[0]["id"] in cdp(capsys, "keys", "list", *spool)[1]
    stored = (tmp_path / "spool" / "keys.json").read_text()
    assert key not in stored

    keys = WriteKeys(KeyFile(tmp_path / "spool"))
    assert [keys.source_of(text) for text in (key, key[:-1], "", "é")] == ["web", None, None, None]
    assert cdp(capsys, "keys", "revoke", listed[0]["id"], *spool)[0] == 0
    keys.refresh()
    assert keys.source_of(key) is None
    code, _, err = cdp(capsys, "keys", "revoke", listed[0]["id"], *spool)
    assert (code, "There is no write key" in err) == (2, True)


@pytest.mark.parametrize("name", ["", "a b", "web=1", "../x", "é"])
def test_a_key_is_for_a_source(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = cdp(capsys, "keys", "add", name, "--spool", tmp_path)
    assert (code, out) == (2, "")
    assert "name of the entry of cdp_sources" in err


def test_keys_made_at_once_are_all_there(tmp_path: Path) -> None:
    makers = [threading.Thread(target=KeyFile(tmp_path).add, args=("web",)) for _ in range(20)]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join()
    assert len(KeyFile(tmp_path).read()) == 20


@pytest.mark.parametrize("text", ["", "{}", '{"keys": [{"id": "a"}]}', "[]", '{"keys": 7}'])
def test_a_damaged_file_is_said_and_the_keys_before_it_stay(tmp_path: Path, text: str) -> None:
    file = KeyFile(tmp_path)
    key = file.add("web")
    keys = WriteKeys(file)
    file.path.write_text(text)
    with pytest.raises(ConfigurationError, match="damaged"):
        keys.refresh()
    assert keys.source_of(key) == "web"


def test_the_variable_of_keys() -> None:
    assert parse_pairs(" web = a=b , app=c,", "X") == [("web", "a=b"), ("app", "c")]
    for text in ("secret", "=secret", "web=", "a b=secret"):
        with pytest.raises(ConfigurationError) as error:
            parse_pairs(text, "X")
        assert "secret" not in error.value.message.replace("secret.", "").replace("A secret", "")
