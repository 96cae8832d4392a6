"""The findings on one A3 page: every title states what was found."""

from __future__ import annotations

import textwrap
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FuncFormatter

from rlpretrain.analysis import titles
from rlpretrain.analysis.findings import PatternAnalysis, RewardGroup
from rlpretrain.analysis.outcome_panels import draw_reliability, draw_trades
from rlpretrain.analysis.style import BUY_COLOUR, GREY, GROUP_COLOURS, INK, PALETTE, SELL_COLOUR, STYLE, plain
from rlpretrain.patterns.decisions.pattern_set import REGIMES
from rlpretrain.runs.files import atomic_path
from rlpretrain.symphony.evidence import CATEGORIES

__all__ = ["draw_page"]

LOSS_TO_GAIN = LinearSegmentedColormap.from_list("loss to gain", [SELL_COLOUR, "#F7F7F7", BUY_COLOUR])
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "<", ">")
MAP_POINTS = 4_000
TOP_FEATURES = 15


def draw_page(analysis: PatternAnalysis, path: Path) -> Path:
    """Draw the page and write it as PNG; equal findings give equal pixels."""
    with mpl.rc_context(STYLE):
        layout = ConstrainedLayoutEngine(w_pad=0.15, h_pad=0.15, wspace=0.04, hspace=0.05)
        figure = Figure(figsize=(20.0, 14.1), layout=layout)
        FigureCanvasAgg(figure)
        figure.suptitle(titles.headline(analysis), fontsize=15, fontweight="bold", x=0.012, ha="left")
        axes = figure.subplot_mosaic(
            [
                ["map", "category", "importance"],
                ["matrix", "clusters", "importance"],
                ["reliability", "trades", "trades"],
                ["timeline", "timeline", "advice"],
            ],
            height_ratios=[1.15, 1.0, 0.95, 0.9],
            width_ratios=[1.0, 1.0, 1.12],
        )
        _cluster_map(axes["map"], analysis)
        _rewards(axes["category"], analysis, "category")
        _importance(axes["importance"], analysis)
        _matrix(axes["matrix"], analysis)
        _rewards(axes["clusters"], analysis, "cluster")
        draw_reliability(axes["reliability"], analysis)
        draw_trades(axes["trades"], analysis)
        _timeline(axes["timeline"], analysis)
        _advice(axes["advice"], analysis)
        with atomic_path(path) as temporary:
            figure.savefig(temporary, format="png", dpi=100, metadata={"Software": None})
    return path


def _cluster_map(axes: Axes, analysis: PatternAnalysis) -> None:
    clusters = analysis.clusters
    if clusters.main is None:
        _nothing(axes, "No clusters", clusters.note)
        return
    table = analysis.assignments
    shown = table.iloc[np.unique(np.linspace(0, len(table) - 1, MAP_POINTS).astype(int))]
    for number in np.unique(table["cluster"].to_numpy()).tolist():
        rows, noise = shown[shown["cluster"] == number], number < 0
        axes.scatter(
            rows["component_1"],
            rows["component_2"],
            s=9,
            alpha=0.55,
            linewidths=0,
            color="#C8C8C8" if noise else PALETTE[number % len(PALETTE)],
            marker="." if noise else MARKERS[number % len(MARKERS)],
            zorder=1 if noise else 2,
        )
        if not noise:
            members = table[table["cluster"] == number]
            axes.text(
                members["component_1"].median(),
                members["component_2"].median(),
                str(number),
                fontsize=13,
                fontweight="bold",
                ha="center",
                va="center",
                zorder=4,
                bbox={
                    "boxstyle": "circle,pad=0.22",
                    "fc": "white",
                    "ec": PALETTE[number % len(PALETTE)],
                    "lw": 1.6,
                },
            )
    odd = table[table["anomaly"]].nlargest(200, "anomaly_score")
    if len(odd):
        axes.scatter(
            odd["component_1"],
            odd["component_2"],
            s=34,
            facecolors="none",
            edgecolors=INK,
            linewidths=0.8,
            zorder=3,
        )
    low, high = (table[["component_1", "component_2"]].quantile(q) for q in (0.001, 0.999))
    margin = 0.12 * (high - low).clip(lower=1e-6)
    axes.set_xlim(low.iloc[0] - margin.iloc[0], high.iloc[0] + margin.iloc[0])
    if np.isfinite(low.iloc[1]):
        axes.set_ylim(low.iloc[1] - margin.iloc[1], high.iloc[1] + margin.iloc[1])
    axes.set_title(titles.map_title(analysis))
    circled = f"; circled: {analysis.anomalies.count:,} anomalies" if len(odd) else ""
    axes.set_xlabel(f"first principal component of the state{circled}")
    axes.set_ylabel("second principal component")
    axes.set_xticks([])
    axes.set_yticks([])


def _rewards(axes: Axes, analysis: PatternAnalysis, dimension: str) -> None:
    groups = list(analysis.statistics.of(dimension).values())
    if not groups:
        _nothing(axes, f"No rewards by {dimension}", analysis.clusters.note)
        return
    if dimension == "cluster":
        groups.sort(key=lambda group: int(group.group))
    else:
        groups.sort(key=lambda group: group.mean or 0.0)
    shown = groups[:12]
    for row, group in enumerate(shown):
        colour = _sign_colour(group)
        mean = group.mean or 0.0
        if group.low is not None and group.high is not None:
            axes.plot(
                [group.low, group.high], [row, row], color=colour, lw=3, solid_capstyle="butt", alpha=0.55
            )
        axes.plot(mean, row, "o", color=colour, ms=8)
    axes.axvline(0, color=INK, lw=0.9)
    axes.set_yticks(
        range(len(shown)),
        [
            f"{plain(g.group) if dimension != 'cluster' else titles.cluster_name(g.group)}  (n = {g.rows:,})"
            for g in shown
        ],
    )
    if dimension == "cluster":
        axes.invert_yaxis()
    axes.margins(y=0.12)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:+.3g}%" if value else "0"))
    axes.locator_params(axis="x", nbins=5)
    axes.grid(axis="x", color="#E3E3E3", lw=0.7)
    axes.set_axisbelow(True)
    axes.set_title(titles.reward_title(analysis, dimension))
    axes.set_xlabel("mean reward, 95 % interval; grey: not significantly different from zero")


