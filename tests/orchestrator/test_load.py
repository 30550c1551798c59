"""Loading files: every line ends in the landing table or among the rejects, once."""

import csv
import gzip
import io
import json
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbt_cdp import files, landing
from dbt_cdp.cli import run
from dbt_cdp.errors import ConfigurationError, FileError
from dbt_cdp.files import InputFile
from dbt_cdp.payloads import (
    MAX_BYTES,
    MAX_DEPTH,
    NOT_AN_OBJECT,
    NOT_UTF8,
    TOO_DEEP,
    TOO_LONG,
    canonical_json,
    ingest_id,
    parse_line,
)
from dbt_cdp.project import Project

EVENT = {"user_id": "u1", "event": "page_viewed", "timestamp": "2026-01-02T03:04:05Z"}
NEEDLE = "needle@example.com"

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
JSON_OBJECTS = st.dictionaries(st.text(), JSON_VALUES, max_size=5)
JSON_LIKE = st.text(alphabet='{}[]":,\\u0 dDtrue1e9-.NaN\x00\ud800é\n').map(
    lambda text: text.encode("utf-8", "surrogatepass")
)


def load(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, list[dict]]:
    code = run(["load", "--json", *map(str, arguments)])
    return code, json.loads(capsys.readouterr().out)


def ndjson(path: Path, *lines: object) -> Path:
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    return path


def counts(report: dict) -> tuple[int, int, int, int]:
    return report["read"], report["added"], report["already_there"], report["rejected"]


# One line


@given(st.binary() | JSON_LIKE)
def test_any_line_ends_in_a_payload_or_a_reason(line: bytes) -> None:
    row = parse_line(7, line)
    assert (row.number, row.raw) == (7, line)
    assert (row.value is None) == bool(row.problem)
    if row.value is not None:
        payload = canonical_json(row.value)
        payload.encode()
        assert json.loads(payload, parse_constant=pytest.fail) is not None
        again = parse_line(1, payload.encode())
        assert again.value is not None
        assert canonical_json(again.value) == payload


@given(JSON_OBJECTS)
def test_any_object_is_read_and_the_order_of_its_keys_does_not_matter(value: dict) -> None:
    rows = [
        parse_line(1, json.dumps(order).encode())
        for order in (value, dict(reversed(value.items())))
    ]
    payloads = {canonical_json(row.value) for row in rows if row.value is not None}
    assert [row.problem for row in rows] == ["", ""]
    # Keys that differ in a character no warehouse stores fall together; which is last is by order.
    if len({key.replace("\0", "\ufffd") for key in value}) == len(value):
        assert len(payloads) == 1


@pytest.mark.parametrize(
    ("line", "payload"),
    [
        (b'{"x": NaN, "y": -Infinity, "z": 1e999}', '{"x":null,"y":null,"z":null}'),
        (rb'{"x": "\ud800", "y": "a\u0000b"}', '{"x":"\ufffd","y":"a\ufffdb"}'),
        (b'{"x": "\xed\xa0\x80"}', '{"x":"\ufffd"}'),
        (rb'{"x": "\ud83d\ude00", "y": "\\u0000"}', '{"x":"😀","y":"\\\\u0000"}'),
        (b'{"x": "tab\there"}', '{"x":"tab\\there"}'),
        (b'{"x": 1, "x": 2}', '{"x":2}'),
        (b'{"id": 18446744073709551617}', '{"id":18446744073709551617}'),
        (b'  {"b": 1, "a": 2}  ', '{"a":2,"b":1}'),
        (b"{}", "{}"),
    ],
)
def test_what_collectors_send_is_read_leniently(line: bytes, payload: str) -> None:
    row = parse_line(1, line)
    assert row.value is not None
    assert canonical_json(row.value) == payload


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b"[1]", NOT_AN_OBJECT),
        (b'"text"', NOT_AN_OBJECT),
        (b'{"x": "\xff"}', NOT_UTF8),
        (b"[" * 100_000, TOO_DEEP),
        (b'{"a":' * (MAX_DEPTH + 1) + b"1" + b"}" * (MAX_DEPTH + 1), TOO_DEEP),
        (b'{"a":"' + b"x" * MAX_BYTES + b'"}', TOO_LONG),
        (b'{"a":' + b"1" * 5_000 + b"}", "not JSON: a number has too many digits"),
        (b'{"needle": ', "not JSON: Expecting value at character 12"),
    ],
)
def test_what_is_no_object_is_refused_with_a_reason(line: bytes, problem: str) -> None:
    row = parse_line(1, line)
    assert (row.value, row.problem) == (None, problem)


