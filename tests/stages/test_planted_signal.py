"""The pipeline finds a rule that is there, and none where there is none."""

from __future__ import annotations

import asyncio
import csv
from pathlib import Path
from typing import Any

import pytest

from rlpretrain.pipeline import PretrainingPipeline
from rlpretrain.registry import Registry
from rlpretrain.settings import PretrainingConfig
from rlpretrain.stages.validate import evidence_file
from rlpretrain.validation import AssetValidation

pytestmark = pytest.mark.slow

ASSET = "QQQ"
"""Of the index funds, the one that most of a small library's trees name."""
SEEDS = 3


def run(kind: str, folder: Path, symphonies: int) -> tuple[dict[str, Any], AssetValidation, str]:
    """Run every stage; return the results, the asset's evidence and the text report.

    The market ends after the library's last edits, so that four years of test days are clean and nobody is set aside.
    """
    config = PretrainingConfig(
        market=f"generated:kind={kind},years=12,end=2028-12-31",
        test_start="2025-01-01",
        catalogue=f"generated:size={symphonies}",
        max_strategies=symphonies,
        chunk_size=symphonies,
        hold_every=20,
        n_clusters=3,
        hidden_dims=[64, 32],
        learning_rate=1e-3,
        num_epochs=20,
        max_training_assets=4,
        transfer_steps=2048,
        critic_warmup_steps=2048,
        validation_envs=[ASSET],
        validation_episodes=20,
        validation_seeds=SEEDS,
        validation_steps=4096,
        output_dir=folder,
    )
    pipeline = PretrainingPipeline(config, run_id=kind)
    results = asyncio.run(pipeline.run_pipeline())
    report = (pipeline.folder / "validation_report.txt").read_text(encoding="utf-8")
    evidence = (pipeline.folder / evidence_file(ASSET)).read_bytes()
    return results, AssetValidation.model_validate_json(evidence), report


def test_a_planted_rule_is_found(tmp_path: Path) -> None:
    results, evidence, report = run("planted", tmp_path, symphonies=120)
    assert results["finding"] == "better", results["summary"]
    assert results["figures"]["jump_start"] > 0.5
    assert results["figures"]["area"] > 0.5
    assert evidence.sharpe_differences["buy_and_hold"].interval.low > 0.0
    assert evidence.luck.p_value < 0.05, "no random trading with the same exposure and turnover does as well"
    assert results["promoted"]
    champion = Registry(tmp_path).champion()
    assert champion is not None and champion.run_id == "planted"
    with (tmp_path / "planted/validate/QQQ_trades.csv").open(encoding="utf-8") as file:
        ledger = list(csv.DictReader(file))
    closed = sum(trade["closed"] == "True" for trade in ledger)
    assert closed == evidence.arms["agent"].metrics[evidence.window.main].trades > 0
    assert "THE PRE-TRAINED START IS BETTER THAN RANDOM WEIGHTS." in report


def test_noise_shows_no_effect_and_the_report_says_so(tmp_path: Path) -> None:
    results, evidence, report = run("noise", tmp_path, symphonies=60)
    assert results["finding"] == "no effect shown", results["summary"]
    assert not results["promoted"]
    assert report.splitlines()[3].startswith("NO EFFECT")
    assert "NOT PROMOTED" in report
    difference = evidence.sharpe_differences.get("buy_and_hold")
    assert difference is None or difference.interval.low <= 0.0
