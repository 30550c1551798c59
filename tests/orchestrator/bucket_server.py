"""A bucket on loopback: the calls of S3 that storage makes; GCS has the same in its XML API."""

import hashlib
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree
from xml.sax.saxutils import escape

BUCKET = "our-archive"

_MODIFIED = "2026-01-01T00:00:00.000Z"
_MODIFIED_HEADER = "Thu, 01 Jan 2026 00:00:00 GMT"


@dataclass
class Bucket:
    """What is kept, what was asked, and what is answered instead.

    Attributes:
        url: the service's address.
        objects: content by key.
        uploads: parts of the multipart uploads that are not complete, by id.
        requests: method and path with query, as they came.
        authorizations: the header of each request.
        failures: status and body of the next answers.
        on_part: called when a part of a multipart upload has come, before the answer.
        page: how many keys a listing gives at a time.
    """

    url: str
    objects: dict[str, bytes] = field(default_factory=dict)
    uploads: dict[str, dict[int, bytes]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    authorizations: list[str] = field(default_factory=list)
    failures: list[tuple[int, str]] = field(default_factory=list)
    on_part: Callable[[], None] = lambda: None
    page: int = 1000
    lock: threading.Lock = field(default_factory=threading.Lock)

    def fail(self, status: int, code: str, *, times: int = 1, detail: str = "") -> None:
        """Answer the next requests with an error."""
        self.failures += [(status, _error(code, detail))] * times

    def fail_part(self, status: int, code: str) -> None:
        """Answer with an error when a part has come, and go on."""

        def fail_once() -> None:
            self.on_part = lambda: None
            raise _FailedError(status, code)

        self.on_part = fail_once


class _FailedError(Exception):
    """What a request is answered with instead."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status, self.text = status, _error(code)


def _error(code: str, detail: str = "") -> str:
    return f"<Error><Code>{code}</Code>{detail}</Error>"


@contextmanager
def bucket_server() -> Iterator[Bucket]:
    server = _Server(("127.0.0.1", 0), _Handler)
    server.bucket = Bucket(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.bucket
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    bucket: Bucket

    def handle_error(self, request: object, address: object) -> None:
        """A client may go away in the middle of an answer."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, address)


_upload_ids = (f"upload-{number}" for number in count(1))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments: object) -> None:
        pass

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        bucket: Bucket = self.server.bucket
        address = urlsplit(self.path)
        name, _, key = unquote(address.path.removeprefix("/")).partition("/")
        query = {
            key: values[0]
            for key, values in parse_qs(address.query, keep_blank_values=True).items()
        }
        with bucket.lock:
            bucket.requests.append(f"{self.command} {self.path}")
            bucket.authorizations.append(self.headers.get("authorization", ""))
            if bucket.failures:
                status, text = bucket.failures.pop(0)
                self._answer(status, text.encode())
            elif name != BUCKET:
                self._answer(404, _error("NoSuchBucket").encode())
            elif key:
                try:
                    self._object(bucket, key, query, body)
                except _FailedError as failed:
                    self._answer(failed.status, failed.text.encode())
            elif self.command == "POST" and "delete" in query:
                self._delete_many(bucket, body)
            else:
                self._list(bucket, query)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _handle  # noqa: N815

    def _object(self, bucket: Bucket, key: str, query: dict[str, str], body: bytes) -> None:
        upload = query.get("uploadId", "")
        match self.command:
            case "POST" if "uploads" in query:
                upload = next(_upload_ids)
                bucket.uploads[upload] = {}
                self._answer(200, _element("InitiateMultipartUploadResult", UploadId=upload))
            case "PUT" | "POST" | "DELETE" if upload and upload not in bucket.uploads:
                self._answer(404, _error("NoSuchUpload").encode())
            case "PUT" if upload:
                bucket.on_part()
                bucket.uploads[upload][int(query["partNumber"])] = body
                self._answer(200, tag=body)
            case "POST" if upload:
                parts = bucket.uploads.pop(upload)
                bucket.objects[key] = b"".join(parts[number] for number in sorted(parts))
                self._answer(200, _element("CompleteMultipartUploadResult", ETag='"whole"'))
            case "DELETE" if upload:
                del bucket.uploads[upload]
                self._answer(204)
            case "PUT":
                bucket.objects[key] = body
                self._answer(200, tag=body)
            case "GET" | "HEAD" if key in bucket.objects:
                self._answer(200, bucket.objects[key], tag=bucket.objects[key])
            case "DELETE" if bucket.objects.pop(key, None) is not None:
                self._answer(204)
            case _:
                self._answer(404, _error("NoSuchKey").encode())

    def _delete_many(self, bucket: Bucket, body: bytes) -> None:
        keys = [one.text or "" for one in ElementTree.fromstring(body).iterfind(".//{*}Key")]
        for key in keys:
            bucket.objects.pop(key, None)
        deleted = "".join(f"<Deleted><Key>{escape(key)}</Key></Deleted>" for key in keys)
        self._answer(200, f"<DeleteResult>{deleted}</DeleteResult>".encode())

    def _list(self, bucket: Bucket, query: dict[str, str]) -> None:
        after = max(query.get("continuation-token", ""), query.get("start-after", ""))
        keys = sorted(
            key for key in bucket.objects if key.startswith(query.get("prefix", "")) and key > after
        )
        shown, rest = keys[: bucket.page], keys[bucket.page :]
        contents = "".join(
            f"<Contents><Key>{escape(key)}</Key><LastModified>{_MODIFIED}</LastModified>"
            f"<Size>{len(bucket.objects[key])}</Size></Contents>"
            for key in shown
        )
        more = f"<NextContinuationToken>{escape(shown[-1])}</NextContinuationToken>" if rest else ""
        self._answer(200, f"<ListBucketResult>{contents}{more}</ListBucketResult>".encode())

    def _answer(self, status: int, body: bytes = b"", *, tag: bytes | None = None) -> None:
        self.send_response(status)
        if tag is not None:
            self.send_header("etag", f'"{hashlib.md5(tag).hexdigest()}"')
            self.send_header("last-modified", _MODIFIED_HEADER)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _element(name: str, **fields: str) -> bytes:
    inner = "".join(f"<{key}>{escape(value)}</{key}>" for key, value in fields.items())
    return f"<{name}>{inner}</{name}>".encode()
