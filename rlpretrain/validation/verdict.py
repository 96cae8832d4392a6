"""One plain answer from all assets: whether the pre-trained start is better than random weights.

The rule is fixed here, before any result. An effect is shown if the gains over random weights in jump-start and in area
both have an interval over seeds and days that lies above zero and, where a placebo was run, so does the gain in area
over the placebo: what votes of another time achieve as well is not knowledge. All conditions must be met, so no
correction for multiple tests is needed. Harm is declared sooner: one of the two below zero and the other not above it.
Only assets on which the library votes count: on others, there is nothing that the patterns could have taught.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from rlpretrain.analysis.multiple_tests import holm
from rlpretrain.errors import DataError
from rlpretrain.validation.arms import AGENT, BUY_AND_HOLD, PLACEBO, TRANSFERRED, VANILLA
from rlpretrain.validation.asset_result import AssetValidation
from rlpretrain.validation.best_arms import pool_best_arms
from rlpretrain.validation.breakdown import DayGroup, break_down
from rlpretrain.validation.execution import PooledExecution, pool_executions
from rlpretrain.validation.hierarchical import (
    LuckShares,
    PooledGain,
    hierarchical_interval,
    on_common_days,
)
from rlpretrain.validation.learning_curves import MEASURES, SCORE_THRESHOLD, CurveComparison, Measure
from rlpretrain.validation.needed import needed_sentence
from rlpretrain.validation.population import population_of
from rlpretrain.validation.rule_gains import JUDGED, pool_rule_gains, rule_sentence
from rlpretrain.validation.settings import ValidationSettings
from rlpretrain.validation.shrinkage import Population
from rlpretrain.validation.statistics import (
    Finding,
    Interval,
    PairedComparison,
    compare_pairs,
    seed_interval,
)
from rlpretrain.validation.study_power import StudyPower
from rlpretrain.validation.window import CLEAN, CONTAMINATED, Part

__all__ = ["MEASURE_NAMES", "Verdict", "decide_finding", "reach_verdict"]

MEASURE_NAMES: dict[Measure, str] = {"jump_start": "Jump-start", "area": "Area", "final": "Final score"}
_FEW_SEEDS = 10
_WITHOUT_VOTES = "No effect shown: the library has no votes on any of the assets"
_HARM = 0.3
"""Timing score by which an asset must fall below random weights to be named, whatever its interval."""


class Verdict(BaseModel):
    """The conclusion from the evidence on all assets."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    finding: Finding
    headline: str
    sentences: tuple[str, ...]
    """What was found, one statement in each."""
    cautions: tuple[str, ...]
    """What the evidence cannot show."""
    needed: str
    """The statement on what it would take to know more; it is one of `sentences`."""
    two_answers: str
    """Why seeds and days answer differently, where they do; else empty. It is one of `sentences`."""
    part: Part
    assets: tuple[str, ...]
    """Assets that were pooled: those with votes whose test window has this part."""
    not_counted: tuple[str, ...]
    """Assets without votes, which are shown beside them."""
    pooled: dict[Measure, PairedComparison]
    """Transferred minus vanilla on these days; a seed's difference is its mean over assets."""
    days: dict[Measure, Interval]
    """The same with intervals over assets, seeds and days, on which the finding rests."""
    luck: dict[Measure, LuckShares]
    """Variance of these gains by what causes it."""
    power: StudyPower | None
    """What the study could see, as computed before anything was trained; None where it was not."""
    level_reached: Interval
    """The transferred arm's own final score, pooled: an agent better than random weights may still lose."""
    against_placebo: PairedComparison | None
    """Area of transferred minus placebo; None where no placebo was run."""
    placebo_days: Interval | None
    rule_gains: dict[str, dict[str, Interval]]
    """Arm -> one-line rule -> timing score of the arm minus the rule's, over days; empty without votes."""
    holm_p: dict[str, float]
    """'asset measure' -> p-value adjusted over all assets and both primary measures."""
    best_arms: dict[str, float]
    """Arm -> p-value of the model confidence set over the attempts and holding; empty where none differ."""
    population: Population | None
    """Gain in area over random weights on each asset, shrunk to the mean; None for fewer than four assets."""
    harmed: dict[str, dict[Measure, Interval]]
    """Asset, counted or not -> measures in which it is below random weights by 0.3 or more, with their differences."""
    groups: tuple[DayGroup, ...]
    """The gains by year and by regime."""
    executions: tuple[PooledExecution, ...]
    """The score of the positions that were decided, with other fills, costs and capital."""


