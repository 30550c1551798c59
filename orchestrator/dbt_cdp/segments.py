"""Segments as they are defined and as the last build left them."""

import difflib
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from dbt_cdp.dbt import Relation
from dbt_cdp.errors import ConfigurationError
from dbt_cdp.project import Project
from dbt_cdp.queries import Queries, open_queries

ENTITIES = ("person", "account")

# The columns of a profile that name it, and what is shown of it besides.
KEYS = {"person": "canonical_id", "account": "account_id"}
SHOWN = {"person": ("name", "email"), "account": ("name", "people")}


@dataclass(frozen=True)
class Version:
    """What a segment was defined as from a build on.

    Attributes:
        version: 8 hex digits that change with the condition and with what it is made of; None from
            when the segment is defined no more.
        definition: the entry of `cdp_segments`, without its name.
        defined_at: when a build first saw it (UTC).
    """

    version: str | None
    definition: Mapping[str, Any]
    defined_at: datetime


@dataclass(frozen=True)
class Segment:
    """A segment, and its size.

    Attributes:
        entity: person or account.
        definition: the entry of `cdp_segments` as it is now; of one that was removed, as it was.
        dwell: minutes for which it must hold before a member enters (`enter_after`), and must fail
            before one leaves (`exit_after`); 0 for at once.
        version: of that definition, as in `Version`; None for one that was removed.
        members: how many are in it; None where no build has computed it yet.
        entered: how many entered in the seven days before the last build.
        exited: how many left in them.
    """

    name: str
    entity: str
    description: str | None
    owner: str | None
    tags: Sequence[str]
    definition: Mapping[str, Any]
    dwell: Mapping[str, int]
    version: str | None
    members: int | None
    entered: int
    exited: int

    @property
    def is_defined(self) -> bool:
        """Whether it still stands in `cdp_segments`."""
        return self.version is not None


@dataclass(frozen=True)
class Member:
    """Who is in a segment; columns are some of the profile's."""

    member_id: str
    columns: Mapping[str, Any] = field(repr=False)
    entered_at: datetime
    entered_by: str | None


@dataclass(frozen=True)
class Movement:
    """What changed in a segment in a build, or on a day (UTC).

    Attributes:
        moment: the build's time, or the day.
        members: how many were in it afterwards.
        entered: how many entered.
        exited: how many left.
        entered_by: how many of them for which cause, such as behaviour. Whose memberships a merge
            has brought together since are counted once, so these may be fewer.
        exited_by: the same of those who left.
        version: the definition that came with the build; None where it stayed.
    """

    moment: datetime | date
    members: int
    entered: int
    exited: int
    entered_by: Mapping[str, int]
    exited_by: Mapping[str, int]
    version: str | None


@dataclass(frozen=True)
class Stay:
    """A time in a segment, from build to build (UTC); what is None has not come yet."""

    entered_at: datetime
    exited_at: datetime | None
    entered_by: str | None
    exited_by: str | None
    version: str | None


@dataclass(frozen=True)
class Overlap:
    """What two segments of one entity share."""

    segment_a: str
    segment_b: str
    members_a: int
    members_b: int
    members_of_both: int

    @property
    def likeness(self) -> float:
        """How many are in both of those that are in either (Jaccard, 0 to 1)."""
        either = self.members_a + self.members_b - self.members_of_both
        return self.members_of_both / either if either else 0.0


@dataclass
class _Causes:
    """How many moved for which cause."""

    entered: dict[str, int] = field(default_factory=dict)
    exited: dict[str, int] = field(default_factory=dict)


