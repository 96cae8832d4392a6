"""What the pages of the patterns show."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from markupsafe import Markup
from pydantic import AfterValidator, BaseModel, BeforeValidator, Field

from rlpretrain.deployment.web import charts
from rlpretrain.deployment.web.decisions import BINS, Counts, Decision, Filter, Strategy, cursor
from rlpretrain.deployment.web.explorer import PAGE, Explorer, open_explorer
from rlpretrain.deployment.web.folders import UnknownError, mining_of
from rlpretrain.deployment.web.supporters import Stance, held_days, read_paths, stances
from rlpretrain.deployment.web.votes import asset_votes, vote_assets
from rlpretrain.errors import DataError
from rlpretrain.features import FEATURES
from rlpretrain.market import REGIMES
from rlpretrain.patterns import ACTIONS
from rlpretrain.settings import load_config
from rlpretrain.stages import MINE
from rlpretrain.symphony.evidence import CATEGORIES

__all__ = ["Choice", "decision_context", "patterns_context"]

_STANCES = 12
"""Strategies on a page; the tree of each is read."""
_AROUND = dt.timedelta(days=365)


def _blank(value: Any) -> Any:
    """Read an empty field of a form as not given."""
    return None if value == "" else value


def _cursor(text: str) -> str:
    """Check that a text is where a page ends."""
    try:
        cursor(text)
    except DataError as error:
        raise ValueError(error.message.removeprefix("after: ")) from None
    return text


_Blank = BeforeValidator(_blank)
_Text = Annotated[str, Field(max_length=300, pattern=r"^[^\x00]*$")]
"""A text as a form sends it; no database stores a NUL."""


class Choice(BaseModel):
    """The explorer's form, as the address carries it."""

    run: Annotated[_Text | None, _Blank] = None
    asset: Annotated[_Text | None, _Blank] = None
    strategy: Annotated[_Text | None, _Blank] = None
    category: Annotated[
        Literal["momentum", "mean_reversion", "breakout", "trend_following"] | None, _Blank
    ] = None
    regime: Annotated[Literal["bull", "bear", "sideways", "volatile"] | None, _Blank] = None
    action: Annotated[Literal["hold", "buy", "sell"] | None, _Blank] = None
    start: Annotated[dt.date | None, _Blank] = None
    stop: Annotated[dt.date | None, _Blank] = None
    confidence: Annotated[Annotated[float, Field(ge=0.0, le=1.0)] | None, _Blank] = None
    after: Annotated[Annotated[_Text, AfterValidator(_cursor)] | None, _Blank] = None

    def query(self, **changes: Any) -> dict[str, str]:
        """Return the fields that are set, with `changes` applied, as the query of an address."""
        values = {**self.model_dump(mode="json", exclude={"after"}), **changes}
        return {name: str(value) for name, value in values.items() if value not in (None, "")}


@dataclass(frozen=True)
class _Source:
    """Where a run's patterns are."""

    url: str
    extraction: str


def _source(folder: Path) -> _Source:
    """Find the store that a run wrote to: the deployment's, or its own.

    Raises
    ------
    UnknownError
        The run has not mined its patterns yet, or its own store has been removed.
    StageError
        Another version of the program mined.
    """
    manifest = mining_of(folder)
    extraction = MINE.read(manifest).extraction
    own = folder / "composer_patterns.db"
    url = load_config().store_url
    if url and manifest.inputs.get("store") != "run":
        return _Source(url, extraction)
    if not own.is_file():
        raise UnknownError("the run's own pattern store has been removed")
    return _Source(f"sqlite:///{own}", extraction)


def patterns_context(folder: Path, choice: Choice) -> dict[str, Any]:
    """Gather a page of the explorer.

    Raises
    ------
    UnknownError
        There are no patterns, or there is no such strategy.
    TooLongError
        The query takes too long.
    """
    source = _source(folder)
    with open_explorer(source.url, source.extraction) as explorer:
        strategy = _strategy(explorer, choice.strategy)
        chosen = Filter(
            asset=choice.asset,
            category=choice.category,
            regime=choice.regime,
            action=choice.action,
            start=choice.start,
            stop=choice.stop,
            min_confidence=choice.confidence or 0.0,
            assets=None if strategy is None else strategy.holdings,
        )
        page = explorer.page(chosen, choice.after, PAGE + 1)
        counts = explorer.counts(chosen)
        span, total = explorer.span(), explorer.rows
        names = explorer.strategies()
    rows = page[:PAGE]
    held = (
        [None] * len(rows)
        if strategy is None
        else held_days(folder, strategy.symphony_id, [(row.asset, row.date) for row in rows])
    )
    return {
        "choice": choice,
        "rows": list(zip(rows, held, strict=True)),
        "next": rows[-1].cursor if len(page) > PAGE else None,
        "counts": counts,
        "total": total,
        "span": span,
        "strategy": strategy,
        "strategies": names,
        "assets": vote_assets(folder),
        "categories": CATEGORIES,
        "regimes": REGIMES,
        "actions": ACTIONS,
        "charts": _count_charts(counts),
        "rewards": _reward_table(counts),
        "votes": _votes_chart(folder, choice, rows),
    }


def _strategy(explorer: Explorer, text: str | None) -> Strategy | None:
    if text is None:
        return None
    found = explorer.find_strategy(text)
    if found is None:
        raise UnknownError(f"no voting strategy has the id or name {text!r}")
    return found


