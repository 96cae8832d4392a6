"""Champion beside challenger: the same unseen days, no look-ahead; what is promoted; what the champion then scores."""

from __future__ import annotations

import asyncio
import csv
import datetime as dt
import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rlpretrain.cli import main
from rlpretrain.environments import EpisodeData, rollout
from rlpretrain.errors import StageError
from rlpretrain.features import STATE_DIM
from rlpretrain.features.names import VOTES
from rlpretrain.market import load_market
from rlpretrain.market.windows import Windows
from rlpretrain.pipeline import PretrainingPipeline
from rlpretrain.pretraining.dataset import Scaler
from rlpretrain.registry import ModelCard, ModelVersion, Registry
from rlpretrain.registry.rule import FEWEST_DAYS
from rlpretrain.runs.files import file_sha256
from rlpretrain.runs.run_folder import RunFolder
from rlpretrain.stages import (
    ANALYZE,
    DECIDE,
    POWER,
    PRETRAIN,
    PROMOTE,
    REPORT,
    SCORE,
    SEAL,
    TRANSFER,
    VALIDATE,
    Run,
    run_stage,
    work_of,
)
from rlpretrain.stages.decide import DECISIONS
from rlpretrain.stages.implementation.challenge import against_champion, as_trained, unseen_by_both
from rlpretrain.stages.implementation.decide import facts_of
from rlpretrain.stages.implementation.decision import card_of, compare
from rlpretrain.stages.implementation.market import load_days, market_key, market_of, windows_of
from rlpretrain.stages.implementation.score import follow
from rlpretrain.stages.pretrain import PRETRAINED, Pretrained
from rlpretrain.stages.promote import Promoted
from rlpretrain.stages.report import Reported
from rlpretrain.stages.seal import LIVE_RECORD
from rlpretrain.stages.transfer import AGENT, Transferred
from rlpretrain.stages.validate import Validated
from rlpretrain.stages.work import Work
from rlpretrain.transfer import TradingPolicy, load_agent, save_agent
from rlpretrain.transfer.policy import blank_policy
from rlpretrain.validation import EvaluationWindow
from tests.registry.building import decision
from tests.runs.building import write_manifest
from tests.stages.conftest import tiny, write_prices
from tests.stages.test_causality import with_another_future

DAY = np.datetime64("2024-02-14")
"""In the test window; prices after it change."""
ASSET = "GLD"


def policy(seed: int) -> TradingPolicy:
    """Make a policy of random weights that trades often."""
    torch.manual_seed(seed)
    scaler = Scaler(mean=np.zeros(STATE_DIM, np.float32), std=np.full(STATE_DIM, 0.02, np.float32))
    return blank_policy(scaler, [16], 3).eval()


def analysed(folder: Path, market: str) -> Run:
    """Return a run up to its power, with policies of random weights in the place of what would be learned."""
    settings: dict[str, Any] = {"max_strategies": 12, "validation_envs": [ASSET], "test_start": "2023-06-01"}
    pipeline = PretrainingPipeline(tiny(folder, market=market, **settings), run_id="run")
    asyncio.run(pipeline.run_to(ANALYZE))
    run_stage(pipeline.run, POWER)

    def pretrain(work: Work[Any]) -> Pretrained:
        save_agent(work.write(PRETRAINED), policy(1), {})
        figures = {"train": 1, "validation": 1, "epochs": 1, "best_epoch": 1, "torch_threads": 1}
        return Pretrained(**figures, stopped_early=False, findings=[])

    def transfer(work: Work[Any]) -> Transferred:
        save_agent(work.write(AGENT), policy(0), {})
        return Transferred(assets=[ASSET], left_out={}, chosen_steps=0)

    def validate(_: Work[Any]) -> Validated:
        return Validated(bars=1, seeds=2, learned_on=[ASSET])

    run_stage(pipeline.run, replace(PRETRAIN, run=pretrain))
    run_stage(pipeline.run, replace(TRANSFER, run=transfer))
    run_stage(pipeline.run, replace(VALIDATE, run=validate), ASSET)
    return pipeline.run


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("base")
    panel = load_market("generated:years=6", seed=3)
    return analysed(folder / "runs", write_prices(panel, folder / "market"))


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("changed")
    panel = with_another_future(load_market("generated:years=6", seed=3), DAY)
    return analysed(folder / "runs", write_prices(panel, folder / "market"))


