"""One line of JSON: read strictly, then leniently, then refused with a reason.

SDKs send NaN, lone surrogates and control characters; none of them may cost the event. The reasons
never quote the line, for it is somebody's data.
"""

import hashlib
import json
import math
import re
from typing import Any, NamedTuple

# The longest line that is read, in bytes, and the deepest nesting that every warehouse can read.
MAX_BYTES = 1_000_000
MAX_DEPTH = 64

NOT_UTF8 = "not UTF-8"
TOO_LONG = f"longer than {MAX_BYTES:,} bytes"
TOO_DEEP = f"nested deeper than {MAX_DEPTH} levels"
NOT_AN_OBJECT = "not a JSON object"

_REPLACEMENT = "\ufffd"
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_SUSPICIOUS = (b"\0", b"\xed", b"\\u")
_UNSTORABLE_IN_JSON = re.compile("[\0\ud800-\udfff]|" + r"\\u(?:0000|[dD][89abAB])")

# The standard library keeps whole numbers exact at any length; the faster parsers round ids
# beyond 64 bits, and two people become one.
_DECODER = json.JSONDecoder(parse_constant=lambda constant: None, strict=False)
_ENCODER = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
)


class Row(NamedTuple):
    """One line of a file: either the object it holds or the problem that it cannot be one.

    Attributes:
        number: the line's number in its file, from 1.
        raw: the line as it came.
        value: the object; None if there is a problem.
        problem: why there is no object; empty if there is one.
    """

    number: int
    raw: bytes
    value: dict[str, Any] | None
    problem: str = ""


def parse_line(number: int, raw: bytes) -> Row:
    """Read one line of JSON; never raises."""
    if len(raw) > MAX_BYTES:
        return Row(number, raw, None, TOO_LONG)
    value, problem = read_json(raw)
    if not problem:
        problem = object_problem(value, raw)
    return Row(number, raw, None, problem) if problem else Row(number, raw, value)


def read_json(raw: bytes) -> tuple[Any, str]:
    """The value that the JSON text is, as a warehouse can store it, or the problem; never raises.

    Returns:
        The value and an empty text, or None and why it cannot be read.
    """
    try:
        text = raw.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return None, NOT_UTF8
    try:
        value = _DECODER.decode(text)
        return (storable(value) if _may_be_unstorable(raw, text) else value), ""
    except json.JSONDecodeError as error:
        return None, f"not JSON: {error.msg} at character {error.pos + 1}"
    except ValueError:
        return None, "not JSON: a number has too many digits"
    except RecursionError:
        return None, TOO_DEEP


def object_problem(value: Any, raw: bytes) -> str:
    """Why a value cannot be an event or a record; empty for one that can.

    Args:
        value: as it was read.
        raw: its JSON text.
    """
    if not isinstance(value, dict):
        return NOT_AN_OBJECT
    # To count brackets takes no time, and few events have so many.
    may_be_deep = raw.count(b"{") + raw.count(b"[") > MAX_DEPTH
    return TOO_DEEP if may_be_deep and _is_too_deep(value) else ""


def canonical_json(value: Any) -> str:
    """The value as JSON text that is the same for any order of its keys."""
    try:
        return _ENCODER.encode(value)
    except ValueError:  # a number such as 1e999, which is read as infinite
        return _ENCODER.encode(storable(value))


def ingest_id(source: str, payload: str | bytes) -> str:
    """128 bits of SHA-256 over the source's name and the payload, as 32 hex digits."""
    content = payload.encode() if isinstance(payload, str) else payload
    return hashlib.sha256(source.encode() + b"\0" + content).hexdigest()[:32]


def storable(value: Any) -> Any:
    """The value with what no warehouse stores replaced: infinite numbers by null, NUL and lone
    surrogates by U+FFFD."""
    if isinstance(value, str):
        return _UNSTORABLE.sub(_REPLACEMENT, value)
    if isinstance(value, dict):
        return {storable(key): storable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [storable(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _may_be_unstorable(raw: bytes, text: str) -> bool:
    # Most texts hold none of these bytes, and to look for a byte takes no time.
    return any(byte in raw for byte in _SUSPICIOUS) and bool(_UNSTORABLE_IN_JSON.search(text))


def _is_too_deep(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        containers = [item for item in level if isinstance(item, dict | list)]
        if not containers:
            return False
        level = [
            child
            for item in containers
            for child in (item.values() if isinstance(item, dict) else item)
        ]
    return True
