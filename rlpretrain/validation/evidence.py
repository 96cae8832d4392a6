"""Evidence on an asset: run every arm, then measure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rlpretrain.environments import Policy, Trajectory
from rlpretrain.errors import DataError
from rlpretrain.validation.arms import (
    AGENT,
    BUY_AND_HOLD,
    MATCHED_RANDOM,
    PLACEBO,
    TRANSFERRED,
    VANILLA,
    arms_with,
    trade_by,
    vote_rules,
)
from rlpretrain.validation.asset_result import (
    ArmResult,
    AssetValidation,
    EpisodeSummary,
    TriedPolicy,
    WindowSummary,
)
from rlpretrain.validation.baselines import matched_random
from rlpretrain.validation.execution import execute
from rlpretrain.validation.learning_curves import (
    SCORE_THRESHOLD,
    ArmCurves,
    CurveComparison,
    LearningCurve,
    compare_curves,
    curve_band,
)
from rlpretrain.validation.metrics import median_metrics, performance_metrics, sharpe_ratio, timing_score
from rlpretrain.validation.overfitting import overfitting
from rlpretrain.validation.rule_gains import compare_with_rules
from rlpretrain.validation.settings import ValidationSettings
from rlpretrain.validation.sharpe import (
    SharpeDifference,
    sharpe_difference,
    sharpe_evidence,
    superior_predictive_ability,
)
from rlpretrain.validation.statistics import seed_interval
from rlpretrain.validation.trial_runs import run_trials
from rlpretrain.validation.window import CLEAN, CONTAMINATED, EvaluationWindow, Part, combine, cut

__all__ = ["AssetCase", "CurveRecorder", "Trial", "validate_asset"]

_RANDOM_PATHS = 500
_RANDOM_MEASURED = 100
"""Random paths whose metrics are computed: medians need fewer paths than the tail of the scores."""


@dataclass(frozen=True)
class Trial:
    """One seed of one learning arm: the final policy, and its curve on each part of the test window.

    The policy is the last one, or one chosen on the validation window; it is never chosen by its test score.
    """

    policy: Policy
    curves: Mapping[Part, LearningCurve]
    by_bar: Mapping[Part, NDArray[np.float64]]
    """(k, m) contribution of each bar of the part to the score of each checkpoint."""
    chosen_after: int
    """Steps after which the policy was as it is here."""
    sha256: str = ""
    """Hash of the policy's weights; empty where it has none."""


class CurveRecorder:
    """Scores a learning policy at its checkpoints on the test window; the scores are only recorded.

    Parameters
    ----------
    window, arm, seed
        Test window, and what names the curve.
    prior
        The pre-trained policy's run through the window, with whose positions those of the learning one are compared.

    Examples
    --------
    >>> recorder = CurveRecorder(window, "vanilla", seed)      # doctest: +SKIP
    >>> recorder.record(0, policy.act)                         # doctest: +SKIP
    >>> trial = recorder.trial(policy.act)                     # doctest: +SKIP
    """

    def __init__(
        self, window: EvaluationWindow, arm: str, seed: int, prior: Trajectory | None = None
    ) -> None:
        self._window, self._arm, self._seed = window, arm, seed
        self._prior = prior
        self._kept: list[float] = []
        self._steps: list[int] = []
        self._contributions: list[dict[Part, NDArray[np.float64]]] = []

    def record(self, steps: int, policy: Policy) -> None:
        """Score the policy as it is after `steps` environment steps."""
        self.record_run(steps, self._window.run(policy))

    def record_run(self, steps: int, trajectory: Trajectory) -> None:
        """Score the run through the window of the policy as it is after `steps`."""
        self._steps.append(steps)
        self._contributions.append(self._window.part_contributions(trajectory))
        if self._prior is not None:
            self._kept.append(float(np.mean(trajectory.exposure == self._prior.exposure)))

    def trial(self, policy: Policy, chosen_after: int | None = None, sha256: str = "") -> Trial:
        """Return the finished trial with the policy that the arm ends with: the last one, or that after some steps."""
        by_bar = {part: np.array([row[part] for row in self._contributions]) for part in self._window.parts}
        curves = {
            part: LearningCurve(self._arm, self._seed, self._steps, rows.mean(axis=1).tolist(), self._kept)
            for part, rows in by_bar.items()
        }
        chosen = self._steps[-1] if chosen_after is None else chosen_after
        return Trial(policy=policy, curves=curves, by_bar=by_bar, chosen_after=chosen, sha256=sha256)


