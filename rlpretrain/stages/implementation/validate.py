"""Compare the pre-trained start with random initialisation on one asset's test window."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

import torch

from rlpretrain.choices import choose
from rlpretrain.environments import EpisodeData, Trade, Trajectory
from rlpretrain.environments.episodes import NUM_ENVS, training_window
from rlpretrain.environments.settings import EpisodeSettings
from rlpretrain.errors import DataError
from rlpretrain.patterns.settings import LevelSettings
from rlpretrain.patterns.voting.most_voted import has_votes
from rlpretrain.pretraining.dataset_files import dataset_file
from rlpretrain.pretraining.network import PolicyNetwork, load_model_file
from rlpretrain.registry import Registry
from rlpretrain.runs.files import atomic_path, file_sha256, write_json
from rlpretrain.stages.implementation.challenge import against_champion
from rlpretrain.stages.implementation.kept_trials import KeptTrials
from rlpretrain.stages.implementation.learning_arm import LearningArm
from rlpretrain.stages.implementation.market import load_days, load_votes, mined_windows, votes_of
from rlpretrain.stages.implementation.placebo import load_placebo_days, placebo_move
from rlpretrain.stages.mine import CARD, MINE
from rlpretrain.stages.pretrain import PLACEBO, PRETRAIN, PRETRAINED
from rlpretrain.stages.transfer import AGENT, TRANSFER
from rlpretrain.stages.validate import (
    Validated,
    ValidateSettings,
    champion_file,
    evidence_file,
    ledger_file,
    trials_folder,
)
from rlpretrain.stages.work import Work
from rlpretrain.transfer import load_agent
from rlpretrain.transfer.agent import ROLLOUT_STEPS
from rlpretrain.transfer.evidence import first_trust
from rlpretrain.transfer.settings import TransferSettings
from rlpretrain.transfer.strategies import TRANSFER_STRATEGIES
from rlpretrain.validation import AssetCase, EvaluationWindow, validate_asset
from rlpretrain.validation.arms import AGENT as AGENT_ARM
from rlpretrain.validation.arms import FROZEN, Arm, arms_with
from rlpretrain.validation.learners import learners_named
from rlpretrain.validation.settings import ValidationSettings

__all__ = ["asset_case", "validate"]

_WARMUP_SHARE = 0.2
"""Maximum share of a learning curve's budget for the critic's warm-up, during which the other arm already learns."""

_Arena = list[tuple[EpisodeData, tuple[int, int]]]
"""Assets on which all arms learn, each with the rows of its pre-training window."""
_Load = Callable[[Work[EpisodeSettings], Sequence[str]], list[EpisodeData]]


def validate(work: Work[ValidateSettings]) -> Validated:
    """Run all arms on one asset and measure them; the only stage that reads the test window."""
    symbol, settings = work.part, work.settings
    champion = Registry(work.output_dir).champion(besides=work.run_id)
    kept = KeptTrials.of(work, work.folder / trials_folder(symbol))
    # The arms' networks are small: a second thread costs more than it gains, and processes run in parallel.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        days = _days(work)
        case = _case(work, days, settings, kept)
        seeds = range(settings.seed, settings.seed + settings.validation_seeds)
        if finished := kept.check(sorted(case.learners), seeds, work.warn):
            work.progress(f"{symbol}: {finished} runs had finished before, and are not repeated")
        agent, _ = load_agent(work.read(TRANSFER, AGENT))
        evidence = validate_asset(
            case,
            agent.act,
            settings,
            seed=settings.seed,
            processes=settings.validation_processes,
            progress=lambda arm, seed, trial: work.progress(
                f"{symbol}: {arm}, seed {seed}: chosen after {trial.chosen_after} steps"
            ),
        )
    finally:
        torch.set_num_threads(threads)
    write_json(work.write(evidence_file(symbol)), json.loads(evidence.model_dump_json()))
    _write_ledger(work.write(ledger_file(symbol)), case.window.run(agent.act))
    write_json(work.write(champion_file(symbol)), against_champion(work, case.window, agent.act, champion))
    kept.remove()
    work.progress(f"{symbol} validated")
    return Validated(
        bars=len(case.window.dates),
        seeds=settings.validation_seeds,
        learned_on=[part.symbol for part, _ in days.arena],
    )


def asset_case(work: Work[ValidateSettings], config: ValidationSettings) -> AssetCase:
    """Set up the asset's test window and the arms that are compared on it.

    Parameters
    ----------
    config
        Settings of validation that replace the run's own.

    Raises
    ------
    DataError
        The asset has no prices, no state vector, or too short a history for the validation or test window.
    """
    return _case(work, _days(work), config)


@dataclass(frozen=True)
class _Days:
    """Where an arm learns and is scored: days as the agent sees them, or as the placebo does."""

    arena: _Arena
    window: EvaluationWindow
    """The test window."""
    chooser: EvaluationWindow
    """The validation window, on which an arm's final policy is chosen."""
    prices_moved_by: float = 0.0
    """How far the prices of the patterns that a strategy replays are moved; see `move_prices`."""


