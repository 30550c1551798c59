"""People's decisions on identities: what `cdp identity decide` writes to the ledger that dbt reads.

No error quotes an identifier, nor what stands in the place of its type: people swap the two.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from dbt_cdp.errors import ConfigurationError, listed
from dbt_cdp.files import InputFile
from dbt_cdp.landing import ensure_tables, next_time
from dbt_cdp.payloads import storable
from dbt_cdp.project import PROJECT_FILE, Project
from dbt_cdp.warehouse import open_warehouse

# How many identifiers each decision may name.
DECISIONS = {"link": (2,), "never_link": (2,), "shared": (1,), "not_shared": (1,), "lift": (1, 2)}

# The types that the macro cdp_identifier_types knows by itself.
BUILT_IN_TYPES = (
    "user_id",
    "crm_id",
    "billing_id",
    "support_id",
    "email",
    "phone",
    "device_id",
    "anonymous_id",
)

_SIDES = ("a", "b")
IDENTIFIER_COLUMNS = [
    key for side in _SIDES for key in (f"identifier_type_{side}", f"identifier_value_{side}")
]
FILE_COLUMNS = ("decision", *IDENTIFIER_COLUMNS, "reason")

LEDGER = "cdp__identity_decisions"
_IN_WORDS = {(1,): "one identifier", (2,): "two identifiers", (1, 2): "one identifier or two"}
_ORDINALS = ("first", "second")

# What is in force; with a true parameter all the rest too. A subject is one identifier, or two in
# either order, as they were written.
LEDGER_SQL = """
with

sided as (

    select
        *,
        identifier_type_a || ' ' || identifier_value_a as side_a,
        coalesce(identifier_type_b || ' ' || identifier_value_b, '') as side_b

    from {ledger}

),

followed as (

    select
        *,
        lead(decision) over (
            partition by least(side_a, side_b), greatest(side_a, side_b)
            order by decided_at, decision_id
        ) as next_decision

    from sided

),

judged as (

    select
        *,
        case
            when decision = 'lift' then 'lift'
            when next_decision is null then 'in force'
            when next_decision = 'lift' then 'lifted'
            else 'superseded'
        end as status

    from followed

)

select decision_id, decision, {keys}, decided_at, decided_by, reason, status

from judged

where status = 'in force' or cast(? as boolean)

