"""Lines over two logarithmic axes, as SVG: growth by a power is a straight line."""

import math
from collections.abc import Mapping, Sequence

_WIDTH, _HEIGHT = 720, 420
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 190, 24, 48
_COLOURS = ("#3b6fd4", "#c2542d", "#2f8f5b", "#8a4fc0")
_STYLE = """
text { font: 13px system-ui, sans-serif; fill: #333 } .grid { stroke: #ddd }
@media (prefers-color-scheme: dark) { text { fill: #ccc } .grid { stroke: #444 } }
"""

Points = Sequence[tuple[float, float]]


def plot(lines: Mapping[str, Points], x_label: str, y_label: str) -> str:
    """A picture of lines, each named at its end.

    Args:
        lines: the points of each, both numbers greater than 0.
        x_label: what the axis from left to right shows, with its unit.
        y_label: what the other one shows.
    """
    xs = [x for points in lines.values() for x, _ in points]
    ys = [y for points in lines.values() for _, y in points]
    left, right = _decades(xs)
    bottom, top = _decades(ys)

    def at(x: float, y: float) -> tuple[float, float]:
        across = (math.log10(x) - left) / (right - left)
        up = (math.log10(y) - bottom) / (top - bottom)
        return (
            round(_LEFT + across * (_WIDTH - _LEFT - _RIGHT), 1),
            round(_HEIGHT - _BOTTOM - up * (_HEIGHT - _TOP - _BOTTOM), 1),
        )

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}"'
        f' role="img" aria-label="{y_label} by {x_label}"><style>{_STYLE}</style>'
    ]
    for decade in range(left, right + 1):
        (x, y), (_, end) = at(10**decade, 10**bottom), at(10**decade, 10**top)
        parts.append(f'<line class="grid" x1="{x}" y1="{y}" x2="{x}" y2="{end}"/>')
        parts.append(f'<text x="{x}" y="{y + 18}" text-anchor="middle">{10.0**decade:,.0f}</text>')
    for decade in range(bottom, top + 1):
        (x, y), (end, _) = at(10**left, 10**decade), at(10**right, 10**decade)
        parts.append(f'<line class="grid" x1="{x}" y1="{y}" x2="{end}" y2="{y}"/>')
        parts.append(f'<text x="{x - 8}" y="{y + 4}" text-anchor="end">{10.0**decade:g}</text>')
    for colour, (name, points) in zip(_COLOURS, lines.items(), strict=False):
        places = [at(x, y) for x, y in points]
        path = " ".join(f"{x},{y}" for x, y in places)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x}" cy="{y}" r="3.5" fill="{colour}"/>' for x, y in places]
        end_x, end_y = places[-1]
        parts.append(f'<text x="{end_x + 8}" y="{end_y + 4}" style="fill: {colour}">{name}</text>')
    middle = (_WIDTH - _RIGHT + _LEFT) / 2
    parts.append(f'<text x="{middle}" y="{_HEIGHT - 8}" text-anchor="middle">{x_label}</text>')
    parts.append(f'<text x="8" y="14">{y_label}</text></svg>')
    return "\n".join(parts) + "\n"


def _decades(values: Sequence[float]) -> tuple[int, int]:
    """The powers of ten around the values, two at least."""
    first, last = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return first, max(last, first + 1)
