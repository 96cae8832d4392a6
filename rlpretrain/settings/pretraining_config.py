"""All settings, composed of the rooms' sections."""

from __future__ import annotations

from typing import Any

from rlpretrain.analysis.settings import AnalysisSettings
from rlpretrain.composer.settings import ChunkSettings, HistorySettings, LibrarySettings
from rlpretrain.environments.settings import RewardSettings
from rlpretrain.market.settings import PriceUpdateSettings, RegimeSettings, WindowSettings
from rlpretrain.patterns.settings import (
    ConfidenceSettings,
    DecisionSettings,
    ElectorateSettings,
    StoreSettings,
)
from rlpretrain.pretraining.settings import (
    DataSetSettings,
    DeviceSettings,
    PretrainingSettings,
    ShapeSettings,
    TuningSettings,
)
from rlpretrain.registry.settings import ApprovalSettings
from rlpretrain.settings.deployment import DeploymentSettings
from rlpretrain.symphony.settings import FidelitySettings, MissingTickersSettings, ProcessSettings
from rlpretrain.transfer.settings import TrainingAssetSettings, TransferSettings
from rlpretrain.validation.settings import (
    ArmProcessSettings,
    ValidatedAssetSettings,
    ValidationSettings,
)

__all__ = ["PretrainingConfig"]

_SECRET = ("store_url", "composer_url", "runs_storage")
"""Addresses, which may carry secrets."""


# Users see the settings in the reverse order of these bases: pydantic collects the last base's fields first.
class PretrainingConfig(
    DeploymentSettings,
    DeviceSettings,
    ApprovalSettings,
    StoreSettings,
    ArmProcessSettings,
    ValidationSettings,
    ValidatedAssetSettings,
    RewardSettings,
    TransferSettings,
    TrainingAssetSettings,
    ShapeSettings,
    DataSetSettings,
    TuningSettings,
    PretrainingSettings,
    AnalysisSettings,
    RegimeSettings,
    ConfidenceSettings,
    DecisionSettings,
    WindowSettings,
    PriceUpdateSettings,
    ElectorateSettings,
    FidelitySettings,
    MissingTickersSettings,
    ProcessSettings,
    ChunkSettings,
    HistorySettings,
    LibrarySettings,
):
    """Settings of a whole run; see each field's description."""

    def public(self) -> dict[str, Any]:
        """Return all settings as JSON values, without addresses, which may carry secrets."""
        return self.model_dump(mode="json", exclude=set(_SECRET))
