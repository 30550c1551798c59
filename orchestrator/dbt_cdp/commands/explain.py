"""`cdp explain`: why two identifiers are one person's, or are not."""

from collections.abc import Iterator
from dataclasses import asdict

import click

from dbt_cdp.explain import Link, Proposal, read_pair
from dbt_cdp.explain import explain as explain_pair
from dbt_cdp.options import json_option, project_options
from dbt_cdp.output import print_json, print_table, say
from dbt_cdp.project import Project

_COLUMNS = ("identifier", "linked by", "source", "evidence", "first seen", "times seen", "link")


@click.command()
@click.argument("identifiers", nargs=-1, metavar="[A B]")
@json_option
@project_options
def explain(identifiers: tuple[str, ...], as_json: bool, project: Project) -> None:
    """Tell why the identifiers A and B are one person's, or why they are not.

    Each is TYPE=VALUE, such as email=ann@shop.example, in any spelling that events may have. First
    comes the verdict, then the shortest chain of links between the two: every identifier with what
    links it to the one above. What is typed stays in the shell's history; without arguments the
    two are asked for, or read from stdin, one a line.

    Example: cdp explain email=ann@shop.example user_id=u1
    """
    texts = identifiers or _asked()
    where = "the arguments of `cdp explain`" if identifiers else "standard input"
    explanation = explain_pair(project, *read_pair(project, texts, where))
    if as_json:
        print_json(asdict(explanation))
        return
    say(explanation.verdict)
    for candidate in explanation.candidates:
        score = f"{candidate.score:.2f}"
        say(f"Match rule {candidate.rule}: score {score}, {_status(candidate)}.")
    if explanation.links:
        print_table(_COLUMNS, list(_rows(explanation.links)))


def _asked() -> tuple[str, ...]:
    stdin = click.get_text_stream("stdin")
    if stdin.isatty():
        names = ("First identifier (TYPE=VALUE)", "Second identifier")
        return tuple(click.prompt(name, err=True) for name in names)
    return tuple(line for line in stdin.read().splitlines() if line.strip())


def _rows(links: list[Link]) -> Iterator[tuple[object, ...]]:
    yield (links[0].identifier_a, *[None] * (len(_COLUMNS) - 1))
    for link in links:
        is_seen = link.rule in ("event", "record")
        yield (
            link.identifier_b,
            _rule(link),
            link.source,
            link.evidence_id,
            link.first_seen and link.first_seen.date(),
            link.event_count if is_seen else None,
            _outcome(link),
        )


def _status(candidate: Proposal) -> str:
    """What became of a candidate, in words."""
    return {
        "open": f"waits for a decision, see `cdp identity review` {candidate.candidate_id[:12]}",
        "below_threshold": "below the rule's threshold",
        "limit": "not merged, because of a limit or of a better match",
    }.get(candidate.status, candidate.status)


def _rule(link: Link) -> str:
    if link.rule == "event":
        return f"event {link.event_type}" if link.event_type else "event"
    names = {"record": "record", "link": "decision"}
    return names.get(link.rule, f"match {link.rule}")


def _outcome(link: Link) -> str:
    if link.is_accepted:
        return "accepted"
    why = [part for part in (link.reason, link.detail) if part]
    return f"refused: {' '.join(why)}" if why else "refused"