def _count_charts(counts: Counts) -> list[tuple[str, str, Markup]]:
    by_category = [
        charts.Series(action, [counts.actions.get((name, action), 0) for name in CATEGORIES], colour)
        for action, colour in _ACTION_COLOURS.items()
    ]
    by_regime = [
        charts.Series(action, [counts.regimes.get((name, action), 0) for name in REGIMES], colour)
        for action, colour in _ACTION_COLOURS.items()
    ]
    months = list(counts.months)
    by_month = [
        charts.Series(action, [counts.months[month][i] for month in months], _ACTION_COLOURS[action])
        for i, action in enumerate(ACTIONS)
    ]
    every = max(1, len({month.year for month in months}) // 8)
    labels = [str(m.year) if m.month == 1 and (m.year - months[0].year) % every == 0 else "" for m in months]
    edges = [f"{i / BINS:.1f} to {(i + 1) / BINS:.1f}" for i in range(BINS)]
    confidence = [charts.Series("decisions", counts.confidence, 2)]
    return [
        ("By category", "", charts.stacked_bars([_plain(n) for n in CATEGORIES], by_category, title="By category")),
        ("By regime", "", charts.stacked_bars(REGIMES, by_regime, title="By regime")),
        ("By month", "", charts.columns([f"{m:%B %Y}" for m in months], by_month, title="By month", labels=labels)),
        ("By confidence", "", charts.columns(edges, confidence, title="By confidence",
                                             labels=[edge[:3] for edge in edges])),
    ]  # fmt: skip


_ACTION_COLOURS = {"buy": 0, "sell": 5, "hold": 7}


def _plain(name: str) -> str:
    return name.replace("_", " ")


def _reward_table(counts: Counts) -> list[tuple[str, list[float | None]]]:
    """Return the mean reward of buys and sells, in percent: a row for each category, a column for each regime."""
    return [
        (
            _plain(category),
            [
                100.0 * counts.rewards[category, regime] if (category, regime) in counts.rewards else None
                for regime in REGIMES
            ],
        )
        for category in CATEGORIES
    ]


def _votes_chart(folder: Path, choice: Choice, rows: list[Decision]) -> Mapping[str, Markup] | None:
    """Draw the votes on the chosen asset, with the buys and sells on the page."""
    if choice.asset is None:
        return None
    votes = asset_votes(folder, choice.asset, choice.start, choice.stop)
    if votes is None:
        return None
    marks = [
        charts.Mark(place, row.action == "buy", f"{row.date}: {row.action}, reward {100 * row.reward:+.2f} %")
        for row in rows
        if row.action != "hold" and (place := votes.place(row.date)) is not None
    ]
    return {
        "share": charts.line_chart(
            votes.days,
            [charts.Series("holders", votes.share, 0)],
            title=f"Share of the strategies that hold {choice.asset}",
            unit=" %",
            zero=True,
            marks=marks,
        ),
        "relative": charts.line_chart(
            votes.days,
            [charts.Series("relative to its year", votes.relative, 3)],
            title=f"Share of {choice.asset} relative to its trailing year",
            zero=True,
        ),
    }


def decision_context(folder: Path, asset: str, date: dt.date, position: str, offset: int) -> dict[str, Any]:
    """Gather what the page of one decision shows.

    Parameters
    ----------
    position
        ``flat`` or ``long``: the position before the decision.
    offset
        Number of strategies to skip.

    Raises
    ------
    UnknownError
        There is no such decision.
    """
    source = _source(folder)
    with open_explorer(source.url, source.extraction) as explorer:
        found = explorer.decision(asset, date, position == "long")
    if found is None:
        raise UnknownError(f"there is no decision on {asset} on {date} from a {position} position")
    decision, state = found
    everyone = stances(folder, asset, date)
    votes = asset_votes(folder, asset, date - _AROUND, date + _AROUND)
    place = None if votes is None else votes.place(date)
    chart = Markup("")
    if votes is not None:
        chart = charts.line_chart(
            votes.days,
            [charts.Series("holders", votes.share, 0)],
            title=f"Share of the strategies that hold {asset}, a year before and after",
            unit=" %",
            zero=True,
            marks=[]
            if place is None
            else [charts.Mark(place, decision.action != "sell", f"{date}: this decision")],
        )
    return {
        "decision": decision,
        "position": position,
        "state": _state(state),
        "scores": list(zip([_plain(name) for name in CATEGORIES], decision.scores, strict=True)),
        "probabilities": list(zip(ACTIONS, decision.probabilities, strict=True)),
        "chart": chart,
        "stances": [_with_paths(folder, one, asset) for one in everyone[offset : offset + _STANCES]],
        "admitted": sum(one.admitted for one in everyone),
        "holders": sum(one.holds for one in everyone),
        "everyone": len(everyone),
        "newer": max(0, offset - _STANCES) if offset else None,
        "older": offset + _STANCES if offset + _STANCES < len(everyone) else None,
        "offset": offset,
    }


def _with_paths(folder: Path, stance: Stance, asset: str) -> dict[str, Any]:
    return {
        "who": stance,
        "paths": read_paths(folder, stance.symphony_id, stance.chunk, asset, stance.version),
    }


def _state(values: list[float]) -> list[tuple[str, list[tuple[str, str, float]]]]:
    """Return the state's numbers with their names, by block."""
    blocks: dict[str, list[tuple[str, str, float]]] = {}
    for feature, value in zip(FEATURES, values, strict=True):
        blocks.setdefault(feature.block, []).append((feature.name, feature.description, value))
    return list(blocks.items())
