"""Two pictures as SVG: where a start goes, and latency against the stays in the table. Pure."""

from collections.abc import Mapping, Sequence
from math import log10

from tests.proof.bench.rows import shown

_COLOURS = ("#2f6fb2", "#e08a2e", "#4b9c5f", "#b2493f", "#7a5ea8", "#8a8f98", "#c7a92c", "#3aa0a0")
_WIDTH = 760
_FONT = 'font-family="sans-serif" font-size="13" fill="#222"'


def start_picture(parts: Mapping[str, Mapping[str, float]]) -> str:
    """Return a bar for each program, divided into its parts."""
    names = sorted({name for each in parts.values() for name in each})
    colours = dict(zip(names, _COLOURS, strict=False))
    longest = max(sum(each.values()) for each in parts.values())
    scale, drawn = 520 / longest, [_text(0, 18, "Where a start goes: milliseconds of imports")]
    for place, (program, each) in enumerate(parts.items()):
        top, left = 40 + place * 46, 160.0
        drawn.append(_text(0, top + 20, program))
        for name in sorted(each, key=lambda name: -each[name]):
            width = each[name] * scale
            drawn.append(_box(left, top, width, 28, colours[name]))
            if width > 34:
                drawn.append(_text(left + 4, top + 19, f"{each[name]:.0f}", "#fff"))
            left += width
        drawn.append(_text(left + 6, top + 19, f"{sum(each.values()):.0f}"))
    bottom = 40 + len(parts) * 46
    for place, name in enumerate(names):
        left, top = (place % 4) * 185, bottom + 10 + place // 4 * 22
        drawn += [_box(left, top, 12, 12, colours[name]), _text(left + 18, top + 11, name)]
    return _svg(bottom + 20 + (len(names) + 3) // 4 * 22, drawn)


def latency_picture(lines: Mapping[str, Sequence[tuple[int, float]]]) -> str:
    """Return a line for each step: milliseconds by the number of stays, which grows tenfold at each mark."""
    points = [point for each in lines.values() for point in each]
    first, last = (log10(choose(size for size, _ in points)) for choose in (min, max))
    highest = max(value for _, value in points) * 1.1

    def place(size: int, value: float) -> tuple[float, float]:
        across = (log10(size) - first) / (last - first or 1)
        return 60 + across * 480, 260 - value / highest * 210

    drawn = [_text(0, 18, "Latency against stays in the table: milliseconds, p50")]
    for mark in range(5):
        _, y = place(points[0][0], highest * mark / 4)
        drawn += [_stroke([(60, y), (540, y)], "#ddd", 1), _text(8, y + 4, shown(highest * mark / 4))]
    for size in sorted({size for size, _ in points}):
        x, _ = place(size, 0)
        drawn.append(_text(x - 20, 282, f"{size:,}"))
    for number, (name, each) in enumerate(lines.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        drawn.append(_stroke([place(*point) for point in each], colour, 2.5))
        drawn += [
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>' for x, y in (place(*point) for point in each)
        ]
        drawn += [_box(560, 40 + number * 24, 12, 12, colour), _text(580, 51 + number * 24, name)]
    return _svg(295, drawn)


def _svg(height: float, drawn: Sequence[str]) -> str:
    size = f'width="{_WIDTH}" height="{height:.0f}" viewBox="-10 0 {_WIDTH} {height:.0f}"'
    background = f'<rect x="-10" width="{_WIDTH}" height="{height:.0f}" fill="#fff"/>'
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" {size}>', background, *drawn, "</svg>\n"])


def _text(x: float, y: float, text: str, colour: str = "#222") -> str:
    font = _FONT.replace("#222", colour)
    return f'<text x="{x:.1f}" y="{y:.1f}" {font}>{text}</text>'


def _box(x: float, y: float, width: float, height: float, colour: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{colour}"/>'


def _stroke(points: Sequence[tuple[float, float]], colour: str, width: float) -> str:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}"/>'
