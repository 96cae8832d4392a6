"""Whether the widths in the settings fit the state vector."""

from __future__ import annotations

from rlpretrain.errors import SettingsError
from rlpretrain.features import STATE_DIM, STATE_VERSION
from rlpretrain.pretraining.settings import ShapeSettings

__all__ = ["check_shape"]

_ACTIONS = 3


def check_shape(settings: ShapeSettings) -> None:
    """Check `state_dim` and `action_dim`.

    Raises
    ------
    SettingsError
        They do not fit the state vector or the actions.
    """
    widths = settings.state_dim, settings.action_dim
    if widths != (STATE_DIM, _ACTIONS):
        raise SettingsError(
            f"state_dim {widths[0]} and action_dim {widths[1]} do not fit state vectors of version {STATE_VERSION}: "
            f"{STATE_DIM} numbers and {_ACTIONS} actions"
        )