def with_settings(run: Run, folder: RunFolder, **settings: Any) -> Run:
    """Return the run with other settings in a folder, on the market that was loaded before."""
    config = run.config.changed(**settings)
    other = Run(config, folder)
    other.remember(market_key(config), lambda: market_of(run))
    return other


def moved_to(folder: Path, run: Run) -> Run:
    """Return a copy of the run in a folder of runs of its own."""
    shutil.copytree(run.folder.path, folder / "run")
    return with_settings(run, RunFolder(folder / "run"), output_dir=folder)


def with_champion(run: Run, folder: Path, **changes: Any) -> tuple[Run, ModelVersion]:
    """Return a copy of the run beside a registry in which an agent of an earlier run is champion."""
    agent = folder / "champion.pt"
    save_agent(agent, policy(5), {})
    card = card_of(work_of(run, REPORT), {}).model_copy(
        update={"run_id": "before", "agent_sha256": file_sha256(agent), **changes}
    )
    registry = Registry(folder)
    version = registry.register(card, agent)
    registry.promote(version.version, by="Ada", reason="the first", instead_of=None)
    return moved_to(folder, run), version


def validating(run: Run) -> Work[Any]:
    return work_of(run, VALIDATE, ASSET)


def days(run: Run) -> EpisodeData:
    return load_days(validating(run), [ASSET])[0]


def windows(run: Run) -> Windows:
    return windows_of(market_of(run), run.config)


def window(run: Run) -> EvaluationWindow:
    data = days(run)
    return EvaluationWindow(data, *data.rows(windows(run).test_start, None))


def agent(run: Run) -> TradingPolicy:
    return load_agent(run.folder / AGENT)[0]


def test_both_trade_the_same_days_as_by_their_own_rollout(base: Run, tmp_path: Path) -> None:
    run, champion = with_champion(base, tmp_path)
    found = against_champion(validating(run), window(base), agent(base).act, champion)
    assert found["champion"] == 1
    data = days(base)
    first = max(d for d in (champion.unseen_from, champion.clean_from) if d is not None)
    rows = data.rows(np.datetime64(first), None)
    for name, actor in (("agent_returns", agent(base)), ("champion_returns", policy(5))):
        path = rollout(actor.act, data, [rows])[0]
        assert found["dates"] == path.dates.astype(str).tolist()
        np.testing.assert_array_equal(found[name], path.net_returns)
    assert found["agent_returns"] != found["champion_returns"]


@pytest.mark.parametrize("late", ["test_start", "clean_from"])
def test_days_that_the_champion_may_have_learned_from_are_left_out(
    base: Run, tmp_path: Path, late: str
) -> None:
    day = dt.date(2024, 3, 1)
    changes: dict[str, Any] = {"clean_from": day}
    if late == "test_start":
        changes = {"windows": {**windows(base).as_json(), "test_start": str(day)}, "clean_from": None}
    run, champion = with_champion(base, tmp_path, **changes)
    found = against_champion(validating(run), window(base), agent(base).act, champion)
    assert dt.date.fromisoformat(found["dates"][0]) > day


def test_a_champion_that_has_seen_all_days_is_not_comparable(base: Run, tmp_path: Path) -> None:
    seen = {**windows(base).as_json(), "test_start": "2024-12-20"}
    run, champion = with_champion(base, tmp_path, windows=seen)
    found = against_champion(validating(run), window(base), agent(base).act, champion)
    assert "dates" not in found
    comparison = compare({ASSET: found}, champion, run.config)
    assert comparison.difference is None
    assert "from 2024-12-20" in comparison.why_not


