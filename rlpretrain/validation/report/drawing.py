"""Drawing of inline SVG that follows the page's colours, light or dark.

Matplotlib draws with marker colours that stand for the page's CSS variables and are replaced afterwards. Text
stays text. The bytes depend only on the data: there are no dates, and the hash salts are fixed.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import matplotlib as mpl
from matplotlib.figure import Figure

from rlpretrain.validation.arms import ARMS, OTHER, arm_of

__all__ = ["INK", "MUTED", "WARN", "Svg", "arm_colour", "arm_dash", "colour_variables", "drawing"]

INK, MUTED, _GRID, WARN = "#000001", "#000002", "#000003", "#000004"
_PAGE = {INK: "ink", MUTED: "muted", _GRID: "grid", WARN: "warn"}

_STYLE: dict[str, Any] = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "axes.unicode_minus": True,
    "font.family": "sans-serif",
    "font.size": 9,
    "text.color": INK,
    "axes.edgecolor": _GRID,
    "axes.labelcolor": MUTED,
    "axes.titlecolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": _GRID,
    "grid.linewidth": 0.6,
    "xtick.color": _GRID,
    "ytick.color": _GRID,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "lines.solid_capstyle": "round",
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
}


def arm_colour(arm: str) -> str:
    """Return the marker colour of an arm; all arms without a row share one."""
    return _marker(list(ARMS).index(arm) if arm in ARMS else len(ARMS))


def _marker(arm: int) -> str:
    return f"#0001{arm:02x}"


def arm_dash(arm: str) -> Any:
    """Return matplotlib's line style of an arm."""
    dash = arm_of(arm).dash
    return (0, dash) if dash else "-"


def colour_variables() -> dict[str, tuple[str, str]]:
    """Return each arm's CSS variable with its colours on a light and on a dark page, in the order of the markers."""
    return {
        **{f"arm-{name}": (arm.colour, arm.dark_colour) for name, arm in ARMS.items()},
        "other": (OTHER.colour, OTHER.dark_colour),
    }


class Svg:
    """Holder of a finished drawing's SVG."""

    text = ""


@contextmanager
def drawing(name: str, width: float, height: float) -> Iterator[tuple[Figure, Svg]]:
    """Yield a figure to draw on, and an object whose `text` is its SVG afterwards."""
    with mpl.rc_context(cast(Any, {**_STYLE, "svg.hashsalt": name})):
        figure = Figure(figsize=(width, height), layout="constrained")
        svg = Svg()
        yield figure, svg
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
        svg.text = _inline(buffer.getvalue())


def _inline(document: str) -> str:
    """Adapt a matplotlib SVG to a page: no prologue, no repeated ids, the page's colours and font."""
    svg = document[document.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'<g id="[A-Za-z0-9_.]+"', "<g", svg)
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r"font-family: ?[^;\"]+", "font-family: inherit", svg)
    svg = re.sub(r"font: (?:(bold|normal) )?([\d.]+)px [^;\"]+", _font, svg)
    variables = {**_PAGE, **{_marker(i): name for i, name in enumerate(colour_variables())}}
    markers = "|".join(variables)
    return re.sub(markers, lambda match: f"var(--{variables[match.group()]})", svg).strip()


def _font(match: re.Match[str]) -> str:
    weight = f"; font-weight: {match.group(1)}" if match.group(1) else ""
    return f"font-size: {match.group(2)}px; font-family: inherit{weight}"
