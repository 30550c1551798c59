"""`cdp demo`: an invented company's data, through the whole product."""

import os
import shutil
import sys
from dataclasses import asdict
from pathlib import Path

import click

from dbt_cdp.dbt import Dbt
from dbt_cdp.demo.figures import Figures, Sighting, read_figures
from dbt_cdp.demo.world import WorldFiles, write_world
from dbt_cdp.errors import ConfigurationError, ExitCode
from dbt_cdp.landing import load_files
from dbt_cdp.options import json_option
from dbt_cdp.output import print_json, print_table, print_tree, talk
from dbt_cdp.project import PROJECT_FILE, Project, package_root, read_yaml
from dbt_cdp.report.content import read_report
from dbt_cdp.report.page import page, write_page

_TEMPLATE = Path(__file__).parents[1] / "demo" / "project"
_NAME = "cdp_demo"
_MATCH_RULES = ("same_device", "same_name_and_title", "continued_visit")

_REPORT = "report.html"

_NEXT_STEPS = """\
What to do next, in the folder {folder}:
  report.html                open it in a browser: how everything is doing
  {cdp} profile {person}
                             all that is known of the person above
  {cdp} segments list
                             the segments; `segments explain` tells why somebody is in one, or not
  {dbt} show --inline "select * from {{{{ ref('cdp', 'cdp__segments') }}}}"
                             look at a table; the others are identity_graph, user_profiles, ...
  dbt_project.yml            the sources, traits and segments; change one, then `dbt build`
  {cdp} load data/events.ndjson --source web
                             load a file again: nothing is added twice
To put the package into a dbt project of yours, go on in the README at "Install"."""


@click.command()
@click.option(
    "--people",
    default=5000,
    show_default=True,
    type=click.IntRange(min=50),
    help="How many there are; each causes about 30 events.",
)
@click.option("--seed", default=7, show_default=True, help="Another number, another world.")
@click.option(
    "--folder",
    default="cdp-demo",
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the demonstration's dbt project and its DuckDB file go.",
)
@click.option(
    "--match-rules",
    "action",
    type=click.Choice(["ignore", "review", "merge"]),
    default="review",
    show_default=True,
    help="What is done with pairs that are probably one person, see docs/match_rules.md.",
)
@json_option
def demo(people: int, seed: int, folder: Path, action: str, as_json: bool) -> int:
    """Build a demonstration: a software company's customers.

    Invents the events and the records of a CRM, a billing and a support system, loads them, runs
    `dbt build`, writes a report and shows what came of it. Nothing leaves the machine, and nothing
    is invented about real people.

    Example: cdp demo --people 1000
    """
    project = _write_project(folder, action)
    talk(f"Inventing {people:,} people and what they did in a year ...")
    world = write_world(folder / "data", people=people, seed=seed)
    talk("Loading their events and records (cdp load) ...")
    _load(project, world)
    talk("Resolving identities, profiles and segments (dbt build) ...")
    results = Dbt(project).run(["build"], stream=False)
    talk(f"{len(results.nodes)} models, seeds and tests are done.")
    talk("Writing how it is doing on a page (cdp report) ...")
    write_page(folder / _REPORT, page(read_report(project)), is_private=False)
    figures = read_figures(project, world.truth, world.clues, world.showcase_email)
    if as_json:
        print_json(asdict(figures))
    else:
        _print(figures)
        calls = {name: _call(name, folder) for name in ("dbt", "cdp")}
        talk(_NEXT_STEPS.format(folder=folder, person=figures.canonical_id, **calls))
    # What is merged because it is probable may be wrong now and then.
    is_wrong = figures.truth.false_merges and action != "merge"
    return ExitCode.WORK_FAILED if is_wrong else ExitCode.OK


def _write_project(folder: Path, action: str) -> Project:
    """The demonstration's project in a folder that is new, or holds an earlier demonstration.

    Every match rule gets the action.
    """
    if folder.exists() and any(folder.iterdir()):
        settings = folder / PROJECT_FILE
        if not settings.is_file() or read_yaml(settings).get("name") != _NAME:
            raise ConfigurationError(
                "The folder holds something else than a demonstration.",
                where=str(folder),
                remedy="give another one with --folder.",
            )
        shutil.rmtree(folder)
    shutil.copytree(_TEMPLATE, folder)
    settings = folder / PROJECT_FILE
    rules = "".join(f"    - {{name: {name}, action: {action}}}\n" for name in _MATCH_RULES)
    text = f"\n  # Pairs that are probably one person.\n  cdp_match_rules:\n{rules}"
    settings.write_text(settings.read_text(encoding="utf-8") + text, encoding="utf-8")
    packages = f"packages:\n  - local: {package_root()}\n"
    (folder / "packages.yml").write_text(packages, encoding="utf-8")
    project = Project.find(folder, folder)
    Dbt(project).run(["deps"], stream=False)
    return project


def _load(project: Project, world: WorldFiles) -> None:
    files = {
        "web": world.event_files[0],
        "salesforce": world.salesforce,
        "stripe": world.stripe,
        "zendesk": world.zendesk,
    }
    for source, file in files.items():
        (report,) = load_files(project, [file], source)
        rejected = f", {report.rejected} lines rejected" if report.rejected else ""
        talk(f"  {source}: {report.added:,} {report.kind}{rejected}")


def _print(figures: Figures) -> None:
    truth = figures.truth
    print_table(
        ("identity", ""),
        [
            ("events", figures.events),
            ("events rejected, with a reason", figures.rejected_events),
            ("identifiers", figures.identifiers),
            ("people", figures.people),
            ("  of them known by name or account", figures.identified_people),
            ("anonymous browsers that became known", figures.joined_browsers),
            ("  their anonymous events, now attributed", figures.reattributed_events),
            ("links refused, which would have merged people", figures.refused_links),
            ("  identifiers that several people share", figures.shared_identifiers),
            ("false merges (against the generator's truth)", truth.false_merges),
            ("recall of what the data connects", f"{truth.recall:.2%}"),
            ("recall of everything, also what no data connects", f"{truth.recall_of_all:.2%}"),
        ],
    )
    print_table(
        ("match rule", "pairs", "precision", "recall"),
        [
            (rule.rule, rule.candidates, _share(rule.precision), _share(rule.recall))
            for rule in figures.match_rules
        ],
    )
    print_table(("segment", "people"), [(size.name, size.members) for size in figures.segments])
    print_tree(
        f"canonical {figures.canonical_id}", [_line(sighting) for sighting in figures.sightings]
    )


def _share(share: float | None) -> str:
    return "" if share is None else f"{share:.1%}"


def _line(sighting: Sighting) -> str:
    identifier = f"{sighting.identifier_type}: {sighting.identifier_value}"
    seen = ", ".join(
        str(part)
        for part in (
            sighting.event_type,
            sighting.source,
            sighting.first_seen and sighting.first_seen.date(),
        )
        if part
    )
    return f"{identifier:<55} ({seen})"


def _call(name: str, folder: Path) -> str:
    """How to call a command of this environment in a folder, also where it is not on the path."""
    program = Path(sys.executable).with_name(name)
    return name if shutil.which(name) else os.path.relpath(program, folder)
