"""The condition of a segment, taken apart into what can be looked at by itself.

The parts keep the text as it was written, so that a database says of them what it says of the
whole. Nothing but `and`, `or`, `not` and parentheses is taken apart.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Literal, TypeAlias

from sqlglot import Dialect, TokenType
from sqlglot.errors import SqlglotError
from sqlglot.tokens import Token  # type: ignore[attr-defined]

from dbt_cdp.errors import ConfigurationError

IN_SEGMENT = re.compile(r"\bin_segment\(\s*'([^']*)'\s*\)", re.IGNORECASE)

_OPENING = {TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE, TokenType.CASE}
_CLOSING = {TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE, TokenType.END}
_COMPARISONS = {
    TokenType.EQ,
    TokenType.NEQ,
    TokenType.LT,
    TokenType.LTE,
    TokenType.GT,
    TokenType.GTE,
    TokenType.LIKE,
    TokenType.ILIKE,
}
# With what follows them they say what the value before them is compared with.
_RANGES = {TokenType.IS, TokenType.IN, TokenType.BETWEEN}
_NAMES = {TokenType.VAR, TokenType.IDENTIFIER}


@dataclass(frozen=True)
class Predicate:
    """A part that is true, false or unknown by itself.

    Attributes:
        sql: its text.
        value: SQL of what is compared; None where nothing is, as in `is_icp_match`.
        operator: what it is compared by, such as `>`, `is`, `not in`; None where nothing is.
        limit: SQL of what it is compared with; None where nothing is.
        limit_varies: whether that depends on the profile.
        segment: the name in `in_segment('x')`, where it is that alone.
        label: what it is called, where its text does not say it.
    """

    sql: str
    value: str | None = None
    operator: str | None = None
    limit: str | None = None
    limit_varies: bool = False
    segment: str | None = None
    label: str | None = None

    def __str__(self) -> str:
        return self.label or " ".join(self.sql.split())


@dataclass(frozen=True)
class Combination:
    """`and` (all), `or` (any) or `not` of conditions."""

    kind: Literal["all", "any", "not"]
    parts: Sequence["Condition"]

    def __str__(self) -> str:
        return {"all": "all of", "any": "any of", "not": "not"}[self.kind]


Condition: TypeAlias = Predicate | Combination


def parse_condition(sql: str, dialect: str) -> Condition:
    """Take a condition apart.

    Args:
        sql: the condition, as it stands after `where`.
        dialect: the type of the warehouse, such as duckdb.

    Raises:
        ConfigurationError: it is empty, its parentheses do not match, or a part is missing.
    """
    try:
        tokens = Dialect.get_or_raise(dialect).tokenize(sql)
    except (SqlglotError, ValueError):
        raise _broken("it cannot be read as SQL") from None
    return _Parser(sql, tokens).condition()


def predicates(condition: Condition) -> Iterator[Predicate]:
    """Its predicates in the order of the text."""
    if isinstance(condition, Predicate):
        yield condition
        return
    for part in condition.parts:
        yield from predicates(part)


def truth(condition: Condition, known: Mapping[Predicate, bool | None]) -> bool | None:
    """What SQL says of the condition, given what it says of its predicates; None is unknown."""
    if isinstance(condition, Predicate):
        return known[condition]
    parts = [truth(part, known) for part in condition.parts]
    if condition.kind == "not":
        return None if parts[0] is None else not parts[0]
    decisive = condition.kind == "any"
    if decisive in parts:
        return decisive
    return None if None in parts else not decisive


def names_in(sql: str, dialect: str) -> list[str]:
    """The names in a condition that may be columns, in lower case, each once."""
    tokens = Dialect.get_or_raise(dialect).tokenize(sql)
    names = []
    for token, following in zip_longest(tokens, tokens[1:]):
        is_function = following and following.token_type == TokenType.L_PAREN
        if token.token_type in _NAMES and not is_function:
            names.append(token.text.lower())
    return list(dict.fromkeys(names))


def _broken(why: str) -> ConfigurationError:
    return ConfigurationError(
        f"The condition is broken: {why}.",
        remedy="write it as it would stand after `where` in a query of the profiles.",
    )


class _Parser:
    """Goes through the tokens once, from left to right."""

    def __init__(self, sql: str, tokens: Sequence[Token]) -> None:
        self._sql = sql
        self._tokens = tokens
        self._at = 0

    def condition(self) -> Condition:
        """The whole text."""
        found = self._any()
        if self._at < len(self._tokens):
            raise _broken(f"nothing is expected before '{self._tokens[self._at].text}'")
        return found

    def _any(self) -> Condition:
        parts = [self._all()]
        while self._takes(TokenType.OR):
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else Combination("any", _flat("any", parts))

    def _all(self) -> Condition:
        parts = [self._not()]
        while self._takes(TokenType.AND):
            parts.append(self._not())
        return parts[0] if len(parts) == 1 else Combination("all", _flat("all", parts))

    def _not(self) -> Condition:
        if self._takes(TokenType.NOT):
            return Combination("not", (self._not(),))
        return self._in_parentheses() or self._predicate()

    def _in_parentheses(self) -> Condition | None:
        """What is in them, where they are all that stands between two of `and`, `or`, the end."""
        start = self._at
        if not self._takes(TokenType.L_PAREN) or self._is(TokenType.SELECT):
            self._at = start
            return None
        try:
            inner = self._any()
        except ConfigurationError:
            inner = None
        if inner and self._takes(TokenType.R_PAREN) and self._is_over():
            return inner
        self._at = start
        return None

    def _predicate(self) -> Predicate:
        start, is_range = self._at, False
        while not self._is_over() or (is_range and self._is(TokenType.AND)):
            if self._is(TokenType.AND):
                is_range = False
            elif self._is(TokenType.BETWEEN):
                is_range = True
            self._skip()
        if start == self._at:
            raise _broken("a part is missing")
        return self._split(self._tokens[start : self._at])

    def _skip(self) -> None:
        """Go over a token, or over all that is between two that belong together."""
        depth = 0
        while self._at < len(self._tokens):
            kind = self._tokens[self._at].token_type
            depth += (kind in _OPENING) - (kind in _CLOSING)
            self._at += 1
            if depth <= 0:
                return
        raise _broken("something is opened and not closed")

    def _split(self, tokens: Sequence[Token]) -> Predicate:
        sql = self._text(tokens)
        if found := IN_SEGMENT.fullmatch(sql):
            return Predicate(sql, segment=found[1])
        depth = 0
        for n, token in enumerate(tokens[1:], 1):
            depth += (tokens[n - 1].token_type in _OPENING) - (token.token_type in _CLOSING)
            kind = token.token_type
            if depth == 0 and kind in _COMPARISONS | _RANGES and n + 1 < len(tokens):
                before = n - 1 if tokens[n - 1].token_type == TokenType.NOT else n
                if before == 0:
                    break
                rest = tokens[n + 1 :]
                return Predicate(
                    sql,
                    value=self._text(tokens[:before]),
                    operator=" ".join(self._text(tokens[before : n + 1]).split()),
                    limit=self._text(rest),
                    limit_varies=kind in _COMPARISONS and _names_something(rest),
                )
        return Predicate(sql)

    def _text(self, tokens: Sequence[Token]) -> str:
        return self._sql[tokens[0].start : tokens[-1].end + 1]

    def _is(self, kind: TokenType) -> bool:
        return self._at < len(self._tokens) and self._tokens[self._at].token_type == kind

    def _is_over(self) -> bool:
        ends = (TokenType.AND, TokenType.OR, TokenType.R_PAREN)
        return self._at >= len(self._tokens) or any(map(self._is, ends))

    def _takes(self, kind: TokenType) -> bool:
        if not self._is(kind):
            return False
        self._at += 1
        return True


def _flat(kind: str, parts: Sequence[Condition]) -> Sequence[Condition]:
    """The parts, and instead of those that are of the same kind theirs."""
    flat: list[Condition] = []
    for part in parts:
        is_same = isinstance(part, Combination) and part.kind == kind
        flat += part.parts if is_same else [part]  # type: ignore[union-attr]
    return tuple(flat)


def _names_something(tokens: Sequence[Token]) -> bool:
    return any(token.token_type in _NAMES for token in tokens)
