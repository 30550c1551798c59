"""The Redis destination, against a real server."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from redis import Redis

from dbt_cdp.destinations.base import Action, Destination, Mode, Outcome, Row, Status, Sync
from dbt_cdp.destinations.conformance import (
    FIELDS,
    DestinationConformance,
    Fault,
    impatient,
    row_of,
)
from dbt_cdp.destinations.errors import DestinationRefusedError, DestinationUnavailableError
from dbt_cdp.destinations.redis import RedisDestination, RedisSettings
from dbt_cdp.errors import ConfigurationError
from redis_proxy import RedisProxy, serving
from servers import free_ports, redis_server

PASSWORD = "p@ss/word"
QUOTED = "p%40ss%2Fword"


@pytest.fixture(scope="module")
def redis_port() -> Iterator[int]:
    with redis_server() as port:
        yield port


@pytest.fixture
def client(redis_port: int) -> Iterator[Redis]:
    """The owner's connection to an empty server, whose settings are as they were afterwards."""
    with Redis(port=redis_port) as client:
        client.flushall()
        yield client
        client.config_set("maxmemory", 0)
        client.config_set("maxmemory-policy", "noeviction")
        client.replicaof("no", "one")


@pytest.fixture(autouse=True)
def url(redis_port: int, monkeypatch: pytest.MonkeyPatch) -> str:
    text = f"redis://127.0.0.1:{redis_port}"
    monkeypatch.setenv("SITE_URL", text)
    return text


def opened(
    mode: Mode = Mode.UPSERT, name: str = "people", prefix: str | None = None
) -> RedisDestination:
    more = {"prefix": prefix} if prefix else {}
    entry = RedisSettings(name="site", type="redis", url_env="SITE_URL", **more)
    return RedisDestination(entry, Sync("leads", mode, name, "", "email", FIELDS), Path())


def row(key: str, **fields: Any) -> Row:
    return Row(f"d {key}", key, {"email": key, **fields})


def send(destination: Destination, *rows: Row, action: Action = Action.ADD) -> dict[str, Outcome]:
    """What became of rows, by their keys."""
    keys = {one.delivery_id: one.key for one in rows}
    return {keys[one.delivery_id]: one for one in destination.send(action, rows)}


def statuses(found: dict[str, Outcome]) -> dict[str, Status]:
    return {key: one.status for key, one in found.items()}


class TestRedis(DestinationConformance):
    # Nobody is asked to wait: there is no such word in the protocol. Answers are waited for longer
    # than a second.
    faults = frozenset(Fault) - {Fault.BUSY, Fault.SLOW}

    @pytest.fixture
    def fake(
        self, redis_port: int, client: Redis, monkeypatch: pytest.MonkeyPatch
    ) -> Iterator[RedisProxy]:
        with serving(RedisProxy(redis_port, client, "cdp:people:")) as proxy:
            monkeypatch.setenv("SITE_URL", f"redis://127.0.0.1:{proxy.port}")
            yield proxy

    def open(self, fake: Any, mode: Mode) -> Destination:
        return opened(mode)

    def test_rows_of_a_batch_go_in_one_request(
        self, fake: RedisProxy, destination: Destination
    ) -> None:
        send(destination, *(row_of(number).row for number in range(1_000)))
        assert fake.requests == [1_000]

    @pytest.mark.parametrize("mode", [Mode.INSERT, Mode.UPDATE])
    def test_a_condition_is_the_same_when_its_answer_is_lost(
        self, fake: RedisProxy, client: Redis, mode: Mode
    ) -> None:
        client.set("cdp:people:a", "{}")
        rows = [row("a", name="new")] + [row("b")] * (mode is Mode.INSERT)
        with opened(mode) as destination, impatient():
            fake.misbehave(Fault.LOST, 2)
            found = send(destination, *rows)
        assert set(statuses(found).values()) == {Status.ACKNOWLEDGED}
        assert fake.held()["a"] == ({} if mode is Mode.INSERT else {"email": "a", "name": "new"})


# Modes


