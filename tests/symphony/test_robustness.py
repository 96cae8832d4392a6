"""Whatever is done to a valid document, it is refused with a `SymphonyError` or gives sound weights and money."""

import copy
import json
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rlpretrain.errors import SymphonyError
from rlpretrain.symphony import Evaluator, backtest, parse_symphony
from rlpretrain.symphony.indicators import INDICATORS
from tests.symphony import building as b

FOLDER = Path(__file__).parents[2] / "../shared/symphonies"
TICKERS = ("AAA", "BBB", "CCC", "DDD", "BTC-USD")
WINDOWS = {"window": 5, "short-window": 3, "long-window": 6, "smooth-window": 2, "standard-deviations": 2}


def prices():
    rng = np.random.default_rng(5)
    closes = 50 * np.exp(np.cumsum(rng.normal(0, 0.02, (90, len(TICKERS))), axis=0))
    columns = {ticker: closes[:, i].tolist() for i, ticker in enumerate(TICKERS)}
    columns["BBB"][:20] = [None] * 20
    columns["CCC"][40:43] = [None] * 3
    columns["DDD"] = [7.0] * 90  # Never moves: deviations and drawdowns of 0.
    return b.panel(columns)


PANEL = prices()


def every_function(function):
    params = {p.name: WINDOWS[p.name] for p in INDICATORS[function].parameters}
    return b.when(
        (function, params, "AAA"), "gt", (function, params, "CCC"), [b.asset("BBB")], [b.asset("CCC")]
    )


BLOCK = {
    "condition-type": "compound",
    "operator": "all",
    "conditions": [
        {
            "condition-type": "binary-compound",
            "operator": "any",
            "tickers": ["AAA", "CCC"],
            "lhs": {"fn": "relative-strength-index", "ticker": "%", "params": {"window": 4}},
            "comparator": "lte",
            "rhs": {"constant": 55},
        }
    ],
}
COMPOUND = b.when(("current-price", {}, "AAA"), "gt", 50, [b.asset("AAA")], [{"step": "empty"}])
COMPOUND["children"][0]["condition"] = BLOCK
DOCUMENT = b.root(
    b.specified(
        b.weighted(b.equal(*map(every_function, sorted(INDICATORS))), 40),
        b.weighted(b.inverse_vol(4, b.asset("AAA"), b.asset("DDD"), b.group(COMPOUND)), "35"),
        b.weighted(
            b.best("max-drawdown", {"window": 4}, 2, b.asset("DDD"), b.asset("BTC-USD"), b.group(COMPOUND)),
            25.0,
        ),
    ),
    rebalance="none",
    **{"rebalance-corridor-width": 0.05},
)
VALUES = st.one_of(
    st.sampled_from(
        (
            *(None, True, False, "", "top", "bottom", "any", "eq", "lt", "none", "daily", "weekly", "yearly"),
            *(0, 1, 2, 90, 10_000, -1, 0.5, 1e308, -1e308, 5e-324, "1e308", "5e-324", "1e-300", "7", " 3 "),
            *TICKERS,
            *INDICATORS,
            *("asset", "empty", "group", "if", "if-child", "filter", "wt-inverse-vol", "wt-cash-specified"),
        )
    ),
    st.floats(),
    st.integers(-5, 100),
)


def places(document):
    """Every (container, key) in a document."""
    found, stack = [], [document]
    while stack:
        at = stack.pop()
        for key in list(at) if isinstance(at, dict) else range(len(at)):
            found.append((at, key))
            if isinstance(at[key], (dict, list)):
                stack.append(at[key])
    return found


def mutate(draw, document):
    """Replace, delete or repeat a value, or put another part of the document in its place."""
    known = places(document)
    container, key = draw(st.sampled_from(known))
    match draw(st.sampled_from(("replace", "replace", "delete", "transplant", "repeat"))):
        case "replace":
            container[key] = draw(VALUES)
        case "delete":
            del container[key]
        case "transplant":
            other, at = draw(st.sampled_from(known))
            container[key] = copy.deepcopy(other[at])
        case "repeat" if isinstance(container, list):
            container.append(copy.deepcopy(container[key]))


def check(document):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            symphony = parse_symphony(document, symphony_id="mutant")
            replay = Evaluator(PANEL).replay(symphony)
            result = backtest(replay, PANEL)
        except SymphonyError as error:
            assert str(error)
            return
    assert np.isfinite(replay.targets).all() and (replay.targets >= 0).all()
    assert (replay.targets.sum(axis=1) <= 1 + 1e-9).all()
    assert np.isfinite(result.equity).all() and (result.equity > 0).all()
    if not any("in cash" in remark for remark in symphony.remarks):
        assert np.allclose(replay.targets.sum(axis=1), 1.0, atol=1e-9)


def test_the_document_itself_is_sound():
    replay = Evaluator(PANEL).replay(parse_symphony(DOCUMENT, symphony_id="whole"))
    assert len(replay.dates) > 30
    check(DOCUMENT)


@settings(max_examples=400, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_mutants_are_refused_or_sound(data):
    document = copy.deepcopy(DOCUMENT)
    for _ in range(data.draw(st.integers(1, 3))):
        mutate(data.draw, document)
    check(document)


@pytest.mark.market_data
@pytest.mark.skipif(not FOLDER.is_dir(), reason="no real symphonies beside the project")
@settings(max_examples=100, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_mutants_of_real_documents_are_refused_or_sound(data):
    files = [path for path in sorted(FOLDER.glob("*.json")) if path.stat().st_size < 40_000]
    document = json.loads(data.draw(st.sampled_from(files)).read_text(encoding="utf-8"))
    for _ in range(data.draw(st.integers(1, 4))):
        mutate(data.draw, document)
    check(rename(document))


def rename(document):
    """Put tickers that have prices in the place of others, so that more than the parser is tried."""
    for container, key in places(document):
        value = container[key]
        if key in ("ticker", "lhs-val", "rhs-val") and isinstance(value, str) and value[:1].isalpha():
            container[key] = TICKERS[sum(map(ord, value)) % len(TICKERS)]
    return document
