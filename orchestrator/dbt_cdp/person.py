"""What is known of one person, and how it is put in words."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from dbt_cdp.decisions import Identifier

# What a canonical id is called where the type of an identifier stands.
CANONICAL_ID = "canonical_id"


@dataclass(frozen=True)
class Evidence:
    """What showed something first.

    Attributes:
        rule: event or record; link or never_link where somebody decided it, else the match rule.
        source: the entry of `cdp_sources`; None for a decision or a match.
        evidence_id: id of the event, the record, the decision or the match.
        event_type: of the event; None for all else, and for an event that has expired.
    """

    rule: str | None
    source: str | None
    evidence_id: str | None
    event_type: str | None = None

    def __str__(self) -> str:
        names = {"event": "event", "record": "record", "link": "decision", "never_link": "decision"}
        name = names.get(self.rule or "", f"match {self.rule}" if self.rule else "unknown cause")
        what = f"{name} {self.event_type}" if self.event_type else name
        return ", ".join(part for part in (what, self.source) if part)


@dataclass(frozen=True)
class KnownIdentifier:
    """An identifier of the person.

    Attributes:
        first_seen: when it was seen first (UTC); None where only records without a time show it.
        last_seen: when it was seen last (UTC).
        event_count: how many events and records show it.
        sources: how many of them each source gave, the one with the most first.
        evidence: what showed it first.
    """

    identifier: Identifier
    first_seen: datetime | None
    last_seen: datetime | None
    event_count: int
    sources: Mapping[str, int]
    evidence: Evidence


@dataclass(frozen=True)
class PersonLink:
    """Something that makes two identifiers the person's.

    Attributes:
        event_count: how many events and records show the two together.
        first_seen: when first (UTC); None where that is not known.
        last_seen: when last (UTC).
    """

    identifier_a: Identifier
    identifier_b: Identifier
    evidence: Evidence
    event_count: int
    first_seen: datetime | None
    last_seen: datetime | None


@dataclass(frozen=True)
class Attribute:
    """What is said of the person.

    Attributes:
        source: whose value it is.
        said_at: when it said so last (UTC); None where that is unknown.
        count_values: how many different values there are to choose from.
    """

    name: str
    value: Any = field(repr=False)
    source: str | None
    said_at: datetime | None
    count_values: int


@dataclass(frozen=True)
class Trait:
    """What was computed of the person's events; description as in `cdp_traits`."""

    name: str
    value: Any = field(repr=False)
    description: str | None

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to tell: no value, nothing counted, `false`."""
        return not self.value


@dataclass(frozen=True)
class Score:
    """A score and why it is what it is.

    Attributes:
        value: the score itself, a number or a word; None where there is nothing to go by.
        parts: what it is made of.
        version: 8 hex digits that change with its formula.
    """

    name: str
    value: Any = field(repr=False)
    parts: Mapping[str, Any] = field(repr=False)
    version: str


@dataclass(frozen=True)
class Membership:
    """A stay in a segment; exited_at is None for a member. Times are those of builds (UTC).

    Attributes:
        entered_by: the cause of the entry, such as behaviour; None where it was not recorded.
        exited_by: the cause of the exit; None for a member.
    """

    segment_name: str
    description: str | None
    entered_at: datetime
    exited_at: datetime | None
    entered_by: str | None
    exited_by: str | None

    @property
    def causes(self) -> str:
        """Why the stay began, and ended, in words."""
        causes = [("entered", self.entered_by), ("left", self.exited_by)]
        return ", ".join(f"{what} by {cause}" for what, cause in causes if cause)


@dataclass(frozen=True)
class Consent:
    """What the person says to a purpose of `cdp_consent`.

    Attributes:
        is_granted: False where the person has refused or withdrawn.
        said_at: when (UTC); None where that is not known.
        source: the event or the model that says so, or the profile.
    """

    purpose: str
    is_granted: bool
    said_at: datetime | None
    source: str


@dataclass(frozen=True)
class Change:
    """A merge of two people, or a split of one.

    Attributes:
        change: merge or split.
        changed_at: when a build found it (UTC).
        canonical_id: the id that the two go by from then on, or went by before.
        other_canonical_id: the id that ended, or came out of the other.
        evidence: the link that joined them, or whose loss parts them.
        identifiers: the two sides of that link; none where it cannot be told.
    """

    change: str
    changed_at: datetime
    canonical_id: str
    other_canonical_id: str
    evidence: Evidence
    identifiers: tuple[Identifier, ...]

    def __str__(self) -> str:
        if self.change == "merge":
            return f"{self.other_canonical_id} was merged into {self.canonical_id}"
        return f"{self.other_canonical_id} came out of {self.canonical_id}"


@dataclass(frozen=True)
class Event:
    """Something that the person did (times in UTC)."""

    event_id: str
    timestamp: datetime
    source: str
    event_type: str
    page_path: str | None = field(repr=False)
    properties: Mapping[str, Any] = field(repr=False)
    traits: Mapping[str, Any] = field(repr=False)

    @property
    def detail(self) -> str:
        """The page, or else what the event says, in words."""
        return self.page_path or in_words(self.properties or self.traits)


@dataclass(frozen=True)
class ActiveDay:
    """A day (UTC) with events, also such as have expired since."""

    active_date: date
    events: int


@dataclass(frozen=True)
class Person:
    """A person as the last build left them.

    Attributes:
        asked: what was asked for, in normal form; a canonical id has the type canonical_id.
        canonical_id: the person's id today.
        account_id: the company that the person belongs to, as in account_profiles.
        engagement: the trait engagement_level.
        is_identified: whether more than cookies and devices is known.
        attribute_conflicts: how many attributes have more than one value to choose from.
        identifiers: the strongest type first, and of one type what was seen last first.
        links: what makes them one person's, the strongest first.
        attributes: those that have a value.
        traits: those that are no scores; what has something to tell comes first.
        segments: where the person is in first, then where they were, the newest first.
        consents: those of which something is said, by purpose.
        history: merges and splits, the newest first.
        events: the last ones, the newest first.
        days: all days with events, the oldest first.
    """

    asked: Identifier
    canonical_id: str
    name: str | None = field(repr=False)
    email: str | None = field(repr=False)
    company: str | None = field(repr=False)
    account_id: str | None = field(repr=False)
    engagement: str | None
    first_seen: datetime | None
    last_active: datetime | None
    is_identified: bool | None
    attribute_conflicts: int
    identifiers: list[KnownIdentifier]
    links: list[PersonLink]
    attributes: list[Attribute]
    traits: list[Trait]
    scores: list[Score]
    segments: list[Membership]
    consents: list[Consent]
    history: list[Change]
    events: list[Event]
    days: list[ActiveDay]

    @property
    def merged_id(self) -> str | None:
        """The canonical id that was asked for, where it has been merged into another one."""
        is_merged = self.asked.type == CANONICAL_ID and self.asked.value != self.canonical_id
        return self.asked.value if is_merged else None


def in_words(value: Any) -> str:
    """A value as people read it."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.2f}".rstrip("0").rstrip(".")
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {in_words(item)}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(map(in_words, value))
    return str(value)


def shortened(text: str, length: int) -> str:
    """The text, or its beginning where it is longer."""
    return text if len(text) <= length else f"{text[: length - 1]}…"