def reach_verdict(
    assets: Sequence[AssetValidation],
    config: ValidationSettings,
    *,
    seed: int = 7,
    voters: tuple[int, int] | None = None,
    power: StudyPower | None = None,
) -> Verdict:
    """Pool the assets by paired seeds, and reach the verdict.

    Only assets with votes count; if there is none, all are pooled, but no effect is shown. Of those, only assets with a
    clean part count; if there is none, the contaminated ones do, and the verdict says so.

    Parameters
    ----------
    voters
        How many strategies voted at the start of the test window, and at its end; None where that is not known.
    power
        What the study could see, as computed before anything was trained.

    Raises
    ------
    DataError
        There is no asset, or an asset lacks the comparison of transferred with vanilla.
    """
    if not assets:
        raise DataError("no asset was validated", hint="name assets with prices in validation_envs")
    voted = [asset for asset in assets if asset.window.voted]
    judged = voted or assets
    part = CLEAN if any(asset.window.main == CLEAN for asset in judged) else CONTAMINATED
    counted = [asset for asset in judged if asset.window.main == part]
    not_counted = tuple(asset.symbol for asset in assets if not asset.window.voted)
    dates = [np.array(asset.part_dates(part), dtype="datetime64[D]") for asset in counted]
    rng = np.random.default_rng([seed, 3])
    harmed = _harmed(assets)

    def pool(measure: Measure, control: str) -> PairedComparison:
        return compare_pairs(
            _seed_means(counted, TRANSFERRED, part, measure),
            _seed_means(counted, control, part, measure),
            level=config.promotion_confidence,
            samples=config.bootstrap_samples,
            rng=rng,
        )

    def pool_all(measure: Measure, control: str, paired: PairedComparison) -> PooledGain:
        compared = [_required(asset, control) for asset in counted]
        return hierarchical_interval(
            paired.interval,
            [getattr(comparison, measure).differences for comparison in compared],
            on_common_days(dates, [np.array(comparison.by_bar[measure]) for comparison in compared]),
            samples=config.bootstrap_samples,
            rng=rng,
        )

    pooled = {measure: pool(measure, VANILLA) for measure in MEASURES}
    gains = {measure: pool_all(measure, VANILLA, paired) for measure, paired in pooled.items()}
    days = {measure: gain.interval for measure, gain in gains.items()}
    with_placebo = all(asset.comparison(TRANSFERRED, PLACEBO) for asset in counted)
    placebo = pool("area", PLACEBO) if with_placebo else None
    over_placebo = pool_all("area", PLACEBO, placebo) if placebo is not None else None
    placebo_days = None if over_placebo is None else over_placebo.interval
    finding = decide_finding(days, placebo_days) if voted else "no effect shown"
    reached = seed_interval(
        _seed_means(counted, TRANSFERRED, part, "final"),
        level=config.promotion_confidence,
        samples=config.bootstrap_samples,
        rng=rng,
    )
    rule_gains = pool_rule_gains(
        dates,
        [asset.rule_gains for asset in counted],
        config,
        np.random.default_rng([seed, 7]),
    )
    against_rules = [
        rule_sentence(f"The {who}", rule_gains[arm]) for arm, who in JUDGED.items() if arm in rule_gains
    ]
    # The conditions of the rule: the one with the most luck decides what can be seen.
    required = [gains["jump_start"], gains["area"], *filter(None, [over_placebo])]
    needed = needed_sentence(
        max((gain.luck for gain in required), key=lambda luck: luck.total),
        SCORE_THRESHOLD,
        config.promotion_confidence,
        years=_years(counted),
        assets=len(counted),
        seeds=config.validation_seeds,
    )
    two_answers = _two_answers(pooled, days)
    return Verdict(
        finding=finding,
        headline=(_headline(finding, part, pooled, days, placebo_days) if voted else _WITHOUT_VOTES)
        + (f"; worse than random weights on {', '.join(harmed)}" if harmed else ""),
        sentences=(
            *_harms(harmed, not_counted),
            *against_rules,
            *(() if power is None else (str(power),)),
            needed,
            *_sentences(pooled, days, placebo, placebo_days, reached, counted),
            *filter(None, [two_answers]),
        ),
        needed=needed,
        two_answers=two_answers,
        cautions=tuple(_cautions(part, counted, not_counted, placebo, config, voters)),
        part=part,
        assets=tuple(asset.symbol for asset in counted),
        not_counted=not_counted,
        pooled=pooled,
        days=days,
        luck={measure: gain.luck for measure, gain in gains.items()},
        power=power,
        placebo_days=placebo_days,
        rule_gains=rule_gains,
        level_reached=reached,
        against_placebo=placebo,
        best_arms=pool_best_arms(
            counted, samples=config.bootstrap_samples, rng=np.random.default_rng([seed, 8])
        ),
        population=population_of(
            [asset.symbol for asset in counted],
            [np.array(asset.part_dates(part), dtype="datetime64[D]") for asset in counted],
            [_required(asset, VANILLA) for asset in counted],
            level=config.promotion_confidence,
            samples=config.bootstrap_samples,
            rng=np.random.default_rng([seed, 9]),
        ),
        holm_p=holm(
            {
                f"{asset.symbol} {measure}": getattr(_required(asset, VANILLA), measure).p_value
                for asset in counted
                for measure in ("jump_start", "area")
            }
        ),
        harmed=harmed,
        groups=break_down(counted, part, config, seed),
        executions=pool_executions(
            [asset.symbol for asset in counted],
            dates,
            [asset.executions for asset in counted],
            config,
            seed,
        ),
    )