def _importance(axes: Axes, analysis: PatternAnalysis) -> None:
    importance = analysis.importance
    top = importance.features[:TOP_FEATURES]
    if not top:
        _nothing(axes, "No feature varies", importance.note)
        return
    permuted = importance.model is not None
    values = [(f.permutation if permuted else f.mutual_information_in_position) or 0.0 for f in top]
    errors = [(f.permutation_sd or 0.0) if permuted else 0.0 for f in top]
    rows = range(len(top))
    axes.barh(rows, values, color=[GROUP_COLOURS[f.group] for f in top], height=0.72)
    if permuted:
        axes.errorbar(values, rows, xerr=errors, fmt="none", ecolor=INK, elinewidth=0.9, alpha=0.7)
    axes.set_yticks(rows, [f.feature for f in top])
    axes.invert_yaxis()
    axes.axvline(0, color=INK, lw=0.9)
    axes.locator_params(axis="x", nbins=5)
    axes.grid(axis="x", color="#E3E3E3", lw=0.7)
    axes.set_axisbelow(True)
    used = {f.group for f in top}
    for name, colour in GROUP_COLOURS.items():
        if name in used:
            axes.barh(
                [0], [0], color=colour, label=f"{name} feature" if name in ("asset", "market") else name
            )
    axes.legend(loc="lower right", frameon=False)
    axes.set_title(titles.importance_title(analysis))
    axes.set_xlabel(
        "increase in out-of-time log loss when shuffled, nats ± 1 SD"
        if permuted
        else "mutual information given the position, nats"
    )


def _matrix(axes: Axes, analysis: PatternAnalysis) -> None:
    cells = analysis.statistics.of("category x regime")
    table = np.full((len(CATEGORIES), len(REGIMES)), np.nan)
    for i, category in enumerate(CATEGORIES):
        for j, regime in enumerate(REGIMES):
            cell = cells.get(f"{category} x {regime}")
            if cell is not None and cell.mean is not None:
                table[i, j] = cell.mean
    limit = max(float(np.nanmax(np.abs(table))), 1e-9) if np.isfinite(table).any() else 1.0
    axes.imshow(table, cmap=LOSS_TO_GAIN, vmin=-limit, vmax=limit, aspect="auto")
    for i, category in enumerate(CATEGORIES):
        for j, regime in enumerate(REGIMES):
            cell = cells.get(f"{category} x {regime}")
            if cell is None or cell.mean is None:
                text, dark = "none", False
            else:
                star = "*" if cell.significant else ""
                text, dark = f"{cell.mean:+.2%}{star}\nn = {cell.rows:,}", abs(cell.mean) > 0.72 * limit
            axes.text(j, i, text, ha="center", va="center", fontsize=9.5, color="white" if dark else INK)
    axes.set_xticks(range(len(REGIMES)), REGIMES)
    axes.set_yticks(range(len(CATEGORIES)), [plain(c) for c in CATEGORIES])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_title(titles.matrix_title(analysis))
    axes.set_xlabel("mean reward; * significantly different from zero after Holm's correction")


def _timeline(axes: Axes, analysis: PatternAnalysis) -> None:
    periods = analysis.counts.timeline
    start = np.array([np.datetime64(p.start) for p in periods])
    buys, sells = np.array([p.buys for p in periods]), np.array([p.sells for p in periods])
    step = np.median(np.diff(start)).astype("timedelta64[D]") if len(start) > 1 else np.timedelta64(30, "D")
    width = 0.9 * step.astype(float)
    axes.bar(start, buys, width=width, align="edge", color=BUY_COLOUR, label="buys")
    axes.bar(start, -sells, width=width, align="edge", color=SELL_COLOUR, label="sells")
    axes.axhline(0, color=INK, lw=0.9)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{abs(value):,.0f}"))
    axes.margins(x=0.01)
    axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), frameon=False, ncols=2, borderaxespad=0.2)
    monthly = step < np.timedelta64(60, "D")
    axes.set_title(titles.timeline_title(analysis))
    axes.set_ylabel(f"decisions per {'month' if monthly else 'quarter'}")


def _advice(axes: Axes, analysis: PatternAnalysis) -> None:
    axes.axis("off")
    found = analysis.recommendations
    axes.set_title(titles.advice_title(analysis))
    lines: list[str] = []
    for advice in found:
        item = textwrap.wrap(
            f"{advice.message}: {advice.change}.", 62, initial_indent="• ", subsequent_indent="   "
        )
        if len(lines) + len(item) > 13:
            lines.append("… more in pattern_analysis.json")
            break
        lines += item
    axes.text(0, 0.98, "\n".join(lines), va="top", fontsize=10, linespacing=1.45, transform=axes.transAxes)


def _nothing(axes: Axes, title: str, reason: str | None) -> None:
    axes.axis("off")
    axes.set_title(title)
    axes.text(0, 0.9, textwrap.fill(reason or "", 48), va="top", transform=axes.transAxes)


def _sign_colour(group: RewardGroup) -> str:
    if not group.significant:
        return GREY
    return BUY_COLOUR if (group.mean or 0) > 0 else SELL_COLOUR
