"""Files in a bucket of S3, of a store that speaks S3, or of Google Cloud Storage.

The library's messages hold addresses, whole answers and now and then what was signed: none of them
is shown. A refusal is told by the answer's status and code, in our own words.
"""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError, InvalidPathError
from obstore.store import GCSStore, S3Store
from typing_extensions import Buffer, override

from dbt_cdp.errors import ConfigurationError, StorageError
from dbt_cdp.storage import (
    BLOCK_BYTES,
    Storage,
    blocks,
    check_name,
    check_prefix,
    file_errors,
    is_name,
    replacing,
)

if TYPE_CHECKING:  # the library has no such names when it runs
    from obstore.store import ClientConfig, RetryConfig

# An upload needs memory for so many parts, and has `read_timeout` for each of them.
_PART_BYTES = 8 << 20
_PARTS_AT_ONCE = 4
_MOST_PARTS = 10_000

_LISTED_AT_ONCE = 1000

# The library reads on where a download breaks off; the time for all of it is not limited.
_CLIENT: "ClientConfig" = {"connect_timeout": "5s", "read_timeout": "60s", "timeout": "1day"}
_RETRIES: "RetryConfig" = {"max_retries": 10, "retry_timeout": timedelta(minutes=1)}

_ENDPOINTS = {
    "s3": ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"),
    "gs": ("GOOGLE_BASE_URL",),
}

_LOGINS = {
    "s3": "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run where a role is attached;"
    " AWS_PROFILE and the files in ~/.aws are not read.",
    "gs": "set GOOGLE_APPLICATION_CREDENTIALS, or run `gcloud auth application-default login`, or"
    " run where a service account is attached.",
}

_SETTINGS = {
    "s3": "check the environment variables AWS_*.",
    "gs": "let GOOGLE_APPLICATION_CREDENTIALS name the key file of a service account, or what"
    " `gcloud auth application-default login` writes; other kinds are not read.",
}
_RIGHTS = {
    "s3": "allow s3:ListBucket on the bucket; s3:GetObject, s3:PutObject, s3:DeleteObject and"
    " s3:AbortMultipartUpload on what is in it.",
    "gs": "give the role Storage Object User (roles/storage.objectUser) on the bucket.",
}

# How the library fails to come by credentials, from Google and from Amazon.
_NO_CREDENTIALS = re.compile(
    r"performing token request"
    r"|performing [A-Z]+ https?://(sts\.|[^/ ]+/(latest/(api|meta-data)/|v\d/credentials))"
)
_STATUS = re.compile(r"status code: (\d{3})")
_CODE = re.compile(r"<Code>([A-Za-z]{1,60})</Code>|\(code: ([A-Za-z]{1,60})\)")
_OTHER_REGION = {"AuthorizationHeaderMalformed", "IllegalLocationConstraintException"}
_WRONG_LOGIN = {
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidToken",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
}


def _s3(bucket: str, prefix: str, endpoint: str) -> S3Store:
    return S3Store(
        bucket,
        prefix=prefix or None,
        config={"endpoint": endpoint} if endpoint else {},
        client_options=_client(endpoint),
        retry_config=_RETRIES,
    )


def _gcs(bucket: str, prefix: str, endpoint: str) -> GCSStore:
    # It finds the endpoint by itself, in the environment too.
    return GCSStore(
        bucket,
        prefix=prefix or None,
        client_options=_client(endpoint),
        retry_config=_RETRIES,
    )


_STORES: dict[str, Callable[[str, str, str], S3Store | GCSStore]] = {"s3": _s3, "gs": _gcs}


def _client(endpoint: str) -> "ClientConfig":
    return {**_CLIENT, "allow_http": endpoint.startswith("http://")}