def _required(asset: AssetValidation, control: str) -> CurveComparison:
    found = asset.comparison(TRANSFERRED, control)
    if found is None:
        raise DataError(f"{asset.symbol}: transferred was not compared with {control}")
    return found


def _seed_means(
    assets: Sequence[AssetValidation], arm: str, part: Part, measure: Measure
) -> NDArray[np.float64]:
    """Return a measure's mean over assets for each seed, (seeds,): the seeds were drawn at random."""
    rows = []
    for asset in assets:
        curves = sorted((c for c in asset.curves[part] if c.arm == arm), key=lambda c: c.seed)
        rows.append([MEASURES[measure](curve) for curve in curves])
    return np.asarray(np.mean(rows, axis=0), dtype=np.float64)


def decide_finding(days: Mapping[Measure, Interval], placebo: Interval | None) -> Finding:
    """Apply the rule to the gains over random weights, and to the gain in area over the placebo if one was run."""
    primary = [days["jump_start"].finding, days["area"].finding]
    if all(finding == "better" for finding in primary):
        return "better" if placebo is None or placebo.finding == "better" else "no effect shown"
    if "worse" in primary and "better" not in primary:
        return "worse"
    return "no effect shown"


def _headline(
    finding: Finding,
    part: Part,
    pooled: Mapping[Measure, PairedComparison],
    days: Mapping[Measure, Interval],
    placebo: Interval | None,
) -> str:
    if finding != "no effect shown":
        where = "" if part == CLEAN else ", on days contaminated by hindsight"
        return f"The pre-trained start is {finding} than random weights{where}"
    over_days = [days["jump_start"].finding, days["area"].finding]
    if over_days == ["better", "better"] and placebo is not None:
        return "No effect of the patterns shown: votes of another time do as well within the margin of error"
    if over_days[0] == "better":
        return "No effect on learning shown: the start is better, but the interval of the area includes zero"
    if "better" in over_days:
        return "No effect shown: the measures disagree"
    if all(pooled[measure].finding == "better" for measure in ("jump_start", "area")):
        return "No effect shown: the gain on these test days may be due to luck with the days"
    return "No effect shown: the interval includes zero"


def _sentences(
    pooled: Mapping[Measure, PairedComparison],
    days: Mapping[Measure, Interval],
    placebo: PairedComparison | None,
    placebo_days: Interval | None,
    reached: Interval,
    assets: Sequence[AssetValidation],
) -> list[str]:
    sentences = [
        f"{MEASURE_NAMES[measure]} over random weights: {_state(pooled[measure], days[measure])}"
        for measure in MEASURES
    ]
    if placebo is not None and placebo_days is not None:
        sentences.append(f"Area over the placebo (votes of another time): {_state(placebo, placebo_days)}")
    against_zero = {"better": "above", "worse": "below"}.get(reached.finding, "not distinguishable from")
    sentences.append(
        f"The transferred agents' own final score is {reached} across seeds: {against_zero} zero, the score of "
        "being always long or always flat."
    )
    return [*sentences, *(_asset_sentence(asset) for asset in assets)]


def _two_answers(pooled: Mapping[Measure, PairedComparison], days: Mapping[Measure, Interval]) -> str:
    """Return why seeds show a gain that days do not; empty where they agree."""
    gained = [
        measure
        for measure in MEASURES
        if pooled[measure].finding == "better" and days[measure].finding == "no effect shown"
    ]
    if not gained:
        return ""
    smallest = min(pooled[measure].p_value for measure in gained)
    names = " and ".join(MEASURE_NAMES[measure].lower() for measure in gained)
    return (
        f"The small p-value over seeds (p = {smallest:.3f}) does not contradict this: it says that the luck of "
        f"training does not explain the gain in {names} on these very days. Luck with the days may: the interval over "
        "other days like them includes zero, and the verdict needs both."
    )


