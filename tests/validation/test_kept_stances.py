"""What the report says about how much of the clone is kept: beside the KL, and for each arm."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rlpretrain.validation.learning_curves import LearningCurve
from rlpretrain.validation.report.data import TransferFigures
from rlpretrain.validation.report.evidence_tables import asset_tables
from rlpretrain.validation.report.kept_stances import stances_tables
from rlpretrain.validation.report.pipeline_tables import transfer_table
from tests.validation.conftest import validated

STEPS, SCORES = (0, 20, 60, 100), (0.0, 0.1, 0.2, 0.3)


def test_each_arms_share_is_averaged_over_seeds_at_the_start_after_a_fifth_and_at_the_end() -> None:
    curves = [
        LearningCurve("transferred", 1, STEPS, SCORES, (1.0, 0.9, 0.7, 0.5)),
        LearningCurve("transferred", 2, STEPS, SCORES, (1.0, 0.8, 0.7, 0.7)),
        LearningCurve("vanilla", 1, STEPS, SCORES, (0.5, 0.5, 0.5, 0.25)),
        LearningCurve("placebo", 1, STEPS, SCORES),
    ]
    (table,) = stances_tables(curves)
    assert [row[1:] for row in table.rows] == [
        ("100.0 %", "85.0 %", "60.0 %"),
        ("50.0 %", "50.0 %", "25.0 %"),
    ]


def test_without_a_clone_to_compare_with_there_is_no_table() -> None:
    assert stances_tables([LearningCurve("vanilla", 1, STEPS, SCORES)]) == []


def test_the_report_of_an_asset_has_the_table() -> None:
    asset = validated(signal=0.5)
    curves = {
        part: tuple(replace(curve, stances_kept=(1.0,) * len(curve.steps)) for curve in group)
        for part, group in asset.curves.items()
    }
    titles = [table.title for table in asset_tables(asset.model_copy(update={"curves": curves}))]
    assert "Stances kept while learning" in titles


@pytest.mark.parametrize(
    ("reward", "said"), [("net", "which exposure alone can bring"), ("exposure_adjusted", "had paid before")]
)
def test_stances_stand_beside_the_divergence_and_the_reward_is_said(reward: str, said: str) -> None:
    table = transfer_table(
        TransferFigures(
            strategy="residual",
            chosen_steps=10,
            total_steps=10,
            steps=(0, 10),
            kl=(0.0, 0.02),
            stances_kept=(1.0, 0.81),
            explained_variance=(None, 0.3),
            prior_weight=(1.0, 0.25),
            reward=reward,
        )
    )
    assert table.columns == (
        "Environment steps",
        "KL from the start, nats",
        "Stances kept, share",
        "Critic's explained variance",
        "Weight of the frozen clone",
    )
    assert table.rows[1] == ("10", "0.0200", "0.810", "0.30", "0.25")
    assert said in table.note