class BucketStorage(Storage):
    """A bucket, or what is below a prefix of it.

    Args:
        scheme: 's3' or 'gs'.
        bucket: its name.
        prefix: what every key begins with, without slashes at its ends; empty for all.

    Raises:
        ConfigurationError: the settings of the environment cannot be understood.
    """

    def __init__(self, scheme: str, bucket: str, prefix: str) -> None:
        self._scheme = scheme
        self._address = f"{scheme}://{bucket}/{prefix}".rstrip("/")
        try:
            self._store = _STORES[scheme](bucket, prefix, _endpoint(scheme))
        except (BaseError, ValueError):
            raise ConfigurationError(
                "The credentials or settings for the bucket cannot be read.",
                where=self._address,
                remedy=_SETTINGS[scheme],
            ) from None

    @override
    def put(self, local: Path, name: str) -> None:
        check_name(name)
        with file_errors(local), local.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            # The library asks for the next block in this thread, so that a signal ends an upload.
            content = blocks(file) if size > _PART_BYTES else file.read()
            with self._errors(name):
                obstore.put(
                    self._store,
                    name,
                    content,
                    use_multipart=size > _PART_BYTES,
                    chunk_size=max(_PART_BYTES, -(-size // _MOST_PARTS)),
                    max_concurrency=_PARTS_AT_ONCE,
                )

    @override
    def get(self, name: str, local: Path) -> None:
        check_name(name)
        with file_errors(local), replacing(local) as file:
            for block in self._content(name):
                file.write(block)

    @override
    def names(self, prefix: str = "") -> Iterator[str]:
        check_prefix(prefix)
        parent, _, _ = prefix.rpartition("/")
        for name, size in self._listing(parent):
            if name.startswith(prefix) and is_name(name) and (size or self._is_there(name)):
                yield name

    @override
    def delete(self, name: str) -> None:
        check_name(name)
        with self._errors(name):
            try:
                obstore.delete(self._store, name)
            except FileNotFoundError as error:
                if not _is_missing(error):
                    raise

    @override
    def __str__(self) -> str:
        return self._address

    def _content(self, name: str) -> Iterator[Buffer]:
        """What a file holds, a block at a time."""
        with self._errors(name):
            try:
                content = obstore.get(self._store, name)
            except FileNotFoundError as error:
                if not _is_missing(error):
                    raise
                where = f"{self._address}/{name}"
                raise StorageError("There is no such file.", where=where) from None
            yield from content.stream(min_chunk_size=BLOCK_BYTES)

    def _listing(self, parent: str) -> Iterator[tuple[str, int]]:
        """Names below a part of the bucket, and sizes."""
        with self._errors(parent):
            for page in obstore.list(self._store, parent or None, chunk_size=_LISTED_AT_ONCE):
                for one in page:
                    yield one["path"], one["size"]

    def _is_there(self, name: str) -> bool:
        """Whether an empty file is one: it is also how consoles mark a folder, as 'name/'."""
        with self._errors(name):
            try:
                obstore.head(self._store, name)
            except FileNotFoundError:
                return False
        return True

    @contextmanager
    def _errors(self, name: str) -> Iterator[None]:
        """Tell in our words what the bucket refuses."""
        try:
            yield
        except (BaseError, FileNotFoundError) as error:
            problem, remedy = _meaning(error, self._scheme)
            where = f"{self._address}/{name}".rstrip("/")
            raise StorageError(problem, where=where, remedy=remedy) from None


def _meaning(error: Exception, scheme: str) -> tuple[str, str | None]:
    """What an error of the library is about, and what to do."""
    text = str(error)
    status, code = _status(text), _code(text)
    told = code or status or type(error).__name__
    if _NO_CREDENTIALS.search(text):
        return "There are no credentials that work.", _LOGINS[scheme]
    if status == "401" or code in _WRONG_LOGIN:
        return f"The credentials are refused ({told}).", _LOGINS[scheme]
    if status == "403" or code == "AccessDenied":
        return f"Access is denied ({told}).", _RIGHTS[scheme]
    if "Received redirect" in text or code in _OTHER_REGION:
        return f"The bucket is in another region ({told}).", "set AWS_REGION to the bucket's."
    if status == "404" or code == "NoSuchBucket":
        return "There is no such bucket.", "make it, or correct the address."
    if status.startswith("5") or status == "429":
        return f"The bucket's service fails ({told}).", "try again later."
    if isinstance(error, InvalidPathError):
        return (
            "The bucket has an object with '//' or '..' in its name, which hides the others.",
            "remove it, or give an address below which there is none.",
        )
    variable = " or ".join(_ENDPOINTS[scheme])
    if "HTTP error" in text:
        return (
            "The bucket's service cannot be reached.",
            f"check the network, and {variable} if it is set.",
        )
    return f"The bucket refuses ({told}).", f"check the address, and {variable} if it is set."


def _is_missing(error: FileNotFoundError) -> bool:
    """Whether it is the file that is not there, and not the bucket."""
    return _code(str(error)) != "NoSuchBucket"


def _status(text: str) -> str:
    found = _STATUS.search(text)
    return found[1] if found else ""


def _code(text: str) -> str:
    found = _CODE.search(text)
    return found[1] or found[2] if found else ""


def _endpoint(scheme: str) -> str:
    """The address of another service than the vendor's, from the environment; or empty.

    Raises:
        ConfigurationError: it is no address, or holds credentials.
    """
    for variable in _ENDPOINTS[scheme]:
        value = os.environ.get(variable)
        if not value:
            continue
        if not _is_service(value):
            raise ConfigurationError(
                "The address of a service of buckets is not one.",
                where=f"the environment variable {variable}",
                remedy="give one such as https://minio.example.com:9000, without credentials.",
            )
        return value
    return ""


def _is_service(address: str) -> bool:
    """Whether it is one to the library, which ends the process where it cannot read it."""
    try:
        parts = urlsplit(address)
        is_plain = not (parts.username or parts.query or parts.fragment) and parts.port != 0
    except ValueError:
        return False
    return is_plain and parts.scheme in ("http", "https") and bool(parts.hostname)
