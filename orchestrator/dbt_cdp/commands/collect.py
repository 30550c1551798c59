"""`cdp collect`: an HTTP receiver of events."""

from importlib.util import find_spec
from pathlib import Path

import click

from dbt_cdp.errors import ConfigurationError
from dbt_cdp.options import spool_option

_PACKAGES = ("starlette", "uvicorn", "httptools", "prometheus_client", "ua_parser")
_MEGABYTE = 1_000_000


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    default=8080,
    show_default=True,
    type=click.IntRange(0, 65_535),
    help="Port to listen on; 0 takes any that is free.",
)
@spool_option
@click.option(
    "--allow-origin",
    multiple=True,
    metavar="ORIGIN",
    help="Origin whose pages may send from a browser, such as https://example.com; * allows all.",
)
@click.option(
    "--trusted-proxy",
    multiple=True,
    metavar="ADDRESS",
    help="Address or network of a proxy whose X-Forwarded-For is believed; * believes all.",
)
@click.option(
    "--ip",
    "address",
    type=click.Choice(["full", "truncated", "none"]),
    default="full",
    show_default=True,
    help="How much of a visitor's IP address is kept.",
)
@click.option(
    "--rate-limit",
    default=1_000,
    show_default=True,
    type=click.FloatRange(min=0),
    help="Requests a second and source, with twice as many at once; 0 means any number.",
)
@click.option(
    "--suppressions",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Exported list of erased people, whose events are dropped.",
)
@click.option(
    "--min-free-mb",
    default=500,
    show_default=True,
    type=click.IntRange(min=0),
    help="Free space of the spool's disk, in megabytes, below which nothing is taken.",
)
def collect(
    host: str,
    port: int,
    spool: Path,
    allow_origin: tuple[str, ...],
    trusted_proxy: tuple[str, ...],
    address: str,
    rate_limit: float,
    suppressions: Path | None,
    min_free_mb: int,
) -> None:
    """Receive events by HTTP and keep them in the spool, for `cdp load` to load.

    An answer of 200 means that the events are on this host's disk. Write keys are those of
    `cdp keys` and of the variable CDP_WRITE_KEYS (web=KEY,app=KEY); webhooks are signed with the
    secrets of CDP_WEBHOOK_SECRETS (stripe=SECRET). SIGTERM answers what has come, then ends.

    Example: cdp collect --port 8080
    """
    if missing := [name for name in _PACKAGES if find_spec(name) is None]:
        raise ConfigurationError(
            f"The collector needs packages that are not installed: {', '.join(missing)}.",
            remedy="pip install 'dbt-cdp[collector]'",
        )
    from dbt_cdp.collector.app import Settings, serve
    from dbt_cdp.collector.door import Address

    serve(
        Settings(
            spool=spool,
            host=host,
            port=port,
            allowed_origins=allow_origin,
            trusted_proxies=trusted_proxy,
            address=Address(address),
            requests_per_second=rate_limit,
            min_free_bytes=min_free_mb * _MEGABYTE,
            suppressions=suppressions,
        )
    )
