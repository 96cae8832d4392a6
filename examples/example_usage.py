"""Run the whole program from Python, in four parts; on two cores this takes about a minute.

    python examples/example_usage.py                        # all parts, on a generated market and library
    python examples/example_usage.py components             # one part: pipeline, components, custom or results
    python examples/example_usage.py --real --config my.yaml --output ~/runs

Without ``--real`` the settings are tiny, so that each part ends soon; its verdict means nothing. With it, the defaults
and the file's settings are used unchanged.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import torch
from numpy.typing import NDArray

from rlpretrain import (
    ComposerExtractor,
    FeatureAlignmentLoss,
    KnowledgeDistillationLoss,
    PatternAnalyzer,
    PretrainingConfig,
    PretrainingPipeline,
    PretrainValidator,
    TransferConfig,
    TransferLearningManager,
    ValidationConfig,
)
from rlpretrain.environments import BatchedTradingEnv, build_episode_data
from rlpretrain.errors import SettingsError
from rlpretrain.features import market_context
from rlpretrain.market import load_market
from rlpretrain.patterns import VotePanel
from rlpretrain.pretraining.network import load_model_file
from rlpretrain.settings import load_config
from rlpretrain.transfer import load_agent, make_agent, save_agent

CUSTOM = Path(__file__).with_name("custom.yaml")
TINY: dict[str, Any] = {
    "market": "generated:kind=library,strength=1,years=8",
    "max_strategies": 30,
    "num_epochs": 8,
    "transfer_steps": 2_048,
    "critic_warmup_steps": 2_048,
    "max_training_assets": 4,
    "validation_steps": 2_048,
    "validation_seeds": 2,
    "validation_episodes": 20,
    "validation_envs": ["BTC-USD"],
}


@dataclass(frozen=True)
class Choice:
    """What the command line asked for."""

    config: Path | None
    output: Path
    real: bool

    def settings(self) -> PretrainingConfig:
        """Merge the file's settings with the output folder and, unless the run is real, the tiny ones."""
        tiny = {} if self.real else TINY
        return load_config(self.config, overrides={**tiny, "output_dir": self.output})


async def complete_pipeline(choice: Choice) -> dict[str, Any]:
    """Run every stage; a second call with the same run id repeats nothing."""
    pipeline = PretrainingPipeline(choice.settings(), run_id="example", progress=print)
    results = await pipeline.run_pipeline()
    print("\n".join(results["summary"]))
    print(f"{results['training_results']['epoch'][-1]} epochs; report: {pipeline.folder / 'report.html'}")
    return results


async def individual_components(choice: Choice) -> None:
    """Use extraction, analysis, transfer and validation one by one."""
    config = choice.settings()
    folder = config.output_dir / "example"

    # Extraction: the run id is the same, so what the pipeline has done is not repeated.
    async with ComposerExtractor(config, run_id="example") as extractor:
        count = await extractor.run_extraction_pipeline()
        patterns = extractor.load_patterns(min_confidence=0.6)
    print(f"{count} patterns, {len(patterns)} with a confidence of at least 0.6")

    # Analysis: this uses all patterns; pass `until` to exclude later windows.
    analyzer = PatternAnalyzer(n_clusters=4)
    analysis = analyzer.analyze_patterns(patterns)
    print(f"page: {analyzer.visualize_patterns(analysis, save_path=folder / 'analysis.png')}")
    for advice in analysis.recommendations:
        print(f"- {advice.message}")

    # Transfer: this needs an agent of the network's shape and your own environment, here one asset's early years.
    panel = load_market(
        config.market, seed=config.seed, exclude=config.exclude_prices, trust=config.trust_prices
    )
    votes = VotePanel.load(folder / "votes.npz")
    data = build_episode_data(panel, market_context(panel), votes, "SPY")
    env = BatchedTradingEnv([data], [data.rows(None, validation_start(folder))], num_envs=8, seed=config.seed)
    model = folder / "pretrained_model.pt"
    agent = make_agent(env, load_model_file(model).network(), seed=config.seed)
    manager = TransferLearningManager(
        TransferConfig(
            strategy="progressive",
            progressive_unfreeze_schedule=[1, 2, 3],
            total_steps=2_048,
            critic_warmup_steps=512,
        )
    )
    transferred = manager.transfer_knowledge(source_model_path=model, target_agent=agent)
    save_agent(folder / "my_agent.pt", agent.policy, {"strategy": transferred.strategy})
    policy, _ = load_agent(folder / "my_agent.pt")
    print(f"SPY on {data.dates[-1]}: action {policy.act(flat(data.states[-1:]))[0]} (0 hold, 1 buy, 2 sell)")

    # Validation: this uses the assets, windows and arms of the run in whose folder the agent's file is.
    validator = PretrainValidator(ValidationConfig(seeds=2, rl_steps=2_048, checkpoints=2))
    result = await validator.validate_pretrained_performance(folder / "my_agent.pt", validation_episodes=10)
    print(result.verdict.headline)

    # The losses are for your own training loop.
    logits, labels = torch.randn(4, 3), torch.tensor([0, 1, 2, 1])
    distillation = KnowledgeDistillationLoss(temperature=3.0, alpha=0.3)(logits, torch.randn(4, 3), labels)
    alignment = FeatureAlignmentLoss(128, 256)(torch.randn(4, 128), torch.randn(4, 256))
    print(f"distillation {distillation.item():.3f}, alignment {alignment.item():.3f}")


