"""Transfer the pre-trained policy into the RL agent."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray

from rlpretrain.choices import choose
from rlpretrain.environments import BatchedTradingEnv, EpisodeData, rollout
from rlpretrain.environments.episodes import EPISODE_BARS, NUM_ENVS, training_window
from rlpretrain.errors import DataError
from rlpretrain.market import Dates
from rlpretrain.pretraining.dataset import read_dataset
from rlpretrain.pretraining.dataset_files import dataset_file
from rlpretrain.pretraining.device import choose_device
from rlpretrain.pretraining.network import PolicyNetwork, load_model_file
from rlpretrain.runs.files import write_json
from rlpretrain.stages.implementation.market import load_days, mined_windows
from rlpretrain.stages.implementation.placebo import load_placebo_days
from rlpretrain.stages.mine import CARD, MINE
from rlpretrain.stages.pretrain import PLACEBO, PRETRAIN, PRETRAINED
from rlpretrain.stages.transfer import AGENT, CURVES, TRANSFER_HISTORY, Transferred, TransferStageSettings
from rlpretrain.stages.work import Work
from rlpretrain.transfer import TradingPolicy, TransferLearningManager, make_agent, save_agent
from rlpretrain.transfer.checkpoint import TrainingCheckpoint
from rlpretrain.transfer.evidence import first_trust
from rlpretrain.transfer.policy import soften
from rlpretrain.transfer.strategies import TRANSFER_STRATEGIES
from rlpretrain.validation.metrics import timing_contributions

__all__ = ["transfer"]

_HELD_OUT = 4_096
_CHECKPOINT = "transfer_checkpoint.pt"


def transfer(work: Work[TransferStageSettings]) -> Transferred:
    """Fine-tune on the training assets; the checkpoint is chosen on their validation window."""
    settings, windows = work.settings, mined_windows(work)
    data, spans, held_out = [], [], []
    left_out: dict[str, str] = {}
    for symbol in work.result(MINE).training_assets:
        try:
            episodes = load_days(work, [symbol])[0]
            span, validation = (
                training_window(episodes, windows.validation_start),
                episodes.rows(windows.validation_start, windows.test_start),
            )
        except DataError as error:
            left_out[symbol] = str(error)
            continue
        data.append(episodes)
        spans.append(span)
        held_out.append(validation)
    if not data:
        raise DataError(f"there is no asset to train on: {left_out}")
    work.progress(f"fine-tuning on {', '.join(part.symbol for part in data)}")
    source, work.device = work.read(PRETRAIN, PRETRAINED), choose_device(settings)
    network = load_model_file(source).network()
    env = BatchedTradingEnv(
        data,
        spans,
        num_envs=NUM_ENVS,
        episode_bars=EPISODE_BARS,
        seed=settings.seed,
        reward=settings.reward,
    )
    agent = make_agent(
        env,
        network,
        seed=settings.seed,
        device=work.device,
        algorithm=settings.rl_algorithm,
        critic=settings.critic_form,
    )
    datasets = work.read(MINE, CARD).parent
    states = read_dataset(dataset_file(datasets, "validation")).states
    trust = 1.0
    if choose(TRANSFER_STRATEGIES, settings.transfer_strategy).frozen_prior:
        placebo = load_model_file(work.read(PRETRAIN, PLACEBO)).network()
        moved = load_placebo_days(work, [part.symbol for part in data])
        gains = [
            _contributions(network, part, window) - _contributions(placebo, without, window)
            for part, without, window in zip(data, moved, held_out, strict=True)
        ]
        days = [part.dates[start + 1 : stop] for part, (start, stop) in zip(data, held_out, strict=True)]
        trust = first_trust(_mean_by_day(days, gains))
    checkpoint = TrainingCheckpoint(
        work.folder / _CHECKPOINT, work.identity(), progress=work.progress, warn=work.warn
    )
    with agent.record_curves(work.write(CURVES), soften(network, settings.transfer_temperature)):
        result = TransferLearningManager(settings).transfer_knowledge(
            source,
            agent,
            held_out_states=states[:_HELD_OUT],
            judge=lambda policy: _validation_score(policy, data, held_out),
            trust=trust,
            patterns=lambda: read_dataset(dataset_file(datasets, "train")),
            checkpoint=checkpoint,
            progress=work.progress,
        )
    save_agent(
        work.write(AGENT),
        agent.policy,
        {
            "algorithm": settings.rl_algorithm,
            "strategy": result.strategy,
            "reward": settings.reward,
            "chosen_steps": result.chosen_steps,
            "windows": windows.as_json(),
        },
    )
    write_json(work.write(TRANSFER_HISTORY), asdict(result))
    (work.folder / _CHECKPOINT).unlink(missing_ok=True)
    return Transferred(
        assets=[part.symbol for part in data], left_out=left_out, chosen_steps=result.chosen_steps
    )


def _validation_score(
    policy: TradingPolicy, data: list[EpisodeData], windows: list[tuple[int, int]]
) -> float:
    """Average the timing score over the assets' validation windows."""
    return float(
        np.mean(
            [_contributions(policy, part, window).mean() for part, window in zip(data, windows, strict=True)]
        )
    )


def _contributions(
    policy: TradingPolicy | PolicyNetwork, data: EpisodeData, window: tuple[int, int]
) -> NDArray[np.float64]:
    """Return what each day of a window contributes to the policy's timing score."""
    path = rollout(policy.act, data, [window])[0]
    return timing_contributions(path.net_returns, path.asset_returns, path.exposure, path.bars_per_year)


def _mean_by_day(days: list[Dates], values: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Average over the assets that have a day: their days are not independent."""
    _, which = np.unique(np.concatenate(days), return_inverse=True)
    return np.bincount(which, weights=np.concatenate(values)) / np.bincount(which)