@dataclass(frozen=True)
class AssetCase:
    """The input of validation on one asset.

    Parameters
    ----------
    window
        The asset's test window.
    learners
        Arm -> function that returns a run for a seed. 'transferred' and 'vanilla' are required; others, such as
        'placebo', are compared with 'vanilla' too. A seed must give every arm the same environment starts and budget.
    policies
        Arm -> a policy that does not learn, such as 'frozen'.
    seen
        Arm -> the window as its policies see it, where their states differ from those of `window`: the same bars. The
        runs of a learner must have been recorded on it.
    trials
        Number of agents that could have been chosen in place of this one, over all runs to date, by which the Sharpe
        ratio is deflated. None counts the learning runs of this validation.
    hashes
        Arm -> hash of the weights of the agent or of a policy that does not learn, where it is known.
    """

    window: EvaluationWindow
    learners: Mapping[str, Callable[[int], Trial]]
    policies: Mapping[str, Policy] = field(default_factory=dict)
    seen: Mapping[str, EvaluationWindow] = field(default_factory=dict)
    trials: int | None = None
    hashes: Mapping[str, str] = field(default_factory=dict)

    def window_of(self, arm: str) -> EvaluationWindow:
        """Return the window as an arm's policies see it."""
        return self.seen.get(arm, self.window)


def validate_asset(
    case: AssetCase,
    agent: Policy,
    config: ValidationSettings,
    *,
    seed: int = 7,
    processes: int | None = 1,
    progress: Callable[[str, int, Trial], None] = lambda arm, seed, trial: None,
) -> AssetValidation:
    """Run all arms on one asset's test window and measure them.

    Parameters
    ----------
    agent
        Policy of the agent file.
    seed
        First of ``config.validation_seeds`` consecutive seeds of the learning arms, and the seed of every draw in this
        function.
    processes, progress
        Number of processes in which arms learn, and what is called after each run; see `run_trials`.

    Raises
    ------
    DataError
        'transferred' or 'vanilla' is missing, an arm has the name of another one, or a reference does not trade the
        whole window.
    """
    for needed in (TRANSFERRED, VANILLA):
        if needed not in case.learners:
            raise DataError(
                f"{case.window.symbol}: there is no arm '{needed}' to validate", hint="add it to `learners`"
            )
    window = case.window
    references = {
        arm.name: [trade_by(arm, window)]
        for arm in arms_with("reference")
        if window.votes is not None or not arm.follows_votes
    }
    taken = {AGENT, MATCHED_RANDOM, *references} & {*case.learners, *case.policies}
    if taken:
        raise DataError(
            f"{window.symbol}: every validation already has arms named {sorted(taken)}",
            hint="use other names",
        )
    trials = run_trials(
        case.learners,
        range(seed, seed + config.validation_seeds),
        processes=processes,
        progress=progress,
    )
    policies = {AGENT: [agent], **{arm: [policy] for arm, policy in sorted(case.policies.items())}}
    policies |= {arm: [trial.policy for trial in runs] for arm, runs in trials.items()}
    positions = {
        arm: np.array([case.window_of(arm).decide(policy) for policy in group])
        for arm, group in policies.items()
    }
    trajectories = {arm: case.window_of(arm).follow(paths) for arm, paths in positions.items()}
    rng = np.random.default_rng([seed, 1])
    main = {
        arm: combine([cut(t, window.parts[window.main]) for t in runs])
        for arm, runs in {**trajectories, **references}.items()
    }
    luck, paths = matched_random(
        window, trajectories[AGENT][0], draws=_RANDOM_PATHS, level=config.promotion_confidence, rng=rng
    )
    first = {BUY_AND_HOLD: references.pop(BUY_AND_HOLD), MATCHED_RANDOM: paths[:_RANDOM_MEASURED]}
    shown = {**trajectories, **first, **references}
    count = case.trials if case.trials is not None else sum(len(runs) for runs in trials.values())
    bars = window.parts[window.main]
    return AssetValidation(
        window=_summarise_window(window),
        dates=tuple(window.dates.astype(object).tolist()),
        arms={arm: _summarise_arm(arm, window, runs, config, rng) for arm, runs in shown.items()},
        curves={part: _curves(trials, part) for part in window.parts},
        bands={
            arm: curve_band(
                [trial.curves[window.main] for trial in runs],
                level=config.promotion_confidence,
                samples=config.bootstrap_samples,
                rng=rng,
            )
            for arm, runs in trials.items()
        },
        comparisons=_compare(trials, window.main, config, rng),
        contaminated_comparisons=(
            _compare(trials, CONTAMINATED, config, rng)
            if window.main == CLEAN and CONTAMINATED in window.parts
            else ()
        ),
        luck=luck,
        sharpe=sharpe_evidence(
            main[AGENT].net_returns,
            main[AGENT].bars_per_year,
            trials=count,
            trial_deviation=_deviation_of_sharpe(
                [cut(run, window.parts[window.main]) for arm in trials for run in trajectories[arm]]
            ),
            level=config.promotion_confidence,
        ),
        sharpe_differences=_sharpe_differences(main, [*trajectories, BUY_AND_HOLD], config, rng)
        | {
            name: difference
            for arm in references
            # Separate draws: another reference must not change the figures of the others.
            for name, difference in _sharpe_differences(
                main, [arm], config, np.random.default_rng([seed, 4, *arm.encode()])
            ).items()
        },
        # References are not attempts to beat holding, so more of them do not make luck more likely.
        superior_p=superior_predictive_ability(
            main[BUY_AND_HOLD].net_returns,
            {arm: main[arm].net_returns for arm in policies},
            samples=config.bootstrap_samples,
            rng=rng,
        ),
        overfitting=overfitting(
            np.column_stack([run.net_returns[bars] for runs in trajectories.values() for run in runs])
        ),
        tried=_tried(case, trials, range(seed, seed + config.validation_seeds)),
        rule_gains=compare_with_rules(
            window,
            {arm: runs[0] for arm, runs in trajectories.items()},
            {rule.name: references[rule.name][0] for rule in vote_rules() if rule.name in references},
            config,
            np.random.default_rng([seed, 5]),
        ),
        episodes=_episodes(case, policies, config, np.random.default_rng([seed, 2])),
        regimes=window.regimes,
        executions=execute(window, positions),
    )


