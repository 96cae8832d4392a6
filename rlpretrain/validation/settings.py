"""Settings of the test of the claim 'better than random initialisation'."""

from __future__ import annotations

from pydantic import field_validator

from rlpretrain.sections import Section, Standalone, deployment_setting, run_setting
from rlpretrain.validation.chosen_assets import normal_choice

__all__ = ["ArmProcessSettings", "ValidatedAssetSettings", "ValidationConfig", "ValidationSettings"]


class ValidatedAssetSettings(Section):
    """The assets on which the claim is tested."""

    validation_envs: list[str] = run_setting(
        ["BTC-USD", "ETH-USD"],
        "Validation",
        "Assets to validate on, as tickers such as SPY, BRK-B or BTC-USD; other usual spellings are read too. "
        "most_voted:N adds the N on which the most strategies voted in the year before the validation window. An asset "
        "on which none votes is shown, but does not count in the verdict. Each takes as long as any other, and narrows "
        "the verdict's interval: with A independent assets and Y test years, gains in timing score below about "
        "2/sqrt(A Y) are rarely shown, and with assets that move together, larger ones. The stage `power` computes it "
        "before anything is trained.",
        title="Assets to validate on",
        min_length=1,
    )

    @field_validator("validation_envs")
    @classmethod
    def _unique_symbols(cls, value: list[str]) -> list[str]:
        choices = [normal_choice(symbol) for symbol in value]
        if len(set(choices)) != len(choices):
            raise ValueError("names an asset twice")
        if sum(choice.startswith("most_voted") for choice in choices) > 1:
            raise ValueError("has two numbers of most voted assets")
        return choices


class ValidationSettings(Section):
    """How the claim is tested."""

    validation_episodes: int = run_setting(
        200,
        "Validation",
        "Random-start episodes on the test window, the same for every arm.",
        title="Episodes",
        short="episodes",
        ge=1,
        le=100_000,
    )
    episode_days: int = run_setting(
        63,
        "Validation",
        "Length of a random-start episode in bars.",
        title="Length of an episode, bars",
        ge=5,
        le=10_000,
    )
    validation_seeds: int = run_setting(
        10,
        "Validation",
        "Number of paired seeds of the learning curves: all arms share environment starts and batch order.",
        title="Paired seeds",
        short="seeds",
        ge=2,
        le=1_000,
    )
    validation_steps: int = run_setting(
        16_384,
        "Validation",
        "Environment steps of each learning curve.",
        title="Steps of a learning curve",
        short="rl_steps",
        ge=0,
        le=1_000_000_000,
    )
    checkpoints: int = run_setting(
        6,
        "Validation",
        "Number of points of a learning curve, the first before any step.",
        title="Points of a learning curve",
        ge=2,
        le=1_000,
    )
    promotion_confidence: float = run_setting(
        0.95,
        "Validation",
        "Confidence level of the intervals and of the promotion rule.",
        title="Level of the intervals",
        short="confidence",
        gt=0.5,
        lt=1,
    )
    bootstrap_samples: int = run_setting(
        2_000,
        "Validation",
        "Number of resamples of each bootstrap.",
        title="Bootstrap samples",
        ge=100,
        le=1_000_000,
    )


class ArmProcessSettings(Section):
    """How many processes train the arms of one asset."""

    validation_processes: int | None = deployment_setting(
        None,
        "Maximum number of processes that train the arms of one asset, if it takes long enough; as many as there are "
        "CPUs for the task if empty. Memory may allow fewer.",
        ge=1,
        le=1_024,
    )


class ValidationConfig(ValidationSettings, Standalone):
    """The settings of validation alone, which also have short names: ``episodes``, ``seeds`` and so on."""