def test_a_champion_of_other_states_is_not_comparable(
    base: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, champion = with_champion(base, tmp_path)
    own = agent(base)
    monkeypatch.setattr("rlpretrain.pretraining.network.STATE_VERSION", "0")
    found = against_champion(validating(run), window(base), own.act, champion)
    assert "state" in found["error"]
    assert against_champion(validating(run), window(base), own.act, None) == {"champion": None}


def test_the_later_of_all_days_counts() -> None:
    days = [dt.date(2024, month, 1) for month in (1, 2, 3, 4)]
    for shift in range(4):
        test, clean, theirs, their_clean = days[shift:] + days[:shift]
        champion = ModelVersion.model_construct(
            windows={"test_start": str(theirs)}, clean_from=their_clean, version=1
        )
        assert unseen_by_both(test, clean, champion) == days[3]
    champion = ModelVersion.model_construct(windows={"test_start": "2024-02-01"}, clean_from=None, version=1)
    assert unseen_by_both(days[0], None, champion) == days[1]


def test_where_all_vote_point_in_time_every_test_day_is_clean() -> None:
    """The first day of each one's market is then its first clean day, so only what was learned from counts."""
    begin, test, theirs = dt.date(2010, 1, 4), dt.date(2023, 6, 1), dt.date(2023, 9, 1)
    champion = ModelVersion.model_construct(windows={"test_start": str(theirs)}, clean_from=begin, version=1)
    assert unseen_by_both(test, begin, champion) == theirs
    edited = champion.model_copy(update={"clean_from": dt.date(2024, 2, 1)})
    assert unseen_by_both(test, begin, edited) == edited.clean_from, "its strategies voted by later rules"


def test_each_agent_sees_the_market_by_its_own_settings(base: Run, tmp_path: Path) -> None:
    run, champion = with_champion(base, tmp_path, settings={**base.config.of_run(), "votes": False})
    seeing, blind = days(base).states, as_trained(validating(run), champion, ASSET).states
    assert np.any(seeing[:, VOTES] != 0)
    assert np.all(blind[:, VOTES] == 0)
    np.testing.assert_array_equal(np.delete(seeing, VOTES, axis=1), np.delete(blind, VOTES, axis=1))


def test_what_is_compared_up_to_a_day_knows_no_later_price(base: Run, changed: Run, tmp_path: Path) -> None:
    found, decided = [], []
    for name, run in (("base", base), ("changed", changed)):
        (tmp_path / name).mkdir()
        moved, champion = with_champion(run, tmp_path / name)
        rows = against_champion(validating(moved), window(moved), policy(0).act, champion)
        known = sum(day <= str(DAY) for day in rows["dates"])
        assert known > FEWEST_DAYS
        past = {k: v[:known] if isinstance(v, list) else v for k, v in rows.items()}
        found.append((past, rows))
        decided.append(compare({ASSET: past}, champion, moved.config))
    assert found[0][0] == found[1][0]
    assert found[0][1] != found[1][1], "the future did change"
    assert decided[0] == decided[1]
    assert decided[0].difference is not None


def rows(days: int, gain: float, noise: float = 0.01, seed: int = 1) -> dict[str, Any]:
    dates = np.datetime64("2024-01-01") + np.arange(days)
    returns = np.random.default_rng(seed).normal(0, noise, days)
    return {
        "champion": 1,
        "dates": dates.astype(str).tolist(),
        "agent_returns": (returns + gain).tolist(),
        "champion_returns": returns.tolist(),
    }


def test_the_difference_is_paired_and_pooled_over_assets(base: Run, tmp_path: Path) -> None:
    run, champion = with_champion(base, tmp_path)
    comparison = compare({"A": rows(120, 2e-4), "B": rows(120, 4e-4, seed=2)}, champion, run.config)
    assert comparison.difference is not None
    assert comparison.difference.low == pytest.approx(3e-4)
    assert comparison.difference.high == pytest.approx(3e-4), "what both share cancels, however noisy"
    assert (comparison.days, comparison.first) == (120, "2024-01-01")


@pytest.mark.parametrize(
    ("compared", "reason"),
    [
        ({"A": rows(FEWEST_DAYS - 1, 0.0)}, "59 days that neither had seen are fewer than 60"),
        ({"A": {"champion": 1, "error": "too young"}}, "A too young"),
        ({"A": {**rows(120, 0.0), "champion": 2}}, "during this run's validation"),
    ],
)
def test_what_is_not_comparable_says_why(
    base: Run, tmp_path: Path, compared: dict[str, Any], reason: str
) -> None:
    run, champion = with_champion(base, tmp_path)
    comparison = compare(compared, champion, run.config)
    assert comparison.difference is None
    assert reason in comparison.why_not


def challenger(run: Run, verdict: str, champion: int | None) -> int:
    """Register the run's agent as its report does, with an answer of the rule that the test chooses."""

    def report(work: Work[Any]) -> Reported:
        registry = Registry(work.output_dir)
        version = registry.register(card_of(work, {}), work.read(TRANSFER, AGENT))
        registry.decide(version.version, champion, lambda n: decision(verdict, champion=champion, trials=n))
        return Reported(assets=1, finding="better", verdict=verdict, version=version.version)

    number = REPORT.read(run_stage(run, replace(REPORT, run=report))).version
    run_stage(run, DECIDE)
    run_stage(run, SEAL)
    return number


def promote(run: Run) -> Promoted:
    return PROMOTE.read(run_stage(run, PROMOTE))


def test_a_winner_is_promoted_once(base: Run, tmp_path: Path) -> None:
    run, _ = with_champion(base, tmp_path)
    number = challenger(run, "promote", 1)
    registry = Registry(tmp_path)
    first = promote(run)
    assert (first.promoted, first.version, first.previous) == (True, number, 1)
    log = (registry.folder / "log.jsonl").read_bytes()
    assert promote(run).promoted, "a task that is tried again announces it again"
    assert (registry.folder / "log.jsonl").read_bytes() == log
    registry.rollback(by="Ada", reason="it loses")
    again = promote(run)
    assert not again.promoted
    assert "was champion before" in again.sentence


@pytest.mark.parametrize("verdict", ["keep", "not comparable"])
def test_others_are_not_promoted(base: Run, tmp_path: Path, verdict: str) -> None:
    run, _ = with_champion(base, tmp_path)
    challenger(run, verdict, 1)
    outcome = promote(run)
    assert not outcome.promoted
    assert outcome.sentence == "The champion stays: because"


def test_where_a_person_is_asked_nothing_happens_before_the_answer(base: Run, tmp_path: Path) -> None:
    run, _ = with_champion(base, tmp_path)
    number = challenger(run, "promote", 1)
    asked, registry = with_settings(run, run.folder, approval="required"), Registry(tmp_path)
    assert "is waiting for approval" in promote(asked).sentence
    registry.answer(number, approved=False, by="Ada", reason="no")
    assert "rejected" in promote(asked).sentence
    registry.answer(number, approved=True, by="Bo", reason="yes after all")
    assert promote(asked).promoted
    event = registry.history()[-1]
    assert (event.kind, event.by, event.reason) == ("promoted", "Bo", "yes after all")


def test_a_decision_against_a_former_champion_is_not_carried_out(base: Run, tmp_path: Path) -> None:
    run, _ = with_champion(base, tmp_path)
    challenger(run, "promote", None)
    outcome = promote(run)
    assert not outcome.promoted
    assert "compared with no champion, but version 1 is champion now" in outcome.sentence


def live(run: Run, days: int, finding: str = "no drift shown") -> Run:
    """Return the run of a deployment that asks for 60 live days; its own agent has some."""
    told = json.loads((run.folder / LIVE_RECORD).read_text())
    own = Registry(run.config.output_dir).version_of_run("run")
    told["agents"] = [{"agent": own.agent_sha256, "days": days, "drift": {"finding": finding}}]
    outputs = {LIVE_RECORD: json.dumps(told).encode()}
    write_manifest(run.folder.path, SEAL.name, run.folder.require(SEAL.name).result, outputs=outputs)
    return with_settings(run, run.folder, live_days=60)


def test_a_winner_waits_for_its_live_days(base: Run, tmp_path: Path) -> None:
    run, _ = with_champion(base, tmp_path)
    number = challenger(run, "promote", 1)
    assert promote(live(run, 59)).sentence == (
        f"Version {number} is not promoted yet: its live record has 59 of 60 days."
    )
    assert "has done worse on 60 live days" in promote(live(run, 60, "worse")).sentence
    assert Registry(tmp_path).standing(number) == "waiting"
    assert promote(live(run, 60)).promoted


def test_a_later_night_promotes_who_has_waited(base: Run, tmp_path: Path) -> None:
    run, _ = with_champion(base, tmp_path)
    number = challenger(run, "promote", 1)
    registry = Registry(tmp_path)
    agent = tmp_path / "later.pt"
    save_agent(agent, policy(7), {})
    card = registry.version(number).model_dump(exclude={"version"})
    changed = {"run_id": "later", "agent_sha256": file_sha256(agent)}
    later = registry.register(ModelCard(**{**card, **changed}), agent).version
    registry.decide(later, 1, lambda n: decision("keep", champion=1, trials=n))
    waited = live(run, 60)
    reported = REPORT.read(run.folder.require("report")).model_copy(update={"version": later})
    write_manifest(run.folder.path, REPORT.name, reported.model_dump(mode="json"))
    outcome = promote(waited)
    assert (outcome.promoted, outcome.version, outcome.previous) == (True, number, 1)
    assert registry.champion_identity().startswith(f"{number} ")


def test_champion_and_challenger_decide_as_they_trade_and_know_no_later_price(
    base: Run, changed: Run, tmp_path: Path
) -> None:
    told = []
    for name, source in (("base", base), ("changed", changed)):
        (tmp_path / name).mkdir()
        run, champion = with_champion(source, tmp_path / name)
        challenger(run, "keep", 1)
        assert SEAL.read(run.folder.require("seal")).late == 2, "today is long after these prices"
        document = json.loads((run.folder / DECISIONS).read_text())
        told.append([one for one in document["facts"] if one["kind"] == "decision"])
        data = days(run)
        start = int(np.searchsorted(data.dates, np.datetime64(champion.unseen_from)))
        for one, actor, role in zip(
            told[-1], (policy(5), policy(0)), ("champion", "challenger"), strict=True
        ):
            last = follow(actor, data, start)[-1]
            assert (one["role"], one["day"], one["data_until"]) == (role, last.date, last.date)
            assert (one["action"], one["position"]) == (last.action, bool(last.position))
            assert (one["fill"], one["cost"]) == ("next_open", data.cost)
    # On prices that end with the day, each decides what it does where later prices are known.
    stop = int(np.searchsorted(days(base).dates, DAY)) + 1
    past = []
    for source in (base, changed):
        whole = days(source)
        names = ("dates", "states", "before", "after", "fill_price", "volatility")
        cut = replace(whole, **{name: getattr(whole, name)[:stop] for name in names})
        backtest, made = facts_of(champion, "champion", policy(5), cut, "next_open")
        later, _ = facts_of(champion, "champion", policy(5), whole, "next_open")
        assert made["day"] == made["data_until"] == str(DAY)
        assert later["returns"][: len(backtest["returns"])] == backtest["returns"] != []
        past.append((backtest, made))
    assert past[0] == past[1]
    assert told[0] != told[1], "the future did change"


def test_a_run_without_an_agent_says_so(base: Run, tmp_path: Path) -> None:
    run = moved_to(tmp_path, base)
    with pytest.raises(StageError, match="'report' has not finished"):
        promote(run)
    with pytest.raises(StageError, match="has no champion"):
        run_stage(run, SCORE)
    challenger(run, "promote", None)
    shutil.rmtree(Registry(tmp_path).folder)
    with pytest.raises(StageError, match=r"no decision on version 1.*run `rlpretrain report` again"):
        promote(run)


def test_both_stages_have_names_on_the_command_line(
    base: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run, _ = with_champion(base, tmp_path)
    challenger(run, "keep", 1)
    monkeypatch.setenv("RLPRETRAIN_OUTPUT_DIR", str(tmp_path))
    results = {}
    for stage in ("promote", "score"):
        assert main(["stage", stage, "--run", str(run.folder.path), "--json"]) == 0
        results[stage] = json.loads(capsys.readouterr().out)["result"]
    assert results["promote"]["sentence"] == "The champion stays: because"
    assert results["score"] == run.folder.require("score").result


def test_scores_hold_what_the_rollout_holds(base: Run) -> None:
    data = days(base)
    start = data.rows(windows(base).test_start, None)[0]
    actor = policy(5)
    scores = follow(actor, data, start)
    path = rollout(actor.act, data, [(start, len(data))])[0]
    assert [score.position for score in scores[:-1]] == path.exposure.tolist()
    assert 5 < sum(path.exposure) < len(path) - 5
    assert [score.date for score in scores] == data.dates[start:].astype(str).tolist()
    held = [score for score in scores if score.held]
    assert all(score.days_held >= 1 for score in held)
    assert {score.action for score in scores} == {"hold", "buy", "sell"}
    for score in scores:
        chances = [score.hold, score.buy, score.sell]
        assert sum(chances) == pytest.approx(1.0, abs=1e-5)
        assert score.action == ("hold", "buy", "sell")[int(np.argmax(chances))]


def test_a_score_knows_no_later_price(base: Run, changed: Run) -> None:
    found = []
    for run in (base, changed):
        data = days(run)
        scores = follow(policy(5), data, data.rows(windows(run).test_start, None)[0])
        found.append(scores)
    past, other = ([score for score in scores if score.date <= str(DAY)] for scores in found)
    assert len(past) > 100
    assert past == other
    assert found[0] != found[1], "the future did change"
    data = days(base)
    start, stop = data.rows(windows(base).test_start, DAY + 1)
    cut = replace(
        data,
        **{
            name: getattr(data, name)[:stop]
            for name in ("dates", "states", "before", "after", "fill_price", "volatility")
        },
    )
    assert follow(policy(5), cut, start)[-1] == past[-1], "the last bar is scored as it was on its day"


def test_the_stage_scores_the_last_close_and_keeps_its_hashes(base: Run, tmp_path: Path) -> None:
    run, champion = with_champion(base, tmp_path)
    manifest = run_stage(run, SCORE)
    scored = SCORE.read(manifest)
    assert (scored.champion, scored.as_of) == (1, dt.date(2024, 12, 31))
    assert set(manifest.outputs) == {"champion_scores.csv", "champion_scores.json"}
    told = json.loads((run.folder / "champion_scores.json").read_text())
    assert scored.assets == len(told["scores"])
    assert scored.long == sum(score["position"] for score in told["scores"])
    assert told["champion"] == {"version": 1, "run_id": "before", "sha256": champion.agent_sha256}
    data = days(base)
    start = int(np.searchsorted(data.dates, np.datetime64(champion.unseen_from)))
    assert asdict(follow(policy(5), data, start)[-1]) in told["scores"]
    with (run.folder / "champion_scores.csv").open(encoding="utf-8") as file:
        assert [row["symbol"] for row in csv.DictReader(file)] == [row["symbol"] for row in told["scores"]]
    before = (run.folder / "score.json").stat().st_mtime_ns
    run_stage(run, SCORE)
    assert (run.folder / "score.json").stat().st_mtime_ns == before, "a task tried again repeats nothing"