def test_the_deepest_nesting_allowed_and_many_brackets_side_by_side_are_read() -> None:
    deep = b'{"a":' * MAX_DEPTH + b"1" + b"}" * MAX_DEPTH
    assert parse_line(1, deep).value is not None
    assert parse_line(1, json.dumps({"items": [{}] * 1000}).encode()).value is not None


def test_the_ingest_id_has_128_bits_and_depends_on_the_source() -> None:
    assert len(ingest_id("web", "{}")) == 32
    assert ingest_id("web", "{}") == ingest_id("web", b"{}") != ingest_id("app", "{}")
    assert ingest_id("a", "b{}") != ingest_id("ab", "{}")


# Files


@given(st.lists(st.binary(max_size=30).filter(lambda line: b"\n" not in line and line.strip())))
def test_an_ndjson_file_gives_one_row_a_line(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]
) -> None:
    lines = [b"-" + line.rstrip(b"\r") for line in lines]  # begins neither an array nor a mark
    path = tmp_path_factory.mktemp("files") / "events.ndjson"
    path.write_bytes(b"\n".join(lines))
    rows = list(InputFile(path).rows())
    assert [row.number for row in rows] == list(range(1, len(lines) + 1))
    assert [row.raw for row in rows] == lines


@given(st.lists(JSON_OBJECTS, max_size=8), st.sampled_from([None, 1]), st.integers(1, 40))
def test_a_json_array_gives_its_elements_however_it_is_laid_out(
    tmp_path_factory: pytest.TempPathFactory, values: list[dict], indent: int | None, block: int
) -> None:
    path = tmp_path_factory.mktemp("files") / "events.json"
    path.write_text(json.dumps(values, indent=indent, ensure_ascii=True))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "_BLOCK", block)
        rows = list(InputFile(path).rows())
    expected = [parse_line(1, json.dumps(value).encode()).value for value in values]
    assert [canonical_json(row.value) for row in rows] == [canonical_json(v) for v in expected]


def test_line_numbers_of_an_array_point_into_the_file(tmp_path: Path) -> None:
    path = tmp_path / "events.json"
    path.write_text('\ufeff\n[\n {"a": 1},\n\n {"a":\n  2},\n 3, "x"]\n[{"a": 4}]')
    rows = list(InputFile(path).rows())
    assert [(row.number, row.value, row.problem) for row in rows] == [
        (3, {"a": 1}, ""),
        (5, {"a": 2}, ""),
        (7, None, NOT_AN_OBJECT),
        (7, None, NOT_AN_OBJECT),
        (8, {"a": 4}, ""),
    ]


@pytest.mark.parametrize("text", ['[{"a": 1}, {"b": 2,,}, {"c": 3}]', '[{"a": 1}, {"b": '])
def test_a_broken_array_gives_what_stands_before_the_break(tmp_path: Path, text: str) -> None:
    path = tmp_path / "events.json"
    path.write_text(text)
    good, bad = InputFile(path).rows()
    assert good.value == {"a": 1}
    assert bad.problem.endswith("the rest was not read")
    assert bad.raw == text[text.index('{"b"') :].encode()


