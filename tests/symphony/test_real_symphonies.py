"""Real symphonies on real prices, read in place: every one parses, and known yearly figures come out."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from rlpretrain.errors import SymphonyError
from rlpretrain.market import load_market
from rlpretrain.symphony import Costs, Evaluator, parse_symphony, yearly_statistics
from tests.symphony.building import plain_document
from tests.symphony.reference import Reference, TooClose

SHARED = Path(__file__).parents[2] / "../shared"
FOLDER, MARKET = SHARED / "symphonies", SHARED / "market"

pytestmark = [
    pytest.mark.market_data,
    pytest.mark.skipif(
        not (FOLDER.is_dir() and MARKET.is_dir()), reason="no real prices and symphonies beside the project"
    ),
]


@pytest.fixture(scope="module")
def symphonies():
    documents = {
        path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))
    }
    # Beside the symphonies lies what is known about them.
    return {
        name: parse_symphony(document, symphony_id=name)
        for name, document in documents.items()
        if document.get("step") == "root"
    }


@pytest.fixture(scope="module")
def panel(symphonies):
    return load_market(f"files:{MARKET}", symbols=sorted({t for s in symphonies.values() for t in s.tickers}))


@pytest.fixture(scope="module")
def evaluator(panel):
    return Evaluator(panel)


def test_every_one_parses(symphonies):
    assert len(symphonies) >= 114
    assert max(s.node_count for s in symphonies.values()) == 7_225
    assert sum(len(s.nodes) for s in symphonies.values()) < sum(s.node_count for s in symphonies.values()) / 5


def test_eleven_decide_by_the_level_of_a_price(symphonies):
    rules = {name: symphony.level_rules for name, symphony in symphonies.items() if symphony.level_rules}
    assert len(rules) == 11
    kinds = {kind for found in rules.values() for rule in found for kind in rule.kinds}
    assert kinds == {"number", "other metric", "filter"}
    for name, found in rules.items():
        remarked = {
            remark.partition(": ")[0] for remark in symphonies[name].remarks if "level of an" in remark
        }
        assert remarked >= set(found.values())


def test_every_one_is_replayed_or_lacks_prices(symphonies, evaluator):
    replayed = 0
    for symphony in symphonies.values():
        try:
            replay = evaluator.replay(symphony)
        except SymphonyError as error:
            assert "no prices of" in str(error)
            continue
        replayed += 1
        assert np.isfinite(replay.targets).all() and (replay.targets >= 0).all()
        np.testing.assert_allclose(replay.targets.sum(axis=1), 1.0, atol=1e-9)
    assert replayed >= 99


def test_known_yearly_figures(symphonies, evaluator, panel):
    """Prices come from another vendor than Composer's: signals near a threshold may turn on single days."""
    sharpe, fall = [], []
    yearly = {}
    for row in csv.DictReader((FOLDER / "known_yearly.csv").open(encoding="utf-8")):
        name = row["file"].removesuffix(".json")
        if name not in yearly:
            try:
                replay = evaluator.replay(symphonies[name])
            except SymphonyError:
                yearly[name] = None
            else:
                yearly[name] = yearly_statistics(replay, panel, Costs.per_side(0.001))
        if yearly[name] is not None:
            ours = yearly[name][row["year"]]
            sharpe.append(abs(ours["sharpe_ratio"] - float(row["sharpe"])))
            fall.append(abs(100 * ours["max_drawdown"] - float(row["max_drawdown_pct"])))
    assert len(sharpe) >= 60
    assert np.mean(np.array(sharpe) <= 0.01) >= 0.74
    assert np.median(sharpe) <= 0.001
    # The one that differs by more compares indicators of a few days with each other, often within a hair's breadth.
    assert np.mean(np.array(fall) <= 0.25) >= 0.97


def test_the_reference_agrees_on_small_real_trees(symphonies, panel):
    short = panel.between(panel.dates[panel.sessions[-330]], None)
    days = [day.astype(object) for day in short.dates[short.sessions]]
    evaluator = Evaluator(short)
    agreed = 0
    for symphony in sorted(symphonies.values(), key=lambda s: s.node_count)[:45]:
        if not all(ticker in short for ticker in symphony.tickers):
            continue
        closes = {t: short.close[short.sessions, short.column(t)] for t in symphony.tickers}
        prices = {t: [None if np.isnan(p) else float(p) for p in column] for t, column in closes.items()}
        try:
            expected = Reference(plain_document(symphony), days, prices).replay()
        except (TooClose, ValueError):
            continue
        if expected is None:
            continue
        replay = evaluator.replay(symphony)
        rows = [[row.get(ticker, 0.0) for ticker in replay.tickers] for row in expected[1]]
        np.testing.assert_allclose(replay.targets, rows, atol=1e-9, rtol=0)
        agreed += 1
    assert agreed >= 25