def test_insert_leaves_keys_that_are_there_as_they_are(client: Redis) -> None:
    client.set("cdp:people:a", "theirs")
    with opened(Mode.INSERT) as destination:
        found = send(destination, row("a"), row("b"))
    assert statuses(found) == {"a": Status.ACKNOWLEDGED, "b": Status.ACKNOWLEDGED}
    assert client.get("cdp:people:a") == b"theirs"
    assert client.get("cdp:people:b") == b'{"email":"b"}'


def test_update_rejects_rows_without_a_key(client: Redis) -> None:
    client.set("cdp:people:a", "old")
    with opened(Mode.UPDATE) as destination:
        found = send(destination, row("a"), row("b"))
    assert found["a"].status is Status.ACKNOWLEDGED
    assert (found["b"].status, found["b"].reason) == (Status.REJECTED, "no record has this key")
    assert client.keys("*") == [b"cdp:people:a"]
    assert client.get("cdp:people:a") == b'{"email":"a"}'


def test_what_is_not_the_sync_s_own_is_left_alone(client: Redis) -> None:
    others = {"cdp:people": "1", "cdp:peoplea": "2", "cdp:others:a": "3", "a": "4", "shop:a": "5"}
    client.mset(others)
    client.hset("cdp:people:b:more", "x", "y")
    with opened(Mode.MIRROR) as destination:
        send(destination, row("a"), row("b"))
        send(destination, Row("d1", "a"), action=Action.REMOVE)
        list(destination.erase([row("b")]))
    assert {key.decode() for key in client.keys("*")} == {*others, "cdp:people:b:more"}


def test_keys_are_compared_exactly(client: Redis) -> None:
    keys = ["a", "A", "á", "a\u0301", "a b", "*", "a*", "[a]", "\\", "'", "\r\n", "\0", "木", "{a}"]
    with opened() as destination:
        send(destination, *map(row, keys))
        assert len(client.keys("*")) == len(keys)
        gone = list(destination.erase([row("A"), row("*"), row("\r\n"), row("a*"), row("\0")]))
    assert {one.status for one in gone} == {Status.ACKNOWLEDGED}
    left = set(keys) - {"A", "*", "\r\n", "a*", "\0"}
    assert {key.decode() for key in client.keys("*")} == {f"cdp:people:{key}" for key in left}


def test_entries_and_syncs_have_keys_of_their_own(client: Redis) -> None:
    for name, prefix in (("people", "shop"), ("v1.people-x", "cdp")):
        with opened(name=name, prefix=prefix) as destination:
            send(destination, row("a"))
    assert set(client.keys("*")) == {b"shop:people:a", b"cdp:v1.people-x:a"}


# Values


def test_values_are_json_with_their_types(client: Redis) -> None:
    at = datetime(2026, 6, 1, 12, 0, 0, 125_000)
    values = {
        "text": 'Zoë "木" \n\u2028 👩‍👩‍👧',
        "whole": Decimal("7"),
        "part": Decimal("1.5"),
        "is_it": True,
        "day": date(2026, 6, 1),
        "at": at,
        "there": at.replace(tzinfo=UTC) + timedelta(hours=1),
        "list": ["a", None, {"b": 1}],
        "none": None,
    }
    with opened() as destination:
        send(destination, row("a", **values))
    text = client.get("cdp:people:a").decode()
    assert text.startswith('{"email":"a","text":"Zoë ')
    assert json.loads(text) == {
        "email": "a",
        "text": values["text"],
        "whole": 7,
        "part": 1.5,
        "is_it": True,
        "day": "2026-06-01",
        "at": "2026-06-01T12:00:00.125000Z",
        "there": "2026-06-01T13:00:00.125000Z",
        "list": ["a", None, {"b": 1}],
        "none": None,
    }


@pytest.mark.parametrize("value", [float("nan"), Decimal("-Infinity"), [float("inf")]])
def test_a_number_that_no_page_could_read_is_rejected(client: Redis, value: Any) -> None:
    with opened() as destination:
        found = send(destination, row("a", score=value), row("b"))
    assert (found["a"].status, found["b"].status) == (Status.REJECTED, Status.ACKNOWLEDGED)
    assert "JSON" in (found["a"].reason or "")
    assert client.keys("*") == [b"cdp:people:b"]