order by decided_at desc, decision_id
"""


@dataclass(frozen=True)
class Identifier:
    """One identifier of a person, as it was written."""

    type: str
    value: str = field(repr=False)

    def __str__(self) -> str:
        return f"{self.type}={self.value}"

    @classmethod
    def stripped(cls, type_: str, value: str) -> "Identifier":
        """An identifier without the white space around its parts."""
        return cls(type_.strip(), value.strip())

    @classmethod
    def parse(cls, text: str) -> "Identifier":
        """An identifier from TYPE=VALUE; without a value where there is no `=`."""
        return cls.stripped(*text.partition("=")[::2])


@dataclass(frozen=True)
class Decision:
    """What somebody decided on one identifier, or on two.

    Attributes:
        decision: one of `DECISIONS`.
        identifiers: the one, or the two in the order in which they were given.
        reason: why.
    """

    decision: str
    identifiers: tuple[Identifier, ...]
    reason: str = field(repr=False)


@dataclass(frozen=True)
class Written:
    """A row that was added to the ledger."""

    decision_id: str
    decision: str
    decided_at: datetime


@dataclass(frozen=True)
class Entry:
    """A row of the ledger.

    Attributes:
        identifiers: the one, or the two.
        decided_at: when (UTC); grows strictly from row to row.
        decided_by: who; None where the machine did not know.
        status: in force, superseded or lifted by a later one on the same identifiers, or lift.
    """

    decision_id: str
    decision: str
    identifiers: tuple[Identifier, ...]
    decided_at: datetime
    decided_by: str | None
    reason: str | None
    status: str


def identifier_types(project: Project) -> list[str]:
    """The identifier types: the package's, and what the var `cdp_identifiers` adds.

    Raises:
        ConfigurationError: the var is not a list, or an entry has no name.
    """
    try:
        added = [str(entry["name"]) for entry in project.var("cdp_identifiers") or []]
    except (KeyError, TypeError):
        raise ConfigurationError(
            "cdp_identifiers must be a list whose entries have a name.",
            where=f"cdp_identifiers in {project.root / PROJECT_FILE}",
            remedy="write its entries as `- {name: loyalty_card, priority: 2}`.",
        ) from None
    return list(dict.fromkeys([*BUILT_IN_TYPES, *added]))


def read_arguments(
    project: Project, decision: str, identifiers: Sequence[str], reason: str | None
) -> Decision:
    """A decision from the words of a command line.

    Args:
        project: the project, whose identifier types are the known ones.
        decision: one of `DECISIONS`, also with - for _.
        identifiers: each as TYPE=VALUE.
        reason: why.

    Raises:
        ConfigurationError: the words are no decision.
    """
    result = _decision(decision, map(Identifier.parse, identifiers), reason)
    problem = _problem(result, identifier_types(project))
    if problem:
        raise ConfigurationError(
            f"{problem[0].upper()}{problem[1:]}.",
            where="the arguments of `cdp identity decide`",
            remedy="name a decision, then each identifier as TYPE=VALUE, and a --reason;"
            " `cdp identity decide --help` tells more.",
        )
    return result


def read_file(project: Project, path: Path, reason: str | None = None) -> list[Decision]:
    """The decisions of a CSV file with the columns `FILE_COLUMNS`, one a row.

    Args:
        project: the project, whose identifier types are the known ones.
        path: where the file is; `-` is the standard input.
        reason: why, for the rows that give no reason of their own.

    Raises:
        ConfigurationError: there is no such file, its columns are others, it has no rows, or some
            of them are no decisions; the message has their lines.
        FileError: the file cannot be read as CSV.
    """
    file = InputFile(path, suffix=".csv")
    types = identifier_types(project)
    decisions, problems = [], []
    for row in file.table(FILE_COLUMNS, "a decision", "decisions"):
        decision = _row_decision(row.value, reason) if row.value is not None else None
        problem = _problem(decision, types) if decision else row.problem
        if problem:
            problems.append(f"line {row.number}: {problem}")
        elif decision:
            decisions.append(decision)
    if problems:
        raise _bad_rows(problems, file.name)
    return decisions


def write_decisions(
    project: Project, decisions: Sequence[Decision], decided_by: str | None
) -> list[Written]:
    """Add decisions to the ledger, all of them or none.

    Args:
        project: the project whose warehouse holds the ledger.
        decisions: what was decided; the later one counts where two are on the same identifiers.
        decided_by: who decided; None if nobody knows.

    Returns:
        What was written, in the order given.

    Raises:
        DbtError: the project cannot be parsed, or the ledger cannot be made.
        WarehouseError: the warehouse cannot be opened or written to.
    """
    (ledger,) = ensure_tables(project, [LEDGER])
    with open_warehouse(project) as warehouse, warehouse.transaction():
        first = next_time(warehouse, ledger, "decided_at")
        written = [
            Written(uuid.uuid4().hex, decision.decision, first + timedelta(microseconds=position))
            for position, decision in enumerate(decisions)
        ]
        columns: dict[str, Sequence[Any]] = {
            "decision_id": [row.decision_id for row in written],
            "decision": [row.decision for row in written],
            **_identifier_columns(decisions),
            "decided_at": [row.decided_at for row in written],
            "decided_by": [storable(decided_by)] * len(written),
            "reason": [decision.reason for decision in decisions],
        }
        warehouse.insert_new(ledger, columns, key="decision_id")
    return written


def read_ledger(project: Project, *, everything: bool = False) -> list[Entry]:
    """The decisions in the ledger, the newest first.

    Args:
        project: the project whose warehouse holds the ledger.
        everything: also those that are not in force.

    Raises:
        DbtError: the project cannot be parsed, or the ledger cannot be made.
        WarehouseError: the warehouse cannot be opened or read.
    """
    (ledger,) = ensure_tables(project, [LEDGER])
    with open_warehouse(project) as warehouse:
        sql = LEDGER_SQL.format(ledger=ledger, keys=", ".join(IDENTIFIER_COLUMNS))
        return [_entry(row) for row in warehouse.query(sql, [everything])]


def _row_decision(cells: Mapping[str, str], reason: str | None) -> Decision:
    identifiers = [
        Identifier.stripped(cells[f"identifier_type_{side}"], cells[f"identifier_value_{side}"])
        for side in _SIDES
    ]
    if identifiers[-1] == Identifier("", ""):
        identifiers.pop()
    return _decision(cells["decision"], identifiers, cells["reason"].strip() or reason)


def _decision(name: str, identifiers: Iterable[Identifier], reason: str | None) -> Decision:
    return Decision(
        decision=name.strip().lower().replace("-", "_"),
        identifiers=tuple(identifiers),
        reason=storable((reason or "").strip()),
    )


def _problem(decision: Decision, types: Sequence[str]) -> str:
    """Why a decision cannot be taken; empty for one that can."""
    name, identifiers = decision.decision, decision.identifiers
    if name not in DECISIONS:
        return f"the decision is none of {', '.join(DECISIONS)}"
    if len(identifiers) not in DECISIONS[name]:
        return f"{name} takes {_IN_WORDS[DECISIONS[name]]}, not {len(identifiers)}"
    for ordinal, identifier in zip(_ORDINALS, identifiers, strict=False):
        problem = identifier_problem(identifier, types)
        if problem:
            return f"the {ordinal} identifier {problem}"
    if len(set(identifiers)) < len(identifiers):
        return "the two identifiers are the same"
    return "" if decision.reason else "there is no reason"


def identifier_problem(identifier: Identifier, types: Sequence[str]) -> str:
    """Why an identifier cannot be one, without its type and value; empty for one that can."""
    if identifier.type not in types:
        return f"is of no known type; the types are {', '.join(types)}"
    if not identifier.value:
        return "has no value"
    # What cannot be stored is replaced by this character, and would then be another identifier.
    if "\ufffd" in storable(identifier.value):
        return "has a character that no warehouse stores"
    return ""


def _bad_rows(problems: Sequence[str], file: str) -> ConfigurationError:
    count = "1 row is" if len(problems) == 1 else f"{len(problems)} rows are"
    lines = [f"{count} no decision that can be taken; nothing was written."]
    return ConfigurationError(
        "\n".join([*lines, *listed(problems)]),
        where=file,
        remedy="correct these lines and give the whole file again.",
    )


def _identifier_columns(decisions: Sequence[Decision]) -> dict[str, list[str | None]]:
    columns: dict[str, list[str | None]] = {key: [] for key in IDENTIFIER_COLUMNS}
    for decision in decisions:
        for position, side in enumerate(_SIDES):
            is_given = position < len(decision.identifiers)
            identifier = decision.identifiers[position] if is_given else None
            columns[f"identifier_type_{side}"].append(identifier.type if identifier else None)
            columns[f"identifier_value_{side}"].append(identifier.value if identifier else None)
    return columns


def _entry(row: tuple[Any, ...]) -> Entry:
    decision_id, decision, type_a, value_a, type_b, value_b, *rest = row
    identifiers = [Identifier(type_a, value_a)]
    if type_b is not None:
        identifiers.append(Identifier(type_b, value_b))
    return Entry(decision_id, decision, tuple(identifiers), *rest)
