"""Transfer the pre-trained policy into the RL agent."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np

from rlpretrain.environments import BatchedTradingEnv, EpisodeData, rollout
from rlpretrain.environments.episodes import EPISODE_BARS, NUM_ENVS, training_window
from rlpretrain.errors import DataError
from rlpretrain.pretraining.dataset import read_dataset
from rlpretrain.pretraining.dataset_files import dataset_file
from rlpretrain.pretraining.device import choose_device
from rlpretrain.pretraining.network import load_model_file
from rlpretrain.runs.files import write_json
from rlpretrain.stages.implementation.market import load_days, mined_windows
from rlpretrain.stages.mine import CARD, MINE
from rlpretrain.stages.pretrain import PRETRAIN, PRETRAINED
from rlpretrain.stages.transfer import AGENT, TRANSFER_HISTORY, Transferred, TransferStageSettings
from rlpretrain.stages.work import Work
from rlpretrain.transfer import TradingPolicy, TransferLearningManager, make_agent, save_agent
from rlpretrain.validation import timing_score

__all__ = ["transfer"]

_HELD_OUT = 4_096


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
    env = BatchedTradingEnv(data, spans, num_envs=NUM_ENVS, episode_bars=EPISODE_BARS, seed=settings.seed)
    agent = make_agent(env, network, seed=settings.seed, device=work.device, algorithm=settings.rl_algorithm)
    states = read_dataset(dataset_file(work.read(MINE, CARD).parent, "validation")).states
    result = TransferLearningManager(settings).transfer_knowledge(
        source,
        agent,
        held_out_states=states[:_HELD_OUT],
        judge=lambda policy: _validation_score(policy, data, held_out),
        progress=work.progress,
    )
    save_agent(
        work.write(AGENT),
        agent.policy,
        {
            "algorithm": settings.rl_algorithm,
            "strategy": result.strategy,
            "chosen_steps": result.chosen_steps,
            "windows": windows.as_json(),
        },
    )
    write_json(work.write(TRANSFER_HISTORY), asdict(result))
    return Transferred(
        assets=[part.symbol for part in data], left_out=left_out, chosen_steps=result.chosen_steps
    )


def _validation_score(
    policy: TradingPolicy, data: list[EpisodeData], windows: list[tuple[int, int]]
) -> float:
    """Average the timing score over the assets' validation windows."""
    scores = []
    for part, window in zip(data, windows, strict=True):
        path = rollout(policy.act, part, [window])[0]
        scores.append(timing_score(path.net_returns, path.asset_returns, path.exposure, path.bars_per_year))
    return float(np.mean(scores))
