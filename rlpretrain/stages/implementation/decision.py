"""Register the run's agent and apply the promotion rule to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from rlpretrain.features import STATE_VERSION
from rlpretrain.registry import Decision, ModelCard, ModelVersion, Registry
from rlpretrain.registry.rule import FEWEST_DAYS, Comparison, Evidence, judge
from rlpretrain.runs.files import file_sha256
from rlpretrain.settings import PretrainingConfig
from rlpretrain.stages.list import LIST
from rlpretrain.stages.mine import MINE
from rlpretrain.stages.transfer import AGENT, TRANSFER
from rlpretrain.stages.validate import VALIDATE, champion_file
from rlpretrain.stages.validated_assets import assets_of
from rlpretrain.stages.work import Work
from rlpretrain.validation import Verdict
from rlpretrain.validation.days import pool_by_day
from rlpretrain.validation.sharpe import block_interval
from rlpretrain.validation.window import CLEAN

__all__ = ["card_of", "compare", "decide"]


def decide(work: Work[PretrainingConfig], verdict: Verdict, card: ModelCard) -> tuple[ModelVersion, Decision]:
    """Register the run's agent and apply the promotion rule; agent and decision are recorded in any case."""
    registry = Registry(work.output_dir)
    champion = registry.champion(besides=work.run_id)
    version = registry.register(card, work.read(TRANSFER, AGENT))
    effects = {
        "jump-start": verdict.days["jump_start"],
        "area": verdict.days["area"],
        **({} if verdict.placebo_days is None else {"area over the placebo": verdict.placebo_days}),
    }
    evidence = Evidence(
        headline=verdict.headline + ".",
        shown=verdict.finding == "better",
        clean=verdict.part == CLEAN,
        effects=effects,
        comparison=None if champion is None else compare(_compared(work), champion, work.settings),
    )
    decision = registry.decide(
        version.version,
        None if champion is None else champion.version,
        lambda trials: judge(evidence, level=work.settings.promotion_confidence, trials=trials),
    )
    return version, decision


def _compared(work: Work[PretrainingConfig]) -> dict[str, Any]:
    """Read validation's comparison with the champion on each asset."""
    return {symbol: work.read_json(VALIDATE, champion_file(symbol)) for symbol in assets_of(work)}


def compare(compared: Mapping[str, Any], champion: ModelVersion, config: PretrainingConfig) -> Comparison:
    """Pool the assets' differences by day and return the interval of their mean.

    Parameters
    ----------
    compared
        What `against_champion` returned for each asset.
    """
    if any(found["champion"] != champion.version for found in compared.values()):
        return Comparison(
            champion.version,
            0,
            "",
            None,
            "it became champion during this run's validation; run the validation again",
        )
    rows = {symbol: found for symbol, found in compared.items() if "error" not in found}
    if not rows:
        reasons = "; ".join(f"{symbol} {found['error']}" for symbol, found in compared.items())
        return Comparison(champion.version, 0, "", None, reasons)
    dates = [np.array(found["dates"], dtype="datetime64[D]") for found in rows.values()]
    differences = [
        np.array(found["agent_returns"]) - np.array(found["champion_returns"]) for found in rows.values()
    ]
    days = pool_by_day(dates, differences)
    first = str(min(row[0] for row in dates))
    if len(days) < FEWEST_DAYS:
        why = f"{len(days)} days that neither had seen are fewer than {FEWEST_DAYS}"
        return Comparison(champion.version, len(days), first, None, why)
    interval = block_interval(
        days,
        level=config.promotion_confidence,
        samples=config.bootstrap_samples,
        rng=np.random.default_rng([config.seed, 4]),
    )
    return Comparison(champion.version, len(days), first, interval)


def card_of(work: Work[PretrainingConfig], figures: dict[str, float | None]) -> ModelCard:
    """Describe the run's agent."""
    mined, agent = work.result(MINE), work.read(TRANSFER, AGENT)
    return ModelCard(
        run_id=work.run_id,
        agent_sha256=file_sha256(agent),
        state_version=STATE_VERSION,
        settings_sha256=work.settings.digest(),
        data={"market": work.result(LIST).market, "extraction": mined.extraction},
        windows={name: day.isoformat() for name, day in mined.windows.items()},
        clean_from=mined.clean_from,
        figures=figures,
        settings=work.settings.of_run(),
    )
