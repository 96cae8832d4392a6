"""Who is reproduced, up to which day, decides who votes; the service's later days decide nothing earlier."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlpretrain.composer import (
    BacktestOptions,
    BacktestOutcome,
    ComposerError,
    GeneratedCatalogue,
    LoopbackServer,
    RetryPolicy,
    ServedCatalogue,
    Verdict,
    composer_app,
    embedded_server,
)
from rlpretrain.library.engine_backtester import EngineBacktester
from rlpretrain.market import PricePanel, load_market
from rlpretrain.patterns import AGREES, DISAGREES, WAVERED, PatternSet, VotePanel
from rlpretrain.patterns.store import open_store
from rlpretrain.pipeline import PretrainingPipeline
from rlpretrain.runs.run_folder import RunFolder
from rlpretrain.stages import CHECK, EXTRACT, LIST, MINE, Run, parts_of, run_stage, run_with_needs, work_of
from rlpretrain.stages.extract import Extracted
from rlpretrain.stages.implementation import extract
from rlpretrain.stages.implementation.list import read_listing
from rlpretrain.stages.implementation.store import store_url
from rlpretrain.stages.mine import VOTES, Mined
from rlpretrain.symphony import Costs, Evaluator
from tests.stages.conftest import tiny

MARKET = "generated:years=6,seed=3"
CATALOGUE = GeneratedCatalogue(size=24)
CHANGE = np.datetime64("2021-11-10")
OTHER_FROM_THE_START, OTHER_LATER, SHORT = (CATALOGUE.entries()[i].symphony_id for i in (1, 4, 6))
SETTINGS = {
    "market": MARKET,
    "min_confidence": 0.3,
    "hold_every": 5,
    "allow_late_edits": True,
    "validation_start": dt.date(2022, 6, 1),
    "test_start": dt.date(2023, 6, 1),
}


@dataclass
class Service:
    """Backtests made once and answered from memory; keeps what it was asked."""

    outcomes: Mapping[str, BacktestOutcome]

    def __post_init__(self) -> None:
        self.asked: list[BacktestOptions] = []

    def __call__(
        self,
        document: Mapping[str, Any],
        start: dt.date | None,
        end: dt.date | None,
        options: BacktestOptions,
    ) -> BacktestOutcome:
        self.asked.append(options)
        return self.outcomes[document["name"]]


def changed_after(outcome: BacktestOutcome, day: np.datetime64, seed: int) -> BacktestOutcome:
    """Return the same values up to `day`, and after it those of another strategy."""
    later = outcome.dates > day
    steps = np.random.default_rng(seed).normal(0.0, 0.04, len(outcome.dates))
    return replace(outcome, values=outcome.values * np.exp(np.cumsum(np.where(later, steps, 0.0))))


def cut(outcome: BacktestOutcome, days: int) -> BacktestOutcome:
    return replace(outcome, dates=outcome.dates[-days:], values=outcome.values[-days:], benchmarks={})


@pytest.fixture(scope="module")
def panel() -> PricePanel:
    return load_market(MARKET, seed=7)


@pytest.fixture(scope="module")
def faithful(panel: PricePanel) -> dict[str, BacktestOutcome]:
    engine = EngineBacktester(panel)
    entries = CATALOGUE.entries()
    names = {entry.document["name"] for entry in entries}
    assert len(names) == len(entries)
    return {e.document["name"]: engine(e.document, None, None, BacktestOptions()) for e in entries}


@contextmanager
def pipeline(service: Service, panel: PricePanel, folder: Path) -> Iterator[PretrainingPipeline]:
    as_of = panel.dates[-1].astype(object)
    with embedded_server(CATALOGUE, service, as_of) as server:
        yield PretrainingPipeline(tiny(folder, composer_url=server.url, **SETTINGS), run_id="run")


def name_of(symphony_id: str) -> str:
    return next(e.document["name"] for e in CATALOGUE.entries() if e.symphony_id == symphony_id)


def mine(service: Service, panel: PricePanel, folder: Path) -> Run:
    with pipeline(service, panel, folder) as one:
        asyncio.run(one.run_to(CHECK))
        return one.run


def mined(run: Run) -> Mined:
    return MINE.read(run.folder.require("mine"))


def extracted(run: Run, chunk: str) -> Extracted:
    return EXTRACT.read(run.folder.require(EXTRACT.manifest_name(chunk)))


def patterns(run: Run) -> PatternSet:
    with open_store(store_url(run.config, run.folder.path)) as store:
        return store.patterns(mined(run).extraction)


def statuses(run: Run) -> Counter[str]:
    """Count what the store says of the symphonies' replays."""
    with open_store(store_url(run.config, run.folder.path)) as store:
        return Counter(status for status, _ in store.fidelities(mined(run).extraction).values())


