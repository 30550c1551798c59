"""What a change would do to people, profiles and segments, tried in a copy of the warehouse.

The rules are told once, in the package's models: dbt builds the copy before the change and after
it, and the two are compared. Nothing outside the temporary folder is written.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from dbt_cdp.dbt import Dbt, Manifest
from dbt_cdp.decisions import Identifier, identifier_problem, identifier_types
from dbt_cdp.errors import ConfigurationError, listed
from dbt_cdp.files import InputFile
from dbt_cdp.output import talk
from dbt_cdp.project import PACKAGE, PROJECT_FILE, Project, read_yaml
from dbt_cdp.project_copy import copied_project, with_vars
from dbt_cdp.warehouse import Warehouse, open_warehouse, require_table

BLOCK_COLUMNS = ("identifier_type", "identifier_value")

_PREFIX = "cdp_"

# What is remembered of a build, in tables of a schema of its own in the copy.
_BEFORE, _AFTER = "cdp_before", "cdp_after"
_REMEMBERED = {
    "graph": "select * from {cdp__identity_graph}",
    "ids": "select canonical_id, heirs from {int_cdp__canonical_ids}",
    "history": "select canonical_id, current_canonical_id from {cdp__canonical_id_history}",
    "profiles": "select * from {cdp__user_profiles}",
    "members": """
        select distinct segment_name, canonical_id from {cdp__segments} where exited_at is null
    """,
}

# Columns of a profile that say how and when it was made, and nothing of the person.
_OF_THE_BUILD = ("canonical_id", "data_batch_id", "definition_hash", "batch_id")

# The form in which the models compare a value with a block list, whatever way it is spelled.
_NORMAL_FORM = """
select lower({{ cdp.cdp_normal_form("identifier_type", "identifier_value") }})

from (
    select
        cast(? as {{ dbt.type_string() }}) as identifier_type,
        cast(? as {{ dbt.type_string() }}) as identifier_value
) as given
"""

_SEEN = """
select count(*) > 0

from {int_cdp__identifiers}

where
    identifier_type = ?
    and lower(identifier_value) = ?
"""

_BLOCK = """
insert into {cdp__blocked_identifiers} (identifier_type, identifier_value)

select
    wanted.identifier_type,
    wanted.identifier_value

from (
    select
        cast(? as varchar) as identifier_type,
        cast(? as varchar) as identifier_value
) as wanted

left join {cdp__blocked_identifiers} as listed
    on
        wanted.identifier_type = listed.identifier_type
        and wanted.identifier_value = listed.identifier_value

where listed.identifier_type is null
"""

_PEOPLE = """
select
    (select count(distinct canonical_id) from cdp_before.graph),
    (select count(distinct canonical_id) from cdp_after.graph)
"""

_IDENTIFIERS = """
with

compared as (

    select
        case
            when was.identifier_id is null then 'added'
            when now.identifier_id is null then 'gone'
            when now.is_shared and not was.is_shared then 'newly_shared'
            when was.is_shared and not now.is_shared then 'no_longer_shared'
            when was.canonical_id <> now.canonical_id then 'moved'
        end as change

    from cdp_before.graph as was

    full outer join cdp_after.graph as now on was.identifier_id = now.identifier_id

)

select
    change,
    count(*)

from compared

where change is not null

group by change
"""

_PROFILES = """
select
    count(case when was.canonical_id is null then 1 end),
    count(case when now.canonical_id is null then 1 end),
    count(case when was.canonical_id = now.canonical_id and ({is_changed}) then 1 end)

from cdp_before.profiles as was

full outer join cdp_after.profiles as now on was.canonical_id = now.canonical_id
"""

_PROFILE_COLUMNS = """
select column_name

from information_schema.columns

where
    table_schema in ('cdp_before', 'cdp_after')
    and table_name = 'profiles'

group by column_name

having count(*) = 2
"""

# Whoever was a member before a merge is one after it: that is no exit.
_SEGMENTS = """
with

was as (

    select distinct
        members.segment_name,
        coalesce(history.current_canonical_id, members.canonical_id) as canonical_id

    from cdp_before.members as members

    left join cdp_after.history as history on members.canonical_id = history.canonical_id

),

