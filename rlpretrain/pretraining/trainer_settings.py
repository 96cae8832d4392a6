"""Settings of the trainer."""

from __future__ import annotations

from typing import Any, Self

from pydantic import Field

from rlpretrain.pretraining.settings import PretrainingSettings

__all__ = ["TrainerSettings"]


class TrainerSettings(PretrainingSettings):
    """The settings of pre-training, with the data's scale and the device."""

    reward_scale: float = Field(description="Divides rewards, so that the value head's targets are near one.")
    device: str = "cpu"

    @classmethod
    def of(cls, settings: PretrainingSettings, *, reward_scale: float, device: str) -> Self:
        """Add the data's scale and the device to the settings."""
        own = settings.part(PretrainingSettings)
        return cls(**own.model_dump(), reward_scale=reward_scale, device=device)

    def as_json(self) -> dict[str, Any]:
        """Return the settings as JSON values."""
        return self.model_dump(mode="json")
