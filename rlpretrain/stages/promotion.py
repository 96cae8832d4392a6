"""Register the agent, ask the rule, and carry out what it says."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from rlpretrain.artifacts import file_sha256
from rlpretrain.errors import StageError
from rlpretrain.features import STATE_VERSION
from rlpretrain.patterns.store import Model, open_store
from rlpretrain.registry import Decision, ModelCard, ModelVersion, Registry
from rlpretrain.registry.registry import RULE, ChampionChangedError
from rlpretrain.registry.rule import FEWEST_DAYS, Comparison, Evidence, judge
from rlpretrain.stages import mining
from rlpretrain.stages.context import StageContext
from rlpretrain.stages.learned import AGENT, PRETRAINED, champion_file
from rlpretrain.validation import Verdict
from rlpretrain.validation.days import pool_by_day
from rlpretrain.validation.sharpe import block_interval
from rlpretrain.validation.window import CLEAN

__all__ = ["Promotion", "card_of", "compare", "decide", "note_models", "run"]


@dataclass(frozen=True)
class Promotion:
    """What became of a run's agent."""

    promoted: bool
    """Whether it is champion by this run."""
    version: int
    previous: int | None
    """Champion that it was compared with."""
    sentence: str


def run(context: StageContext) -> Promotion:
    """Promote the run's agent where the rule says so, and a person where one must be asked; again changes nothing.

    Raises
    ------
    StageError
        The run has registered no agent.
    """
    registry = Registry(context.config.output_dir)
    version = registry.version_of_run(context.run.run_id)
    decision = None if version is None else registry.decision(version.version)
    if version is None or decision is None:
        raise StageError(f"{context.run.path}: no agent was registered", hint="run `rlpretrain report` first")
    promoted, sentence = _carry_out(context, registry, version.version, decision)
    if promoted:
        note_models(context, promoted=True)
    context.progress(sentence)
    return Promotion(promoted, version.version, decision.champion, sentence)


def _carry_out(
    context: StageContext, registry: Registry, version: int, decision: Decision
) -> tuple[bool, str]:
    standing = registry.standing(version)
    if standing == "champion":
        return True, f"Version {version} is champion."
    if standing == "former champion":
        return False, f"Version {version} was champion before; it is not promoted twice."
    if not decision.promote:
        return False, f"The champion stays: {decision.reasons[-1]}"
    by, reason = RULE, decision.reasons[-1]
    if context.config.approval == "required":
        if standing == "rejected":
            return False, f"A person has rejected version {version}."
        answer = registry.approval(version)
        if answer is None:
            return False, f"Version {version} waits for a person's approval."
        by, reason = answer.by, answer.reason or reason
    try:
        registry.promote(version, by=by, reason=reason, instead_of=decision.champion)
    except ChampionChangedError as error:
        return False, f"The champion stays: {error}"
    return True, f"Version {version} is champion."


def decide(context: StageContext, verdict: Verdict, card: ModelCard) -> tuple[ModelVersion, Decision]:
    """Register the run's agent and ask the rule about it; both are kept, whatever the answer."""
    registry = Registry(context.config.output_dir)
    champion = registry.champion(besides=context.run.run_id)
    version = registry.register(card, context.run / AGENT)
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
        comparison=None if champion is None else compare(_compared(context), champion, context),
    )
    decision = registry.decide(
        version.version,
        None if champion is None else champion.version,
        lambda trials: judge(evidence, level=context.config.promotion_confidence, trials=trials),
    )
    return version, decision


def _compared(context: StageContext) -> dict[str, Any]:
    """Read what validation found beside the champion on each asset."""
    return {
        symbol: json.loads((context.run / champion_file(symbol)).read_text(encoding="utf-8"))
        for symbol in context.config.validation_envs
    }


def compare(compared: Mapping[str, Any], champion: ModelVersion, context: StageContext) -> Comparison:
    """Pool the assets' differences by day and return the interval of their mean.

    Parameters
    ----------
    compared
        What `rlpretrain.stages.challenge.against_champion` gave for each asset.
    """
    if any(found["champion"] != champion.version for found in compared.values()):
        return Comparison(
            champion.version, 0, "", None, "it became champion while this run validated; validate again"
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
    config = context.config
    interval = block_interval(
        days,
        level=config.promotion_confidence,
        samples=config.validation_config().bootstrap_samples,
        rng=np.random.default_rng([config.seed, 4]),
    )
    return Comparison(champion.version, len(days), first, interval)


def card_of(context: StageContext, figures: dict[str, float | None]) -> ModelCard:
    """Describe the run's agent."""
    mined = context.run.require(mining.STAGE)
    edit = mined.details["last_edit"]
    return ModelCard(
        run_id=context.run.run_id,
        agent_sha256=file_sha256(context.run / AGENT),
        state_version=STATE_VERSION,
        settings_sha256=context.config.digest(),
        data={"market": mined.details["market"], "extraction": mined.details["extraction"]},
        windows=context.windows.as_json(),
        clean_from=None if edit is None else dt.date.fromisoformat(edit) + dt.timedelta(days=1),
        figures=figures,
        settings=context.config.public(),
    )


def note_models(context: StageContext, *, promoted: bool) -> None:
    """Note beside the run's patterns what was learned from them."""
    files = {"policy": context.run / PRETRAINED, "agent": context.run / AGENT}
    folder = context.run.path.parent
    models = [
        Model(
            role=role,
            file=str(path.relative_to(folder)),
            sha256=file_sha256(path),
            state_version=STATE_VERSION,
            promoted=promoted if role == "agent" else None,
        )
        for role, path in files.items()
    ]
    with open_store(context.store_url) as store:
        store.add_models(context.run.run_id, models)
