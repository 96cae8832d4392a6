import numpy as np

from rlpretrain.patterns import TradeTable, trade_categories
from rlpretrain.symphony.evidence import CATEGORIES
from tests.patterns.conftest import Library


def test_a_trade_is_of_the_category_of_its_decision(library: Library) -> None:
    found = trade_categories(library.records, library.trades)
    assert set(found.tolist()) <= set(CATEGORIES) and len(set(found.tolist())) == len(CATEGORIES)
    rows = np.random.default_rng(0).choice(len(found), 50, replace=False)
    records = {record.content_hash: record for record in library.records}
    for row in rows:
        record = records[str(library.trades.strategy[row])]
        day = int(np.searchsorted(record.dates, library.trades.decided[row]))
        asset = record.holdings.index(str(library.trades.asset[row]))
        assert record.held()[day, asset]
        assert found[row] == CATEGORIES[int(record.categories()[day, asset].argmax())]


def test_trades_of_strangers_have_no_category(library: Library) -> None:
    assert set(trade_categories([], library.trades).tolist()) == {""}


def test_a_library_that_closed_no_trade_has_none_to_label(library: Library) -> None:
    assert len(trade_categories(library.records, TradeTable.concatenate([]))) == 0