def test_half_a_letter_is_rejected_and_the_others_arrive(client: Redis) -> None:
    client.set("cdp:people:?", "theirs")
    with opened() as destination:
        found = send(destination, row("a", name="\ud800"), row("\ud800"), row("b"))
        gone = list(destination.erase([row("\ud800")]))
    assert statuses(found) == {
        "a": Status.REJECTED,
        "\ud800": Status.REJECTED,
        "b": Status.ACKNOWLEDGED,
    }
    assert "half a letter" in (found["a"].reason or "")
    assert set(client.keys("*")) == {b"cdp:people:b", b"cdp:people:?"}
    assert [one.status for one in gone] == [Status.ACKNOWLEDGED]


# What a server refuses


def refused(*, match: str) -> DestinationRefusedError:
    """How a check ends, and sending and erasing too."""
    with opened() as destination, pytest.raises(DestinationRefusedError, match=match) as checked:
        destination.check()
    for act in (lambda one: send(one, row("a")), lambda one: list(one.erase([row("a")]))):
        with opened() as destination, pytest.raises(DestinationRefusedError, match=match):
            act(destination)
    assert "SITE_URL" in checked.value.message
    assert PASSWORD not in checked.value.message and QUOTED not in checked.value.message
    return checked.value


def test_a_full_memory_leaves_rows_for_the_next_run(client: Redis) -> None:
    client.config_set("maxmemory", 1)
    with opened() as destination, impatient():
        with pytest.raises(DestinationUnavailableError, match=r"memory is full \(maxmemory\)"):
            send(destination, row("a"), row("b"))
        with pytest.raises(DestinationUnavailableError, match="memory is full"):
            destination.check()
        # What makes room is done all the same.
        removed = send(destination, Row("d1", "a"), action=Action.REMOVE)
        assert statuses(removed) == {"a": Status.ACKNOWLEDGED}
        client.config_set("maxmemory", 0)
        assert set(statuses(send(destination, row("a"), row("b"))).values()) == {
            Status.ACKNOWLEDGED
        }


def test_a_replica_is_refused(client: Redis) -> None:
    client.replicaof("127.0.0.1", 9)
    refused(match="a replica, which only reads")


@pytest.mark.parametrize("login", ["", f"cdp:wrong{QUOTED}@", f"nobody:{QUOTED}@"])
def test_a_wrong_login_is_refused(
    client: Redis, redis_port: int, monkeypatch: pytest.MonkeyPatch, login: str
) -> None:
    client.acl_setuser("default", enabled=False)
    try:
        monkeypatch.setenv("SITE_URL", f"redis://{login}127.0.0.1:{redis_port}")
        refused(match="the user or the password is wrong or missing")
    finally:
        client.acl_setuser("default", enabled=True)


def as_user(client: Redis, monkeypatch: pytest.MonkeyPatch, port: int, rights: str) -> None:
    """Whoever opens it from now on is the user cdp, who has these rights."""
    client.execute_command("ACL", "SETUSER", "cdp", "reset", "on", f">{PASSWORD}", *rights.split())
    monkeypatch.setenv("SITE_URL", f"redis://cdp:{QUOTED}@127.0.0.1:{port}/0")


@pytest.mark.parametrize(
    "rights", ["~cdp:* +set", "~cdp:* +del", "~shop:* +set +del", "%R~cdp:* +set +del"]
)
def test_rights_that_are_missing_are_found_by_the_check(
    client: Redis, redis_port: int, monkeypatch: pytest.MonkeyPatch, rights: str
) -> None:
    as_user(client, monkeypatch, redis_port, rights)
    with opened() as destination, pytest.raises(DestinationRefusedError, match="permission"):
        destination.check()
    assert client.keys("*") == []


