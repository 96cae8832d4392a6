"""The store counts every policy that was ever scored on some test days, each once."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from rlpretrain.patterns.store import open_store
from rlpretrain.patterns.store.trial_rows import ScoredPolicy

FIRST, LAST = dt.date(2023, 1, 3), dt.date(2024, 12, 31)
ONE = ScoredPolicy("SPY", "a", FIRST, LAST, "transferred", 7)


def test_a_repeated_run_adds_nothing_and_other_weights_do(url: str) -> None:
    agent = replace(ONE, sha256="b", arm="agent", seed=None)
    with open_store(url) as store:
        for _ in range(2):
            store.add_trials("monday", [ONE, agent, ONE])
        assert store.trials("SPY", FIRST, LAST) == {"a", "b"}
        # The next night trains the same policy again, and another one; its window is a day longer.
        later = LAST + dt.timedelta(days=1)
        store.add_trials(
            "tuesday", [replace(ONE, last_day=later), replace(agent, sha256="c", last_day=later)]
        )
        assert store.trials("SPY", FIRST, later) == {"a", "b", "c"}
        # The first run again, with another setting: its earlier attempts still count.
        store.add_trials("monday", [replace(ONE, sha256="d")])
        assert store.trials("SPY", FIRST, later) == {"a", "b", "c", "d"}
        store.add_trials("monday", [])


def test_only_windows_with_common_days_of_the_same_asset_count(url: str) -> None:
    with open_store(url) as store:
        store.add_trials("run", [ONE])
        day = dt.timedelta(days=1)
        assert store.trials("QQQ", FIRST, LAST) == set()
        assert store.trials("SPY", LAST + day, LAST + 9 * day) == set()
        assert store.trials("SPY", FIRST - 9 * day, FIRST - day) == set()
        assert store.trials("SPY", LAST, LAST + 9 * day) == {"a"}
        assert store.trials("SPY", FIRST - 9 * day, FIRST) == {"a"}
