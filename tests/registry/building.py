"""Cards, agents and decisions for the registry's tests."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from rlpretrain.registry import Decision, ModelCard, ModelVersion, Registry


def agent_file(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{text}.pt"
    path.write_text(text)
    return path


def card(run_id: str, text: str | None = None, **changes: Any) -> ModelCard:
    """Describe the agent whose file holds `text`, the run's name when None."""
    values: dict[str, Any] = {
        "run_id": run_id,
        "agent_sha256": hashlib.sha256((text or run_id).encode()).hexdigest(),
        "state_version": "1",
        "settings_sha256": "5" * 64,
        "data": {"market": "m", "extraction": "e"},
        "windows": {
            "start": "2015-01-01",
            "validation_start": "2020-01-01",
            "test_start": "2021-01-01",
            "end": "2024-12-31",
        },
        "clean_from": "2021-03-01",
        "figures": {"area": 0.5, "final": None},
        "settings": {"votes": True, "regimes": "rules"},
        **changes,
    }
    return ModelCard.model_validate(values)


def registered(registry: Registry, run_id: str, text: str | None = None) -> ModelVersion:
    agent = agent_file(registry.folder.parent / run_id, text or run_id)
    return registry.register(card(run_id, text), agent)


def decision(verdict: str = "promote", **changes: Any) -> Decision:
    values: dict[str, Any] = {
        "verdict": verdict,
        "reasons": ("An effect.", "because"),
        "rule": "2",
        "champion": None,
        "trials": 1,
        "level": 0.95,
        "figures": {"area_low": 0.1},
        **changes,
    }
    return Decision.model_validate(values)