def test_an_array_without_its_end_gives_all_its_elements(tmp_path: Path) -> None:
    path = tmp_path / "events.json"
    path.write_text('[{"a": 1}, {"b": 2}')
    assert [row.value for row in InputFile(path).rows()] == [{"a": 1}, {"b": 2}]


def test_a_line_that_is_too_long_does_not_spoil_the_next(tmp_path: Path) -> None:
    path = tmp_path / "events.ndjson"
    path.write_text('{"a": "' + "x" * (3 * MAX_BYTES) + '"}\n{"b": 1}\n')
    long, good = InputFile(path).rows()
    assert (long.number, long.problem) == (1, TOO_LONG)
    assert (good.number, good.value) == (2, {"b": 1})


def test_a_csv_row_that_cannot_be_read_is_told_by_its_line(tmp_path: Path) -> None:
    path = tmp_path / "contacts.csv"
    path.write_bytes(
        b"\xef\xbb\xbfid,name,city\r\n"
        b'1,"Smith, ""Al""\nand Co",Bonn\r\n'
        b"2,,\r\n"
        b"\r\n"
        b"3,too,many,cells\r\n"
        b"4,\xff,Rome\r\n"
        b'5,"a"b,Oslo\r\n'
        b"6,nul\x00,Kyiv\r\n"
    )
    rows = list(InputFile(path).rows(required="id"))
    assert [(row.number, row.value, row.problem) for row in rows] == [
        (2, {"id": "1", "name": 'Smith, "Al"\nand Co', "city": "Bonn"}, ""),
        (4, {"id": "2", "name": None, "city": None}, ""),
        (6, None, "4 values, but the header names 3 columns"),
        (7, None, NOT_UTF8),
        (8, None, "not CSV: ',' expected after '\"'"),
        (9, {"id": "6", "name": "nul\ufffd", "city": "Kyiv"}, ""),
    ]
    assert rows[2].raw == b"3,too,many,cells"


@given(st.lists(st.lists(st.text(alphabet='a",;\n\té ', min_size=1), min_size=2, max_size=2)))
def test_csv_that_python_writes_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, cells: list[list[str]]
) -> None:
    text = io.StringIO()
    csv.writer(text).writerows([["x", "y"], *cells])
    path = tmp_path_factory.mktemp("files") / "rows.csv"
    path.write_text(text.getvalue(), encoding="utf-8", newline="")
    assert [list((row.value or {}).values()) for row in InputFile(path).rows()] == cells


def test_a_csv_file_whose_quote_never_ends_is_one_reject(tmp_path: Path) -> None:
    path = tmp_path / "contacts.csv"
    path.write_text('id,name\n1,Ann\n2,"Bob\n3,Cid\n')
    good, bad = InputFile(path).rows()
    assert good.value == {"id": "1", "name": "Ann"}
    assert (bad.number, bad.problem) == (3, "not CSV: unexpected end of data")


@pytest.mark.parametrize("header", ["", "id,,name", "id,id", f"1,{NEEDLE},x"])
def test_a_csv_file_needs_a_header_and_the_error_does_not_quote_it(
    tmp_path: Path, header: str
) -> None:
    path = tmp_path / "contacts.csv"
    path.write_text(f"{header}\n1,2,3\n")
    with pytest.raises(FileError) as error:
        list(InputFile(path).rows(required="contact_id"))
    assert NEEDLE not in error.value.message


