"""Replaces what names a person by digests: the action `hash`.

The digests are keyed by a salt that is made for a run and stored nowhere. Within the run the same
value has the same digest in every table, so that rows can still be joined and a person's counted.
After it nobody can make such a digest again, to try whose rows they are.
"""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dbt_cdp.errors import ConfigurationError
from dbt_cdp.privacy.conditions import Conditions
from dbt_cdp.privacy.rules import Action, DescribedTable, Rule
from dbt_cdp.warehouse import Warehouse

_SALT_BYTES = 32

# What a digest is of, where a column holds no identifiers.
_TEXT = "text"


def new_salt() -> str:
    """A salt for the digests of a run, in hex digits."""
    return secrets.token_hex(_SALT_BYTES)


@dataclass(frozen=True)
class Hashing:
    """Hashes what names the people.

    Args:
        conditions: which rows and columns name them.
        digest: the SQL of the digest of the value `{x}` of the type `{type}`, by the salt
            `salts.cdp_salt`.
        salt: the salt.
    """

    conditions: Conditions
    digest: str
    salt: str

    def apply(self, table: DescribedTable, rule: Rule) -> int:
        """Hash what a rule says; how many rows that were. In rows that are somebody else's only
        the identifiers are."""
        identifiers = {
            name: (self._digest(kind, name), self.conditions.is_in(kind, name))
            for kind, name in self.conditions.typed_columns(rule, table.relation)
        }
        changes = [
            (f"{name} = {digest}", condition) for name, (digest, condition) in identifiers.items()
        ]
        others = [name for name in rule.columns if name not in identifiers]
        if others:
            # All at once: a row whose identifiers are hashed is not found again.
            parts = [
                f"{name} = case when {condition} then {digest} else {name} end"
                for name, (digest, condition) in identifiers.items()
            ]
            parts += [f"{name} = {self._of(_TEXT, self._text(name))}" for name in others]
            changes.insert(0, (", ".join(parts), self.conditions.of(rule, table.relation)))
        return sum(self._update(table, *change) for change in changes)

    def _update(self, table: DescribedTable, change: str, condition: str) -> int:
        text = self.conditions.text
        return self.conditions.warehouse.execute(
            f"update {table.relation} set {change}"  # noqa: S608
            f" from (select cast(? as {text}) as cdp_salt) as salts where {condition}",
            [self.salt],
        )

    def _digest(self, kind: str, column: str) -> str:
        types = self.conditions.each_type(kind)
        if len(types) == 1:
            return self._of(kind, self.conditions.value(kind, column))
        cases = " ".join(
            f"when {self.conditions.is_in(one, column)}"
            f" then {self._of(one, self.conditions.value(one, column))}"
            for one in types
        )
        return f"case {cases} end"

    def _of(self, kind: str, value: str) -> str:
        return self.digest.replace("{type}", kind).replace("{x}", value)

    def _text(self, column: str) -> str:
        return f"cast({column} as {self.conditions.text})"


def check_hashed(
    warehouse: Warehouse, conditions: Conditions, tables: Iterable[DescribedTable]
) -> None:
    """Make sure that what is to be hashed are texts, before anything is done.

    Raises:
        ConfigurationError: a column is missing, or holds no texts.
    """
    for table in tables:
        for rule in table.rules:
            if rule.action is Action.HASH:
                named = [name for _, name in conditions.typed_columns(rule, table.relation)]
                _check(warehouse, table, [*named, *rule.columns])


def _check(warehouse: Warehouse, table: DescribedTable, names: Sequence[str]) -> None:
    relation = table.relation
    texts = {
        column.name.lower()
        for column in warehouse.stored_columns(relation.database, relation.schema)
        if column.is_text and column.table.lower() == relation.identifier.lower()
    }
    wrong = [name for name in names if name.lower() not in texts]
    if wrong:
        raise ConfigurationError(
            f"Only columns of text can be hashed, and '{wrong[0]}' is none.",
            where=f"cdp_erasure of the table '{table.name}'",
            remedy='use the action "null" for it, or make it a text.',
        )