changes as (

    select
        coalesce(was.segment_name, now.segment_name) as segment_name,
        case when was.canonical_id is null then 1 else 0 end as entered,
        case when now.canonical_id is null then 1 else 0 end as exited

    from was

    full outer join cdp_after.members as now
        on
            was.segment_name = now.segment_name
            and was.canonical_id = now.canonical_id

)

select
    changes.segment_name,
    (
        select count(*) from cdp_before.members as members
        where members.segment_name = changes.segment_name
    ),
    (
        select count(*) from cdp_after.members as members
        where members.segment_name = changes.segment_name
    ),
    sum(changes.entered),
    sum(changes.exited)

from changes

group by changes.segment_name

order by changes.segment_name
"""

# People of {parts} that are wholly one person of {wholes}, together with others: they merge if
# {parts} was before, and the whole splits into them if {wholes} was. An identifier that goes from
# one person to another makes neither.
_REGROUPED = """
create table {parts}.regrouped as

with

pairs as (

    select
        parts.canonical_id as part_id,
        wholes.canonical_id as whole_id

    from {parts}.graph as parts

    inner join {wholes}.graph as wholes on parts.identifier_id = wholes.identifier_id

    where
        parts.canonical_id is not null
        and wholes.canonical_id is not null

),

parts as (

    select
        part_id,
        min(whole_id) as whole_id,
        count(*) as count_identifiers

    from pairs

    group by part_id

    having count(distinct whole_id) = 1

),

wholes as (

    select
        whole_id,
        row_number() over (
            order by count(*) desc, sum(count_identifiers) desc, whole_id
        ) as place

    from parts

    group by whole_id

    having count(*) > 1

)

select
    wholes.place,
    parts.whole_id,
    parts.part_id,
    parts.count_identifiers

from parts

inner join wholes on parts.whole_id = wholes.whole_id
"""

_REGROUPED_COUNTS = "select count(part_id), count(distinct whole_id) from {parts}.regrouped"

# The registry keeps the identifiers of a person from strong to weak by their keys.
_EXAMPLES = """
with

ranked as (

    select
        regrouped.place,
        regrouped.whole_id,
        regrouped.part_id,
        regrouped.count_identifiers,
        graph.identifier_type,
        graph.identifier_value,
        row_number() over (
            partition by regrouped.part_id
            order by
                nullif(position(';' || graph.identifier_id || ';' in ';' || ids.heirs || ';'), 0)
                nulls last,
                graph.identifier_id
        ) as strength

    from {parts}.regrouped as regrouped

    inner join {parts}.graph as graph on regrouped.part_id = graph.canonical_id

    inner join {parts}.ids as ids on regrouped.part_id = ids.canonical_id

    where regrouped.place <= ?

)

select
    whole_id,
    part_id,
    count_identifiers,
    identifier_type,
    identifier_value

from ranked

where strength <= 3

