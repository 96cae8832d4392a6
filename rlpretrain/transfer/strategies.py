"""Transfer strategies, one row each: which of the actor's layers learn, and when.

The settings list these rows, so nothing here needs torch.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rlpretrain.errors import SettingsError
from rlpretrain.table import Table

if TYPE_CHECKING:
    from rlpretrain.transfer.settings import TransferSettings

__all__ = ["TRANSFER_STRATEGIES", "TransferStrategy"]


@dataclass(frozen=True, kw_only=True)
class TransferStrategy:
    """One strategy.

    Parameters
    ----------
    name
        Name of the strategy in the setting `transfer_strategy`.
    description
        Layers that learn, in a few words, which the trigger form shows.
    learning
        Returns the names of the actor's layers that learn at an iteration. Its arguments are all names, from input to
        output (trunk.0, trunk.2, ..., policy_head), the number of rollouts since the critic's warm-up, and the
        settings. The critic always learns; what `freeze_layers` names never does.
    """

    name: str
    description: str
    learning: Callable[[Sequence[str], int, TransferSettings], Collection[str]]

    def __post_init__(self) -> None:
        if not (self.name and self.description):
            raise SettingsError(f"the transfer strategy {self.name!r} needs a name and a description")

    def learning_layers(self, layers: Sequence[str], iteration: int, config: TransferSettings) -> set[str]:
        """Return the names of the layers that learn, those of `freeze_layers` left out.

        Raises
        ------
        SettingsError
            The strategy names a layer that does not exist.
        """
        names = set(self.learning(layers, iteration, config))
        if not names <= set(layers):
            raise SettingsError(
                f"the transfer strategy {self.name!r} names unknown layers {sorted(names - set(layers))}",
                hint=f"the layers are {list(layers)}",
            )
        return names - set(config.freeze_layers)


def _progressive(layers: Sequence[str], iteration: int, config: TransferSettings) -> Collection[str]:
    # The head learns at once; each number of the schedule unfreezes the next layer towards the input.
    freed = sum(iteration >= start for start in config.progressive_unfreeze_schedule)
    return layers[max(0, len(layers) - 1 - freed) :]


TRANSFER_STRATEGIES: Table[TransferStrategy] = Table(
    "transfer strategy",
    "rlpretrain.transfer_strategies",
    TransferStrategy,
    (
        TransferStrategy(
            name="fine_tuning",
            description="all, the transferred ones too (fine-tuning)",
            learning=lambda layers, iteration, config: layers,
        ),
        TransferStrategy(
            name="feature_extraction",
            description="the new heads only (feature extraction)",
            learning=lambda layers, iteration, config: layers[-1:],
        ),
        TransferStrategy(
            name="progressive",
            description="one more at a time, from the output (progressive)",
            learning=_progressive,
        ),
    ),
)
