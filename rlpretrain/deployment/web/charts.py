"""Small charts as inline SVG: text stays text, colours are the page's classes, exact figures are tooltips.

A class `c0` to `c13` gives an element the page's n-th colour, and `line` or `area` states how the colour is used, so
one drawing suits the light and the dark theme. Every text is escaped.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

__all__ = ["Mark", "Point", "Series", "columns", "line_chart", "nice_ticks", "point_chart", "stacked_bars"]

_WIDTH, _WIDE = 440, 640
"""Width of a chart among others, and of one that takes half a page; both at the size at which their text is legible."""
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 12, 12, 26
_SLOTS = 8
"""Minimum number of slots across a chart, so that few runs or columns are not drawn too wide."""
_HOVER = 400
"""Maximum number of points of a line for which tooltips are drawn."""
_COLUMN = Markup('<rect class="area c{}" x="{:.2f}" y="{:.2f}" width="{:.2f}" height="{:.2f}"/>')
_BAR = Markup('<rect class="area c{}" x="{:.2f}" y="{}" width="{:.2f}" height="{}"><title>{}</title></rect>')
_HOVER_PLACE = Markup(
    '<rect class="hover" x="{:.2f}" y="0" width="{:.2f}" height="{}"><title>{}</title></rect>'
)


@dataclass(frozen=True)
class Series:
    """A line, or one part of every stack."""

    name: str
    values: Sequence[float | None]
    colour: int
    """Number of one of the page's colours."""


@dataclass(frozen=True)
class Point:
    """An estimate of one run, with its interval."""

    name: str
    estimate: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Mark:
    """A triangle on a line: up for a buy, down for a sell."""

    place: int
    """Position along the line."""
    up: bool
    name: str


def line_chart(
    days: Sequence[dt.date],
    series: Sequence[Series],
    *,
    title: str,
    unit: str = "",
    zero: bool = False,
    marks: Sequence[Mark] = (),
    height: int = 220,
) -> Markup:
    """Draw lines over days; marks are placed on the first line.

    Parameters
    ----------
    unit
        Written after each figure, for example `` %``.
    zero
        Whether the scale must reach zero.
    """
    known = [value for one in series for value in one.values if value is not None]
    if len(days) < 2 or not known:
        return Markup("")
    scale = _Scale(known, height, zero=zero)
    first, span = days[0], max((days[-1] - days[0]).days, 1)
    xs = [_LEFT + (day - first).days / span * (_WIDE - _LEFT - _RIGHT) for day in days]
    parts = [scale.grid(unit, _WIDE), _day_axis(days, xs, height)]
    for one in series:
        path = _path(xs, [None if v is None else scale.y(v) for v in one.values])
        parts.append(Markup('<path class="line c{}" d="{}"/>').format(one.colour, path))
    for mark in marks:
        value = series[0].values[mark.place]
        if value is None:
            continue
        x, y, tip = xs[mark.place], scale.y(value), -5 if mark.up else 5
        corners = f"{x - 4:.1f},{y - tip:.1f} {x + 4:.1f},{y - tip:.1f} {x:.1f},{y + tip:.1f}"
        parts.append(
            Markup('<polygon class="area c{}" points="{}"><title>{}</title></polygon>').format(
                0 if mark.up else 5, corners, mark.name
            )
        )
    if len(days) <= _HOVER:
        width = (_WIDE - _LEFT - _RIGHT) / len(days)
        for i, (day, x) in enumerate(zip(days, xs, strict=True)):
            figures = ", ".join(
                f"{one.name} {_figure(value)}{unit}" for one in series if (value := one.values[i]) is not None
            )
            parts.append(_hover(x - width / 2, width, height, f"{day}: {figures}"))
    return _svg(parts, _WIDE, height, title)


def point_chart(
    points: Sequence[Point | None], *, title: str, unit: str = "", colour: int = 0, zero: bool = True
) -> Markup:
    """Draw one figure for each run, oldest first, with its interval where it has one; None leaves a gap."""
    known = [
        value
        for point in points
        if point is not None
        for value in (point.estimate, point.low, point.high)
        if value is not None
    ]
    if not known:
        return Markup("")
    height = 150
    scale = _Scale(known, height, zero=zero)
    step = (_WIDTH - _LEFT - _RIGHT) / max(len(points), _SLOTS)
    xs = [_LEFT + (i + 0.5) * step for i in range(len(points))]
    ys = [None if point is None else scale.y(point.estimate) for point in points]
    parts = [scale.grid(unit), Markup('<path class="line thin c{}" d="{}"/>').format(colour, _path(xs, ys))]
    for point, x, y in zip(points, xs, ys, strict=True):
        if point is None or y is None:
            continue
        tooltip = f"{point.name}: {_figure(point.estimate)}{unit}"
        if point.low is not None and point.high is not None:
            tooltip += f", {_figure(point.low)} to {_figure(point.high)}{unit}"
            whisker = f"M{x:.1f},{scale.y(point.low):.1f}V{scale.y(point.high):.1f}"
            parts.append(Markup('<path class="line whisker c{}" d="{}"/>').format(colour, whisker))
        parts.append(
            Markup('<circle class="area c{}" cx="{:.1f}" cy="{:.1f}" r="3.5"/>').format(colour, x, y)
        )
        parts.append(_hover(x - step / 2, step, height, tooltip))
    return _svg(parts, _WIDTH, height, title)