def test_parquet_keeps_json_types_and_writes_times_in_utc(tmp_path: Path) -> None:
    path = tmp_path / "contacts.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            f"""copy (
                select 1 as id, timestamptz '2026-01-01 00:30:00+02' as seen,
                    timestamp_ns '2026-01-01 01:02:03.456789123' as made, date '2026-01-02' as born,
                    12345678901234567890123::decimal(38, 0) as crm, true as ok,
                    'nan'::double as score, {{'plan': ['a', null]}} as "it's", null::varchar as none
                union all by name select 2 as id
            ) to '{path}' (format parquet)"""
        )
    first, second = InputFile(path).rows(required="id")
    assert (first.number, second.number) == (1, 2)
    assert first.value == {
        "id": 1,
        "seen": "2025-12-31T22:30:00.000000Z",
        "made": "2026-01-01T01:02:03.456789Z",
        "born": "2026-01-02",
        "crm": 12345678901234567890123,
        "ok": True,
        "score": None,
        "it's": {"plan": ["a", None]},
        "none": None,
    }
    assert second.value is not None
    assert second.value["id"] == 2


def test_a_file_that_is_not_parquet_is_an_error_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "contacts.parquet"
    path.write_text(f"id,email\n1,{NEEDLE}\n")
    with pytest.raises(FileError) as error:
        list(InputFile(path).rows())
    assert NEEDLE not in error.value.message


def test_a_file_that_is_not_there_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError):
        InputFile(tmp_path / "none.ndjson")


# Into the landing tables


def test_loading_a_file_twice_adds_nothing(shop, query, capsys) -> None:
    reordered = dict(reversed(EVENT.items()))
    path = ndjson(shop / "events.ndjson", EVENT, reordered, {**EVENT, "user_id": "u2"}, "", "oops")
    code, [report] = load(capsys, path)
    assert (code, counts(report)) == (1, (4, 2, 1, 1))
    before = query("from landing_events order by all"), query("from landing_rejects")
    code, [report] = load(capsys, path)
    assert (code, counts(report)) == (1, (4, 0, 3, 1))
    assert (query("from landing_events order by all"), query("from landing_rejects")) == before


def test_a_landed_event_has_its_source_its_times_and_its_canonical_payload(
    shop, query, capsys
) -> None:
    code, [report] = load(capsys, ndjson(shop / "events.ndjson", EVENT))
    [(key, source, received_at, loaded_at, payload)] = query(
        "select ingest_id, source, received_at, loaded_at, payload from landing_events"
    )
    assert (code, report["source"], report["kind"]) == (0, "web", "events")
    assert payload == json.dumps(EVENT, sort_keys=True, separators=(",", ":"))
    assert (key, source) == (ingest_id("web", payload), "web")
    assert received_at == loaded_at
    utc = query("select timezone('UTC', now())::timestamp")[0][0]
    assert abs(utc - loaded_at) < timedelta(minutes=5)


def test_an_event_without_identifier_or_timestamp_is_landed(shop, query, capsys) -> None:
    code, [report] = load(capsys, ndjson(shop / "events.ndjson", {}, {"event": "x"}))
    assert (code, counts(report)) == (0, (2, 2, 0, 0))


def test_rejects_keep_reason_line_and_the_first_8_kb(shop, query, capsys) -> None:
    path = shop / "events.ndjson"
    path.write_bytes(b'{"a": 1}\n\n[' + b"\xc3\xa9\x00" * 5_000 + b"\n")
    code, [report] = load(capsys, path)
    assert (code, counts(report)) == (1, (2, 1, 0, 1))
    [(source, kind, file_name, number, reason, payload)] = query(
        "select source, kind, file_name, line_number, reason, payload from landing_rejects"
    )
    assert (source, kind, file_name, number) == ("web", "events", "events.ndjson", 3)
    assert reason == "not JSON: Expecting value at character 2"
    assert 8_000 < len(payload.encode()) < 17_000
    assert "\0" not in payload


def test_nothing_that_is_said_quotes_a_line(shop, query, capsys) -> None:
    lines = [f'{{"email": "{NEEDLE}", ', f'"{NEEDLE}"', f'{{"{NEEDLE}": 1}} {NEEDLE}', NEEDLE]
    ndjson(shop / "events.ndjson", *lines)
    (shop / "contacts.csv").write_text(
        f'contact_id,email\n1,{NEEDLE},x\n,{NEEDLE}\n2,"{NEEDLE}"x\n'
    )
    run(["load", "events.ndjson"])
    run(["load", "contacts.csv", "--source", "crm"])
    said = capsys.readouterr()
    reasons = str(query("select reason from landing_rejects"))
    assert query("select count(*) from landing_rejects") == [(7,)]
    assert NEEDLE not in said.out + said.err + reasons


def test_gzip_stdin_and_several_files_at_once(shop, query, capsys, monkeypatch) -> None:
    one = ndjson(shop / "one.ndjson", EVENT)
    two = shop / "two.json.gz"
    two.write_bytes(gzip.compress(json.dumps([EVENT, {**EVENT, "event": "b"}]).encode()))
    text = json.dumps({**EVENT, "event": "c"}).encode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(gzip.compress(text))))
    code, reports = load(capsys, one, two, "-")
    assert code == 0
    assert [(report["file"], *counts(report)) for report in reports] == [
        ("one.ndjson", 1, 1, 0, 0),
        ("two.json.gz", 2, 1, 1, 0),
        ("stdin", 1, 1, 0, 0),
    ]
    assert query("select count(*), count(distinct loaded_at) from landing_events") == [(3, 3)]


def test_a_damaged_file_leaves_nothing_and_the_next_is_loaded(shop, query, capsys) -> None:
    damaged = shop / "damaged.ndjson.gz"
    lines = "".join(json.dumps({**EVENT, "n": n}) + "\n" for n in range(5_000))
    damaged.write_bytes(gzip.compress(lines.encode())[:-2_000])
    code, [first, second] = load(capsys, damaged, ndjson(shop / "good.ndjson", EVENT))
    assert code == 1
    assert "damaged" in first["problem"]
    assert counts(first) == (0, 0, 0, 0)
    assert counts(second) == (1, 1, 0, 0)
    assert query("select count(*) from landing_events") == [(1,)]


def test_chunks_do_not_show(shop, query, capsys, monkeypatch) -> None:
    monkeypatch.setattr(landing, "_CHUNK_ROWS", 3)
    lines = [{**EVENT, "n": n % 7} for n in range(20)] + ["oops", "[]", "oops"]
    code, [report] = load(capsys, ndjson(shop / "events.ndjson", *lines))
    assert (code, counts(report)) == (1, (23, 7, 13, 3))
    assert query("select count(*), count(distinct ingest_id) from landing_events") == [(7, 7)]
    assert query("select reason from landing_rejects where payload = '[]'") == [(NOT_AN_OBJECT,)]


def test_a_load_that_is_interrupted_leaves_nothing(shop, query, monkeypatch) -> None:
    monkeypatch.setattr(landing, "_CHUNK_ROWS", 2)
    monkeypatch.setattr(landing, "_PROGRESS_ROWS", 4)
    path = ndjson(shop / "events.ndjson", *({**EVENT, "n": n} for n in range(9)))

    def interrupt(file: InputFile) -> None:
        if file.position:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        landing.load_files(Project.find(shop), [path], on_progress=interrupt)
    assert query("select count(*) from landing_events") == [(0,)]


def test_loaded_at_grows_even_when_the_clock_was_set_back(shop, query, capsys) -> None:
    future = datetime(2999, 1, 1)
    query("insert into landing_events (ingest_id, loaded_at) values ('x', ?)", future)
    load(capsys, ndjson(shop / "events.ndjson", EVENT, {**EVENT, "n": 1}))
    times = query("select distinct loaded_at from landing_events where ingest_id <> 'x'")
    assert times == [(future + timedelta(microseconds=1),)]


def test_records_need_their_id(shop, query, capsys) -> None:
    records = [
        {"contact_id": 7, "email": "a@example.com"},
        {"contact_id": "7", "email": "a@example.com"},
        {"contact_id": " "},
        {"contact_id": None},
        {"contact_id": ["7"]},
        {"Contact_Id": "8"},
    ]
    code, [report] = load(capsys, ndjson(shop / "c.ndjson", *records), "--source", "crm")
    assert (code, report["kind"], counts(report)) == (1, "records", (6, 2, 0, 4))
    assert query("select line_number, reason from landing_rejects order by all") == [
        (3, "no value in the field 'contact_id'"),
        (4, "no value in the field 'contact_id'"),
        (5, "the field 'contact_id' is not a text or a number"),
        (6, "no value in the field 'contact_id'"),
    ]
    assert query("select distinct source from landing_records") == [("crm",)]
    assert query("select count(*) from landing_events") == [(0,)]


def test_records_from_csv_are_text(shop, query, capsys) -> None:
    path = shop / "contacts.csv"
    path.write_text("contact_id,email,visits\n007,a@example.com,3\n8,,\n")
    code, [report] = load(capsys, path, "--source", "crm")
    assert (code, counts(report)) == (0, (2, 2, 0, 0))
    assert query("select payload from landing_records order by all") == [
        ('{"contact_id":"007","email":"a@example.com","visits":"3"}',),
        ('{"contact_id":"8","email":null,"visits":null}',),
    ]


def test_a_changed_record_is_a_new_version(shop, query, capsys) -> None:
    for email in ("old@example.com", "new@example.com"):
        path = ndjson(shop / "c.ndjson", {"contact_id": 1, "email": email})
        assert load(capsys, path, "--source", "crm")[0] == 0
    assert query("select count(*), count(distinct loaded_at) from landing_records") == [(2, 2)]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["events.ndjson", "--source", "nobody"], "name one of: web, crm"),
        (["contacts.csv"], "name a source that has a record_id"),
        (["missing.ndjson"], "does not exist"),
        ([], "There is no file to load, and no spool"),
    ],
)
def test_wrong_usage_ends_with_2(shop, capsys, arguments: list[str], said: str) -> None:
    ndjson(shop / "events.ndjson", EVENT)
    (shop / "contacts.csv").write_text("contact_id\n1\n")
    assert run(["load", *arguments]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("sources", "said"),
    [
        ("[]", "add `- {name: app, collector: cdp}`"),
        ("[{name: a, collector: cdp}, {name: b, collector: cdp}]", "name one with --source"),
        ("[{name: a, events: my_events, columns: {}}]", "No source takes loaded files"),
    ],
)
def test_a_source_that_cannot_be_meant_is_told(shop, capsys, sources: str, said: str) -> None:
    (shop / "dbt_project.yml").write_text(
        f"name: shop\nprofile: shop\nvars: {{cdp_sources: {sources}}}\n"
    )
    assert run(["load", str(ndjson(shop / "events.ndjson", EVENT))]) == 2
    assert said in capsys.readouterr().err


def test_the_table_of_results_goes_to_stdout_and_talk_to_stderr(shop, capsys) -> None:
    assert run(["load", str(ndjson(shop / "events.ndjson", EVENT, "oops"))]) == 1
    said = capsys.readouterr()
    assert "events.ndjson" in said.out
    assert "already there" in said.out
    assert "landing_rejects" in said.err


def test_a_file_that_another_process_has_open_is_told_as_such(shop, capsys) -> None:
    holder = (
        "import duckdb, sys\n"
        "connection = duckdb.connect('shop.duckdb')\n"
        "print(flush=True)\n"
        "sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", holder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=shop
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        code = run(["load", str(ndjson(shop / "events.ndjson", EVENT))])
        process.communicate()
    said = capsys.readouterr().err
    assert code == 1
    assert f"process {process.pid}" in said
    assert "Traceback" not in said


def test_the_landing_tables_are_made_when_they_are_missing(shop, query, capsys) -> None:
    query("drop table landing_rejects")
    query("drop table landing_events")
    code, [report] = load(capsys, ndjson(shop / "events.ndjson", EVENT))
    assert (code, counts(report)) == (0, (1, 1, 0, 0))
    assert query("select count(*) from landing_rejects") == [(0,)]
