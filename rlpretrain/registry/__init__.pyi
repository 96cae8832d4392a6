from .records import Decision, Event, EventKind, ModelCard, ModelVersion, Standing
from .registry import Registry

__all__ = ["Decision", "Event", "EventKind", "ModelCard", "ModelVersion", "Registry", "Standing"]
