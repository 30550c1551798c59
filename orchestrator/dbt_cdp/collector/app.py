"""The collector's paths, and the process that serves them."""

import asyncio
import contextlib
import os
import re
import resource
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from dbt_cdp.collector.access_log import AccessLog
from dbt_cdp.collector.door import Address, Door, Endpoint, WebhookEndpoint
from dbt_cdp.collector.keys import KEYS_VARIABLE, KeyFile, WriteKeys
from dbt_cdp.collector.limits import RateLimiter
from dbt_cdp.collector.metrics import Metrics
from dbt_cdp.collector.protocol import PatientProtocol, give_up_late_requests
from dbt_cdp.collector.spool import Spool
from dbt_cdp.collector.suppression import LIST_FILE, Suppressions
from dbt_cdp.collector.webhooks import SECRETS_VARIABLE, WebhookSecrets
from dbt_cdp.errors import ConfigurationError
from dbt_cdp.output import talk

# Segment's browser client names a type by its first letter.
_CALLS = ("track", "identify", "page", "screen", "group", "alias")
_BATCHES = ("/api/events", "/v1/batch", "/v1/b", "/v1/import")

# What a browser calls an origin; the header may hold anything.
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]{1,100}(:\d{1,5})?")
_TOLD_ORIGINS = 20

_TEND_SECONDS = 1.0
_SWITCH_SECONDS = 0.001
_SHUTDOWN_SECONDS = 30
_KEEP_ALIVE_SECONDS = 75
_CONNECTIONS = 2_048
_PREFLIGHT_SECONDS = 86_400
_SCRIPT_SECONDS = 3_600


@dataclass(frozen=True)
class Settings:
    """How a collector is to be run.

    Attributes:
        spool: folder that takes the requests.
        host: address to listen on.
        port: port to listen on; 0 means any that is free.
        allowed_origins: origins whose pages may send from a browser; `*` means all.
        trusted_proxies: addresses whose word on the client's address is taken.
        address: how much of the client's address is kept.
        requests_per_second: for each write key; 0 means any number.
        min_free_bytes: of the spool's disk, below which nothing is taken.
        suppressions: file of people whose events are dropped; by default the one that `cdp run`
            writes to the spool.
    """

    spool: Path
    host: str = "127.0.0.1"
    port: int = 8080
    allowed_origins: Sequence[str] = ()
    trusted_proxies: Sequence[str] = ()
    address: Address = Address.FULL
    requests_per_second: float = 0
    min_free_bytes: int = 0
    suppressions: Path | None = None


def serve(settings: Settings) -> None:
    """Collect until a signal ends it; requests that have come are answered, all is sealed.

    Raises:
        ConfigurationError: a key, a list or the spool is not as it must be, or the port is taken.
    """
    door = _door(settings)
    server = _server(settings, door)
    with _listening(settings) as listener:
        host, port = listener.getsockname()[:2]
        talk(f"Collecting on http://{host}:{port} into {settings.spool}.")
        if not len(door.keys):
            talk("There is no write key yet: make one with `cdp keys add NAME`.")
        _raise_file_limit()
        # The thread that writes must not wait long for the one that receives.
        sys.setswitchinterval(_SWITCH_SECONDS)
        server.run(sockets=[listener])


def _door(settings: Settings) -> Door:
    spool = Spool(settings.spool, settings.min_free_bytes)
    metrics = Metrics(spool)
    spool.on_commit = metrics.observe_commit
    return Door(
        spool=spool,
        keys=WriteKeys(KeyFile(settings.spool), os.environ.get(KEYS_VARIABLE, "")),
        secrets=WebhookSecrets(os.environ.get(SECRETS_VARIABLE, "")),
        limiter=RateLimiter(settings.requests_per_second),
        suppressions=Suppressions(
            settings.suppressions or settings.spool / LIST_FILE,
            may_be_missing=settings.suppressions is None,
        ),
        metrics=metrics,
        log=AccessLog(sys.stdout),
        address=settings.address,
    )


def _server(settings: Settings, door: Door) -> uvicorn.Server:
    server: uvicorn.Server

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        await door.spool.start()
        tending = asyncio.create_task(_tend(door, server))
        yield
        tending.cancel()
        await door.spool.close()
        await door.log.flush()

    paths = _Paths(_endpoints(door), Starlette(routes=_routes(door), lifespan=lifespan))
    for_pages = CORSMiddleware(
        paths,
        allow_origins=settings.allowed_origins,
        allow_methods=["POST"],
        allow_headers=["*"],
        expose_headers=["Retry-After"],
        max_age=_PREFLIGHT_SECONDS,
    )
    config = uvicorn.Config(
        _ByOrigin(for_pages, paths),
        http=PatientProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        backlog=_CONNECTIONS,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
    )
    server = uvicorn.Server(config)
    return server


