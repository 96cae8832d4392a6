"""Change any one setting of a finished run: what depends on it runs again, and all is as in a fresh run."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlpretrain.errors import SettingsError
from rlpretrain.patterns.store import open_store
from rlpretrain.patterns.store.schema import trials
from rlpretrain.pipeline import PretrainingPipeline
from rlpretrain.settings import PretrainingConfig
from rlpretrain.stages import MINE, NIGHT, STAGES, Run, parts_of, stages_before

SMALL: dict[str, Any] = {
    "market": "generated:years=6,seed=3",
    "catalogue": "generated:size=24",
    "max_strategies": 24,
    "chunk_size": 12,
    "hold_every": 20,
    "n_clusters": 2,
    "hidden_dims": [16, 8],
    "num_epochs": 2,
    "max_training_assets": 2,
    "transfer_steps": 2048,
    "critic_warmup_steps": 2048,
    "validation_envs": ["SPY"],
    "validation_episodes": 4,
    "validation_seeds": 2,
    "validation_steps": 2048,
    "checkpoints": 2,
    "bootstrap_samples": 100,
}

OTHER: dict[str, Any] = {
    "max_strategies": 13,
    "catalogue": "generated:size=25",
    "search_where": [">", "num_node_if", 0],
    "search_order": [["name", "asc"]],
    "backtest_max_age_days": 3,
    "refresh": True,
    "history": "last_version",
    "chunk_size": 30,
    "min_fidelity": 0.99,
    "max_tracking_error": 0.02,
    "whole_share_tickers": ["SPY"],
    "missing_tickers": "replay_without",
    "min_performance_threshold": -0.2,
    "allow_late_edits": True,
    "max_correlation": 0.8,
    "shrink_standing": True,
    "seed": 8,
    "market": "generated:years=6,seed=4",
    "exclude_prices": ["SPY:2020-03-16", "QQQ:2021-01-04..2021-01-08"],
    "trust_prices": ["SPY"],
    "test_split": 0.3,
    "validation_split": 0.3,
    "validation_start": "2022-06-01",
    "test_start": "2023-09-01",
    "test_end": "2024-11-29",
    "votes": False,
    "teacher": "consensus",
    "rl_precision": "bfloat16",
    "fill": "next_close",
    "cost_bps": 9.0,
    "crypto_cost_bps": 30.0,
    "buy_level": 0.4,
    "sell_level": -0.4,
    "max_holding_days": 10,
    "hold_every": 15,
    "min_confidence": 0.5,
    "regimes": "markov",
    "n_clusters": 3,
    "clustering_method": "dbscan",
    "batch_size": 128,
    "learning_rate": 1e-3,
    "weight_decay": 0.1,
    "num_epochs": 3,
    "patience": 1,
    "value_coefficient": 0.1,
    "hidden_dims": [12, 8],
    "activation": "tanh",
    "layer_norm": True,
    "labels": "hard",
    "label_smoothing": 0.1,
    "confidence_penalty": 0.1,
    "weighting": "loss",
    "balance_classes": True,
    "schedule": "constant",
    "accumulation": 2,
    "precision": "bf16",
    "augmentation": ["feature_noise"],
    "tuning_trials": 5,
    "dataset_format": "safetensors",
    "max_training_assets": 1,
    "rl_algorithm": "a2c",
    "transfer_strategy": "residual",
    "freeze_layers": ["trunk.0"],
    "progressive_unfreeze_schedule": [1, 2],
    "roll_in_bars": 20,
    "transfer_steps": 4096,
    "critic_warmup_steps": 0,
    "critic_start": "random",
    "critic_form": "layer_norm",
    "reward": "exposure_adjusted",
    "transfer_learning_rate": 1e-3,
    "backbone_lr_scale": 0.1,
    "kl_coefficient": 0.5,
    "kl_decay_fraction": 0.5,
    "transfer_temperature": 2.0,
    "validation_envs": ["TLT", "SPY", "most_voted:1"],
    "validation_profile": "study",
    "validation_arms": ["naive"],
    "validation_episodes": 5,
    "episode_days": 40,
    "validation_seeds": 3,
    "validation_steps": 4096,
    "checkpoints": 3,
    "promotion_confidence": 0.9,
    "bootstrap_samples": 120,
}
"""For each setting of the run a value that is not that of `SMALL`."""

IMPOSSIBLE = {"state_dim": 32, "action_dim": 4}
"""One state vector fits; any other value is refused before anything is trained."""
ELSEWHERE = {"price_updates"}
"""Needs a folder of prices and a source of them; `test_update` runs it."""

OFTEN = (
    "chunk_size", "min_performance_threshold", "votes", "dataset_format", "n_clusters", "num_epochs",
    "max_training_assets", "transfer_strategy", "validation_envs", "bootstrap_samples",
)  # fmt: skip
"""One or two of each section, and those that leave other files."""
CHAINS = [
    pytest.param(OFTEN, id="often", marks=pytest.mark.slow),
    *(pytest.param((name,), id=name, marks=pytest.mark.nightly) for name in OTHER),
]


def run(output_dir: Path, **changes: Any) -> Run:
    pipeline = PretrainingPipeline(
        PretrainingConfig(**{**SMALL, **changes, "output_dir": output_dir}), run_id="one"
    )
    asyncio.run(pipeline.run_pipeline())
    return pipeline.run


def manifests(folder: Path) -> dict[str, dict[str, Any]]:
    found = [json.loads(path.read_text()) for path in folder.rglob("*.json")]
    return {one["stage"]: one for one in found if isinstance(one, dict) and "stage" in one}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run(tmp_path_factory.mktemp("finished")).folder.path


def test_every_setting_of_the_run_has_another_value_here() -> None:
    config = PretrainingConfig(**SMALL)
    known = {*OTHER, *IMPOSSIBLE, *ELSEWHERE}
    assert set(config.names("run")) == known
    for name, value in {**OTHER, **IMPOSSIBLE}.items():
        assert config.changed(**{name: value}).of_run()[name] != config.of_run()[name], name


@pytest.mark.parametrize("name", [*OTHER, *IMPOSSIBLE])
def test_the_key_of_a_stage_changes_with_its_own_settings_alone(name: str) -> None:
    before = PretrainingConfig(**SMALL)
    after = before.changed(**{name: {**OTHER, **IMPOSSIBLE}[name]})
    for stage in STAGES:
        keys = {config.part(stage.settings).digest() for config in (before, after)}
        assert len(keys) == (2 if name in stage.settings.model_fields else 1), stage.name


@pytest.mark.parametrize("names", CHAINS)
def test_what_depends_on_a_setting_runs_again_and_all_is_as_in_a_fresh_run(
    names: Sequence[str], finished: Path, tmp_path: Path
) -> None:
    """Settings change one after the other, those of earlier stages first, so that no stage runs again by chance."""
    resumed = tmp_path / "resumed"
    shutil.copytree(finished.parent, resumed)
    changes: dict[str, Any] = {}
    for name in sorted(names, key=first_stage):
        forget_trials(resumed)
        before = manifests(resumed / "one")
        changes[name] = OTHER[name]
        changed = run(resumed, **changes)
        assert_ran_again(changed, name, before, manifests(resumed / "one"))
    assert_equal_runs(changed, run(tmp_path / "fresh", **changes))


def forget_trials(output_dir: Path) -> None:
    """Registry and store count every agent that was ever tried, those of this run's earlier settings too."""
    shutil.rmtree(output_dir / "registry")
    database = f"sqlite:///{output_dir / 'one' / 'composer_patterns.db'}"
    with open_store(database) as store, store.engine.begin() as tried:
        tried.execute(trials.delete())


