"""What an agent has taken from a pre-trained network, and what it has not."""

from __future__ import annotations

from dataclasses import dataclass

from rlpretrain.transfer.layer_mapping import LeftLayer

__all__ = ["TakenLayer", "TransferReport"]


@dataclass(frozen=True)
class TakenLayer:
    """A pre-trained layer that an agent has taken."""

    source: str
    layer: str
    shape: tuple[int, ...]
    """Units and inputs of the pre-trained layer."""
    wider: bool
    """Whether the agent's layer has more; those keep their own weights, and add nothing to the output at first."""


@dataclass(frozen=True)
class TransferReport:
    """What an agent has taken from a pre-trained network, and what it has not."""

    taken: tuple[TakenLayer, ...]
    left: tuple[LeftLayer, ...]
    scaler: str
    """Where the scaling of the states went."""
    complete: bool
    """Whether the agent begins with the network's choices; otherwise its last layers are still its own."""
    largest_difference: float | None
    """Largest difference of a log-probability from the network's, in nats, over random states; None if not measured:
    the transfer is incomplete, or the module can't be called with observations."""

    def __str__(self) -> str:
        """Return one line for each layer."""
        lines = [
            f"{layer.source} -> {layer.layer} {layer.shape[0]}x{layer.shape[1]}"
            + (", in a wider layer" if layer.wider else "")
            for layer in self.taken
        ]
        lines.append(f"scaling of the states -> {self.scaler}")
        lines += [f"{left.layer} keeps its own weights: {left.reason}" for left in self.left]
        if self.largest_difference is not None:
            lines.append(f"log-probabilities differ by {self.largest_difference:.1g} at most")
        return "\n".join(lines)
