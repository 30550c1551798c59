"""What is left of somebody else's payload when a person's identifiers are taken out."""

import json
from typing import Any

import pytest

from dbt_cdp.privacy.payloads import without

OTHERS = {"userId": "Bob", "properties": {"amount": 7, "list": ["7", None, True]}}


@pytest.mark.parametrize(
    ("said", "named", "left"),
    [
        # As it is spelled there, with blanks or without.
        ({"phone": " 0049 30 1234567"}, {"phone": "0049 30 1234567"}, {"phone": ""}),
        # Another one's differs in case alone.
        ({"anonymousId": "bob"}, {"anonymous_id": "bob"}, {"anonymousId": ""}),
        # A number is an identifier where people are named, and not among what happened.
        ({"crm_id": 7}, {"crm_id": "7"}, {"crm_id": ""}),
        (
            {"traits": {"age": 7}, "crm_id": 7},
            {"crm_id": "7"},
            {"traits": {"age": 7}, "crm_id": ""},
        ),
        (
            {"context": {"traits": {"email": "A@x.example", "name": "A@x"}}},
            {"email": "A@x.example"},
            {"context": {"traits": {"email": "", "name": "A@x"}}},
        ),
    ],
)
def test_only_what_names_the_person_is_taken(
    said: dict[str, Any], named: dict[str, str], left: dict[str, Any]
) -> None:
    assert json.loads(without(json.dumps(OTHERS | said), named)) == OTHERS | left