class Segments:
    """The segments of a project, on an open warehouse.

    Attributes:
        queries: the compiled queries.
    """

    def __init__(self, queries: Queries) -> None:
        self.queries = queries
        self._versions = self._read_versions()
        sizes = queries.run("sizes")
        self._measured_at: datetime | None = max((row[-1] for row in sizes), default=None)
        self._segments = self._read_segments({(row[0], row[1]): row[2:-1] for row in sizes})

    def all(self) -> list[Segment]:
        """Those that are defined, in the order of `cdp_segments`, then those that were removed."""
        return self._segments

    def defined(self, entity: str) -> dict[str, Segment]:
        """Those of an entity that are defined, by name; each after those that it needs."""
        return {
            segment.name: segment
            for segment in self._segments
            if segment.entity == entity and segment.is_defined
        }

    def find(self, name: str, entity: str | None) -> Segment:
        """The segment of that name.

        Args:
            name: its name.
            entity: person or account; may be left out where one of the two has it.

        Raises:
            ConfigurationError: there is none, or both have one.
        """
        asked = [one for one in self._segments if entity in (None, one.entity)]
        found = [one for one in asked if one.name == name]
        found = [one for one in found if one.is_defined] or found
        if len(found) == 1:
            return found[0]
        if found:
            raise ConfigurationError(
                f"People and accounts both have a segment '{name}'.",
                remedy="say which one is meant with --entity person or --entity account.",
            )
        names = [one.name for one in asked]
        near = difflib.get_close_matches(name, names, n=1)
        raise ConfigurationError(
            f"There is no segment '{name}'." + (f" Did you mean '{near[0]}'?" if near else ""),
            remedy=f"choose one of: {', '.join(names)}."
            if names
            else "define it in cdp_segments, see docs/segments.md.",
        )

    def versions(self, segment: Segment) -> list[Version]:
        """What it has been defined as, in order."""
        return self._versions[segment.entity, segment.name]

    def is_current(self, segment: Segment) -> bool:
        """Whether the last build knew today's definition."""
        built = self.versions(segment)
        return bool(built) and built[-1].version == segment.version

    def count_profiles(self, entity: str) -> int:
        """How many people, or accounts, have a profile."""
        ((count,),) = self.queries.run(f"profiles_{entity}")
        return int(count)

    def columns(self, entity: str) -> list[str]:
        """The columns of the profiles, in lower case; none where they have not been built."""
        place = self.queries.settings["profiles"][entity]
        return [name.lower() for name in self.queries.columns(Relation(**place))]

    def members(self, segment: Segment) -> list[Member]:
        """Those ten who entered last."""
        names = SHOWN[segment.entity]
        return [
            Member(member_id, dict(zip(names, columns, strict=True)), entered_at, entered_by)
            for member_id, *columns, entered_at, entered_by in self.queries.run(
                f"members_{segment.entity}", segment.name
            )
        ]

    def overlaps(self, entity: str) -> list[Overlap]:
        """What any two segments of an entity share."""
        return [Overlap(*row) for row in self.queries.run("overlaps", entity)]

    def stays(self, segment: Segment, member_id: str) -> list[Stay]:
        """When a member was in the segment, the last time first."""
        rows = self.queries.run(f"stays_{segment.entity}", member_id, segment.name)
        return [Stay(*row) for row in rows]

    def movements(self, segment: Segment, days: int) -> list[Movement]:
        """What each build of the last days changed, the newest first.

        Builds that changed nothing are left out.
        """
        if self._measured_at is None:
            return []
        since = self._measured_at - timedelta(days=days)
        causes = self._causes(segment, since)
        defined = {one.defined_at: one.version for one in self.versions(segment)}
        movements = []
        for moment, members, entered, exited in self.queries.run(
            "measured", segment.entity, segment.name, since
        ):
            why = causes[moment]
            version = defined.get(moment)
            movements.append(
                Movement(moment, members, entered, exited, why.entered, why.exited, version)
            )
        return [one for one in reversed(movements) if one.entered or one.exited or one.version]

    def _causes(self, segment: Segment, since: datetime) -> dict[datetime, "_Causes"]:
        causes: dict[datetime, _Causes] = defaultdict(_Causes)
        place = (segment.name, since)
        for moment, movement, cause, count in self.queries.run(
            f"causes_{segment.entity}", *place, *place
        ):
            why = causes[moment]
            (why.entered if movement == "entered" else why.exited)[cause] = count
        return causes

    def _read_versions(self) -> dict[tuple[str, str], list[Version]]:
        versions: dict[tuple[str, str], list[Version]] = defaultdict(list)
        for entity, name, version, definition, defined_at in self.queries.run("definitions"):
            content = json.loads(definition) if definition else {}
            versions[entity, name].append(Version(version, content, defined_at))
        return versions

    def _read_segments(
        self, sizes: Mapping[tuple[str, str], Sequence[int | None]]
    ) -> list[Segment]:
        settings = self.queries.settings
        segments = []
        for entry in settings["segments"]:
            key = entry["entity"], entry["name"]
            version = settings["versions"][f"{entry['entity']} {entry['name']}"]
            segments.append(_segment(key, entry, version, sizes.get(key)))
        known = {(segment.entity, segment.name) for segment in segments}
        for key, versions in self._versions.items():
            if key not in known:
                last = next((one.definition for one in reversed(versions) if one.version), {})
                segments.append(_segment(key, last, None, sizes.get(key)))
        return segments


@contextmanager
def open_segments(project: Project) -> Iterator[Segments]:
    """Open the segments of a project.

    Raises:
        ConfigurationError: the project has not been built.
        DbtError: the project cannot be compiled.
        WarehouseError: the warehouse cannot be opened, or a query has failed.
    """
    with open_queries(project, ["finder", "segment"]) as queries:
        yield Segments(queries)


def by_day(movements: Sequence[Movement]) -> list[Movement]:
    """The movements of each day put together; members are those at its end."""
    days: dict[date, list[Movement]] = defaultdict(list)
    for movement in movements:
        moment = movement.moment
        days[moment.date() if isinstance(moment, datetime) else moment].append(movement)
    return [
        Movement(
            moment=day,
            members=builds[0].members,
            entered=sum(one.entered for one in builds),
            exited=sum(one.exited for one in builds),
            entered_by=_sum([one.entered_by for one in builds]),
            exited_by=_sum([one.exited_by for one in builds]),
            version=next((one.version for one in builds if one.version), None),
        )
        for day, builds in days.items()
    ]


def _sum(counts: Sequence[Mapping[str, int]]) -> dict[str, int]:
    total: dict[str, int] = defaultdict(int)
    for one in counts:
        for cause, count in one.items():
            total[cause] += count
    return dict(total)


_OF_NO_MEANING = ("name", "entity", "level", "needs", "enter_after_minutes", "exit_after_minutes")


def _segment(
    key: tuple[str, str],
    entry: Mapping[str, Any],
    version: str | None,
    size: Sequence[int | None] | None,
) -> Segment:
    entity, name = key
    members, entered, exited = size or (None, 0, 0)
    return Segment(
        name=name,
        entity=entity,
        description=entry.get("description"),
        owner=entry.get("owner"),
        tags=entry.get("tags") or [],
        definition={key: entry[key] for key in entry if key not in _OF_NO_MEANING},
        dwell={key: entry.get(f"{key}_minutes", 0) for key in ("enter_after", "exit_after")},
        version=version,
        members=members if version else 0,
        entered=int(entered or 0),
        exited=int(exited or 0),
    )