def _summarise_window(window: EvaluationWindow) -> WindowSummary:
    sizes = {part: bars.stop - bars.start for part, bars in window.parts.items()}
    return WindowSummary(
        symbol=window.symbol,
        start=window.dates[0].astype(object),
        end=window.dates[-1].astype(object),
        bars=len(window.dates),
        bars_per_year=window.data.bars_per_year,
        clean_from=window.clean_from,
        clean_bars=sizes.get(CLEAN, 0),
        contaminated_bars=sizes.get(CONTAMINATED, 0),
        main=window.main,
        cost_bps=window.data.cost * 10_000,
        voted=window.voted,
    )


def _summarise_arm(
    arm: str,
    window: EvaluationWindow,
    runs: Sequence[Trajectory],
    config: ValidationSettings,
    rng: np.random.Generator,
) -> ArmResult:
    score = None
    if len(runs) > 1 and arm != MATCHED_RANDOM:
        scores = [window.part_scores(run)[window.main] for run in runs]
        score = seed_interval(
            scores, level=config.promotion_confidence, samples=config.bootstrap_samples, rng=rng
        )
    joined = combine(runs)
    rows = [window.part_contributions(run)[window.main] for run in runs]
    contributions = np.asarray(np.mean(rows, axis=0), dtype=np.float64)
    return ArmResult(
        arm=arm,
        runs=len(runs),
        metrics={
            part: median_metrics([performance_metrics(cut(run, bars)) for run in runs])
            for part, bars in window.parts.items()
        },
        score=score,
        equity=tuple(np.round(joined.equity, 6).tolist()),
        exposure=tuple(np.round(joined.exposure, 4).tolist()),
        contributions=tuple(contributions.round(8).tolist()),
    )


