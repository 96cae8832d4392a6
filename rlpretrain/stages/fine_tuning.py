"""Transfer the pre-trained policy into the RL agent."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np

from rlpretrain.artifacts import StageRecorder, write_json
from rlpretrain.environments import BatchedTradingEnv, EpisodeData, rollout
from rlpretrain.errors import DataError
from rlpretrain.pretraining.dataset import read_dataset
from rlpretrain.pretraining.dataset_files import dataset_file
from rlpretrain.pretraining.network import load_model_file
from rlpretrain.stages import mining
from rlpretrain.stages.context import StageContext
from rlpretrain.stages.episodes import EPISODE_BARS, NUM_ENVS, load_episodes, training_window
from rlpretrain.stages.learned import AGENT, PRETRAIN, PRETRAINED, TRANSFER
from rlpretrain.transfer import TradingPolicy, TransferLearningManager, make_agent, save_agent
from rlpretrain.validation import timing_score

__all__ = ["run"]

_SETTINGS = (
    "rl_algorithm", "transfer_strategy", "freeze_layers", "transfer_steps", "critic_warmup_steps", "kl_coefficient",
    "transfer_temperature", "market", "votes", "fill", "cost_bps", "crypto_cost_bps", "seed",
)  # fmt: skip
_HELD_OUT = 4_096


def run(context: StageContext) -> Path:
    """Fine-tune on the training assets; the checkpoint is chosen on their validation window."""
    context.run_stage(
        TRANSFER,
        lambda recorder: _transfer(context, recorder),
        needs=[mining.STAGE, PRETRAIN],
        settings=_SETTINGS,
    )
    return context.run / f"{TRANSFER}.json"


def _transfer(context: StageContext, recorder: StageRecorder) -> None:
    config, windows = context.config, context.windows
    data, spans, held_out = [], [], []
    left_out: dict[str, str] = {}
    for symbol in context.run.require(mining.STAGE).details["training_assets"]:
        try:
            episodes = load_episodes(context, [symbol])[0]
            span, validation = (
                training_window(context, episodes),
                episodes.rows(windows.validation_start, windows.test_start),
            )
        except DataError as error:
            left_out[symbol] = str(error)
            continue
        data.append(episodes)
        spans.append(span)
        held_out.append(validation)
    if not data:
        raise DataError(f"no asset can be trained on: {left_out}")
    context.progress(f"fine-tuning on {', '.join(part.symbol for part in data)}")
    network = load_model_file(context.run / PRETRAINED).network()
    env = BatchedTradingEnv(data, spans, num_envs=NUM_ENVS, episode_bars=EPISODE_BARS, seed=config.seed)
    agent = make_agent(env, network, seed=config.seed, device=context.device(), algorithm=config.rl_algorithm)
    result = TransferLearningManager(config.transfer_config()).transfer_knowledge(
        context.run / PRETRAINED,
        agent,
        held_out_states=read_dataset(dataset_file(context.run / "datasets", "validation")).states[:_HELD_OUT],
        judge=lambda policy: _validation_score(policy, data, held_out),
        progress=context.progress,
    )
    save_agent(
        recorder.output(AGENT),
        agent.policy,
        {
            "algorithm": config.rl_algorithm,
            "strategy": result.strategy,
            "chosen_steps": result.chosen_steps,
            "windows": windows.as_json(),
        },
    )
    write_json(recorder.output("transfer_history.json"), asdict(result))
    recorder.device = context.device()
    recorder.counts |= {"assets": len(data), "chosen_steps": result.chosen_steps}
    recorder.details |= {"assets": [part.symbol for part in data], "left_out": left_out}


def _validation_score(
    policy: TradingPolicy, data: list[EpisodeData], windows: list[tuple[int, int]]
) -> float:
    """Average the timing score over the assets' validation windows."""
    scores = []
    for part, window in zip(data, windows, strict=True):
        path = rollout(policy.act, part, [window])[0]
        scores.append(timing_score(path.net_returns, path.asset_returns, path.exposure, path.bars_per_year))
    return float(np.mean(scores))