class _ByOrigin:
    """Requests of pages, whose answers need headers of their own, and all others."""

    def __init__(self, for_pages: CORSMiddleware, for_others: ASGIApp) -> None:
        self._for_pages = for_pages
        self._for_others = for_others
        self._refused: set[str] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        origin = next((value for name, value in scope.get("headers", ()) if name == b"origin"), b"")
        if origin:
            self._tell_if_refused(origin.decode("latin-1"))
        app = self._for_pages if origin else self._for_others
        await app(scope, receive, send)

    def _tell_if_refused(self, origin: str) -> None:
        """Say once that a browser hides our answers from a page, which then sends for ever."""
        if self._for_pages.is_allowed_origin(origin) or len(self._refused) >= _TOLD_ORIGINS:
            return
        if origin not in self._refused and _ORIGIN.fullmatch(origin):
            self._refused.add(origin)
            talk(f"Pages of {origin} send here but are not allowed to: --allow-origin {origin}")


class _Paths:
    """The paths that take events, found at once; all others are left to Starlette.

    Its router tries one path after the other, and every layer of its own takes time.
    """

    def __init__(self, endpoints: Mapping[str, ASGIApp], others: ASGIApp) -> None:
        self._endpoints = endpoints
        self._others = others

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # The start and the end of the application have no path.
        app = self._endpoints.get(scope.get("path", ""), self._others)
        if app is not self._others and scope["method"] != "POST":
            app = Response(status_code=405, headers={"Allow": "POST"})
        await app(scope, receive, send)


def _endpoints(door: Door) -> dict[str, ASGIApp]:
    calls = dict.fromkeys(_BATCHES, "")
    for call in _CALLS:
        calls |= dict.fromkeys((f"/v1/{call}", f"/v1/{call[0]}"), call)
        calls |= dict.fromkeys((f"/api/s/{call}", f"/api/s/s2s/{call}"), call)
    return {path: Endpoint(door, path, call) for path, call in calls.items()}


def _routes(door: Door) -> list[Route]:
    return [
        Route("/webhooks/{source}", WebhookEndpoint(door, "/webhooks"), methods=["POST"]),
        Route("/cdp.js", _script),
        Route("/healthz", _health(door)),
        Route("/metrics", _metrics(door)),
    ]


async def _tend(door: Door, server: uvicorn.Server) -> None:
    """Every second: seal, look at the disk, the keys and the list, give up late requests."""
    while True:
        await asyncio.sleep(_TEND_SECONDS)
        for look in (door.keys.refresh, door.suppressions.refresh):
            try:
                look()
            except ConfigurationError as error:
                talk(error.format_message())
            except OSError as error:
                talk(f"The keys or the list cannot be read: {error.strerror}.")
        try:
            await door.spool.tend()
            await door.log.flush()
        except OSError as error:
            talk(f"The spool or the log cannot be written: {error.strerror}.")
        give_up_late_requests(server.server_state.connections)


async def _script(request: Request) -> Response:
    """The browser client."""
    return Response(
        files("dbt_cdp.collector").joinpath("cdp.js").read_bytes(),
        media_type="text/javascript",
        headers={"cache-control": f"public, max-age={_SCRIPT_SECONDS}"},
    )


def _health(door: Door) -> Callable[[Request], Awaitable[Response]]:
    async def health(request: Request) -> JSONResponse:
        if door.spool.is_full:
            return JSONResponse({"status": "the disk is nearly full"}, status_code=503)
        return JSONResponse({"status": "ok"})

    return health


def _metrics(door: Door) -> Callable[[Request], Awaitable[Response]]:
    async def metrics(request: Request) -> Response:
        return Response(door.metrics.text(), media_type="text/plain; version=0.0.4")

    return metrics


@contextlib.contextmanager
def _listening(settings: Settings) -> Iterator[socket.socket]:
    try:
        family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        listener = socket.create_server(
            (settings.host, settings.port), family=family, backlog=_CONNECTIONS
        )
    except OSError as error:
        raise ConfigurationError(
            f"The collector cannot listen: {error.strerror}.",
            where=f"{settings.host}, port {settings.port}",
            remedy="stop what listens there, or choose another --host or --port.",
        ) from None
    with listener:
        yield listener


def _raise_file_limit() -> None:
    """Each connection is a file; the usual 1,024 would be few."""
    with contextlib.suppress(OSError, ValueError):
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
