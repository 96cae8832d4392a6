"""Records of replays that had to leave days out."""

import numpy as np
import pytest

from rlpretrain.patterns import leaf_scores, record_strategy
from rlpretrain.symphony import Evaluator, parse_symphony
from tests.patterns.building import FAITHFUL
from tests.symphony import building as b

COSTS = {"fill": "next_close", "cost_bps": 0.0, "crypto_cost_bps": 0.0}
PRICES = {"A": [101.0, 99.0, 102.0, 103.0, 98.0, 105.0], "B": [50.0, 51.0, 52.0, 53.0, 54.0, 55.0]}


def test_days_of_unknown_holdings_are_no_part_of_the_record() -> None:
    tree = b.when(("current-price", {}, "A"), "gt", 100, [b.asset("B")], [b.asset("X")])
    symphony = parse_symphony(b.root(tree), symphony_id="test")
    panel = b.panel(PRICES)
    replay = Evaluator(panel, missing_tickers="replay_without").replay(
        symphony, leaf_scores(symphony), margins=True
    )
    agreement = np.arange(6, dtype=np.int8)
    record, trades = record_strategy(
        replay, panel, fidelity=FAITHFUL, agreement=agreement, last_edit=None, **COSTS
    )
    known = [0, 2, 3, 5]
    assert record.dates.tolist() == panel.dates[known].tolist()
    assert record.agreement.tolist() == known
    assert record.holdings == ("B",)
    assert record.held().all()
    # B is bought at the second close, sold at the third as the second day is left out, and bought at the fourth.
    np.testing.assert_allclose(record.returns, [0.0, 52 / 51 - 1, 0.0, 55 / 54 - 1], rtol=1e-6)
    assert record.remarks == replay.remarks
    assert "2 of 6 days need them" in record.remarks[0]
    assert len(trades) == 2, "each ends before a day left out"


def test_a_replay_without_margins_makes_no_record() -> None:
    symphony = parse_symphony(b.root(b.asset("A")), symphony_id="test")
    panel = b.panel(PRICES)
    replay = Evaluator(panel).replay(symphony, leaf_scores(symphony))
    with pytest.raises(ValueError, match="margins=True"):
        record_strategy(replay, panel, fidelity=FAITHFUL, agreement=np.zeros(6, np.int8), **COSTS)
