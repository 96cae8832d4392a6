"""The table of what the clone and the agent gain over one-line rules on the votes."""

from __future__ import annotations

from collections.abc import Sequence

from rlpretrain.validation.arms import arm_of, vote_rules
from rlpretrain.validation.asset_result import AssetValidation
from rlpretrain.validation.report.table import NOTHING, Table, signed
from rlpretrain.validation.rule_gains import JUDGED
from rlpretrain.validation.statistics import Interval
from rlpretrain.validation.verdict import Verdict

__all__ = ["rule_gains_table"]


def rule_gains_table(verdict: Verdict, assets: Sequence[AssetValidation]) -> Table:
    """Return the gains over each rule, over all assets and on each of them."""
    judged = [arm for arm in JUDGED if arm in verdict.rule_gains]
    counted = [asset for asset in assets if asset.symbol in verdict.assets and asset.rule_gains]
    rows = []
    for rule in vote_rules():
        pooled = [verdict.rule_gains[arm].get(rule.name) for arm in judged]
        if not any(pooled):
            continue
        many = len(counted) > 1
        own = NOTHING if many else _score(counted[0], rule.name)
        rows.append((f"{rule.label}, pooled" if many else rule.label, own, *map(_shown, pooled)))
        for asset in counted if many else ():
            found = {gain.arm: gain.gain for gain in asset.rule_gains if gain.rule == rule.name}
            gains = [_shown(found.get(arm)) for arm in judged]
            rows.append((f"  {asset.symbol}", _score(asset, rule.name), *gains))
    silent = [a.symbol for a in assets if a.symbol in verdict.assets and not a.rule_gains]
    return Table(
        "Gains over one-line rules on the votes",
        ("Rule", "Its score", *(f"{arm_of(arm).label} – rule" for arm in judged)),
        tuple(rows),
        "Differences in timing score with intervals over days. What does not beat a rule above zero is not worth its "
        "network." + (f" Without votes, so without rules: {', '.join(silent)}." if silent else ""),
    )


def _score(asset: AssetValidation, rule: str) -> str:
    return signed(asset.arms[rule].metrics[asset.window.main].timing_score)


def _shown(gain: Interval | None) -> str:
    return NOTHING if gain is None else str(gain)
