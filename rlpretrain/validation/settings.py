"""Settings of the test of the claim 'better than random initialisation'."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import field_validator, model_validator

from rlpretrain.choices import OneOf
from rlpretrain.sections import Section, Standalone, deployment_setting, run_setting
from rlpretrain.validation.chosen_assets import normal_choice

__all__ = [
    "UNSET",
    "ArmProcessSettings",
    "ValidatedAssetSettings",
    "ValidationConfig",
    "ValidationSettings",
]

_STRATEGIES = OneOf(
    "rlpretrain.transfer.strategies:TRANSFER_STRATEGIES",
    besides=(
        ("placebo", "pre-trained with votes of another time"),
        ("vanilla_longer", "random weights given pre-training's compute as further steps"),
        ("naive", "the pre-trained actor handed to plain RL"),
    ),
)
ArmName = Annotated[str, _STRATEGIES]
UNSET: dict[str, Any] = {"validation_seeds": None, "validation_arms": []}
"""Settings that the profile determines, each with the value that means that it is not set."""


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

    validation_profile: Literal["nightly", "study"] = run_setting(
        "nightly",
        "Validation",
        "Seeds and arms of the learning curves where these are not set themselves.",
        title="Profile",
        choices={
            "nightly": "every night: 10 seeds, and the placebo",
            "study": "for a claim: 20 seeds and all arms, which takes hours",
        },
    )
    validation_arms: list[ArmName] = run_setting(
        [],
        "Validation",
        "Arms that learn in addition to 'transferred' and 'vanilla': 'placebo', 'vanilla_longer', 'naive' and names of "
        "transfer strategies; those of the profile if empty.",
        title="Further arms",
        short="arms",
    )
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
        "Number of paired seeds of the learning curves: all arms share environment starts and batch order. The "
        "profile's number if empty: 10 nightly, 20 in a study.",
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

    @model_validator(mode="before")
    @classmethod
    def _drop_unset(cls, values: Any) -> Any:
        """Leave out what a form shows as empty."""
        if not isinstance(values, dict):
            return values
        return {name: value for name, value in values.items() if not (value is None and name in UNSET)}

    @model_validator(mode="after")
    def _fill_by_profile(self) -> Self:
        """Set what is not set to the profile's value, so that a run's settings show it."""
        study = self.validation_profile == "study"
        # Validated models are frozen, and must not count these as set by the user.
        if "validation_seeds" not in self.model_fields_set:
            self.__dict__["validation_seeds"] = 20 if study else 10
        if not self.validation_arms:
            self.__dict__["validation_arms"] = _STRATEGIES.names() if study else ["placebo"]
        return self


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