def _days(work: Work[ValidateSettings], load: _Load = load_days) -> _Days:
    data, windows = load(work, [work.part])[0], mined_windows(work)
    start, stop = data.rows(windows.test_start, None)
    (votes,) = load_votes(work, [data], work.settings.part(LevelSettings))
    return _Days(
        arena=_arena(work, data, load),
        window=EvaluationWindow(
            data,
            start,
            stop,
            work.result(MINE).clean_from,
            votes,
            has_votes(votes_of(work), data.symbol, data.dates[start], data.dates[stop - 1]),
        ),
        chooser=EvaluationWindow(data, *data.rows(windows.validation_start, windows.test_start)),
    )


def _placebo_days(work: Work[ValidateSettings]) -> _Days:
    return replace(_days(work, load_placebo_days), prices_moved_by=placebo_move(work).share)


def _case(
    work: Work[ValidateSettings], days: _Days, config: ValidationSettings, kept: KeptTrials | None = None
) -> AssetCase:
    window, moved = days.window, _placebo_days(work)
    clone = load_model_file(work.read(PRETRAIN, PRETRAINED)).network().eval()
    placebo = load_model_file(work.read(PRETRAIN, PLACEBO)).network().eval()
    networks: dict[str | None, PolicyNetwork] = {"clone": clone, "placebo": placebo}
    learners = learners_named(config.validation_arms, work.settings.transfer_strategy)
    transfers = {arm.name: work.settings.part(TransferSettings).changed(**arm.changes) for arm in learners}
    trusted = _trusted(
        transfers.values(), {"clone": (clone, days.chooser), "placebo": (placebo, moved.chooser)}
    )
    policies = {arm.name: networks[arm.starts_from].act for arm in arms_with("policy")}
    others = {v.agent_sha256 for v in Registry(work.output_dir).versions() if v.run_id != work.run_id}
    return AssetCase(
        window=window,
        learners={
            arm.name: _learner(
                work,
                config,
                moved if _is_placebo(arm) else days,
                arm,
                networks.get(arm.starts_from),
                transfers[arm.name],
                trusted.get(arm.starts_from, 1.0),
                kept,
            )
            for arm in learners
        },
        policies=policies,
        seen={arm.name: moved.window for arm in (*learners, *arms_with("policy")) if _is_placebo(arm)},
        # Each policy that is scored here could have been the agent, and so could that of every registered run; settings
        # found by a search are the best of as many trials. The report adds what the store knows of earlier runs.
        trials=1
        + len(policies)
        + config.validation_seeds * len(learners)
        + len(others)
        + work.settings.tuning_trials,
        hashes={
            AGENT_ARM: file_sha256(work.read(TRANSFER, AGENT)),
            FROZEN: file_sha256(work.read(PRETRAIN, PRETRAINED)),
        },
    )


def _trusted(
    transfers: Iterable[TransferSettings],
    priors: dict[str | None, tuple[PolicyNetwork, EvaluationWindow]],
) -> dict[str | None, float]:
    """Return how far each prior is trusted at first, where a strategy asks: by what it does better than the placebo."""
    if not any(choose(TRANSFER_STRATEGIES, one.transfer_strategy).frozen_prior for one in transfers):
        return {}
    earned = {
        name: window.part_contributions(window.run(network.act))[window.main]
        for name, (network, window) in priors.items()
    }
    return {name: first_trust(own - earned["placebo"]) for name, own in earned.items()}


def _is_placebo(arm: Arm) -> bool:
    return arm.starts_from == "placebo"


def _arena(work: Work[ValidateSettings], data: EpisodeData, load: _Load) -> _Arena:
    """Choose where all arms learn: on the asset itself or, if its history is too short, on those of the transfer.

    The state contains no price level, so what is learned on one asset can be tested on another.
    """
    start = mined_windows(work).validation_start
    try:
        return [(data, training_window(data, start))]
    except DataError as error:
        work.progress(f"{error}; the arms learn on the assets of the transfer instead")
    others = load(work, work.result(TRANSFER).assets)
    return [(other, training_window(other, start)) for other in others]


def _learner(
    work: Work[ValidateSettings],
    config: ValidationSettings,
    days: _Days,
    arm: Arm,
    start: PolicyNetwork | None,
    transfer: TransferSettings,
    trust: float,
    kept: KeptTrials | None,
) -> LearningArm:
    shape = load_model_file(work.read(PRETRAIN, PRETRAINED)).network()
    trained = work.result(PRETRAIN)
    # Only whole rollouts: a part of one could be half of a short budget.
    rollout = NUM_ENVS * ROLLOUT_STEPS
    limit = int(config.validation_steps * _WARMUP_SHARE) // rollout * rollout
    return LearningArm(
        name=arm.name,
        window=days.window,
        chooser=days.chooser,
        arena=days.arena,
        shape=shape,
        start=start,
        prior=days.window.run((start or shape).act),
        transfer=transfer.changed(critic_warmup_steps=min(transfer.critic_warmup_steps, limit)),
        reward=work.settings.reward,
        steps=config.validation_steps,
        checkpoints=config.checkpoints,
        trust=trust,
        patterns=dataset_file(work.read(MINE, CARD).parent, "train"),
        prices_moved_by=days.prices_moved_by,
        passes_before=trained.train * trained.epochs if arm.equal_compute else 0,
        kept=kept,
    )


def _write_ledger(path: Path, trajectory: Trajectory) -> None:
    """Write the agent's trades on the test window, one per line; the last one may still be open."""
    names = [field.name for field in fields(Trade)]
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["symbol", *names])
        writer.writeheader()
        writer.writerows({"symbol": trajectory.symbol, **asdict(trade)} for trade in trajectory.trades)
