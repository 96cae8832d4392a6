"""Compare the pre-trained start with random initialisation on one asset's test window."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rlpretrain.artifacts import StageRecorder, atomic_path, write_json
from rlpretrain.config import ValidationConfig
from rlpretrain.environments import BatchedTradingEnv, EpisodeData, Trade, Trajectory
from rlpretrain.errors import DataError
from rlpretrain.pretraining.network import PolicyNetwork, load_model_file
from rlpretrain.registry import ModelVersion, Registry
from rlpretrain.stages import mining
from rlpretrain.stages.challenge import against_champion
from rlpretrain.stages.context import StageContext
from rlpretrain.stages.episodes import EPISODE_BARS, NUM_ENVS, load_episodes, training_window
from rlpretrain.stages.learned import (
    AGENT,
    PLACEBO,
    PRETRAIN,
    PRETRAINED,
    TRANSFER,
    champion_file,
    evidence_file,
    validation_stage,
)
from rlpretrain.transfer import TradingPolicy, checkpoint_steps, load_agent, make_agent, train_agent
from rlpretrain.transfer.agent import ROLLOUT_STEPS
from rlpretrain.validation import (
    AssetCase,
    CurveRecorder,
    EvaluationWindow,
    Trial,
    run_together,
    validate_asset,
)
from rlpretrain.validation.arms import arms_with

__all__ = ["asset_case", "run"]

_SETTINGS = (
    "validation_episodes", "validation_seeds", "validation_steps", "promotion_confidence", "rl_algorithm",
    "transfer_strategy", "freeze_layers", "tuning_trials", "critic_warmup_steps", "kl_coefficient",
    "transfer_temperature", "market", "votes", "fill", "cost_bps", "crypto_cost_bps", "seed",
)  # fmt: skip
_WARMUP_SHARE = 0.2
"""Of a learning curve's budget, at most, goes to warming the critic: the other arm learns meanwhile."""

_Arena = list[tuple[EpisodeData, tuple[int, int]]]
"""Assets on which all arms learn, each with the rows of its pre-training window."""


def run(context: StageContext, symbol: str) -> Path:
    """Run all arms on one asset and measure them; the only stage that reads the test window."""
    champion = Registry(context.config.output_dir).champion(besides=context.run.run_id)
    context.run_stage(
        validation_stage(symbol),
        lambda recorder: _validate(context, symbol, champion, recorder),
        needs=[mining.STAGE, PRETRAIN, TRANSFER],
        settings=_SETTINGS,
        inputs={"champion": f"{champion.version} {champion.agent_sha256}" if champion else ""},
    )
    return context.run / f"{validation_stage(symbol)}.json"


def _validate(
    context: StageContext, symbol: str, champion: ModelVersion | None, recorder: StageRecorder
) -> None:
    # The arms' networks are small: a second thread costs more than it brings, and assets run beside each other.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        settings = context.config.validation_config()
        data = load_episodes(context, [symbol])[0]
        arena = _arena(context, data)
        case = _case(context, data, arena, settings)
        agent, _ = load_agent(context.run / AGENT)
        evidence = validate_asset(case, agent.act, settings, seed=context.config.seed)
    finally:
        torch.set_num_threads(threads)
    write_json(recorder.output(evidence_file(symbol)), json.loads(evidence.model_dump_json()))
    _write_ledger(recorder.output(f"{validation_stage(symbol)}_trades.csv"), case.window.run(agent.act))
    write_json(
        recorder.output(champion_file(symbol)), against_champion(context, case.window, agent.act, champion)
    )
    recorder.counts |= {"bars": len(case.window.dates), "seeds": context.config.validation_seeds}
    recorder.details["learned_on"] = [part.symbol for part, _ in arena]
    context.progress(f"{symbol} validated")


def asset_case(context: StageContext, symbol: str, settings: ValidationConfig) -> AssetCase:
    """Set up an asset's test window and the arms that are compared on it.

    Raises
    ------
    DataError
        The asset has no prices, no state vector, or too short a history for the validation or test window.
    """
    data = load_episodes(context, [symbol])[0]
    return _case(context, data, _arena(context, data), settings)