order by place, count_identifiers desc, part_id, strength
"""


@dataclass(frozen=True)
class BlockedValue:
    """A value that was blocked on trial.

    Attributes:
        is_seen: whether any event or record has it, however spelled.
    """

    identifier: Identifier
    is_seen: bool


@dataclass(frozen=True)
class Part:
    """A person that would become one with others, or come out of another.

    Attributes:
        identifiers: how many the part has in common with the whole.
        strongest: up to three of the person's identifiers, the strongest first.
    """

    canonical_id: str
    identifiers: int
    strongest: list[Identifier]


@dataclass(frozen=True)
class Regrouping:
    """People that would become one, or one that would become several.

    Attributes:
        canonical_id: the id of the one.
        parts: the several, the largest first.
    """

    canonical_id: str
    parts: list[Part]


@dataclass(frozen=True)
class SegmentChange:
    """What would become of a segment.

    Attributes:
        before: how many members it has.
        after: how many it would have; two members that merge are one, and that is no exit.
        entered: how many would enter.
        exited: how many would leave.
    """

    segment_name: str
    before: int
    after: int
    entered: int
    exited: int


@dataclass(frozen=True)
class Totals:
    """How much would change.

    Attributes:
        people_before: distinct canonical ids as the rules are.
        people_after: distinct canonical ids after the change.
        merging_people: how many people would become one with others, with all they have.
        merged_people: how many people would be made of them.
        splitting_people: how many people would fall apart.
        split_people: how many people would be made of them.
        identifiers_moved: identifiers with another canonical id than before, merges and splits
            among them.
        identifiers_newly_shared: identifiers that would belong to nobody.
        identifiers_no_longer_shared: shared identifiers that would be somebody's.
        identifiers_gone: identifiers that would leave the graph: blocked, or written otherwise.
        identifiers_added: identifiers that would come into it.
        profiles_added: rows that user_profiles would gain.
        profiles_removed: rows that it would lose.
        profiles_changed: rows in which anything would change.
        memberships_entered: how many people would enter a segment, summed over segments.
        memberships_exited: how many would leave one.
    """

    people_before: int
    people_after: int
    merging_people: int
    merged_people: int
    splitting_people: int
    split_people: int
    identifiers_moved: int
    identifiers_newly_shared: int
    identifiers_no_longer_shared: int
    identifiers_gone: int
    identifiers_added: int
    profiles_added: int
    profiles_removed: int
    profiles_changed: int
    memberships_entered: int
    memberships_exited: int


@dataclass(frozen=True)
class Simulation:
    """What a change would do.

    Attributes:
        totals: how much would change.
        segments: every segment that has members before or after.
        merges: examples, those of the most people first.
        splits: examples, those into the most people first.
        blocked: the values that were blocked on trial.
    """

    totals: Totals
    segments: list[SegmentChange]
    merges: list[Regrouping]
    splits: list[Regrouping]
    blocked: list[BlockedValue]


def read_variables(path: Path) -> dict[str, Any]:
    """The variables of a YAML file, by their names.

    Raises:
        ConfigurationError: the file is not YAML, or holds anything else than `cdp_*` variables.
    """
    variables = read_yaml(path)
    others = [str(name) for name in variables if not str(name).startswith(_PREFIX)]
    if others:
        raise ConfigurationError(
            f"No variable of the package: {', '.join(others)}.",
            where=str(path),
            remedy="write variables such as cdp_identifiers at the top of the file, as they are"
            f" below `vars:` in {PROJECT_FILE}.",
        )
    return variables


def read_blocked(
    project: Project, arguments: Sequence[str], file: Path | None = None
) -> list[Identifier]:
    """The values that are to be blocked on trial. No error quotes one of them.

    Args:
        project: the project, whose identifier types are the known ones.
        arguments: words of a command line, each as TYPE=VALUE.
        file: a CSV file with the columns `BLOCK_COLUMNS`; `-` is the standard input.

    Raises:
        ConfigurationError: a word or a line is no identifier, or the file has other columns.
        FileError: the file cannot be read as CSV.
    """
    types = identifier_types(project)
    given = [
        (f"--block, value {number}", Identifier.parse(text))
        for number, text in enumerate(arguments, start=1)
    ]
    if file is not None:
        given += _file_identifiers(InputFile(file, suffix=".csv"))
    problems = [
        f"{place}: {problem}"
        for place, identifier in given
        if (problem := identifier_problem(identifier, types))
    ]
    if problems:
        raise _bad_values(problems)
    return [identifier for _, identifier in given]


def simulate(
    project: Project,
    variables: Mapping[str, Any],
    blocked: Sequence[Identifier],
    count_examples: int = 5,
) -> Simulation:
    """Try a change in a copy of the project and its warehouse, which is gone afterwards.

    Says on stderr what it is about to do.

    Args:
        project: the project; its warehouse is a DuckDB file.
        variables: `cdp_*` variables to set over those of dbt_project.yml.
        blocked: values to block beside those that are blocked.
        count_examples: how many merges and splits are wanted.

    Raises:
        CdpError: there is no room for a copy.
        ConfigurationError: the warehouse cannot be copied, has not been built, or no model reads
            one of the variables.
        DbtError: dbt failed, before the change or after it; the message has dbt's own words.
        WarehouseLockedError: the warehouse was being written to.
    """
    with copied_project(project) as copied:
        manifest = Dbt(copied).manifest()
        _require_readers(manifest, variables)
        with open_warehouse(copied) as warehouse:
            require_table(warehouse, manifest.relation("cdp__identity_graph"))
        talk("Bringing the copy up to date (dbt run) ...")
        _build(copied, manifest)
        with open_warehouse(copied) as warehouse:
            _remember(warehouse, manifest, _BEFORE)
        talk("Building it with the change (dbt run) ...")
        if variables:
            copied = with_vars(copied, variables)
            manifest = Dbt(copied).manifest()
        forms = _block(copied, manifest, blocked) if blocked else []
        _build(copied, manifest)
        talk("Comparing ...")
        with open_warehouse(copied) as warehouse:
            _remember(warehouse, manifest, _AFTER)
            found = [
                BlockedValue(identifier, _is_seen(warehouse, manifest, identifier.type, form))
                for identifier, form in zip(blocked, forms, strict=True)
            ]
            return _compare(warehouse, found, count_examples)


# What is asked for


def _file_identifiers(file: InputFile) -> list[tuple[str, Identifier]]:
    """The identifiers of a file, each with its place in it."""
    identifiers, problems = [], []
    for row in file.table(BLOCK_COLUMNS, "a value to block", "values"):
        place = f"{file.name}, line {row.number}"
        if row.value is None:
            problems.append(f"{place}: {row.problem}")
        else:
            value = Identifier.stripped(*(row.value[name] for name in BLOCK_COLUMNS))
            identifiers.append((place, value))
    if problems:
        raise _bad_values(problems)
    return identifiers


def _bad_values(problems: Sequence[str]) -> ConfigurationError:
    return ConfigurationError(
        "\n".join(["Some values to block are no identifiers.", *listed(problems)]),
        where="--block or --block-file",
        remedy="write each as TYPE=VALUE, such as email=ann@shop.example, or in the two columns of"
        " a file.",
    )


def _require_readers(manifest: Manifest, variables: Mapping[str, Any]) -> None:
    """A variable that nothing reads is misspelt, and would seem to change nothing."""
    content = manifest.content
    texts = [macro["macro_sql"] for macro in content["macros"].values()]
    texts += [node.get("raw_code") or "" for node in content["nodes"].values()]
    unread = [
        name
        for name in variables
        if not any(f'"{name}"' in text or f"'{name}'" in text for text in texts)
    ]
    if unread:
        raise ConfigurationError(
            f"No model or macro reads the variable {', '.join(unread)}.",
            where="the file given with --vars",
            remedy="correct its name.",
        )


# The builds


def _build(project: Project, manifest: Manifest) -> None:
    Dbt(project).run(["run", "--select", *_selection(manifest)], stream=False)


def _selection(manifest: Manifest) -> list[str]:
    """The package's models, and those of the user's that are made of them and that they read.

    Raises:
        ConfigurationError: one of them would write outside the warehouse.
    """
    nodes, content = manifest.content["nodes"], manifest.content
    package = {key for key, node in nodes.items() if node["package_name"] == PACKAGE}
    between = _reached(content["child_map"], package) & _reached(content["parent_map"], package)
    selected = [f"package:{PACKAGE}"]
    for key in sorted(between - package):
        node = nodes.get(key, {})
        if node.get("resource_type") != "model":
            continue
        if node["config"]["materialized"] == "external":
            raise ConfigurationError(
                f"The model {node['name']} writes a file outside the warehouse, so that trying a"
                " change would leave a trace.",
                where=node["original_file_path"],
                remedy="materialize it as a table or a view.",
            )
        selected.append(".".join(node["fqn"]))
    return selected


def _reached(neighbours: Mapping[str, Sequence[str]], starts: set[str]) -> set[str]:
    """The starts and every node that a path leads to from one of them."""
    found, open_ = set(starts), list(starts)
    while open_:
        new = [key for key in neighbours.get(open_.pop(), ()) if key not in found]
        found.update(new)
        open_ += new
    return found


def _block(project: Project, manifest: Manifest, identifiers: Sequence[Identifier]) -> list[str]:
    """Put values on the copy's block list, and return them in the form that they have there."""
    normalize = Dbt(project).compile_inline(_NORMAL_FORM)
    insert = manifest.with_tables(_BLOCK)
    forms = []
    with open_warehouse(project) as warehouse:
        for identifier in identifiers:
            ((form,),) = warehouse.query(normalize, [identifier.type, identifier.value])
            warehouse.execute(insert, [identifier.type, form])
            forms.append(form)
    return forms