@pytest.fixture(scope="module")
def base(
    panel: PricePanel, faithful: dict[str, BacktestOutcome], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Run, Service, Counter[str]]:
    service = Service(faithful)
    replays: Counter[str] = Counter()
    plain = Evaluator.replay

    def counting(self: Evaluator, symphony: Any, *arguments: Any, **options: Any) -> Any:
        replays[symphony.symphony_id] += 1
        return plain(self, symphony, *arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Evaluator, "replay", counting)
        run = mine(service, panel, tmp_path_factory.mktemp("base"))
    return run, service, replays


@pytest.fixture(scope="module")
def disputed(
    panel: PricePanel, faithful: dict[str, BacktestOutcome], tmp_path_factory: pytest.TempPathFactory
) -> Run:
    first = panel.dates[0]
    outcomes = {
        **faithful,
        name_of(OTHER_FROM_THE_START): changed_after(faithful[name_of(OTHER_FROM_THE_START)], first, 1),
        name_of(OTHER_LATER): changed_after(faithful[name_of(OTHER_LATER)], CHANGE, 2),
        name_of(SHORT): cut(faithful[name_of(SHORT)], 40),
    }
    return mine(Service(outcomes), panel, tmp_path_factory.mktemp("disputed"))


def test_a_symphony_is_replayed_once(base: Any) -> None:
    _, _, replays = base
    assert replays == dict.fromkeys((entry.symphony_id for entry in CATALOGUE.entries()), 1)


def test_the_service_is_asked_for_the_costs_that_the_replay_pays(base: Any) -> None:
    _, service, _ = base
    assert len(service.asked) == len(CATALOGUE.entries())
    for options in service.asked:
        costs = Costs(
            slippage=options.slippage_percent,
            spread_markup=options.spread_markup,
            regulatory_fee=options.apply_reg_fee,
            taf_fee=options.apply_taf_fee,
        )
        assert costs == extract.SERVICE_COSTS
        assert options.capital == extract.SERVICE_CAPITAL


def test_other_costs_would_be_asked_and_paid_alike(
    panel: PricePanel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extract, "SERVICE_COSTS", Costs(slippage=0.01, spread_markup=0.0, taf_fee=False))
    monkeypatch.setattr(extract, "SERVICE_CAPITAL", 500.0)
    run = mine(EngineBacktester(panel), panel, tmp_path)  # type: ignore[arg-type]
    found = extracted(run, "0").fidelity.values()
    assert max(figures.tracking_error for figures in found) < 0.01
    assert {figures.status for figures in found} == {AGREES}


def test_all_agree_with_their_own_engine(base: Any) -> None:
    run, _, _ = base
    assert mined(run).agree == mined(run).strategies == 24
    assert all(found.excused_days == 0 for found in extracted(run, "0").fidelity.values())
    assert statuses(run) == {AGREES: 24}


def test_holdings_are_compared_where_the_service_gives_them(base: Any, tmp_path: Path) -> None:
    rest = PretrainingPipeline(
        tiny(tmp_path, composer_url="embedded:transport=rest", catalogue="generated:size=24", **SETTINGS),
        run_id="run",
    )
    asyncio.run(rest.run_to(CHECK))
    for run, expected in ((base[0], {None}), (rest.run, {1.0})):
        found = extracted(run, "0").fidelity.values()
        assert {figures.equal_holdings for figures in found} == expected


def test_who_is_not_reproduced_is_counted_stored_and_named(disputed: Run) -> None:
    assert mined(disputed).strategies == 23
    assert mined(disputed).agree == 21
    rows = json.loads((disputed.folder / "rejects.json").read_text())
    reasons = {row["symphony_id"]: row for row in rows}
    never, short = reasons[OTHER_FROM_THE_START], reasons[SHORT]
    assert never["stage"] == short["stage"] == "fidelity"
    assert "did its replay agree with the service's backtest" in never["reason"]
    assert "39 days in common" in short["reason"]
    assert reasons.get(OTHER_LATER, {}).get("stage") != "fidelity", "it agreed in its first years"
    chunks = [extracted(disputed, chunk) for chunk in parts_of(disputed, EXTRACT)]
    found = {name: figures for chunk in chunks for name, figures in chunk.fidelity.items()}
    assert found[OTHER_FROM_THE_START].status == DISAGREES
    assert found[OTHER_LATER].status == WAVERED
    assert sum(chunk.agree for chunk in chunks) == 21
    assert statuses(disputed) == {AGREES: 21, WAVERED: 1, DISAGREES: 1}