def validation_start(folder: Path) -> np.datetime64:
    """Return the first day of the validation window of the run in `folder`; agents learn on the days before it."""
    results = json.loads((folder / "pipeline_results.json").read_text(encoding="utf-8"))
    return np.datetime64(results["windows"]["validation_start"])


def flat(states: NDArray[np.float32]) -> NDArray[np.float32]:
    """Append the three position numbers of a trader that holds nothing, all zero, to state rows (n, 61)."""
    return np.pad(states, ((0, 0), (0, 3)))


def custom_configuration(choice: Choice) -> PretrainingConfig:
    """Read settings from a file; an error names the wrong setting at once."""
    config = load_config(CUSTOM, overrides={"output_dir": choice.output})
    print(f"{CUSTOM.name}: market {config.market}, {config.max_strategies} strategies, {config.hidden_dims}")
    try:
        load_config(CUSTOM, overrides={"max_stratgies": 10})
    except SettingsError as error:
        print(f"a typo is rejected: {error}")
    return config


def results_analysis(choice: Choice) -> Path:
    """Read the results of a run, and plot its training history and its gains."""
    matplotlib.use("Agg")
    from matplotlib import pyplot

    folder = choice.output / "example"
    results = json.loads((folder / "pipeline_results.json").read_text(encoding="utf-8"))
    for name, value in results["figures"].items():
        print(f"{name:30} {'–' if value is None else f'{value:+.3f}'}")
    history = results["training_results"]
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 4), layout="constrained")
    left.plot(history["epoch"], history["train_loss"], label="training")
    left.plot(history["epoch"], history["validation_loss"], label="validation")
    left.set(title="Pre-training", xlabel="epoch", ylabel="loss")
    left.legend()
    gains = {name: results["figures"][name] for name in ("jump_start", "area", "final")}
    right.bar([name.replace("_", "-") for name in gains], list(gains.values()), color="#5b6770")
    right.axhline(0, color="black", linewidth=1)
    right.set(title="Gain over random weights", ylabel="timing score")
    path = folder / "example_results.png"
    figure.savefig(path, dpi=120)
    print(f"figure: {path}")
    return path


async def main(arguments: Sequence[str] | None = None) -> None:
    """Run the parts that the command line names."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "part", nargs="?", choices=("all", "pipeline", "components", "custom", "results"), default="all"
    )
    parser.add_argument("--config", type=Path, help="YAML file of settings")
    parser.add_argument("--output", type=Path, default=Path("artifacts"), help="folder of all runs")
    parser.add_argument("--real", action="store_true", help="full settings rather than tiny ones")
    options = parser.parse_args(arguments)
    choice = Choice(options.config, options.output.expanduser(), options.real)
    if options.part in ("all", "custom"):
        custom_configuration(choice)
    if options.part != "custom":
        await complete_pipeline(choice)
    if options.part in ("all", "components"):
        await individual_components(choice)
    if options.part in ("all", "results"):
        results_analysis(choice)


if __name__ == "__main__":
    asyncio.run(main())
