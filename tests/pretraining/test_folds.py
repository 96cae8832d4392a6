"""Walk-forward folds: no row teaches about days that it was settled in or after."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlpretrain.errors import DataError
from rlpretrain.pretraining.folds import purged_folds

DAY = np.datetime64("2020-01-01")


def test_by_hand():
    dates = DAY + np.arange(12)
    folds = purged_folds(dates, dates + 1, 2)
    # Blocks of days 0-3, 4-7, 8-11; a row is settled a day later, so each block's last day trains and validates nobody.
    assert [train.tolist() for train, _ in folds] == [[0, 1, 2], [0, 1, 2, 3, 4, 5, 6]]
    assert [validation.tolist() for _, validation in folds] == [[4, 5, 6], [8, 9, 10, 11]]


@given(st.integers(1, 6), st.integers(0, 30), st.integers(0, 10_000))
def test_what_a_fold_learns_was_settled_before_it_validates(count, longest, seed):
    rng = np.random.default_rng(seed)
    dates = DAY + np.sort(rng.integers(0, 400, 600))
    settled = dates + rng.integers(0, longest + 1, 600)
    seen = set()
    for train, validation in purged_folds(dates, settled, count):
        assert settled[train].max() < dates[validation].min()
        assert not seen & set(validation.tolist()), "no row validates two folds"
        seen |= set(validation.tolist())
    # Later rows change nothing of the folds' earlier parts.
    first = purged_folds(dates, settled, count)[0]
    moved = np.where(dates > dates[first[1]].max(), settled + 5, settled)
    np.testing.assert_array_equal(purged_folds(dates, moved, count)[0][0], first[0])


def test_too_few_days_say_so():
    with pytest.raises(DataError, match="3 days are too few for 2 folds"):
        purged_folds(DAY + np.arange(3), DAY + np.arange(3), 2)
    with pytest.raises(DataError, match="fold 1 has 0 rows to train on"):
        purged_folds(DAY + np.arange(12), np.full(12, DAY + 20), 2)
