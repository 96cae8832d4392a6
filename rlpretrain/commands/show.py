"""``rlpretrain symphony show``: the tree in readable form."""

from __future__ import annotations

import argparse
import itertools
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from rlpretrain.commands.decisions import decision_lines, decision_rows
from rlpretrain.commands.documents import load_named
from rlpretrain.commands.settings import read_day, read_settings
from rlpretrain.errors import SettingsError

if TYPE_CHECKING:
    from rlpretrain.symphony import Symphony
    from rlpretrain.symphony.activity import Activity
    from rlpretrain.symphony.drawing import Line
    from rlpretrain.symphony.outline import Place

__all__ = ["show"]

_DIM, _BOLD, _YELLOW, _CYAN, _OFF = "\x1b[2m", "\x1b[1m", "\x1b[33m", "\x1b[36m", "\x1b[0m"


def show(options: argparse.Namespace) -> dict[str, Any]:
    """Draw the symphony that the options name."""
    if options.depth is not None and options.depth < 0:
        raise SettingsError(f"--depth {options.depth} is negative")
    config = read_settings(options)
    start, end = read_day(options.start, "--start"), read_day(options.end, "--end")
    named = load_named(options.symphony, config)
    from rlpretrain.symphony import parse_symphony
    from rlpretrain.symphony.outline import outline

    symphony = parse_symphony(named.document, symphony_id=named.name)
    places = outline(named.document, symphony)
    activity, decisions, remarks = None, None, list(symphony.remarks)
    if options.market is not None or options.missing_tickers is not None or start or end:
        from rlpretrain.commands.prices import load_prices, price_remarks
        from rlpretrain.symphony import Evaluator

        panel = load_prices(options.market or config.market, symphony.tickers, config)
        evaluator = Evaluator(panel, missing_tickers=options.missing_tickers or config.missing_tickers)
        activity = evaluator.activity(symphony, start=start, end=end)
        last = activity.replay.dates[-1].astype(object)
        decisions = decision_rows(evaluator, named.document, symphony, last)
        remarks += [*activity.replay.remarks, *price_remarks(panel, symphony.tickers)]
    if options.json:
        return {
            "status": "done",
            **_summary(symphony, activity),
            "remarks": remarks,
            **({} if decisions is None else {"decisions": decisions}),
            "tree": _rows(places, activity, options.depth),
        }
    lines = _lines(symphony, places, activity, remarks, options.depth)
    if activity is None or decisions is None:
        return {"status": "done", "lines": lines}
    table = decision_lines(decisions, str(activity.replay.dates[-1]))
    return {"status": "done", "lines": itertools.chain(lines, [""], table)}


def _summary(symphony: Symphony, activity: Activity | None) -> dict[str, Any]:
    known = {
        "symphony_id": symphony.symphony_id,
        "name": symphony.name,
        "rebalance": symphony.rebalance,
        "corridor_width": symphony.corridor_width,
        "nodes": symphony.node_count,
        "distinct_nodes": len(symphony.nodes),
        "holdings": list(symphony.holdings),
        "tickers": list(symphony.tickers),
        "content_hash": symphony.content_hash,
    }
    if activity is not None:
        dates, undecided = activity.replay.dates, activity.replay.undecided
        known |= {"first_day": str(dates[0]), "last_market_day": str(dates[-1]), "days": len(dates)}
        known["days_left_out"] = 0 if undecided is None else int(undecided.sum())
    return known


def _rows(places: list[Place], activity: Activity | None, depth: int | None) -> list[dict[str, Any]]:
    """Return the places as a flat list; `parent` is a position in it."""
    from rlpretrain.symphony.outline import place_path

    rows: list[dict[str, Any]] = []
    kept: dict[int, int] = {}
    for i, place in enumerate(places):
        if depth is not None and place.depth > depth:
            continue
        kept[i] = len(rows)
        row: dict[str, Any] = {
            "path": place_path(places, i),
            "depth": place.depth,
            "parent": kept.get(place.parent),
            "step": place.step,
            "text": place.text,
            "weight": place.weight,
            "ticker": place.ticker,
            "nodes_below": place.below,
            "remarks": place.remarks,
        }
        if activity is not None:
            row["active"] = float(activity.days[place.visit])
            row["mean_weight"] = float(activity.weight[place.visit])
        rows.append(row)
    return rows


def _lines(
    symphony: Symphony,
    places: list[Place],
    activity: Activity | None,
    remarks: list[str],
    depth: int | None,
) -> Iterator[str]:
    from rlpretrain.symphony.drawing import draw, heading
    from rlpretrain.symphony.outline import one_line
    from rlpretrain.symphony.wording import percent

    coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    rebalance: str = symphony.rebalance
    if rebalance == "none":
        width = symphony.corridor_width
        rebalance = "when other leaves become active" + (
            "" if width is None else f", or a weight is {percent(width)} off"
        )
    looks_at = sorted(set(symphony.tickers) - set(symphony.holdings))
    facts = {
        "rebalanced": rebalance,
        "nodes": f"{symphony.node_count:,}, {len(symphony.nodes):,} of them distinct",
        "holds": f"{len(symphony.holdings)}: {_listed(symphony.holdings)}",
        "looks at": f"{len(looks_at)} more: {_listed(looks_at)}" if looks_at else "nothing else",
        "content": symphony.content_hash,
    }
    if activity is not None:
        dates = activity.replay.dates
        facts["in force"] = f"share of {len(dates):,} days from {dates[0]} to {dates[-1]}, and mean weight"
    yield _styled(one_line(symphony.name), _BOLD, coloured)
    for name, fact in facts.items():
        yield _styled(f"  {name:<11}", _DIM, coloured) + fact
    yield ""
    if activity is not None:
        yield _styled(heading().rstrip(), _DIM, coloured)
    for line in draw(places, depth=depth, activity=activity):
        yield _coloured(line) if coloured else str(line)
    if remarks:
        yield ""
        yield _styled(f"remarks ({len(remarks)})", _YELLOW, coloured)
        yield from (f"  {remark}" for remark in remarks)


def _listed(tickers: Any, most: int = 20) -> str:
    shown = " ".join(tickers[:most])
    return shown if len(tickers) <= most else f"{shown} … and {len(tickers) - most} more"


def _coloured(line: Line) -> str:
    style = {"asset": _BOLD, "if": _CYAN, "if-child": _CYAN, "filter": _CYAN, "group": ""}.get(
        line.step, _DIM
    )
    weight = f"{line.weight}  " if line.weight else ""
    remark = f"  {_YELLOW}! {line.remark}{_OFF}" if line.remark else ""
    return f"{line.activity}{_DIM}{line.guides}{_OFF}{weight}{_styled(line.text, style, True)}{remark}"


def _styled(text: str, style: str, coloured: bool) -> str:
    return f"{style}{text}{_OFF}" if coloured and style else text
