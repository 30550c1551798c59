"""The project whose profiles are tested, its models compiled, and what its tables say."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from harness import (
    PROGRAMS,
    PUBLIC,
    SCHEMA,
    Compiled,
    Database,
    compile_models,
    compile_now,
    project_of,
    read_given,
)
from histories import AS_OF, CARD_SAYS, CARD_SOURCES, EVENT_IDENTIFIERS, EVENT_SOURCES, GIVEN
from plain_profiles import ATTRIBUTES, SEGMENTS, TRAITS
from reference import TYPES, Person

PROFILES = (
    "+cdp__user_profiles",
    "+cdp__account_profiles",
    "+cdp__segments",
    "+cdp__account_segments",
)
# Models that are compiled otherwise where a trait or an attribute is new.
DEFINED = ("int_cdp__daily_activity", "cdp__user_profiles")
LATER_TRAITS = {
    *("exports", "views_in_a_row_3d", "smallest_order", "largest_order_7d", "last_order_at"),
    *("pages_7d", "favourite_page_7d", "last_features", "last_pages", "spending"),
}
LATER_ATTRIBUTE = "tier"
# Read as data besides the programs.
MEASURES = {
    "measures": "cdp.cdp_measures()",
    "later_attribute": f"cdp.cdp_attribute_measures()['{LATER_ATTRIBUTE}'].id",
}
RULES = ("same_device", "same_name_and_title", "continued_visit")

People = dict[Person, dict[str, Any]]


class Project(NamedTuple):
    """Its models, and the same for the build in which LATER_TRAITS and LATER_ATTRIBUTE are new.

    `later_measures` are what daily activity keeps for those alone.
    """

    compiled: Compiled
    added: Compiled
    later_measures: tuple[str, ...]


def compile_project(folder: Path) -> Project:
    """Compile it; the folder must not be there."""
    columns = {
        name: name
        for name in (
            *("event_id", "received_at", "timestamp", "event_type", "page_path", "group_id"),
            *("properties", "traits", *EVENT_IDENTIFIERS),
        )
    }
    events = [{"name": name, "events": name, "columns": columns} for name in EVENT_SOURCES]
    records = [
        {
            "name": name,
            "records": name,
            "record_id": "record_id",
            "identifier_type": kind,
            "updated_at": "changed_at",
            "identifiers": {"email": "email", "user_id": "user_id"},
            "attributes": {said: said for said in CARD_SAYS},
        }
        for name, kind in CARD_SOURCES.items()
    ]
    models = {
        "my_decisions": f"{PUBLIC} select * from {read_given('decisions')}",
    }
    for table, names in (("events", EVENT_SOURCES), ("cards", CARD_SOURCES)):
        for name in names:
            rows = f"select * exclude (source) from {read_given(table)} where source = '{name}'"
            models[name] = f"{PUBLIC} {rows}"
    consumer = project_of(
        folder,
        models,
        GIVEN,
        {
            "cdp_as_of": f"{AS_OF}",
            "cdp_sources": events + records,
            "cdp_identifiers": [{"name": name, **type_._asdict()} for name, type_ in TYPES.items()],
            "cdp_identity_decisions": "my_decisions",
            "cdp_match_rules": [{"name": name, "action": "ignore"} for name in RULES],
            "cdp_traits": TRAITS,
            "cdp_attributes": ATTRIBUTES,
            "cdp_segments": SEGMENTS,
        },
        PROGRAMS | MEASURES,
    )
    compiled = compile_models(consumer, PROFILES, GIVEN, PROGRAMS | MEASURES)
    measures = [compiled.programs["later_attribute"]]
    for measure in compiled.programs["measures"]:
        if LATER_TRAITS.issuperset(measure["traits"]):
            measures.append(measure["id"])
    with duckdb.connect(consumer.database) as connection:
        connection.execute(f"use {SCHEMA}")
        connection.execute("insert into user_profiles (canonical_id) values ('somebody')")
        forget_later(Database(connection), measures)
    known = (*GIVEN, *(model.name for model in compiled.models))
    added = {model.name: model for model in compile_now(consumer, known, *DEFINED)}
    models = tuple(
        replace(model, later=added[model.name].first) if model.name in added else model
        for model in compiled.models
    )
    return Project(compiled, replace(compiled, models=models), tuple(measures))


def forget_later(database: Database, measures: Sequence[str]) -> None:
    """Bring a database to where it were if LATER_TRAITS and LATER_ATTRIBUTE had never been."""
    run = database.connection.execute
    listed = ", ".join(f"'{measure}'" for measure in measures)
    run(f"delete from int_cdp__daily_activity where measure in ({listed})")
    run("update user_profiles set definition_hash = 'of before'")
    for column in sorted({*LATER_TRAITS, LATER_ATTRIBUTE}):
        run(f"alter table user_profiles drop column {column}")


def people_in(database: Database) -> People:
    """Everybody's profile by the identifiers of the person, with the segments they are in."""
    memberships = members_in(database, "segments", "canonical_id")
    rows = database.connection.execute("""
        select canonical_id, members, profiles.* exclude (canonical_id, data_batch_id, batch_id)
        from user_profiles as profiles
        left join (
            select canonical_id, list((identifier_type, identifier_value)) as members
            from identity_graph where canonical_id is not null group by canonical_id
        ) as people using (canonical_id)
    """)
    names = [name for name, *_ in rows.description][2:]
    people = {
        frozenset(members): _profile(
            dict(zip(names, values, strict=True)) | {"segments": memberships.pop(canonical_id, [])}
        )
        for canonical_id, members, *values in rows.fetchall()
    }
    assert not memberships, "members without a profile"
    return people


def accounts_in(database: Database) -> dict[str, dict[str, Any]]:
    """Everything that is said of every account, with the segments it is in."""
    memberships = members_in(database, "account_segments", "account_id")
    rows = database.connection.execute(
        "select * exclude (data_batch_id, batch_id) from account_profiles"
    )
    names = [name for name, *_ in rows.description]
    profiles = [dict(zip(names, values, strict=True)) for values in rows.fetchall()]
    accounts = {
        profile["account_id"]: _profile(profile)
        | {"segments": memberships.pop(profile["account_id"], [])}
        for profile in profiles
    }
    assert not memberships, "members without a profile"
    return accounts


def members_in(database: Database, table: str, key: str) -> dict[str, list[str]]:
    """The segments that each member is in, one as often as there are open rows of it."""
    rows = database.query(f"""
        select {key}, list(segment_name order by segment_name) from {table}
        where exited_at is null group by {key}
    """)
    return dict(rows)


def _profile(columns: dict[str, Any]) -> dict[str, Any]:
    documents = {"attributes", "attribute_sources", "traits", "scores"} & columns.keys()
    return columns | {name: json.loads(columns[name]) for name in documents}
