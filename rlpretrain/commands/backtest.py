"""``rlpretrain symphony backtest``: statistics, costs, yearly figures and the equity curve, also as files."""

from __future__ import annotations

import argparse
import csv
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlpretrain.commands.decisions import decision_rows
from rlpretrain.commands.documents import load_named
from rlpretrain.commands.settings import read_day, read_settings
from rlpretrain.errors import DataError, SettingsError
from rlpretrain.runs.full_disk import naming_full_disks

if TYPE_CHECKING:
    from rlpretrain.market import PricePanel
    from rlpretrain.market.panel import Floats
    from rlpretrain.symphony import BacktestResult, Costs, Replay

__all__ = ["DEFAULT_BENCHMARK", "backtest_named"]

DEFAULT_BENCHMARK = "SPY"


def backtest_named(options: argparse.Namespace) -> dict[str, Any]:
    """Backtest the symphony that the options name."""
    config = read_settings(options)
    start, end = read_day(options.start, "--start"), read_day(options.end, "--end")
    costs = _costs(options)
    named = load_named(options.symphony, config)
    from rlpretrain.commands.prices import load_prices, price_remarks
    from rlpretrain.symphony import Evaluator, backtest, parse_symphony, yearly_statistics
    from rlpretrain.symphony.levels import no_vote_reason
    from rlpretrain.symphony.wire import read_ticker

    symphony = parse_symphony(named.document, symphony_id=named.name)
    asked = [read_ticker(ticker, lambda: "--benchmark", "its value") for ticker in options.benchmark]
    market = options.market or config.market
    panel = load_prices(market, [*symphony.tickers, *(asked or [DEFAULT_BENCHMARK])], config)
    names = list(dict.fromkeys(asked)) or [name for name in [DEFAULT_BENCHMARK] if name in panel]
    evaluator = Evaluator(panel, missing_tickers=options.missing_tickers or config.missing_tickers)
    replay = evaluator.replay(symphony, start=start, end=end)
    whole = config.whole_share_tickers
    result = backtest(
        replay,
        panel,
        costs,
        options.fill,
        capital=options.capital,
        benchmarks=names,
        whole_share_tickers=whole,
    )
    benchmarks = {name: _held(name, result, panel, options.capital) for name in names}
    answer = {
        "status": "done",
        "symphony_id": symphony.symphony_id,
        "name": symphony.name,
        "content_hash": symphony.content_hash,
        "market": market,
        "first_day": str(replay.dates[0]),
        "last_market_day": str(replay.dates[-1]),
        "days": len(replay.dates),
        "fill": options.fill,
        "cost_settings": vars(costs),
        "capital": options.capital,
        "final_value": float(result.equity[-1]),
        "stats": dict(result.stats),
        "costs": dict(result.costs),
        "whole_shares": [ticker for ticker in replay.tickers if ticker in whole],
        "yearly": yearly_statistics(
            replay, panel, costs, options.fill, capital=options.capital, whole_share_tickers=whole
        ),
        "benchmarks": {
            name: {**_own_statistics(curve), **result.benchmarks[name]} for name, curve in benchmarks.items()
        },
        "rebalances": int(replay.rebalanced.sum()),
        "days_with_trades": int((result.turnover > 1e-9).sum()),
        "decisions": decision_rows(evaluator, named.document, symphony, replay.dates[-1].astype(object)),
        "days_left_out": 0 if replay.undecided is None else int(replay.undecided.sum()),
        "remarks": [*symphony.remarks, *replay.remarks, *price_remarks(panel, [*symphony.tickers, *names])],
        "level_rules": [{"path": path, **asdict(rule)} for rule, path in symphony.level_rules.items()],
        "raw_closes": {
            ticker: panel.raw_close_origins[ticker]
            for ticker in sorted({ticker for rule in symphony.level_rules for ticker in rule.tickers})
            if ticker in panel.raw_close_origins
        },
        "no_vote": no_vote_reason(symphony, evaluator.missing_raw_closes(replay)),
    }
    answer["files"] = _write_files(options, answer, replay, result, benchmarks)
    if options.json:
        known: dict[str, Any] = _without_nan(answer)
        return known
    from rlpretrain.commands.backtest_text import backtest_lines

    return {"status": "done", "lines": backtest_lines(answer)}


def _costs(options: argparse.Namespace) -> Costs:
    from rlpretrain.symphony import Costs

    if not (math.isfinite(options.capital) and options.capital > 0):
        raise SettingsError(f"--capital {options.capital:g} is not a positive amount of dollars")
    try:
        return Costs(
            slippage=options.slippage,
            spread_markup=options.spread_markup,
            regulatory_fee=options.reg_fee,
            taf_fee=options.taf_fee,
        )
    except ValueError as error:
        raise SettingsError(str(error)) from None


def _held(ticker: str, result: BacktestResult, panel: PricePanel, capital: float) -> Floats:
    """Return the value of a benchmark that is held throughout, without costs (D,).

    It starts from the strategy's value on its first day, and is NaN while it has no price.
    """
    import numpy as np

    from rlpretrain.symphony.prices import filled_close, first_known

    close = filled_close(panel, ticker, np.searchsorted(panel.dates, result.dates))
    first = first_known(close)
    if first == len(close):
        return close
    start = capital if first == 0 else float(result.equity[first])
    curve: Floats = close * (start / close[first])
    return curve


def _own_statistics(curve: Floats) -> dict[str, float]:
    """Return the statistics of a benchmark; NaN unless its price is known on every day."""
    from rlpretrain.symphony import portfolio_statistics

    return portfolio_statistics(curve[1:] / curve[:-1] - 1.0)


def _write_files(
    options: argparse.Namespace,
    answer: dict[str, Any],
    replay: Replay,
    result: BacktestResult,
    benchmarks: dict[str, Floats],
) -> dict[str, str]:
    """Write the requested files; return the path of each kind of file."""
    written: dict[str, str] = {}
    days = result.dates.astype(str).tolist()
    if options.weights is not None:
        rows = ([day, *map(repr, row)] for day, row in zip(days, replay.targets.tolist(), strict=True))
        _write_table(options.weights, ["date", *replay.tickers], rows)
        written["weights"] = str(options.weights)
    if options.equity is not None:
        pairs = zip(days, map(repr, result.equity.tolist()), strict=True)
        _write_table(options.equity, ["date", "value"], pairs)
        written["equity"] = str(options.equity)
    if options.picture is not False:
        from rlpretrain.commands.backtest_text import cost_words
        from rlpretrain.symphony.pictures import draw_equity
        from rlpretrain.symphony.wording import counted_words

        path = Path(f"{answer['symphony_id']}-equity.png") if options.picture is None else options.picture
        span = f"{answer['first_day']} to {answer['last_market_day']}, {counted_words(answer['days'], 'trading day')}"
        try:
            with naming_full_disks(path):
                draw_equity(
                    path, result, benchmarks, title=answer["name"], subtitle=f"{span}; {cost_words(answer)}"
                )
        except OSError as error:
            raise DataError(f"{path}: {error.strerror}") from None
        except ValueError as error:  # matplotlib does not know this image format
            raise SettingsError(f"--picture {path}: {error}") from None
        written["picture"] = str(path)
    return written


def _write_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    try:
        with naming_full_disks(path), path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(header)
            writer.writerows(rows)
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from None


def _without_nan(value: Any) -> Any:
    """Replace what JSON can't represent: NaN and infinity become null."""
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
