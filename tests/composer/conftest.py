"""A small catalogue, a backtester that needs no market, and servers over them."""

import datetime as dt
import zlib

import numpy as np
import pytest

from rlpretrain.composer import (
    BacktestOutcome,
    CatalogueEntry,
    GeneratedCatalogue,
    RetryPolicy,
    embedded_server,
)
from rlpretrain.errors import DataError

AS_OF = dt.date(2024, 12, 31)
AT_ONCE = RetryPolicy(tries=4, first_wait=0.0)


def walk(document, start, end, options):
    """Return a random walk that depends on the document and the benchmark alone, cut to the window."""
    dates = np.arange(np.datetime64("2014-01-01"), np.datetime64("2025-01-01"))
    dates = dates[np.is_busday(dates)]
    if "NODATA" in str(document):
        raise DataError("NODATA has no prices")

    def path(seed, drift):
        generator = np.random.default_rng(zlib.crc32(seed.encode()))
        return np.exp(np.cumsum(generator.normal(drift, 0.01, len(dates))))

    inside = np.ones(len(dates), dtype=bool)
    if start:
        inside &= dates >= np.datetime64(start)
    if end:
        inside &= dates <= np.datetime64(end)
    benchmarks = {ticker: path(ticker, 0.0002)[inside] for ticker in options.benchmark_tickers}
    values = path(str(document.get("id")), 0.0003)[inside]
    values = options.capital * (1 - options.slippage_percent) * values / values[0]
    weights = {"SPY": np.linspace(0.2, 0.8, len(values)), "BIL": np.linspace(0.8, 0.2, len(values))}
    return BacktestOutcome(
        dates[inside], values, benchmarks, {"SPY": 12.5, "BIL": 0.0}, weights, costs={"slippage": 1.5}
    )


class ConformanceCatalogue:
    """A generated catalogue, and symphonies with something special."""

    def __init__(self, generated):
        plain = {"step": "root", "rebalance": "daily"}
        hostile = "'; DROP TABLE strategies; -- <script>alert(1)</script> ../../etc/passwd \x00 %s {0} 🙂"
        self._entries = (
            *generated.entries()[:27],
            CatalogueEntry(
                "nodata",
                {**plain, "name": "~no data", "children": [{"step": "asset", "ticker": "NODATA"}]},
                dt.date(2020, 5, 4),
            ),
            CatalogueEntry(
                "hostile",
                {**plain, "name": hostile, "description": "x" * 1_000_000, "children": []},
                dt.date(2021, 6, 7),
            ),
        )

    def entries(self):
        return self._entries


@pytest.fixture(scope="session")
def conformance_catalogue(catalogue):
    return ConformanceCatalogue(catalogue)


@pytest.fixture(scope="session")
def catalogue():
    return GeneratedCatalogue(size=60, seed=3)


@pytest.fixture(scope="session")
def served(catalogue):
    with embedded_server(catalogue, walk, AS_OF) as server:
        yield server