def _is_seen(warehouse: Warehouse, manifest: Manifest, type_: str, form: str) -> bool:
    ((is_seen,),) = warehouse.query(manifest.with_tables(_SEEN), [type_, form])
    return bool(is_seen)


# The comparison


def _remember(warehouse: Warehouse, manifest: Manifest, schema: str) -> None:
    warehouse.execute(f"create schema {schema}")
    for name, query in _REMEMBERED.items():
        warehouse.execute(f"create table {schema}.{name} as {manifest.with_tables(query)}")


def _compare(warehouse: Warehouse, blocked: list[BlockedValue], count_examples: int) -> Simulation:
    for parts, wholes in ((_BEFORE, _AFTER), (_AFTER, _BEFORE)):
        warehouse.execute(_REGROUPED.format(parts=parts, wholes=wholes))
    segments = [SegmentChange(*row) for row in warehouse.query(_SEGMENTS)]
    return Simulation(
        totals=_totals(warehouse, segments),
        segments=segments,
        merges=_examples(warehouse, _BEFORE, count_examples),
        splits=_examples(warehouse, _AFTER, count_examples),
        blocked=blocked,
    )


def _totals(warehouse: Warehouse, segments: Sequence[SegmentChange]) -> Totals:
    def counts(query: str) -> tuple[int, ...]:
        (row,) = warehouse.query(query)
        return row

    people_before, people_after = counts(_PEOPLE)
    merging, merged = counts(_REGROUPED_COUNTS.format(parts=_BEFORE))
    split, splitting = counts(_REGROUPED_COUNTS.format(parts=_AFTER))
    identifiers = dict(warehouse.query(_IDENTIFIERS))
    added, removed, changed = counts(_PROFILES.format(is_changed=_is_changed(warehouse)))
    return Totals(
        people_before=people_before,
        people_after=people_after,
        merging_people=merging,
        merged_people=merged,
        splitting_people=splitting,
        split_people=split,
        identifiers_moved=identifiers.get("moved", 0),
        identifiers_newly_shared=identifiers.get("newly_shared", 0),
        identifiers_no_longer_shared=identifiers.get("no_longer_shared", 0),
        identifiers_gone=identifiers.get("gone", 0),
        identifiers_added=identifiers.get("added", 0),
        profiles_added=added,
        profiles_removed=removed,
        profiles_changed=changed,
        memberships_entered=sum(segment.entered for segment in segments),
        memberships_exited=sum(segment.exited for segment in segments),
    )


def _is_changed(warehouse: Warehouse) -> str:
    """A condition on two profiles: any of the columns that both builds have is another.

    A trait that comes or goes is seen in the column `traits`.
    """
    names = sorted(name for (name,) in warehouse.query(_PROFILE_COLUMNS))
    columns = [warehouse.quote(name) for name in names if name not in _OF_THE_BUILD]
    return " or ".join(f"was.{column} is distinct from now.{column}" for column in columns)


def _examples(warehouse: Warehouse, parts: str, count: int) -> list[Regrouping]:
    rows = warehouse.query(_EXAMPLES.format(parts=parts), [count])
    return [
        Regrouping(whole, [_part(list(part)) for _, part in groupby(group, key=itemgetter(1))])
        for whole, group in groupby(rows, key=itemgetter(0))
    ]


def _part(rows: Sequence[tuple[Any, ...]]) -> Part:
    _, canonical_id, identifiers, *_ = rows[0]
    return Part(canonical_id, identifiers, [Identifier(*row[-2:]) for row in rows])
