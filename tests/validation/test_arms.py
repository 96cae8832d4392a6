"""Arms: every row is complete, references don't look ahead, and a package's baseline moves no other figure."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlpretrain.errors import DataError, SettingsError
from rlpretrain.transfer.settings import TransferConfig
from rlpretrain.validation import AssetCase, EvaluationWindow, reach_verdict, validate_asset
from rlpretrain.validation.arms import (
    AGENT,
    ARMS,
    BUY_AND_HOLD,
    MATCHED_RANDOM,
    OTHER,
    Arm,
    arm_of,
    arrange,
)
from rlpretrain.validation.baselines import buy_and_hold
from rlpretrain.validation.learners import learners_named
from rlpretrain.validation.report import ReportData, html_report, text_report
from rlpretrain.validation.report.charts import equity_chart, score_chart
from rlpretrain.validation.report.evidence_tables import arms_table, inference_table, metrics_table
from rlpretrain.validation.settings import ValidationConfig
from tests.outside import install

from .conftest import CONFIG, RULE, asset_votes, episode_data, make_case, validated


@pytest.mark.parametrize("arm", ARMS.values(), ids=lambda arm: arm.name)
def test_every_row_is_complete(arm: Arm) -> None:
    assert arm.description.endswith(".")
    others = [other for other in ARMS.values() if other is not arm]
    assert arm.label not in {other.label for other in others}
    like = [other.name for other in others if (other.colour, other.dash) == (arm.colour, arm.dash)]
    # The agent is one of the transferred runs, and no chart has both.
    assert like == {"agent": ["transferred"], "transferred": ["agent"]}.get(arm.name, [])


@pytest.mark.parametrize(
    ("missing", "named"),
    [
        ({"name": "Buy & hold"}, "is not a valid name of an arm"),
        ({"name": "x; } body { display: none"}, "is not a valid name of an arm"),
        ({"label": ""}, "label"),
        ({"description": ""}, "description"),
        ({"colour": "grey"}, "colours"),
        ({"dark_colour": ""}, "colours"),
        ({"trade": None}, "must set trade"),
        ({"role": "learner"}, "must set trade"),
        ({"role": "policy", "trade": None}, "has no network to act by"),
        ({"role": "learner", "trade": None, "follows_votes": True}, "only a reference can follow the votes"),
        ({"changes": {"kl_coefficient": 0.0}}, "only a learner has changes"),
        ({"equal_compute": True}, "only a learner has changes or equal_compute"),
        (
            {"role": "learner", "trade": None, "starts_from": "clone", "equal_compute": True},
            "has been pre-trained",
        ),
    ],
)
def test_an_incomplete_row_is_refused(missing: dict[str, Any], named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        replace(ARMS[BUY_AND_HOLD], **missing)


def test_one_agent_and_one_kind_of_luck() -> None:
    by_role = {role: [arm.name for arm in ARMS.values() if arm.role == role] for role in ("agent", "luck")}
    assert by_role == {"agent": [AGENT], "luck": [MATCHED_RANDOM]}


def assert_causal(arm: Arm) -> None:
    data, votes = episode_data(bars=300), asset_votes(bars=300)
    window = EvaluationWindow(data, 60, 290, votes=votes)
    assert arm.trade is not None
    before = arm.trade(window)
    for last in (80, 150, 288):
        growth = np.random.default_rng(last).uniform(0.5, 2.0, size=(2, 300 - last - 1))
        changed = replace(data, before=data.before.copy(), after=data.after.copy())
        changed.before[last + 1 :], changed.after[last + 1 :] = growth
        later = asset_votes(bars=300, seed=last)
        mixed = {
            name: np.concatenate([getattr(votes, name)[: last + 1], getattr(later, name)[last + 1 :]])
            for name in ("views", "categories", "advice")
        }
        after = arm.trade(replace(window, data=changed, votes=replace(votes, **mixed)))
        # What is decided at the close of row `last` is held on the bar after it.
        known = last + 1 - window.start
        np.testing.assert_array_equal(before.exposure[:known], after.exposure[:known])
        np.testing.assert_array_equal(before.net_returns[: known - 1], after.net_returns[: known - 1])


@pytest.mark.parametrize(
    "arm", [arm for arm in ARMS.values() if arm.role == "reference"], ids=lambda arm: arm.name
)
def test_a_reference_does_not_see_the_future(arm: Arm) -> None:
    assert_causal(arm)


def test_the_check_finds_a_reference_that_does() -> None:
    def peek(window: EvaluationWindow) -> Any:
        growth = window.data.before * window.data.after
        return window.follow(growth[None, window.start + 1 : window.stop] > 1)[0]

    def peek_at_votes(window: EvaluationWindow) -> Any:
        assert window.votes is not None
        shown = window.votes.view("relative")
        return window.follow(shown[None, window.start + 1 : window.stop] > 0)[0]

    for trade in (peek, peek_at_votes):
        with pytest.raises(AssertionError):
            assert_causal(replace(ARMS[BUY_AND_HOLD], trade=trade))


def test_arms_without_a_row_come_before_luck_and_references() -> None:
    assert arrange([BUY_AND_HOLD, "zeta", MATCHED_RANDOM, "beta_two", AGENT]) == [
        AGENT, "beta_two", "zeta", MATCHED_RANDOM, BUY_AND_HOLD,
    ]  # fmt: skip
    assert arm_of("beta_two").label == "Beta two"
    assert arm_of("beta_two").colour == OTHER.colour


def test_named_arms_learn_and_a_strategy_is_transferred_by_that_strategy() -> None:
    found = learners_named(["placebo", "residual", "fine_tuning"], "fine_tuning")
    assert [arm.name for arm in found] == ["transferred", "vanilla", "placebo", "residual"]
    assert found[-1].changes == {"transfer_strategy": "residual"}
    assert found[-1].starts_from == "clone"
    assert [arm.name for arm in learners_named([], "residual")] == ["transferred", "vanilla"]
    for arm in learners_named(ValidationConfig(validation_profile="study").arms, "residual"):
        TransferConfig().changed(**arm.changes)


def test_an_arm_of_a_case_has_a_name_of_its_own() -> None:
    case = make_case()
    with pytest.raises(DataError, match="buy_and_hold"):
        validate_asset(AssetCase(case.window, case.learners, {BUY_AND_HOLD: RULE}), RULE, CONFIG)


def test_a_reference_trades_the_whole_window(monkeypatch: pytest.MonkeyPatch) -> None:
    short = replace(
        ARMS[BUY_AND_HOLD], name="short", trade=lambda w: buy_and_hold(replace(w, stop=w.stop - 1))
    )
    monkeypatch.setitem(ARMS._rows, "short", short)
    with pytest.raises(DataError, match="'short' does not trade the window's days"):
        validate_asset(make_case(), RULE, CONFIG)


def test_a_baseline_from_a_package_is_shown_everywhere_and_moves_no_other_figure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = validated(signal=0.5)
    name = install("A baseline", ARMS, tmp_path, monkeypatch)
    assert_causal(ARMS[name])
    label = ARMS[name].label
    tried: dict[str, Any] = {}

    def spy(benchmark: Any, arms: Any, **options: Any) -> float | None:
        tried.update(arms)
        return superior(benchmark, arms, **options)

    from rlpretrain.validation.evidence import superior_predictive_ability as superior

    monkeypatch.setattr("rlpretrain.validation.evidence.superior_predictive_ability", spy)
    found = validate_asset(make_case(signal=0.5), RULE, CONFIG)

    assert found.arms[name].equity != found.arms[BUY_AND_HOLD].equity
    assert found.arms[name].metrics["clean"].trades > 1
    assert set(tried) == {"agent", "frozen", "placebo", "transferred", "vanilla"}
    verdict = reach_verdict([found], CONFIG)
    assert verdict == reach_verdict([before], CONFIG)
    for table in (arms_table(found), inference_table(found)):
        assert any(label in row[0] for row in table.rows)
    assert label in metrics_table(found, "clean").columns
    for chart in (score_chart(found), equity_chart(found)):
        assert label in chart.svg
        assert f"var(--arm-{name})" in chart.svg
    data = ReportData(run_id="run", assets=(found,), verdict=verdict)
    assert label in text_report(data)
    page = html_report(data)
    assert all(f"--arm-{name}: {colour};" in page for colour in (ARMS[name].colour, ARMS[name].dark_colour))

    rest = found.model_dump()
    del rest["arms"][name], rest["sharpe_differences"][name]
    assert rest == before.model_dump()
