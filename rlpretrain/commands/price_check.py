"""``rlpretrain prices check``: what is wrong, or may be wrong, with the prices of a folder."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rlpretrain.commands.settings import read_settings
from rlpretrain.errors import SettingsError

if TYPE_CHECKING:
    from rlpretrain.market import PricePanel
    from rlpretrain.market.findings import PriceFinding

__all__ = ["check_folder"]


def check_folder(options: argparse.Namespace) -> dict[str, Any]:
    """Check the folder that the options name.

    Raises
    ------
    SettingsError
        The options name no folder, or more than one.
    DataError
        The folder cannot be read, or no bar is left.
    """
    if len(options.tickers) != 1:
        raise SettingsError("prices check needs one folder", hint="rlpretrain prices check FOLDER")
    (folder,) = options.tickers
    from rlpretrain.market import load_market
    from rlpretrain.market.findings import FindingCounts, counts_by_rule

    config = read_settings(options)
    panel = load_market(f"files:{folder}", exclude=config.exclude_prices, trust=config.trust_prices)
    rules = counts_by_rule(panel.findings)
    answer: dict[str, Any] = {
        "status": "failed" if options.strict and panel.findings else "done",
        "folder": folder,
        "tickers": len(panel.symbols),
        "first_day": str(panel.dates[0]),
        "last_day": str(panel.dates[-1]),
        "counts": asdict(FindingCounts.of(panel.findings)),
        "rules": [asdict(count) for count in rules],
        "findings": [finding.as_json() for finding in panel.findings],
    }
    return answer if options.json else {"status": answer["status"], "lines": _lines(panel, panel.findings)}


def _lines(panel: PricePanel, findings: Sequence[PriceFinding]) -> Iterator[str]:
    from rlpretrain.market.findings import FindingCounts, counts_by_rule

    yield f"{len(panel.symbols):,} tickers, {panel.dates[0]} to {panel.dates[-1]}: {FindingCounts.of(findings)}"
    if findings:
        yield ""
        yield f"{'rule':<22}{'findings':>9}{'tickers':>9}{'bars':>10}  action"
        for count in counts_by_rule(findings):
            yield f"{count.rule:<22}{count.findings:>9,}{count.tickers:>9,}{count.bars:>10,}  {count.action}"
        yield ""
        yield from (str(finding) for finding in findings)