def first_stage(name: str) -> int:
    """Position in the night of the first stage that reads a setting."""
    return next(place for place, stage in enumerate(NIGHT) if name in stage.settings.model_fields)


def assert_ran_again(
    changed: Run, name: str, before: dict[str, dict[str, Any]], after: dict[str, dict[str, Any]]
) -> None:
    """Exactly the stages have run again that read the setting, or something that came out otherwise."""
    for stage in NIGHT:
        for part in parts_of(changed, stage):
            own = stage.manifest_name(part)
            again = own not in before or before[own]["clock"] != after[own]["clock"]
            needed = {need.manifest_name(part) for need in stage.needs for part in parts_of(changed, need)}
            differ = {
                need
                for need in needed
                if any(before.get(need, {}).get(key) != after[need][key] for key in ("outputs", "result"))
            }
            held = name in stage.settings.model_fields
            new = own not in before
            parts_gone = any(
                earlier.startswith(f"{need.name}/") and earlier not in after
                for need in stage.needs
                for earlier in before
            )
            expected = held or new or bool(differ) or parts_gone
            # The registry was emptied: who asks it finds another answer.
            if stage.name in ("decide", "promote"):
                continue
            assert again == expected, f"{name}: {own}: {sorted(differ)}"


@pytest.mark.slow
def test_a_state_of_another_width_is_refused(finished: Path, tmp_path: Path) -> None:
    for name, value in IMPOSSIBLE.items():
        shutil.copytree(finished.parent, tmp_path / name)
        with pytest.raises(SettingsError, match=f"{name} {value}"):
            run(tmp_path / name, **{name: value})


def assert_equal_runs(one: Run, other: Run) -> None:
    found = {str(path.relative_to(one.folder.path)) for path in one.folder.path.rglob("*")}
    assert found == {str(path.relative_to(other.folder.path)) for path in other.folder.path.rglob("*")}
    for name in sorted(found):
        path, twin = one.folder / name, other.folder / name
        if path.is_dir() or name.endswith(".db"):
            continue
        if name.endswith(".json") and "clock" in (document := json.loads(path.read_text())):
            copy = json.loads(twin.read_text())
            assert {**document, "clock": None} == {**copy, "clock": None}, name
        else:
            assert path.read_bytes() == twin.read_bytes(), name
    mined = [MINE.read(run.folder.require("mine")) for run in (one, other)]
    assert mined[0].extraction == mined[1].extraction
    kept = []
    for run_ in (one, other):
        with open_store(f"sqlite:///{run_.folder / 'composer_patterns.db'}") as store:
            kept.append((store.patterns(mined[0].extraction), store.trades(mined[0].extraction)))
    for ours, theirs in zip(*kept, strict=True):
        for field in fields(ours):
            assert np.array_equal(getattr(ours, field.name), getattr(theirs, field.name)), field.name


def test_every_stage_of_the_night_is_needed_by_the_last() -> None:
    assert {stage.name for stage in stages_before(NIGHT[-1])} == {stage.name for stage in NIGHT[:-1]}
