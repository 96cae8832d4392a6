"""Model versions, and which of them is champion.

The rule that decides is in `rlpretrain.registry.rule`; it needs the statistics of validation, and who reads versions
does not.
"""

from rlpretrain.registry.records import Decision, Event, EventKind, ModelCard, ModelVersion, Standing
from rlpretrain.registry.registry import Registry

__all__ = ["Decision", "Event", "EventKind", "ModelCard", "ModelVersion", "Registry", "Standing"]
