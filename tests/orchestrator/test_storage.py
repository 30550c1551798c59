"""Files in a folder or a bucket. What holds for every storage is tried on each; buckets are on
loopback."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from bucket_server import BUCKET, Bucket, bucket_server
from dbt_cdp.errors import ConfigurationError, StorageError
from dbt_cdp.storage import Storage, open_storage

BUCKETS = ["s3", "gs"]

KEY_ID, SECRET, TOKEN = "AKIAOURKEYID", "our-secret-key", "our-session-token"

ACCOUNT = {
    "type": "service_account",
    "client_email": "cdp@our-project.iam.gserviceaccount.com",
    "private_key_id": KEY_ID,
}

# What nobody listens to: the port is for the system's services.
NOBODY = "http://127.0.0.1:1"

METHODS: dict[str, Callable[[Storage, Path], object]] = {
    "put": lambda storage, local: storage.put(local, "a.csv"),
    "get": lambda storage, local: storage.get("a.csv", local),
    "names": lambda storage, local: list(storage.names()),
    "delete": lambda storage, local: storage.delete("a.csv"),
}


@pytest.fixture(scope="module")
def private_key() -> str:
    return (
        rsa.generate_private_key(public_exponent=65537, key_size=2048)
        .private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        .decode()
    )


@pytest.fixture
def environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, private_key: str
) -> pytest.MonkeyPatch:
    """The machine of somebody who has set credentials, and nothing else."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "GCE_", "GOOGLE_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_SESSION_TOKEN", TOKEN)
    account = json.dumps(ACCOUNT | {"private_key": private_key})
    (tmp_path / "account.json").write_text(account)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "account.json"))
    return monkeypatch


@pytest.fixture
def bucket(environment: pytest.MonkeyPatch) -> Iterator[Bucket]:
    with bucket_server() as bucket:
        environment.setenv("AWS_ENDPOINT_URL", bucket.url)
        environment.setenv("GOOGLE_BASE_URL", bucket.url)
        yield bucket