def test_later_values_of_the_service_change_nothing_earlier(
    base: Any,
    panel: PricePanel,
    faithful: dict[str, BacktestOutcome],
    tmp_path: Path,
) -> None:
    one, _, _ = base
    outcomes = {
        name: changed_after(outcome, CHANGE, i) if i % 2 else outcome
        for i, (name, outcome) in enumerate(faithful.items())
    }
    other = mine(Service(outcomes), panel, tmp_path)
    ours, theirs = (VotePanel.load(run.folder / VOTES) for run in (one, other))
    rows = ours.dates <= CHANGE
    assert rows.sum() > 500
    for symbol in {*ours.assets, *theirs.assets}:
        for field in fields(VotePanel)[2:]:
            a, b = (_votes_on(votes, symbol, field.name) for votes in (ours, theirs))
            np.testing.assert_array_equal(a[rows], b[rows], err_msg=f"{symbol} {field.name}")
    kept, again = (found.take(found.date <= CHANGE) for found in map(patterns, (one, other)))
    assert len(kept) > 200
    for field in fields(PatternSet):
        if field.name not in ("reward", "value", "settled"):  # They depend on how long the stance lasts.
            np.testing.assert_array_equal(
                getattr(kept, field.name), getattr(again, field.name), err_msg=field.name
            )
    later = [votes.eligible[votes.dates > CHANGE + 120].sum() for votes in (ours, theirs)]
    assert later[1] < 0.8 * later[0], "later on, fewer are admitted"


def _votes_on(votes: VotePanel, symbol: str, name: str) -> np.ndarray:
    column = votes.column(symbol)
    return np.zeros(len(votes.dates)) if column is None else getattr(votes, name)[:, column]


class Unanswering:
    """An ASGI application before a real server that refuses every call about some symphonies."""

    def __init__(self, app: Any, symphony_ids: set[str]) -> None:
        self.app, self.names = app, [name.encode() for name in symphony_ids]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        if any(name in body for name in self.names):
            await send({"type": "http.response.start", "status": 503, "headers": []})
            await send({"type": "http.response.body", "body": b"no"})
            return
        unread = [{"type": "http.request", "body": body, "more_body": False}]

        async def replay() -> Any:
            return unread.pop() if unread else await receive()

        await self.app(scope, replay, send)


@pytest.mark.parametrize("refused", [6, 7])
def test_the_run_stops_when_more_than_half_of_a_chunk_goes_unanswered(
    refused: int,
    panel: PricePanel,
    faithful: dict[str, BacktestOutcome],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(RetryPolicy, "wait", lambda *_: 0.0)
    silent: set[str] = set()
    app = composer_app(ServedCatalogue(CATALOGUE, Service(faithful), panel.dates[-1].astype(object)))
    spoiled = Unanswering(app, silent)
    with LoopbackServer(spoiled) as server:
        run = Run(tiny(tmp_path, composer_url=server.url, **SETTINGS), RunFolder(tmp_path / "run"))
        run_with_needs(run, LIST)
        chunk = [row.symphony_id for row in read_listing(work_of(run, EXTRACT, "0")).rows[:12]]
        spoiled.names = [name.encode() for name in chunk[:refused]]
        if refused == 7:
            with pytest.raises(ComposerError, match="HTTP 503") as caught:
                run_stage(run, EXTRACT, "0")
            assert caught.value.verdict is Verdict.RETRY
            assert run.folder.manifest(EXTRACT.manifest_name("0")) is None
            return
        result = EXTRACT.read(run_stage(run, EXTRACT, "0"))
    assert result.rejected == 6
    assert result.replayed == result.agree == 6
    rejects = json.loads((run.folder / extract.chunk_files("0")["rejects"]).read_text())
    assert {row["symphony_id"] for row in rejects} == set(chunk[:6])
    assert all(row["stage"] == "fetch" and "HTTP 503" in row["reason"] for row in rejects)