def columns(
    names: Sequence[str], series: Sequence[Series], *, title: str, labels: Sequence[str], height: int = 170
) -> Markup:
    """Draw stacked columns.

    Parameters
    ----------
    names
        Name of each column, for its tooltip.
    series
        The parts of all columns, from the bottom up.
    labels
        Texts below the columns; empty ones are left out.
    """
    totals = [sum(one.values[i] or 0.0 for one in series) for i in range(len(names))]
    if not any(totals):
        return Markup("")
    scale = _Scale(totals, height, zero=True)
    step = (_WIDTH - _LEFT - _RIGHT) / max(len(names), _SLOTS)
    gap = 6.0 if step > 30 else 1.0 if step > 4 else 0.0
    parts = [scale.grid("")]
    for i, name in enumerate(names):
        x, base = _LEFT + i * step, 0.0
        for one in series:
            value = one.values[i] or 0.0
            top = scale.y(base + value)
            parts.append(_COLUMN.format(one.colour, x, top, max(step - gap, 0.5), scale.y(base) - top))
            base += value
        if labels[i]:
            parts.append(_text(x + step / 2, height - 8, labels[i], "middle"))
        figures = ", ".join(f"{_figure(one.values[i] or 0.0)} {one.name}" for one in series)
        parts.append(_hover(x, step, height, f"{name}: {figures}"))
    return _svg(parts, _WIDTH, height, title)


def stacked_bars(
    names: Sequence[str], series: Sequence[Series], *, title: str, unit: str = "", left: int = 112
) -> Markup:
    """Draw one horizontal stack for each name, with its sum at the end."""
    totals = [sum(one.values[i] or 0.0 for one in series) for i in range(len(names))]
    if not any(totals):
        return Markup("")
    row, room = 24, _WIDTH - left - 60
    parts: list[Markup] = []
    for i, (name, total) in enumerate(zip(names, totals, strict=True)):
        y, x = 4 + i * row, float(left)
        parts.append(_text(left - 8, y + 13, name if len(name) < 22 else name[:20] + "…", "end"))
        for one in series:
            value = one.values[i] or 0.0
            width = value / max(totals) * room
            tooltip = f"{name}: {one.name} {_figure(value)}{unit}"
            parts.append(_BAR.format(one.colour, x, y, width, row - 7, tooltip))
            x += width
        parts.append(_text(x + 6, y + 13, f"{_figure(total)}{unit}", "start"))
    return _svg(parts, _WIDTH, 8 + row * len(names), title)


def nice_ticks(low: float, high: float, steps: int = 4) -> list[float]:
    """Return equally spaced round numbers that span an interval in about `steps` steps."""
    if not high > low:
        low, high = low - 0.5, high + 0.5
    rough = (high - low) / steps
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(unit * factor for factor in (1, 2, 2.5, 5, 10) if unit * factor >= rough * 0.999)
    start, stop = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [i * step for i in range(start, stop + 1)]


class _Scale:
    """The scale from figures to heights."""

    def __init__(self, values: Sequence[float], height: int, *, zero: bool) -> None:
        low, high = min(values), max(values)
        if zero:
            low, high = min(low, 0.0), max(high, 0.0)
        self.ticks = nice_ticks(low, high)
        self._low, self._span = self.ticks[0], self.ticks[-1] - self.ticks[0]
        self._bottom, self._room = height - _BOTTOM, height - _TOP - _BOTTOM

    def y(self, value: float) -> float:
        return self._bottom - (value - self._low) / self._span * self._room

    def grid(self, unit: str, width: int = _WIDTH) -> Markup:
        parts = []
        for tick in self.ticks:
            y, kind = self.y(tick), "grid zero" if abs(tick) < 1e-12 else "grid"
            parts.append(
                Markup('<path class="{}" d="M{},{:.1f}H{}"/>').format(kind, _LEFT, y, width - _RIGHT)
            )
            parts.append(_text(_LEFT - 6, y + 4, f"{_figure(tick)}{unit}", "end"))
        return Markup("").join(parts)


def _day_axis(days: Sequence[dt.date], xs: Sequence[float], height: int) -> Markup:
    first, span = days[0], (days[-1] - days[0]).days
    if span > 800:
        every = max(1, round(span / 365 / 8))
        marks = [dt.date(year, 1, 1) for year in range(first.year + 1, days[-1].year + 1, every)]
        texts = [str(mark.year) for mark in marks]
    else:
        every = max(1, round(span / 30 / 8))
        months = range(first.year * 12 + first.month, days[-1].year * 12 + days[-1].month, every)
        marks = [dt.date(month // 12, month % 12 + 1, 1) for month in months]
        texts = [
            f"{mark:%b %Y}" if mark.month == 1 or i == 0 else f"{mark:%b}" for i, mark in enumerate(marks)
        ]
    scale = (xs[-1] - xs[0]) / max(span, 1)
    return Markup("").join(
        _text(xs[0] + (mark - first).days * scale, height - 8, text, "middle")
        for mark, text in zip(marks, texts, strict=True)
        if first <= mark <= days[-1]
    )


def _path(xs: Sequence[float], ys: Sequence[float | None]) -> str:
    parts, pen = [], "M"
    for x, y in zip(xs, ys, strict=True):
        if y is None:
            pen = "M"
            continue
        parts.append(f"{pen}{x:.1f},{y:.1f}")
        pen = "L"
    return "".join(parts)


def _hover(x: float, width: float, height: int, text: str) -> Markup:
    return _HOVER_PLACE.format(x, width, height - _BOTTOM, text)


def _text(x: float, y: float, text: str, anchor: str) -> Markup:
    return Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>').format(x, y, anchor, text)


def _figure(value: float) -> str:
    if abs(value) >= 1_000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) >= 1e-12 else "0"


def _svg(parts: Sequence[Markup], width: int, height: int, title: str) -> Markup:
    head = Markup('<svg class="chart" role="img" aria-label="{}" viewBox="0 0 {} {}">').format(
        escape(title), width, height
    )
    return head + Markup("").join(parts) + Markup("</svg>")