def _tried(
    case: AssetCase, trials: Mapping[str, Sequence[Trial]], seeds: Sequence[int]
) -> tuple[TriedPolicy, ...]:
    found = [TriedPolicy(arm=arm, seed=None, sha256=case.hashes[arm]) for arm in sorted(case.hashes)]
    for arm, runs in trials.items():
        found += [
            TriedPolicy(arm=arm, seed=seed, sha256=trial.sha256)
            for seed, trial in zip(seeds, runs, strict=True)
            if trial.sha256
        ]
    return tuple(found)


def _arm_curves(trials: Sequence[Trial], part: Part) -> ArmCurves:
    return ArmCurves([trial.curves[part] for trial in trials], [trial.by_bar[part] for trial in trials])


def _curves(trials: Mapping[str, Sequence[Trial]], part: Part) -> tuple[LearningCurve, ...]:
    return tuple(trial.curves[part] for runs in trials.values() for trial in runs)


def _compare(
    trials: Mapping[str, Sequence[Trial]], part: Part, config: ValidationSettings, rng: np.random.Generator
) -> tuple[CurveComparison, ...]:
    """Compare every arm with vanilla, the transferred one first, and the transferred one with the placebo."""
    others = [arm for arm in trials if arm not in (TRANSFERRED, VANILLA)]
    pairs = [(TRANSFERRED, VANILLA), *((arm, VANILLA) for arm in others)]
    if PLACEBO in trials:
        pairs.insert(1, (TRANSFERRED, PLACEBO))
    return tuple(
        compare_curves(
            _arm_curves(trials[treated], part),
            _arm_curves(trials[control], part),
            threshold=SCORE_THRESHOLD,
            level=config.promotion_confidence,
            samples=config.bootstrap_samples,
            rng=rng,
        )
        for treated, control in pairs
    )


def _deviation_of_sharpe(runs: Sequence[Trajectory]) -> float | None:
    """Return the deviation, per bar, of the Sharpe ratios of all runs that could have been chosen.

    The ratios are those of the bars on which the chosen run is judged: on more bars, luck would spread them less, and
    the deflation would be too small.
    """
    ratios = [ratio for run in runs if (ratio := sharpe_ratio(run.net_returns, 1.0)) is not None]
    return float(np.std(ratios, ddof=1)) if len(ratios) > 1 else None


def _sharpe_differences(
    main: Mapping[str, Trajectory],
    others: Sequence[str],
    config: ValidationSettings,
    rng: np.random.Generator,
) -> dict[str, SharpeDifference]:
    """Compare the agent with each other arm; the transferred runs, of which it is one, are left out."""
    agent = main[AGENT]
    differences = {
        arm: sharpe_difference(
            agent.net_returns,
            main[arm].net_returns,
            agent.bars_per_year,
            level=config.promotion_confidence,
            samples=config.bootstrap_samples,
            rng=rng,
        )
        for arm in others
        if arm not in (AGENT, TRANSFERRED)
    }
    return {arm: difference for arm, difference in differences.items() if difference is not None}


def _episodes(
    case: AssetCase,
    policies: Mapping[str, Sequence[Policy]],
    config: ValidationSettings,
    rng: np.random.Generator,
) -> tuple[EpisodeSummary, ...]:
    """Run one policy of each arm, the first seed's, through the same random-start episodes."""
    starts, days = case.window.episode_starts(config.validation_episodes, config.episode_days, rng)
    summaries = []
    for arm, group in policies.items():
        runs = case.window_of(arm).episodes(group[0], starts, days)
        gains = np.array([run.equity[-1] - 1.0 for run in runs])
        held = np.array([np.prod(1.0 + run.asset_returns) - 1.0 for run in runs])
        scores = [timing_score(r.net_returns, r.asset_returns, r.exposure, r.bars_per_year) for r in runs]
        summaries.append(
            EpisodeSummary(
                arm=arm,
                episodes=len(runs),
                days=days,
                score_quartiles=_quartiles(scores),
                return_quartiles=_quartiles(gains.tolist()),
                positive=float(np.mean(gains > 0)),
                beats_holding=float(np.mean(gains > held)),
            )
        )
    return tuple(summaries)


def _quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    low, median, high = np.quantile(values, [0.25, 0.5, 0.75])
    return float(low), float(median), float(high)