@pytest.fixture(params=BUCKETS)
def scheme(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def bucket_storage(bucket: Bucket, scheme: str, tmp_path: Path) -> Storage:
    return open_storage(f"{scheme}://{BUCKET}/cdp/archive/", tmp_path)


@pytest.fixture
def folder(tmp_path: Path) -> Storage:
    return open_storage("archive", tmp_path)


@pytest.fixture(params=["folder", *BUCKETS])
def storage(request: pytest.FixtureRequest, bucket: Bucket, tmp_path: Path) -> Storage:
    if request.param == "folder":
        return open_storage("archive", tmp_path)
    return open_storage(f"{request.param}://{BUCKET}/cdp/archive/", tmp_path)


def give(storage: Storage, tmp_path: Path, name: str, content: bytes = b"-") -> None:
    local = tmp_path / "given"
    local.write_bytes(content)
    storage.put(local, name)


def taken(storage: Storage, tmp_path: Path, name: str) -> bytes:
    local = tmp_path / "taken"
    storage.get(name, local)
    return local.read_bytes()


def refusal(act: Callable[[], object], kind: type = StorageError) -> str:
    """The text of the error that it ends with, in which there is no secret."""
    with pytest.raises(kind) as refused:
        act()
    text = str(refused.value)
    assert not any(secret in text for secret in (KEY_ID, SECRET, TOKEN, "PRIVATE KEY", "Bearer"))
    return text


# Every storage


@pytest.mark.parametrize(
    "name", ["a", "2026/01/a b.csv", "ü/ß é/日本.csv", "a%20b/100%?#&+<'\".csv"]
)
def test_a_file_comes_back(storage: Storage, tmp_path: Path, name: str) -> None:
    give(storage, tmp_path, name, b"one")
    assert taken(storage, tmp_path, name) == b"one"
    assert list(storage.names()) == [name]


def test_a_file_replaces_the_one_that_has_its_name(storage: Storage, tmp_path: Path) -> None:
    give(storage, tmp_path, "a.csv", b"the first, which is longer")
    give(storage, tmp_path, "a.csv", b"the second")
    assert taken(storage, tmp_path, "a.csv") == b"the second"
    assert list(storage.names()) == ["a.csv"]


@pytest.mark.parametrize("size", [0, 8 << 20, (8 << 20) + 1, 20_000_003])
def test_a_file_of_any_size_comes_back(
    storage: Storage, bucket: Bucket, tmp_path: Path, size: int
) -> None:
    content = os.urandom(size)
    give(storage, tmp_path, "a.csv", content)
    assert taken(storage, tmp_path, "a.csv") == content
    assert list(storage.names()) == ["a.csv"]
    assert not bucket.uploads


def test_names_come_in_order_and_by_their_beginning(
    storage: Storage, bucket: Bucket, tmp_path: Path
) -> None:
    bucket.page = 2
    names = [
        "2025/12/a",
        "2026-a",
        "2026.csv",
        "2026/01/a",
        "2026/01/b",
        "2026/02",
        "2026/é",
        "20260",
    ]
    for name in reversed(names):
        give(storage, tmp_path, name)

    assert list(storage.names()) == names
    assert list(storage.names("2026/")) == names[3:7]
    assert list(storage.names("2026/0")) == names[3:6]
    assert list(storage.names("2026/01/b")) == ["2026/01/b"]
    assert list(storage.names("2027/")) == []
    assert list(storage.names("2026.csv/")) == []


def test_a_deleted_file_is_gone(storage: Storage, tmp_path: Path) -> None:
    give(storage, tmp_path, "2026/a.csv")
    give(storage, tmp_path, "2026/b.csv")
    storage.delete("2026/a.csv")
    storage.delete("2026/a.csv")
    storage.delete("2026/b.csv/c.csv")
    assert list(storage.names()) == ["2026/b.csv"]


def test_where_there_is_no_file_nothing_is_got(storage: Storage, tmp_path: Path) -> None:
    give(storage, tmp_path, "b.csv")
    text = refusal(lambda: taken(storage, tmp_path, "a.csv"))
    assert "There is no such file." in text
    assert f"{storage}/a.csv" in text
    assert not (tmp_path / "taken").exists()


def test_an_empty_storage_has_no_names(storage: Storage) -> None:
    assert list(storage.names()) == []


@pytest.mark.parametrize(
    "name", ["", "/a", "../a", "a/../b", "a/..", "a//b", "a/", "a\\b", ".a", "a/.b", "a\nb", "a\0b"]
)
def test_a_name_that_leads_elsewhere_is_refused(
    storage: Storage, bucket: Bucket, tmp_path: Path, name: str
) -> None:
    local = tmp_path / "local"
    local.write_bytes(b"")
    for act in (
        lambda: storage.put(local, name),
        lambda: storage.get(name, local),
        lambda: storage.delete(name),
    ):
        assert "under the name" in refusal(act, ConfigurationError)
    if name.removesuffix("/") not in ("", "a"):
        refusal(lambda: list(storage.names(name)), ConfigurationError)
    assert not bucket.requests
    assert not (tmp_path / "archive").exists()


def test_a_file_that_is_not_there_cannot_be_put(storage: Storage, tmp_path: Path) -> None:
    text = refusal(lambda: storage.put(tmp_path / "nothing", "a.csv"))
    assert str(tmp_path / "nothing") in text


def test_what_cannot_be_written_here_is_told_of(storage: Storage, tmp_path: Path) -> None:
    give(storage, tmp_path, "a.csv")
    text = refusal(lambda: storage.get("a.csv", tmp_path / "nowhere" / "a.csv"))
    assert str(tmp_path / "nowhere") in text


# Folders


def test_a_folder_is_for_its_owner_and_not_for_git(folder: Storage, tmp_path: Path) -> None:
    assert str(folder) == str(tmp_path / "archive")
    give(folder, tmp_path, "2026/a.csv")
    made = tmp_path / "archive"
    assert (made / "2026" / "a.csv").stat().st_mode & 0o777 == 0o600
    assert [path.stat().st_mode & 0o777 for path in (made, made / "2026")] == [0o700, 0o700]
    assert (made / ".gitignore").read_text() == "*\n"


def test_a_folder_that_was_there_stays_as_it_is(folder: Storage, tmp_path: Path) -> None:
    (tmp_path / "archive").mkdir()
    give(folder, tmp_path, "a.csv")
    assert [path.name for path in (tmp_path / "archive").iterdir()] == ["a.csv"]


def test_a_killed_process_leaves_no_half_file(folder: Storage, tmp_path: Path) -> None:
    give(folder, tmp_path, "2026/a.csv", b"old")
    (tmp_path / "new").write_bytes(b"new")
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    assert killed.returncode == -signal.SIGKILL

    (half,) = (tmp_path / "archive" / "2026").glob(".*")
    assert half.read_bytes() == b"new"
    assert list(folder.names()) == ["2026/a.csv"]
    assert taken(folder, tmp_path, "2026/a.csv") == b"old"
    assert half.exists(), "somebody may be writing it"

    an_hour_ago = time.time() - 3601
    os.utime(half, (an_hour_ago, an_hour_ago))
    give(open_storage("archive", tmp_path), tmp_path, "b.csv")
    assert not half.exists()


# Kills itself when the half file is to be made durable: it has not replaced the old one yet.
KILLED = """
import os, signal, sys
from pathlib import Path
from dbt_cdp.storage import open_storage

os.fsync = lambda descriptor: os.kill(os.getpid(), signal.SIGKILL)
root = Path(sys.argv[1])
open_storage("archive", root).put(root / "new", "2026/a.csv")
"""


def test_a_disk_that_is_full_is_told_of(folder: Storage, tmp_path: Path) -> None:
    give(folder, tmp_path, "a.csv", b"old")
    (tmp_path / "large").write_bytes(bytes(2_000_000))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
    try:
        text = refusal(lambda: folder.put(tmp_path / "large", "a.csv"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "The disk refuses" in text
    assert str(tmp_path / "archive" / "a.csv") in text
    assert taken(folder, tmp_path, "a.csv") == b"old"
    assert not list((tmp_path / "archive").glob(".*.half"))


def test_a_file_in_the_place_of_the_folder_is_told_of(folder: Storage, tmp_path: Path) -> None:
    (tmp_path / "archive").write_text("")
    assert "The disk refuses" in refusal(lambda: give(folder, tmp_path, "a.csv"))


# Buckets


def test_a_bucket_is_asked_below_its_prefix_and_with_credentials(
    bucket_storage: Storage, bucket: Bucket, scheme: str, tmp_path: Path
) -> None:
    assert str(bucket_storage) == f"{scheme}://{BUCKET}/cdp/archive"
    bucket.objects["cdp/archive-of-others/a.csv"] = b"theirs"
    give(bucket_storage, tmp_path, "a.csv", b"ours")
    assert bucket.objects["cdp/archive/a.csv"] == b"ours"
    assert list(bucket_storage.names()) == ["a.csv"]
    begin = f"AWS4-HMAC-SHA256 Credential={KEY_ID}/" if scheme == "s3" else "Bearer ey"
    assert all(one.startswith(begin) for one in bucket.authorizations)


def test_a_whole_bucket_has_no_prefix(bucket: Bucket, scheme: str, tmp_path: Path) -> None:
    storage = open_storage(f"{scheme}://{BUCKET}", tmp_path)
    assert str(storage) == f"{scheme}://{BUCKET}"
    give(storage, tmp_path, "2026/a.csv")
    assert list(bucket.objects) == list(storage.names()) == ["2026/a.csv"]


def test_a_large_file_goes_up_in_parts(
    bucket_storage: Storage, bucket: Bucket, tmp_path: Path
) -> None:
    give(bucket_storage, tmp_path, "a.csv", bytes(20_000_000))
    assert sum("partNumber" in request for request in bucket.requests) == 3
    assert bucket.objects["cdp/archive/a.csv"] == bytes(20_000_000)


def test_an_upload_that_is_refused_halfway_leaves_nothing(
    bucket_storage: Storage, bucket: Bucket, tmp_path: Path
) -> None:
    bucket.objects["cdp/archive/a.csv"] = b"old"
    bucket.fail_part(403, "AccessDenied")
    assert "Access is denied" in refusal(
        lambda: give(bucket_storage, tmp_path, "a.csv", bytes(20_000_000))
    )
    assert bucket.objects["cdp/archive/a.csv"] == b"old"
    assert not bucket.uploads


def test_an_upload_ends_with_a_signal(bucket: Bucket, tmp_path: Path) -> None:
    with (tmp_path / "large").open("wb") as large:
        large.truncate(200_000_000)  # far more than the parts that wait for an answer at once

    def interrupt() -> None:
        bucket.on_part = lambda: None
        os.kill(uploading.pid, signal.SIGINT)

    bucket.on_part = interrupt
    with subprocess.Popen(
        [sys.executable, "-c", UPLOADING, f"s3://{BUCKET}", str(tmp_path)], stderr=subprocess.PIPE
    ) as uploading:
        _, told = uploading.communicate(timeout=60)
    assert b"KeyboardInterrupt" in told
    assert not bucket.objects
    assert not bucket.uploads


UPLOADING = """
import signal
import sys
from pathlib import Path
from dbt_cdp.storage import open_storage

# What a shell starts in the background is told to ignore it.
signal.signal(signal.SIGINT, signal.default_int_handler)
root = Path(sys.argv[2])
open_storage(sys.argv[1], root).put(root / "large", "a.csv")
"""


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("status", "code", "told"),
    [
        (403, "AccessDenied", "Access is denied (AccessDenied)."),
        (403, "SignatureDoesNotMatch", "The credentials are refused (SignatureDoesNotMatch)."),
        (401, "Unauthorized", "The credentials are refused (Unauthorized)."),
        (301, "PermanentRedirect", "set AWS_REGION"),
        (400, "AuthorizationHeaderMalformed", "set AWS_REGION"),
        (400, "InvalidRequest", "The bucket refuses (InvalidRequest)."),
    ],
)
def test_a_refusal_is_told_in_our_words(
    bucket_storage: Storage,
    bucket: Bucket,
    tmp_path: Path,
    method: str,
    status: int,
    code: str,
    told: str,
) -> None:
    local = tmp_path / "local"
    local.write_bytes(b"-")
    bucket.fail(status, code, detail=f"<StringToSign>{KEY_ID} {SECRET} {TOKEN}</StringToSign>")
    text = refusal(lambda: METHODS[method](bucket_storage, local))
    assert told in text
    assert str(bucket_storage) in text
    assert local.read_bytes() == b"-"


@pytest.mark.parametrize(
    ("scheme", "code", "remedy"),
    [
        ("s3", "AccessDenied", "s3:ListBucket"),
        ("gs", "AccessDenied", "roles/storage.objectUser"),
        ("s3", "InvalidAccessKeyId", "set AWS_ACCESS_KEY_ID"),
        ("gs", "InvalidToken", "set GOOGLE_APPLICATION_CREDENTIALS"),
    ],
    indirect=["scheme"],
)
def test_a_refusal_says_what_to_do(
    bucket_storage: Storage, bucket: Bucket, tmp_path: Path, code: str, remedy: str
) -> None:
    bucket.fail(403, code)
    assert remedy in refusal(lambda: give(bucket_storage, tmp_path, "a.csv"))


@pytest.mark.parametrize("method", METHODS)
def test_a_bucket_that_is_not_there_is_told_of(
    bucket: Bucket, scheme: str, tmp_path: Path, method: str
) -> None:
    local = tmp_path / "local"
    local.write_bytes(b"-")
    storage = open_storage(f"{scheme}://our-archiev/cdp", tmp_path)
    assert "There is no such bucket." in refusal(lambda: METHODS[method](storage, local))


@pytest.mark.parametrize("method", METHODS)
def test_a_service_that_recovers_is_waited_for(
    bucket_storage: Storage, bucket: Bucket, tmp_path: Path, method: str
) -> None:
    bucket.objects["cdp/archive/a.csv"] = b"-"
    local = tmp_path / "local"
    local.write_bytes(b"-")
    bucket.fail(503, "SlowDown", times=2)
    METHODS[method](bucket_storage, local)
    assert len(bucket.requests) == 3


@pytest.mark.parametrize("method", ["put", "names"])
def test_a_service_that_stays_away_is_given_up(
    environment: pytest.MonkeyPatch, scheme: str, tmp_path: Path, method: str
) -> None:
    environment.setenv("AWS_ENDPOINT_URL", NOBODY)
    environment.setenv("GOOGLE_BASE_URL", NOBODY)
    local = tmp_path / "local"
    local.write_bytes(b"-")
    storage = open_storage(f"{scheme}://{BUCKET}", tmp_path)
    begin = time.monotonic()
    text = refusal(lambda: METHODS[method](storage, local))
    assert time.monotonic() - begin < 70
    assert "cannot be reached" in text


def test_a_service_that_keeps_failing_is_given_up(
    bucket_storage: Storage, bucket: Bucket, tmp_path: Path
) -> None:
    bucket.fail(503, "SlowDown", times=20)
    text = refusal(lambda: give(bucket_storage, tmp_path, "a.csv"))
    assert "The bucket's service fails (SlowDown)." in text


def test_without_credentials_the_remedy_names_them(
    bucket: Bucket, environment: pytest.MonkeyPatch, scheme: str, tmp_path: Path
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "GOOGLE_APPLICATION_CREDENTIALS"):
        environment.delenv(name)
    environment.setenv("AWS_METADATA_ENDPOINT", NOBODY)
    environment.setenv("GCE_METADATA_HOST", NOBODY.removeprefix("http://"))
    environment.setenv("GCE_METADATA_IP", NOBODY.removeprefix("http://"))
    storage = open_storage(f"{scheme}://{BUCKET}", tmp_path)
    text = refusal(lambda: give(storage, tmp_path, "a.csv"))
    assert "There are no credentials that work." in text
    assert {"s3": "AWS_PROFILE", "gs": "GOOGLE_APPLICATION_CREDENTIALS"}[scheme] in text
    assert not bucket.requests


@pytest.mark.parametrize(
    "content",
    [
        None,
        f'{{"private_key": "{SECRET}',
        '{"type": "external_account"}',
        json.dumps(ACCOUNT | {"private_key": SECRET}),
    ],
)
def test_a_file_of_credentials_that_cannot_be_read_is_told_of(
    environment: pytest.MonkeyPatch, tmp_path: Path, content: str | None
) -> None:
    file = tmp_path / "account.json"
    file.write_text(content) if content else file.unlink()
    text = refusal(lambda: open_storage(f"gs://{BUCKET}", tmp_path), ConfigurationError)
    assert "GOOGLE_APPLICATION_CREDENTIALS" in text


def test_the_mark_of_a_folder_is_no_file(bucket_storage: Storage, bucket: Bucket) -> None:
    for key in ("", "2026/", "2026/a.csv", "empty.csv", "2026/.hidden"):
        bucket.objects[f"cdp/archive/{key}"] = b""
    assert list(bucket_storage.names()) == ["2026/a.csv", "empty.csv"]


def test_an_object_that_hides_others_is_told_of(bucket_storage: Storage, bucket: Bucket) -> None:
    bucket.objects["cdp/archive/2026//a.csv"] = b"-"
    text = refusal(lambda: list(bucket_storage.names()))
    assert "'//'" in text
    assert "a.csv" not in text


@pytest.mark.parametrize("scheme", ["s3"], indirect=True)
def test_a_deletion_that_is_refused_is_told_of(bucket_storage: Storage, bucket: Bucket) -> None:
    """S3 answers it by 200, whatever becomes of each object."""
    told = "<Error><Key>cdp/archive/a</Key><Code>AccessDenied</Code><Message>no</Message></Error>"
    bucket.failures.append((200, f"<DeleteResult>{told}</DeleteResult>"))
    assert "Access is denied (AccessDenied)." in refusal(lambda: bucket_storage.delete("a"))


@pytest.mark.parametrize(
    "address", ["localhost:9000", "http://host:nine", f"http://{KEY_ID}:{SECRET}@127.0.0.1:9000"]
)
def test_an_endpoint_that_is_no_address_is_refused(
    environment: pytest.MonkeyPatch, scheme: str, tmp_path: Path, address: str
) -> None:
    variable = {"s3": "AWS_ENDPOINT_URL", "gs": "GOOGLE_BASE_URL"}[scheme]
    environment.setenv(variable, address)
    text = refusal(lambda: open_storage(f"{scheme}://{BUCKET}", tmp_path), ConfigurationError)
    assert variable in text


# Addresses


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("", "is empty"),
        ("  ", "is empty"),
        (f"https://{BUCKET}.s3.amazonaws.com/a?X-Amz-Signature={SECRET}", "'https:'"),
        (f"gcs://{BUCKET}", "'gcs:'"),
        (f"S3://{BUCKET}", "'S3:'"),
        ("file:///srv/archive", "'file:'"),
        ("s3://", "names no bucket"),
        ("s3:///cdp", "names no bucket"),
        (f"s3:/{BUCKET}/cdp", "names no bucket"),
        (f"s3://{KEY_ID}:{SECRET}@{BUCKET}/cdp", "names no bucket"),
        (f"s3://{BUCKET}:9000/cdp", "names no bucket"),
        (f"gs://{BUCKET}/cdp?token={TOKEN}", "names no bucket"),
        (f"gs://{BUCKET}/cdp/../others", "names no bucket"),
        (f"gs://{BUCKET}/cdp//archive", "names no bucket"),
    ],
)
def test_an_address_that_is_none_is_refused(tmp_path: Path, address: str, told: str) -> None:
    text = refusal(lambda: open_storage(address, tmp_path), ConfigurationError)
    assert told in text
    assert "bucket/prefix" in text


def test_a_folder_is_relative_to_the_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/user")
    assert str(open_storage("a/b", tmp_path)) == str(tmp_path / "a" / "b")
    assert str(open_storage("/srv/archive", tmp_path)) == "/srv/archive"
    assert str(open_storage("~/archive", tmp_path)) == "/home/user/archive"
    assert not list(tmp_path.iterdir())


def test_without_the_library_the_remedy_is_to_install_it(
    monkeypatch: pytest.MonkeyPatch, scheme: str, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "obstore", None)
    monkeypatch.delitem(sys.modules, "dbt_cdp.buckets", raising=False)
    text = refusal(lambda: open_storage(f"{scheme}://{BUCKET}", tmp_path), ConfigurationError)
    assert "pip install 'dbt-cdp[buckets]'" in text
