"""The tests over many attempts are reported in whole sentences that say what their figures mean."""

from __future__ import annotations

import numpy as np
from markupsafe import escape

from rlpretrain.validation import AssetValidation, Verdict, reach_verdict
from rlpretrain.validation.overfitting import Overfitting
from rlpretrain.validation.report import ReportData, html_report, text_report
from rlpretrain.validation.report.further_tests import further_tests
from rlpretrain.validation.sharpe import deflate
from rlpretrain.validation.shrinkage import shrink

from .conftest import CONFIG, validated


def case() -> tuple[Verdict, AssetValidation]:
    found = validated(signal=0.5)
    return reach_verdict([found], CONFIG), found


def test_each_test_has_its_sentences_in_both_reports() -> None:
    verdict, found = case()
    assert found.sharpe is not None
    asset = found.model_copy(
        update={
            "sharpe": deflate(found.sharpe, 1_234),
            "overfitting": Overfitting(probability=0.125, runs=26, splits=12_870, blocks=16),
        }
    )
    effects = {"A": 0.1, "B": 0.2, "C": 0.3, "SYN": 0.4}
    verdict = verdict.model_copy(
        update={
            "best_arms": {"agent": 1.0, "vanilla": 0.3, "placebo": 0.01, "buy_and_hold": 0.004},
            "population": shrink(effects, 0.01 * np.eye(4), level=0.95),
        }
    )
    best, deflated, overfitted, population = further_tests(verdict, [asset])
    assert (
        "with 95 % confidence. It consists of Agent and Vanilla RL. It excludes Placebo (p = 0.010) and"
        in best
    )
    assert "The trials are the 1,234 policies" in deflated
    assert "is 12 %. It is the share of 12,870 ways" in overfitted
    assert "assets gain +0.25 [" in population
    assert "A +0." in population
    data = ReportData(run_id="run", assets=(asset,), verdict=verdict)
    text, page = " ".join(text_report(data).split()), html_report(data)
    for sentence in (best, deflated, overfitted, population):
        assert sentence in text
        assert escape(sentence) in page


def test_what_is_not_known_is_said_or_left_out() -> None:
    verdict, found = case()
    bare = found.model_copy(update={"sharpe": None, "overfitting": None})
    assert verdict.population is None
    verdict = verdict.model_copy(update={"best_arms": {}})
    assert further_tests(verdict, [bare]) == []
    (population,) = further_tests(verdict.model_copy(update={"assets": ("SYN", "B")}), [bare])
    assert "would need 4 or more assets" in population
    equal = verdict.model_copy(update={"best_arms": {"agent": 1.0, "vanilla": 0.5}})
    assert "It excludes none" in further_tests(equal, [bare])[0]
