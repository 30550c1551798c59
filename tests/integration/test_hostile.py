"""Identifiers that are none: kept out with a reason or kept whole, and nobody is joined by them."""

import pytest

from consumer import Consumer, new_project

HUGE = 10_000_000
MD5_OF_NOTHING = "d41d8cd98f00b204e9800998ecf8427e"
HASH = "9b74c9897bac770ffc029102a200c5de9b74c9897bac770ffc029102a200c5de"

# SQL of a bad value, and why it names nobody in a field for ids and in one for e-mails; None where
# it is kept whole, "" where it is not even taken for a value.
BAD = {
    "huge": (f"repeat('x', {HUGE})", "too long", "too long"),
    "huge_other": (f"repeat('x', {HUGE - 1}) || 'y'", "too long", "too long"),
    "empty": ("''", "", ""),
    "blanks": ("'  ' || chr(9) || chr(10)", "", ""),
    "unseen": ("chr(160) || chr(8203)", "nothing visible", "nothing visible"),
    "control": ("'a' || chr(1)", "control characters", "control characters"),
    "broken": ("'a' || chr(65533)", "broken characters", "broken characters"),
    "junk": ("'[object Object]'", "on the block list", "not an e-mail address"),
    "hash_of_nothing": (f"'{MD5_OF_NOTHING}'", "on the block list", "not an e-mail address"),
    "hash": (f"'{HASH}'", None, "not an e-mail address"),
    "an_email": ("'ann@shop.example'", None, None),
    "an_id": ("'usr_1'", None, "not an e-mail address"),
    "quotes": ("''';drop table x;--\"{{'", None, "not an e-mail address"),
    "emoji": ("'\U0001f600'", None, "not an e-mail address"),
}


def events_sql() -> str:
    """Every bad value as a user id and as an e-mail, each time beside a cookie of its own."""
    rows = []
    for number, (name, (value, *_)) in enumerate(BAD.items()):
        seen = f"timestamp '2026-06-01 10:00:00' + interval {number} minute"
        for field in ("uid", "mail"):
            for one in (1, 2):
                cells = {"uid": "null", "mail": "null", field: value}
                rows.append(
                    f"select '{name}_{field}_{one}' as id, {seen} as seen_at,"
                    f" {cells['uid']} as uid, {cells['mail']} as mail,"
                    f" '{name}-{field}-{one}' as cookie"
                )
    return "\nunion all\n".join(rows)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Consumer:
    columns = {"event_id": "id", "timestamp": "seen_at"}
    columns |= {"user_id": "uid", "email": "mail", "anonymous_id": "cookie"}
    consumer = new_project(
        tmp_path_factory.mktemp("hostile") / "shop",
        "shop",
        {"my_events.sql": "{% raw %}" + events_sql() + "{% endraw %}"},
        flags={"require_ref_searches_node_package_before_root": True},
        models={"shop": {"+access": "public"}},
        vars={"cdp_sources": [{"name": "web", "events": "my_events", "columns": columns}]},
    )
    consumer.runs("build")
    return consumer


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("field", ["uid", "mail"])
def test_a_bad_value_is_kept_out_with_a_reason_or_kept_whole(
    hostile: Consumer, name: str, field: str
) -> None:
    value, as_id, as_email = BAD[name]
    kind, reason = ("user_id", as_id) if field == "uid" else ("email", as_email)
    found = hostile.query(f"""
        select block_reason, length(raw_value) = length({value}) from int_cdp__identifiers
        where identifier_type = '{kind}' and raw_value = {value}
    """)
    assert found == ([] if reason == "" else [(reason, True)])
    if reason == "":
        return
    in_graph = hostile.query(f"""
        select count(*) from identity_graph
        where identifier_type = '{kind}' and identifier_value = {value}
    """)
    assert in_graph == [(0 if reason else 1,)]


def test_only_whole_values_join(hostile: Consumer) -> None:
    """Two cookies are one person by a value that is kept whole, and by nothing else."""
    people = dict(
        hostile.query("""
            select canonical_id, list(identifier_value order by identifier_value)
            from identity_graph where identifier_type = 'anonymous_id' group by canonical_id
        """)
    )
    expected = []
    for name, (_, as_id, as_email) in BAD.items():
        for field, reason in (("mail", as_email), ("uid", as_id)):
            pair = [f"{name}-{field}-1", f"{name}-{field}-2"]
            expected += [pair] if reason is None else [[cookie] for cookie in pair]
    assert sorted(people.values()) == sorted(expected)
    kept = hostile.query("select count(*) from resolved_events where canonical_id is not null")
    assert kept == [(4 * len(BAD),)]


def test_refused_values_are_listed_with_their_reasons(hostile: Consumer) -> None:
    listed = dict(
        hostile.query("""
            select detail, count(*) from identity_conflicts where reason = 'blocked' group by detail
        """)
    )
    assert listed == {
        "too long": 8,
        "nothing visible": 4,
        "control characters": 4,
        "broken characters": 4,
        "on the block list": 4,
        "not an e-mail address": 12,
    }


def test_building_again_changes_nothing(hostile: Consumer) -> None:
    before = hostile.snapshot()
    hostile.runs("build")
    assert hostile.snapshot() == before
