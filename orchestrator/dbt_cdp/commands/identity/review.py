"""`cdp identity review`: lists probable matches and takes people's decisions on them."""

from collections.abc import Sequence
from dataclasses import asdict

import click

from dbt_cdp.candidates import Candidate, decide_candidates, read_candidates
from dbt_cdp.commands.identity.decide import print_written
from dbt_cdp.options import by_option, json_option, project_options, user_name
from dbt_cdp.output import print_json, print_table, talk
from dbt_cdp.project import Project

_COLUMNS = ("candidate", "rule", "score", "status", "identifiers", "evidence", "matched at")
_ID_LENGTH = 12


@click.command()
@click.option(
    "--accept",
    multiple=True,
    metavar="CANDIDATE",
    help="Take the two for one person; the start of an id suffices, and it can be repeated.",
)
@click.option(
    "--refuse",
    multiple=True,
    metavar="CANDIDATE",
    help="Take the two for two people; the start of an id suffices, and it can be repeated.",
)
@click.option("--reason", help="Why. Default: the rule and its score.")
@by_option
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="Also list those that are decided, merged or below their rule's threshold.",
)
@click.option(
    "--limit",
    default=20,
    show_default=True,
    type=click.IntRange(min=1),
    help="How many to list.",
)
@json_option
@project_options
def review(
    accept: Sequence[str],
    refuse: Sequence[str],
    reason: str | None,
    by: str | None,
    everything: bool,
    limit: int,
    as_json: bool,
    project: Project,
) -> None:
    """List pairs that are probably one person, or decide on some of them.

    The surest come first. What is accepted or refused is written to the table
    `identity_decisions`, as a link or a never_link, and takes effect with the next `dbt build`;
    `cdp identity decide lift` takes it back. The rules are told in docs/match_rules.md.

    Example: cdp identity review
    """
    if accept or refuse:
        answers = dict.fromkeys(accept, "accept")
        if set(answers) & set(refuse):
            raise click.UsageError("The same candidate is accepted and refused.")
        answers |= dict.fromkeys(refuse, "refuse")
        print_written(decide_candidates(project, answers, reason, by or user_name()), as_json)
        return
    candidates, count = read_candidates(project, limit, everything=everything)
    if as_json:
        print_json([asdict(candidate) for candidate in candidates])
    else:
        print_table(_COLUMNS, [_row(candidate) for candidate in candidates])
    what = "candidates" if everything else "candidates that wait for a decision"
    talk(f"{len(candidates):,} of {count:,} {what}.")


def _row(candidate: Candidate) -> tuple[object, ...]:
    return (
        candidate.candidate_id[:_ID_LENGTH],
        candidate.rule,
        f"{candidate.score:.2f}",
        candidate.status,
        (candidate.one, candidate.other),
        ", ".join(f"{name} {_value(value)}" for name, value in candidate.evidence.items()),
        candidate.matched_at and f"{candidate.matched_at:%Y-%m-%d %H:%M}",
    )


def _value(value: object) -> object:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else value
