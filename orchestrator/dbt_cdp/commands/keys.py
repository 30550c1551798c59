"""`cdp keys`: who may send events to the collector."""

from dataclasses import asdict
from pathlib import Path

import click

from dbt_cdp.collector.keys import KeyFile
from dbt_cdp.options import json_option, spool_option
from dbt_cdp.output import print_json, print_table, talk


@click.group()
def keys() -> None:
    """Write keys of the collector; the spool holds their hashes only."""


@keys.command()
@click.argument("name")
@spool_option
def add(name: str, spool: Path) -> None:
    """Make a write key for the source NAME of cdp_sources and print it, this once.

    Example: cdp keys add web
    """
    key = KeyFile(spool).add(name)
    click.echo(key)
    talk(f"Events sent with this key are the source '{name}'. The key cannot be shown again.")


@keys.command("list")
@spool_option
@json_option
def list_keys(spool: Path, as_json: bool) -> None:
    """Show the write keys: id, source and age; the keys themselves are nowhere.

    Example: cdp keys list
    """
    found = KeyFile(spool).read()
    if as_json:
        shown = [asdict(key) for key in found]
        for key in shown:
            del key["sha256"]
        print_json(shown)
    else:
        rows = [(key.id, key.source, key.created_at) for key in found]
        print_table(("id", "source", "created at"), rows)


@keys.command()
@click.argument("key_id", metavar="ID")
@spool_option
def revoke(key_id: str, spool: Path) -> None:
    """Refuse the write key ID from now on; a running collector does within a second or two.

    Example: cdp keys revoke 1f2e3d4c
    """
    KeyFile(spool).revoke(key_id)
