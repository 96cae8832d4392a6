"""Evidence and verdict: a planted effect is shown, noise is not, and no figure is nonsense."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from rlpretrain.errors import DataError
from rlpretrain.validation import (
    AssetCase,
    AssetValidation,
    CurveRecorder,
    reach_verdict,
    sharpe_ratio,
    validate_asset,
)
from rlpretrain.validation.report import ReportData, html_report, text_report
from rlpretrain.validation.sharpe import sharpe_evidence

from .conftest import CONFIG, RULE, STATES, learner, linear_policy, make_case, validated

NOISE_POLICY = linear_policy(np.random.default_rng(99).normal(size=STATES))


def numbers(value):
    if isinstance(value, dict):
        for item in value.values():
            yield from numbers(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from numbers(item)
    elif isinstance(value, float):
        yield value


def test_a_planted_effect_is_shown():
    found = validated(signal=0.5)
    verdict = reach_verdict([found], CONFIG)
    assert verdict.finding == "better"
    assert verdict.part == "clean"
    assert verdict.days["jump_start"].low > 0
    assert verdict.days["area"].low > 0
    assert verdict.against_placebo is not None
    assert verdict.against_placebo.finding == "better"
    assert found.luck.p_value < 0.01
    assert found.sharpe_differences["buy_and_hold"].interval.finding == "better"


@pytest.mark.slow
def test_noise_shows_no_effect():
    verdicts = [reach_verdict([validated(seed=seed)], CONFIG) for seed in range(4)]
    assert {verdict.finding for verdict in verdicts} == {"no effect shown"}
    assert all(verdict.headline.startswith("No effect") for verdict in verdicts)
    assert all(any("includes zero" in sentence for sentence in verdict.sentences) for verdict in verdicts)


def test_a_gain_of_every_seed_may_still_be_luck_of_the_days():
    # The prior is one worthless rule; on the luckiest of some noisy markets every seed profits from it.
    luckiest = max((validated(head_start=9.0, seed=seed) for seed in (7, 8, 9)), key=lambda a: a.luck.score)
    gain = luckiest.comparison("transferred", "vanilla")
    assert gain.jump_start.finding == "better"
    assert gain.days["jump_start"].finding == "no effect shown"


def test_a_harmful_start_is_called_worse():
    found = validate_asset(make_case(signal=0.5, head_start=-2.0), NOISE_POLICY, CONFIG)
    verdict = reach_verdict([found], CONFIG)
    assert verdict.finding == "worse"
    assert "worse than random weights" in verdict.headline


def test_an_asset_that_is_made_worse_is_named_first():
    harmed = validate_asset(make_case(signal=0.5, head_start=-2.0), NOISE_POLICY, CONFIG)
    # The pool gains, and hides what one of its assets loses.
    verdict = reach_verdict([validated(signal=0.5), harmed], CONFIG)
    first, *others = verdict.sentences
    assert first.startswith("SYN is worse off than from random weights by 0.3 or more: jump-start -")
    assert not any("worse off" in sentence for sentence in others)
    assert verdict.headline.endswith("; worse than random weights on SYN")
    assert (
        verdict.harmed["SYN"]["jump_start"] == harmed.comparison("transferred", "vanilla").days["jump_start"]
    )
    unharmed = reach_verdict([validated(signal=0.5)], CONFIG)
    assert not any("worse" in sentence for sentence in unharmed.sentences)
    assert (unharmed.harmed, "worse" in unharmed.headline) == ({}, False)
    # What the library does not teach can harm as well.
    uncounted = reach_verdict([validated(signal=0.5), without_votes(harmed, "NONE")], CONFIG)
    assert uncounted.sentences[0].startswith("NONE, which does not count in the verdict, is worse off")
    assert uncounted.headline.endswith("; worse than random weights on NONE")


def test_what_votes_of_another_time_give_as_well_is_not_knowledge():
    case = make_case(signal=0.5)
    renamed = learner(case.window, "placebo", head_start=2.0)
    case = AssetCase(
        window=case.window, learners={**case.learners, "placebo": renamed}, policies=case.policies
    )
    verdict = reach_verdict([validate_asset(case, RULE, CONFIG)], CONFIG)
    assert verdict.finding == "no effect shown"
    assert "votes of another time" in verdict.headline


def test_without_a_placebo_the_verdict_says_so():
    verdict = reach_verdict([validated(signal=0.5, placebo=False)], CONFIG)
    assert verdict.against_placebo is None
    assert any("No placebo" in caution for caution in verdict.cautions)


def test_unknown_edits_are_said_plainly():
    found = validated(signal=0.5, clean_from=None)
    verdict = reach_verdict([found], CONFIG)
    assert verdict.part == "contaminated"
    assert any("contaminated" in caution and "unknown" in caution for caution in verdict.cautions)


def test_how_many_strategies_stood_behind_the_votes_is_said():
    few, same = (
        " ".join(reach_verdict([validated(signal=0.5)], CONFIG, voters=voters).cautions)
        for voters in ((3, 57), (57, 57))
    )
    assert "3 strategies at the start of the test window and 57 at its end" in few
    assert "Fewer at first is an honest figure" in few
    assert "57 strategies at the start of the test window and 57" in same and "honest" not in same
    assert "Behind the votes" not in " ".join(reach_verdict([validated(signal=0.5)], CONFIG).cautions)


def test_clean_assets_are_pooled_without_the_contaminated():
    clean = validated(signal=0.5)
    unknown = validated(signal=0.5, clean_from=None)
    verdict = reach_verdict([clean, unknown], CONFIG)
    assert verdict.part == "clean"
    assert verdict.assets == ("SYN",)
    assert verdict.pooled["area"].differences == reach_verdict([clean], CONFIG).pooled["area"].differences


def without_votes(asset: AssetValidation, symbol: str) -> AssetValidation:
    window = asset.window.model_copy(update={"symbol": symbol, "voted": False})
    return asset.model_copy(update={"window": window})


def test_an_asset_without_votes_is_shown_and_does_not_count():
    voted, other = validated(signal=0.5), without_votes(validated(), "NONE")
    verdict, alone = reach_verdict([voted, other], CONFIG), reach_verdict([voted], CONFIG)
    assert (verdict.assets, verdict.not_counted) == (("SYN",), ("NONE",))
    assert verdict.days == alone.days and verdict.finding == alone.finding == "better"
    said = [caution for caution in verdict.cautions if caution not in alone.cautions]
    assert said == [
        "The library has no votes on NONE in the test window; it is shown, but does not count in the verdict."
    ]


def test_a_verdict_without_votes_on_any_asset_is_none():
    verdict = reach_verdict([without_votes(validated(signal=0.5), "NONE")], CONFIG)
    assert verdict.finding == "no effect shown", "whatever the gain, it is not the library's"
    assert verdict.headline == "No effect shown: the library has no votes on any of the assets"
    assert verdict.pooled["area"].interval.low > 0


def test_no_effect_says_how_small_a_one_would_have_been_shown():
    verdict = reach_verdict([validated(seed=1)], CONFIG)
    assert verdict.finding == "no effect shown"
    (said,) = (
        one for one in verdict.sentences if one.startswith("By the variance found, 80% of such studies")
    )
    assert "For one of 0.25, it would take about" in said
    assert "times the test years and seeds; more of one alone would not do" in said
    assert verdict.luck["area"].common_days > verdict.luck["area"].seeds


def test_pooling_averages_assets_within_seeds():
    assets = [validated(signal=0.5), validated(signal=0.5, seed=1)]
    verdict = reach_verdict(assets, CONFIG)
    rows = [asset.comparison("transferred", "vanilla").area.differences for asset in assets]
    np.testing.assert_allclose(verdict.pooled["area"].differences, np.mean(rows, axis=0), rtol=1e-9)
    assert set(verdict.holm_p) == {"SYN jump_start", "SYN area"}


def test_equal_inputs_give_equal_bytes():
    first = validated(signal=0.5).model_dump_json()
    again = validate_asset(make_case(signal=0.5), RULE, CONFIG).model_dump_json()
    assert first == again
    assert AssetValidation.model_validate_json(first).model_dump_json() == first


def test_every_number_is_finite():
    found = validate_asset(make_case(signal=0.2), linear_policy(np.zeros(STATES)), CONFIG)
    assert all(math.isfinite(value) for value in numbers(found.model_dump()))
    verdict = reach_verdict([found], CONFIG)
    assert all(math.isfinite(value) for value in numbers(verdict.model_dump()))
    assert any("closed no trade" in caution for caution in verdict.cautions)


def test_both_parts_are_measured_and_the_clean_one_leads():
    found = validated(signal=0.5)
    assert found.window.main == "clean"
    assert found.window.clean_bars + found.window.contaminated_bars == found.window.bars
    assert set(found.arms["agent"].metrics) == {"clean", "contaminated"}
    assert len(found.contaminated_comparisons) == len(found.comparisons) == 3
    assert found.arms["transferred"].runs == 8
    assert found.arms["frozen"].score is None


def test_every_arm_meets_the_same_episodes():
    found = validated(signal=0.5)
    by_arm = {episode.arm: episode for episode in found.episodes}
    assert by_arm["agent"].score_quartiles == by_arm["frozen"].score_quartiles, (
        "the same policy under two names"
    )
    assert {episode.episodes for episode in found.episodes} == {20}


def test_trials_are_counted_or_given():
    assert validated(signal=0.5).sharpe.trials == 3 * 8
    case = make_case(signal=0.5, placebo=False)
    given = AssetCase(window=case.window, learners=case.learners, trials=5_000)
    found = validate_asset(given, RULE, CONFIG.model_copy(update={"seeds": 2})).sharpe
    assert found.trials == 5_000
    assert found.deflated < found.probabilistic


def test_trials_deflate_by_their_spread_on_the_days_that_count():
    case, found = make_case(signal=0.5), validated(signal=0.5)
    clean = case.window.parts["clean"]
    runs = [case.window.run(run(7 + s).policy) for run in case.learners.values() for s in range(8)]
    spread = np.std([sharpe_ratio(run.net_returns[clean], 1.0) for run in runs], ddof=1)
    by_hand = sharpe_evidence(
        case.window.run(RULE).net_returns[clean], 252, trials=24, trial_deviation=float(spread), level=0.95
    )
    assert found.sharpe.sharpe == by_hand.sharpe
    assert found.sharpe.deflated == pytest.approx(by_hand.deflated)


def test_a_missing_arm_is_named():
    case = make_case()
    with pytest.raises(DataError, match="vanilla"):
        validate_asset(AssetCase(case.window, {"transferred": case.learners["transferred"]}), RULE, CONFIG)


def test_no_asset_is_no_verdict():
    with pytest.raises(DataError, match="validation_envs"):
        reach_verdict([], CONFIG)


def test_few_seeds_are_said_to_be_few():
    verdict = reach_verdict([validated(signal=0.5)], CONFIG)
    assert any("8 seeds are few" in caution for caution in verdict.cautions)


def test_a_curve_says_how_many_of_the_priors_stances_are_kept():
    window = make_case().window
    long, flat = (lambda states, action=action: np.full(len(states), action) for action in (1, 2))
    recorder = CurveRecorder(window, "transferred", 3, window.run(long))
    for steps, policy in ((0, long), (100, flat)):
        recorder.record(steps, policy)
    for curve in recorder.trial(flat).curves.values():
        assert curve.stances_kept == (1.0, 0.0)


def test_arms_that_all_hold_show_nothing_and_every_number_is_finite():
    case = make_case()

    def hold(arm):
        def run(seed):
            recorder = CurveRecorder(case.window, arm, seed)
            for steps in (0, 100):
                recorder.record(steps, lambda states: np.ones(len(states), dtype=int))
            return recorder.trial(lambda states: np.ones(len(states), dtype=int))

        return run

    case = AssetCase(case.window, {arm: hold(arm) for arm in ("transferred", "vanilla", "placebo")})
    found = validate_asset(case, lambda states: np.ones(len(states), dtype=int), CONFIG)
    verdict = reach_verdict([found], CONFIG)
    assert verdict.finding == "no effect shown"
    assert found.luck.p_value == 1.0
    assert found.superior_p is None
    assert all(math.isfinite(value) for value in numbers((found.model_dump(), verdict.model_dump())))
    render = text_report(ReportData(run_id="held", assets=(found,), verdict=verdict))
    assert "No effect".upper() in render
    assert "<svg" in html_report(ReportData(run_id="held", assets=(found,), verdict=verdict))


def test_an_arm_whose_states_differ_is_run_on_the_window_that_it_sees():
    case = make_case(signal=0.5)
    data = case.window.data
    other = replace(case.window, data=replace(data, states=-data.states))
    found = validate_asset(replace(case, seen={"frozen": other}), RULE, CONFIG)
    assert found.arms["frozen"].exposure == tuple(other.run(RULE).exposure.tolist())
    assert found.arms["agent"].exposure == tuple(case.window.run(RULE).exposure.tolist())
    scores = {episode.arm: episode.score_quartiles[1] for episode in found.episodes}
    assert scores["frozen"] < 0 < scores["agent"]