def _case(context: StageContext, data: EpisodeData, arena: _Arena, settings: ValidationConfig) -> AssetCase:
    start, stop = data.rows(context.windows.test_start, None)
    edit = context.run.require(mining.STAGE).details["last_edit"]
    clean_from = None if edit is None else (np.datetime64(edit) + 1).astype(object)
    window = EvaluationWindow(data, start, stop, clean_from)
    clone = load_model_file(context.run / PRETRAINED).network().eval()
    placebo = load_model_file(context.run / PLACEBO).network().eval()
    networks: dict[str | None, PolicyNetwork] = {"clone": clone, "placebo": placebo}
    others = [v for v in Registry(context.config.output_dir).versions() if v.run_id != context.run.run_id]
    return AssetCase(
        window=window,
        learners={
            arm.name: _learner(context, settings, window, arena, arm.name, networks.get(arm.starts_from))
            for arm in arms_with("learner")
        },
        policies={arm.name: networks[arm.starts_from].act for arm in arms_with("policy")},
        # Each transferred seed could have been the agent, and so could every registered run's; settings that were
        # searched for are the best of as many.
        trials=settings.seeds
        + len({version.agent_sha256 for version in others})
        + context.config.tuning_trials,
    )


def _arena(context: StageContext, data: EpisodeData) -> _Arena:
    """Choose where all arms learn: on the asset itself, or, where its history is too short, on those of transfer.

    The state has no price level in it, so what is learned on one asset can be tried on another.
    """
    try:
        return [(data, training_window(context, data))]
    except DataError as error:
        context.progress(f"{error}; its arms learn on the assets of the transfer instead")
    others = load_episodes(context, context.run.require(TRANSFER).details["assets"])
    return [(other, training_window(context, other)) for other in others]


def _learner(
    context: StageContext,
    settings: ValidationConfig,
    window: EvaluationWindow,
    arena: _Arena,
    arm: str,
    start: PolicyNetwork | None,
) -> Callable[[int], Trial]:
    """Return the run of one arm for a seed: same budget, environment starts and checkpoints for all of them."""
    data, total = window.data, settings.rl_steps
    assets, spans = zip(*arena, strict=True)
    rollout = NUM_ENVS * ROLLOUT_STEPS
    transfer = context.config.transfer_config()
    shape = load_model_file(context.run / PRETRAINED).network()
    # Whole rollouts: of a short budget, a part of one would make half.
    most = int(total * _WARMUP_SHARE) // rollout * rollout
    transfer = transfer.model_copy(update={"critic_warmup_steps": min(transfer.critic_warmup_steps, most)})
    chooser = EvaluationWindow(data, *data.rows(context.windows.validation_start, context.windows.test_start))
    checkpoints = checkpoint_steps(total, settings.checkpoints, rollout)

    def learn(seed: int) -> Trial:
        env = BatchedTradingEnv(assets, spans, num_envs=NUM_ENVS, episode_bars=EPISODE_BARS, seed=seed)
        agent = make_agent(env, shape, seed=seed, algorithm=context.config.rl_algorithm)
        recorder = CurveRecorder(window, arm, seed)

        def watch(policy: TradingPolicy, _: dict[str, Any]) -> tuple[float, dict[str, torch.Tensor]]:
            test, validation = run_together(policy.act, [window, chooser])
            recorder.record_run(agent.num_timesteps, test)
            score = chooser.part_scores(validation)[chooser.main]
            return score, {name: tensor.clone() for name, tensor in policy.state_dict().items()}

        watched = train_agent(agent, start, transfer, total_steps=total, checkpoints=checkpoints, watch=watch)
        # The policy that the arm ends with is the checkpoint that the validation window prefers, in every arm alike.
        best = max(range(len(watched)), key=lambda i: watched[i][1][0])
        agent.policy.load_state_dict(watched[best][1][1])
        context.progress(f"{window.symbol}: {arm}, seed {seed}: chosen after {watched[best][0]} steps")
        return recorder.trial(agent.policy.act)

    return learn


def _write_ledger(path: Path, trajectory: Trajectory) -> None:
    """Write the agent's trades on the test window, a line each; the last one may still be open."""
    names = [field.name for field in fields(Trade)]
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["symbol", *names])
        writer.writeheader()
        writer.writerows({"symbol": trajectory.symbol, **asdict(trade)} for trade in trajectory.trades)
