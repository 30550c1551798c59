"""`cdp segments explain`: why somebody is in a segment, or is not."""

from dataclasses import asdict

import click

from dbt_cdp.commands.segments.options import entity_option, minute, typed
from dbt_cdp.decisions import identifier_types
from dbt_cdp.errors import ConfigurationError
from dbt_cdp.finder import Finder, parse_asked
from dbt_cdp.options import json_option, project_options
from dbt_cdp.output import print_json, print_table, say
from dbt_cdp.person import in_words
from dbt_cdp.project import Project
from dbt_cdp.segment_conditions import Explanation, Term
from dbt_cdp.segment_conditions import explain as explain_segment
from dbt_cdp.segments import Segment, Segments, open_segments

_RESULTS = {True: "pass", False: "fail", None: "unknown"}


@click.command()
@click.argument("name")
@click.argument("member", metavar="PERSON")
@entity_option
@json_option
@project_options
def explain(name: str, member: str, entity: str | None, as_json: bool, project: Project) -> None:
    """Tell why a person is in the segment NAME, or is not: each condition with its actual value.

    PERSON is any identifier, as a value or TYPE=VALUE, or a canonical id; `-` reads it from stdin.
    Of a segment of accounts it is the account's id.

    Example: cdp segments explain loyal email=ann@shop.example
    """
    text = typed(member)
    with open_segments(project) as segments:
        segment = segments.find(name, entity)
        if not segment.is_defined:
            raise ConfigurationError(
                f"The segment '{name}' was removed from cdp_segments.",
                remedy=f"see who was in it with `cdp segments history {name}`.",
            )
        member_id = find_member(project, segments, segment, text)
        explanation = explain_segment(segments, segment, member_id, project.target.type)
    if as_json:
        print_json(asdict(explanation))
    else:
        _print(explanation)


def find_member(project: Project, segments: Segments, segment: Segment, text: str) -> str:
    """The id of the person, or account, that is asked for.

    Raises:
        ConfigurationError: it is no identifier, or it names several people.
        CdpError: it is of nobody.
    """
    if segment.entity == "account":
        return text
    asked = parse_asked(text, identifier_types(project), "the argument PERSON")
    _, canonical_id = Finder(segments.queries).find(asked)
    return canonical_id


def _print(explanation: Explanation) -> None:
    say(_verdict(explanation))
    if not explanation.is_current:
        say("The last build did not know this definition yet: conditions are those of today.")
    say("")
    print_table(
        ("result", "condition", "actual value", "must be"),
        [
            (
                _RESULTS[term.result],
                f"{'  ' * term.depth}{term.text}",
                _actual(term),
                _limit(term),
            )
            for term in explanation.terms
        ],
    )


def _verdict(explanation: Explanation) -> str:
    who, name = explanation.member_id, explanation.segment
    stay = explanation.stays[0] if explanation.stays else None
    due = f" at the earliest from the build after {minute(explanation.due_at)}"
    if stay and explanation.is_member:
        since = f"{who} is in {name} since {minute(stay.entered_at)}, by {stay.entered_by}"
        if explanation.is_met:
            return f"{since}."
        when = due if explanation.due_at else " with the next build"
        return f"{since}, meets its condition no more, and leaves{when}."
    left = f", and left it at {minute(stay.exited_at)}, by {stay.exited_by}" if stay else ""
    if explanation.is_met:
        when = due if explanation.due_at else " with the next build"
        return f"{who} is not in {name}{left}, but meets its condition, and enters{when}."
    return f"{who} is not in {name}{left}."


def _actual(term: Term) -> str | None:
    return in_words(term.value) if term.limit else None


def _limit(term: Term) -> str | None:
    if term.limit_value is None:
        return term.limit
    return f"{term.limit} = {in_words(term.limit_value)}"
