"""Pictures of a backtest."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rlpretrain.market.panel import Floats
from rlpretrain.symphony.backtesting import BacktestResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_equity"]

_INK, _MUTED, _GRID = "#1b1f24", "#6b7280", "#e5e7eb"
_OWN, _OTHERS = "#1f5fbf", ("#8a8f98", "#c08a3e", "#6d9f71", "#9a6fb0")
_FALL = "#c0392b"
_LONGEST_TITLE = 90

_STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "text.color": _INK,
    "text.parse_math": False,
    "axes.edgecolor": _GRID,
    "axes.labelcolor": _MUTED,
    "xtick.color": _MUTED,
    "ytick.color": _MUTED,
    "axes.grid": True,
    "grid.color": _GRID,
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "ytick.minor.size": 0,
    "svg.hashsalt": "rlpretrain",
}


def draw_equity(
    path: Path, result: BacktestResult, benchmarks: Mapping[str, Floats], *, title: str, subtitle: str
) -> None:
    """Draw the equity curve on a logarithmic scale, with drawdowns below it.

    Parameters
    ----------
    path
        File to write; its suffix names the format, which is PNG without one. Equal figures give equal bytes.
    result
        The backtest.
    benchmarks
        Name -> dollars (D,) on the days of the backtest; NaN where unknown.
    title, subtitle
        Two lines above the picture.

    Raises
    ------
    OSError
        The file cannot be written.
    ValueError
        The format is unknown.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(10.5, 6.2), dpi=150)
        FigureCanvasAgg(figure)
        upper, lower = figure.subplots(
            2, 1, sharex=True, gridspec_kw={"height_ratios": [3.2, 1], "hspace": 0.07}
        )
        figure.subplots_adjust(left=0.075, right=0.86, top=0.85, bottom=0.06)
        figure.text(0.075, 0.95, _shortened(_drawable(title)), fontsize=13, fontweight="bold")
        figure.text(0.075, 0.915, _key_figures(result))
        figure.text(0.075, 0.88, _drawable(subtitle), color=_MUTED)
        curves = {"symphony": result.equity, **benchmarks}
        colours = dict(zip(curves, (_OWN, *(_OTHERS * len(curves))), strict=False))
        for name, curve in reversed(curves.items()):
            own = name == "symphony"
            upper.plot(
                result.dates, curve, color=colours[name], lw=1.5 if own else 1.1, zorder=3 if own else 2
            )
        _scale(upper, np.concatenate(list(curves.values())))
        _label_ends(upper, curves, colours)
        _draw_falls(lower, result, benchmarks, colours)
        kind = path.suffix.removeprefix(".").lower() or "png"
        figure.savefig(path, format=kind, metadata=_metadata(kind))


def _key_figures(result: BacktestResult) -> str:
    stats = result.stats
    figures = [f"{100 * stats['annualized_rate_of_return']:,.1f} % a year"]
    if np.isfinite(stats["sharpe_ratio"]):
        figures.append(f"volatility {100 * stats['standard_deviation']:.1f} %")
        figures.append(f"Sharpe {stats['sharpe_ratio']:.2f}")
    figures.append(f"max drawdown {100 * stats['max_drawdown']:.1f} %")
    figures.append(f"costs ${sum(result.costs.values()):,.0f}")
    return ", ".join(figures)


def _metadata(kind: str) -> dict[str, None]:
    """Leave dates and versions out of the file."""
    return {"png": {"Software": None}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind, {})


def _scale(axes: Axes, values: Floats) -> None:
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator

    known = values[np.isfinite(values) & (values > 0)]
    low, high = float(known.min()), float(known.max())
    axes.set_yscale("log")
    margin = max((high / low) ** 0.04, 1.005)
    axes.set_ylim(low / margin, high * margin)
    axes.yaxis.set_major_locator(FixedLocator(_round_values(low / margin, high * margin)))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _short_dollars(value)))
    axes.set_ylabel("value, log scale")


def _round_values(low: float, high: float) -> list[float]:
    """Return four to ten round values from `low` to `high`, evenly spread on a logarithmic scale."""
    decades = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    for steps in ((1.0,), (1.0, 3.0), (1.0, 2.0, 5.0)):
        values = [step * 10.0**decade for decade in decades for step in steps]
        inside = [value for value in values if low <= value <= high]
        if len(inside) >= 4:
            return inside[:: 1 + len(inside) // 11]
    from matplotlib.ticker import MaxNLocator

    return [float(value) for value in MaxNLocator(6).tick_values(low, high) if low <= value <= high]


def _short_dollars(value: float) -> str:
    for size, unit in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"${value / size:.4g}{unit}"
    return f"${value:.4g}"


def _short_factor(value: float) -> str:
    return f"{value:.3g}" if value < 1e3 else f"{value:,.0f}" if value < 1e6 else f"{value:.1e}"


def _label_ends(axes: Axes, curves: Mapping[str, Floats], colours: Mapping[str, str]) -> None:
    """Label each curve at its end with its name and growth; labels that would overlap are moved apart."""
    ends = {
        name: float(curve[np.isfinite(curve)][-1])
        for name, curve in curves.items()
        if np.isfinite(curve).any()
    }
    low, high = np.log(axes.get_ylim())
    places = {name: (np.log(end) - low) / (high - low) for name, end in ends.items()}
    floor = 0.0
    for name in sorted(places, key=lambda name: places[name]):
        at = max(places[name], floor)
        floor = at + 0.09
        growth = ends[name] / float(curves[name][np.isfinite(curves[name])][0])
        text = f"{_drawable(name)}\n{_short_dollars(ends[name])}, ×{_short_factor(growth)}"
        axes.text(
            1.01, at, text, transform=axes.transAxes, color=colours[name], va="center", fontsize=8.5,
            fontweight="bold" if name == "symphony" else "normal", linespacing=1.25,
        )  # fmt: skip


def _draw_falls(
    axes: Axes, result: BacktestResult, benchmarks: Mapping[str, Floats], colours: Mapping[str, str]
) -> None:
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    fall = _drawdown(result.equity)
    axes.fill_between(result.dates, fall, 0.0, color=_FALL, alpha=0.25, lw=0)
    axes.plot(result.dates, fall, color=_FALL, lw=0.8)
    for name, curve in list(benchmarks.items())[:1]:
        axes.plot(result.dates, _drawdown(curve), color=colours[name], lw=0.8, zorder=1)
    worst = int(np.argmin(fall))
    axes.text(
        1.01, 0.5, f"max drawdown\n{abs(100 * fall[worst]):.1f} %, {result.dates[worst]}",
        transform=axes.transAxes, color=_FALL, va="center", fontsize=8.5, linespacing=1.25,
    )  # fmt: skip
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.set_ylim(top=0.0)
    axes.set_ylabel("drawdown")
    if len(result.dates) > 1:
        axes.set_xlim(result.dates[0], result.dates[-1])


def _drawdown(curve: Floats) -> Floats:
    """Return the distance to the highest value to date, a fraction of at most 0 (D,)."""
    highest = np.fmax.accumulate(curve)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(highest > 0, curve / highest - 1.0, 0.0 * curve)


def _drawable(text: str) -> str:
    """Leave out characters that the font lacks."""
    from matplotlib.font_manager import findfont, get_font

    font = get_font(findfont("DejaVu Sans"))
    return " ".join("".join(c for c in text if c.isspace() or font.get_char_index(ord(c))).split())


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_TITLE else f"{text[: _LONGEST_TITLE - 1]}…"
