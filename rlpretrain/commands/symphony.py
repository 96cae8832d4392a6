"""``rlpretrain symphony show|backtest|check``: examine one symphony or many."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rlpretrain.commands.settings import add_command

__all__ = ["add_symphony"]

_NAMED = (
    "a file in JSON, EDN or the text that Composer's editor copies, or a symphony's id on the server of the settings "
    "(composer_url)"
)

_BACKTEST = """Replay a symphony on daily prices, print its statistics and draw its equity curve.

Without further options, trades are filled at the deciding close and cost 0.1 % a side and nothing else. That is not
what the service charges, but it reproduces the yearly figures that Composer itself recorded. For a cautious estimate of
what could have been earned, add --fill next_open."""


def add_symphony(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``symphony`` and its three commands."""
    symphony = commands.add_parser("symphony", help="show, backtest or check symphonies")
    kinds = symphony.add_subparsers(required=True, metavar="show|backtest|check")
    show = _add(
        kinds, "show", "draw a symphony's tree", "Draw a symphony's tree, one line for each node.", _show
    )
    show.add_argument("symphony", metavar="FILE|ID", help=_NAMED)
    show.add_argument("--depth", type=int, metavar="N", help="levels to show; deeper ones are counted")
    _add_market(show, "shows how often each branch was active on it; without it no prices are read")
    _add_missing(show)
    backtest = _add(kinds, "backtest", "statistics and equity curve of a symphony", _BACKTEST, _backtest)
    backtest.add_argument("symphony", metavar="FILE|ID", help=_NAMED)
    _add_market(backtest, "default: that setting")
    _add_missing(backtest)
    _add_costs(backtest)
    _add_files(backtest)
    check = _add(
        kinds, "check", "check many symphonies, and report what is unsupported and why",
        "Parse and replay every symphony: each one is supported, lacks prices, or is unsupported, with the reason.",
        _check,
    )  # fmt: skip
    check.add_argument(
        "symphonies",
        metavar="FOLDER|FILE|ID",
        nargs="+",
        help="folders are searched for *.json, *.edn, *.clj and *.txt at any depth",
    )
    _add_market(check, "default: that setting")


def _add(
    kinds: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    text: str,
    description: str,
    command: Callable[[argparse.Namespace], dict[str, Any]],
) -> argparse.ArgumentParser:
    parser = add_command(kinds, name, text, description, command)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    return parser


def _add_market(parser: argparse.ArgumentParser, text: str) -> None:
    parser.add_argument(
        "--market", metavar="PROVIDER", help=f"provider of prices, like the setting market; {text}"
    )
    parser.add_argument(
        "--start", metavar="DATE", help="first day, YYYY-MM-DD; indicators look back before it"
    )
    parser.add_argument("--end", metavar="DATE", help="last day")


def _add_costs(parser: argparse.ArgumentParser) -> None:
    costs = parser.add_argument_group("trading")
    costs.add_argument(
        "--slippage",
        type=float,
        default=0.001,
        metavar="FRACTION",
        help="cost per side (default %(default)s)",
    )
    costs.add_argument(
        "--spread-markup", type=float, default=0.0, metavar="FRACTION",
        help="further cost per side for crypto (default %(default)s)",
    )  # fmt: skip
    for name, text in (("--reg-fee", "SEC fee on sales"), ("--taf-fee", "FINRA's fee on shares sold")):
        costs.add_argument(
            name, action=argparse.BooleanOptionalAction, default=False, help=f"{text} (default no)"
        )
    costs.add_argument(
        "--fill", choices=("same_close", "next_open", "next_close"), default="same_close",
        help="price of trades (default %(default)s, as in Composer's accounting)",
    )  # fmt: skip
    costs.add_argument(
        "--capital",
        type=float,
        default=10_000.0,
        metavar="DOLLARS",
        help="capital at the start (default %(default)s)",
    )
    costs.add_argument(
        "--benchmark", action="append", default=[], metavar="TICKER",
        help="compare with this ticker; may be given again (default SPY if the market has it)",
    )  # fmt: skip


def _add_missing(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--missing-tickers", choices=("reject", "replay_without"),
        help="reject a symphony of which a ticker lacks prices, or replay it without the days that need the ticker "
        "(default: the setting missing_tickers)",
    )  # fmt: skip


def _add_files(parser: argparse.ArgumentParser) -> None:
    files = parser.add_argument_group("files")
    picture = files.add_mutually_exclusive_group()
    picture.add_argument(
        "--picture",
        type=Path,
        metavar="FILE",
        help="equity curve: png, svg or pdf (default NAME-equity.png in the current folder)",
    )
    picture.add_argument(
        "--no-picture", dest="picture", action="store_const", const=False, help="draw nothing"
    )
    files.add_argument(
        "--weights", type=Path, metavar="FILE",
        help="CSV of the weights held after each close: date, a column for each ticker; the rest is cash",
    )  # fmt: skip
    files.add_argument("--equity", type=Path, metavar="FILE", help="CSV of daily values: date, value")


def _show(options: argparse.Namespace) -> dict[str, Any]:
    from rlpretrain.commands.show import show

    return show(options)


def _backtest(options: argparse.Namespace) -> dict[str, Any]:
    from rlpretrain.commands.backtest import backtest_named

    return backtest_named(options)


def _check(options: argparse.Namespace) -> dict[str, Any]:
    from rlpretrain.commands.check import check

    return check(options)
