"""`cdp segments show`: all about one segment."""

from dataclasses import asdict
from itertools import pairwise

import click

from dbt_cdp.commands.segments.options import MANY, entity_option, minute, percent
from dbt_cdp.options import json_option, project_options
from dbt_cdp.output import print_json, print_table, say
from dbt_cdp.project import Project
from dbt_cdp.segments import KEYS, Member, Segment, Version, open_segments

_SAID_ALREADY = ("description", "owner", "tags")


@click.command()
@click.argument("name")
@entity_option
@json_option
@project_options
def show(name: str, entity: str | None, as_json: bool, project: Project) -> None:
    """Show a segment: what defines it, since when, its size, and who entered last.

    Example: cdp segments show loyal
    """
    with open_segments(project) as segments:
        segment = segments.find(name, entity)
        versions = segments.versions(segment)
        is_current = segments.is_current(segment)
        members = segments.members(segment)
        profiles = segments.count_profiles(segment.entity)
    if as_json:
        print_json(
            {
                **asdict(segment),
                "profiles": profiles,
                "versions": [asdict(one) for one in versions],
                "newest_members": [asdict(one) for one in members],
            }
        )
        return
    _print_definition(segment, versions, is_current)
    _print_size(segment, profiles)
    _print_members(segment, members)
    _print_versions(versions)


def _print_definition(segment: Segment, versions: list[Version], is_current: bool) -> None:
    say(f"{segment.name}, a segment of {MANY[segment.entity]}")
    if segment.description:
        say(f"  {segment.description}")
    for key, value in segment.definition.items():
        if key not in _SAID_ALREADY:
            say(f"  {key}: {' '.join(str(value).split())}")
    if segment.owner:
        say(f"  owner: {segment.owner}")
    if segment.tags:
        say(f"  tags: {', '.join(segment.tags)}")
    if not segment.is_defined:
        say("  It was removed from cdp_segments.")
    elif not is_current:
        say("  The last build did not know this definition yet; the next one computes it.")
    else:
        say(f"  version: {segment.version}, since {minute(versions[-1].defined_at)}")


def _print_size(segment: Segment, profiles: int) -> None:
    if segment.members is None:
        return
    share = percent(segment.members, profiles)
    of = f", {share} of {profiles:,}" if share else ""
    members = "1 member" if segment.members == 1 else f"{segment.members:,} members"
    say("")
    say(
        f"{members}{of}; in the seven days before the last build"
        f" {segment.entered:,} entered and {segment.exited:,} left."
    )


def _print_members(segment: Segment, members: list[Member]) -> None:
    if not members:
        return
    say("")
    say("Those who entered last:")
    print_table(
        (KEYS[segment.entity], *members[0].columns, "entered at", "entered by"),
        [
            (one.member_id, *one.columns.values(), minute(one.entered_at), one.entered_by)
            for one in members
        ],
    )


def _print_versions(versions: list[Version]) -> None:
    """Earlier ones, the newest first."""
    if len(versions) < 2:
        return
    say("")
    say("Earlier definitions:")
    rows = []
    for version, following in pairwise(versions):
        what = version.definition
        text = what.get("where") or what.get("model") or what.get("include")
        rows.append(
            (
                version.version,
                minute(version.defined_at),
                minute(following.defined_at),
                " ".join(text.split()) if text else "not defined",
            )
        )
    print_table(("version", "from", "to", "what it was"), rows[::-1])
