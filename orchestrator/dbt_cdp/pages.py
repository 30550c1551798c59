"""Pages for a browser, made of templates that stand beside this file."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from dbt_cdp.person import in_words, shortened

# Control characters, but for the tab and the end of a line.
_HIDDEN = {
    code: "\ufffd" for code in (*range(0x20), *range(0x7F, 0xA0)) if code not in (0x09, 0x0A)
}


def render(template: str, **values: Any) -> str:
    """The page, as HTML; whatever the values hold is text on it."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "words": in_words,
        "shortened": shortened,
        "day": lambda time: f"{time:%Y-%m-%d}" if time else "unknown",
        "minute": lambda time: f"{time:%Y-%m-%d %H:%M}",
    }
    return environment.get_template(template).render(**values)


def _visible(value: Any) -> Any:
    """A value whose control characters are marked; what the template has made stays."""
    is_data = isinstance(value, str) and not isinstance(value, Markup)
    return value.translate(_HIDDEN) if is_data else value