def test_the_rights_that_the_page_tells_are_enough(
    client: Redis, redis_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_user(client, monkeypatch, redis_port, "~cdp:* +set +del")
    with opened() as destination:
        assert destination.check() == "keys cdp:people:... can be written"
        assert send(destination, row("a"))["a"].status is Status.ACKNOWLEDGED
        assert [one.status for one in destination.erase([row("a")])] == [Status.ACKNOWLEDGED]


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-lru", "noeviction"])
def test_the_check_tells_whether_keys_may_be_dropped(client: Redis, policy: str) -> None:
    client.config_set("maxmemory-policy", policy)
    with opened() as destination:
        assert ("beware" in destination.check()) is (policy == "allkeys-lru")


def test_a_node_of_a_cluster_is_refused_when_it_sends_elsewhere(
    redis_port: int, client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(RedisProxy(redis_port, client, "cdp:people:")) as proxy:
        monkeypatch.setenv("SITE_URL", f"redis://127.0.0.1:{proxy.port}")
        proxy.misbehave(Fault.MOVED, 3)
        refused(match="one of a cluster")


def test_a_cluster_that_is_down_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    (bus,) = free_ports(1)
    cluster = ["--cluster-enabled", "yes", "--cluster-port", str(bus)]
    with redis_server(*cluster) as port, impatient():
        monkeypatch.setenv("SITE_URL", f"redis://127.0.0.1:{port}")
        with (
            opened() as destination,
            pytest.raises(DestinationUnavailableError, match=r"slot|cluster is down"),
        ):
            send(destination, row("a"))


def test_a_server_that_is_not_there_leaves_rows_for_the_next_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SITE_URL", f"redis://cdp:{QUOTED}@127.0.0.1:9/3")
    away = pytest.raises(DestinationUnavailableError, match="no connection")
    with opened() as destination, impatient(), away as error:
        send(destination, row("a"))
    assert PASSWORD not in error.value.message and "127.0.0.1" not in error.value.message


def test_a_server_that_restarts_is_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with redis_server() as port:
        monkeypatch.setenv("SITE_URL", f"redis://127.0.0.1:{port}/1")
        with opened() as destination:
            send(destination, row("a"))
            with Redis(port=port) as owner:
                owner.client_kill_filter(_type="normal", skipme=True)
            send(destination, row("b"))
        with Redis(port=port, db=1) as owner:
            assert len(owner.keys("*")) == 2


# TLS


def write_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1 that nobody else vouches for, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "redis")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = folder / "redis.crt", folder / "redis.key"
    files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return files


def test_tls_is_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate, key = write_certificate(tmp_path)
    options = {"--tls-cert-file": certificate, "--tls-key-file": key, "--tls-auth-clients": "no"}
    pairs = [str(part) for pair in options.items() for part in pair]
    with redis_server(*pairs, tls=True) as port:
        monkeypatch.setenv("SITE_URL", f"rediss://127.0.0.1:{port}")
        refused(match="a certificate of TLS does not fit")
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        with opened() as destination:
            assert destination.check()
        # Its certificate is of another name.
        monkeypatch.setenv("SITE_URL", f"rediss://localhost:{port}")
        refused(match="a certificate of TLS does not fit")


# Settings


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("redis://db.example:6379", "could be read on its way"),
        ("redis://cdp:s3cret@10.0.0.1:6379/0", "could be read on its way"),
        ("https://s3cret.example", "is not one of Redis"),
        ("unix:///run/s3cret.sock", "is not one of Redis"),
        ("rediss://", "is not one of Redis"),
        ("rediss://db.example:s3cret", "is not one of Redis"),
        ("rediss://db.example:70000", "is not one of Redis"),
        ("rediss://db.example/s3cret", "is not one of Redis"),
        ("rediss://db.example?ssl_cert_reqs=none", "is not one of Redis"),
        ("s3cret", "is not one of Redis"),
        ("rediss://[s3cret", "is not one of Redis"),
    ],
)
def test_an_address_that_is_none_is_told_without_it(
    monkeypatch: pytest.MonkeyPatch, address: str, problem: str
) -> None:
    monkeypatch.setenv("SITE_URL", address)
    with pytest.raises(ConfigurationError, match=problem) as error:
        opened()
    assert "s3cret" not in error.value.message and "SITE_URL" in error.value.message


@pytest.mark.parametrize("name", ["", "a:b", "a b", "*", "{a}"])
def test_a_sync_has_to_name_its_keys(name: str) -> None:
    with pytest.raises(ConfigurationError, match="what its keys are called"):
        opened(name=name)


@pytest.mark.parametrize("prefix", ["a:b", "*"])
def test_a_prefix_is_one_part_of_a_key(prefix: str) -> None:
    with pytest.raises(ValueError, match="prefix"):
        opened(prefix=prefix)