def _years(assets: Sequence[AssetValidation]) -> float:
    """Return the test years of the asset with the fewest."""
    return min((a.window.clean_bars or a.window.bars) / a.window.bars_per_year for a in assets)


def _harmed(assets: Sequence[AssetValidation]) -> dict[str, dict[Measure, Interval]]:
    """Find the assets on which the pre-trained start cost a score that would matter, however uncertain that is."""
    found = {}
    for asset in assets:
        days = _required(asset, VANILLA).days
        worse = {measure: days[measure] for measure in MEASURES if days[measure].estimate <= -_HARM}
        if worse:
            found[asset.symbol] = worse
    return found


def _harms(harmed: Mapping[str, Mapping[Measure, Interval]], not_counted: Sequence[str]) -> list[str]:
    sentences = []
    for symbol, worse in harmed.items():
        shown = ", ".join(f"{MEASURE_NAMES[measure].lower()} {gain}" for measure, gain in worse.items())
        counts = ", which does not count in the verdict," if symbol in not_counted else ""
        sentences.append(
            f"{symbol}{counts} is worse off than from random weights by {_HARM} or more: {shown}."
        )
    return sentences


def _asset_sentence(asset: AssetValidation) -> str:
    luck, held = asset.luck, asset.sharpe_differences.get(BUY_AND_HOLD)
    read = "is above that of" if luck.p_value <= 1.0 - luck.level else "cannot be distinguished from"
    sentence = (
        f"{asset.symbol}: the agent's score of {luck.score:+.2f} {read} random trading with the same exposure "
        f"and turnover (p = {luck.p_value:.3f})."
    )
    if held is None:
        return sentence
    difference = f"{held.interval}: {_read(held.interval.finding)}"
    return f"{sentence} Its Sharpe ratio minus that of buy-and-hold is {difference}."


def _state(paired: PairedComparison, days: Interval) -> str:
    return (
        f"{days}: {_read(days.finding)}. On these days alone, the interval over {paired.pairs} paired seeds is "
        f"[{paired.interval.low:+.2f}, {paired.interval.high:+.2f}] (p = {paired.p_value:.3f})."
    )


def _read(finding: Finding) -> str:
    place = {"better": "lies above", "worse": "lies below"}.get(finding, "includes")
    return f"{finding}; the interval {place} zero"


def _cautions(
    part: Part,
    assets: Sequence[AssetValidation],
    not_counted: Sequence[str],
    placebo: PairedComparison | None,
    config: ValidationSettings,
    voters: tuple[int, int] | None,
) -> list[str]:
    cautions = []
    if not_counted:
        which = "it is shown, but does" if len(not_counted) == 1 else "they are shown, but do"
        cautions.append(
            f"The library has no votes on {', '.join(not_counted)} in the test window; {which} not count in the "
            "verdict."
        )
    if len(assets) == 1:
        cautions.append("The verdict rests on one asset, which says nothing about how much assets differ.")
    if part == CONTAMINATED:
        unknown = any(asset.window.clean_from is None for asset in assets)
        why = (
            "the versions and the last edit of at least one voting strategy are unknown"
            if unknown
            else "strategies that vote by today's rules were edited inside or after it"
        )
        cautions.append(
            f"The whole test window is contaminated: {why}, so the rules may reflect their authors' hindsight."
        )
    if voters is not None:
        first, last = voters
        fewer = " Fewer at first is an honest figure: none votes before it was written and reviewed."
        cautions.append(
            f"Behind the votes stood {first:,} strategies at the start of the test window and {last:,} at its end."
            f"{fewer if first < last else ''}"
        )
    if config.validation_seeds < _FEW_SEEDS:
        cautions.append(
            f"{config.validation_seeds} seeds are few: a claim needs at least ten, and preferably twenty."
        )
    if placebo is None:
        cautions.append(
            "No placebo was run, so a gain may come from pre-training as such, not from the patterns."
        )
    years = _years(assets)
    cautions.append(
        f"The intervals over days resample {years:.1f} years of test days: they do not cover kinds of market that "
        "did not occur in them. "
        f"A Sharpe ratio over these days has a standard error of about {years**-0.5:.2f}."
    )
    if all(asset.arms[AGENT].metrics[part].trades == 0 for asset in assets):
        cautions.append("The agent closed no trade in the test window; its trade statistics are empty.")
    return cautions
