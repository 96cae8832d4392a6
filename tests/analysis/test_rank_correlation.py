import numpy as np
import pytest
from scipy.stats import spearmanr

from rlpretrain.analysis.bands import band_numbers
from rlpretrain.analysis.rank_correlation import MIN_RANKED, rank_correlation


def test_it_is_spearmans_of_the_columns_that_are_known_on_both_sides() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 9, (2, 3, 40)).astype(float)
    first[0, :7], second[0, 5:11] = np.nan, np.nan
    both = slice(11, None)
    expected = [
        spearmanr(first[0, both], second[0, both]).statistic,
        *(spearmanr(first[row], second[row]).statistic for row in (1, 2)),
    ]
    assert rank_correlation(first, second) == pytest.approx(expected)


def test_too_few_columns_and_equal_values_have_none() -> None:
    few = np.arange(MIN_RANKED - 1, dtype=float)[None]
    assert np.isnan(rank_correlation(few, few)).all()
    assert np.isnan(rank_correlation(np.ones((1, 9)), np.arange(9.0)[None])).all()


def test_bands_are_equally_full_and_equal_values_share_one() -> None:
    values = np.random.default_rng(1).permutation(100).astype(float)
    band = band_numbers(values, 5)
    assert np.bincount(band).tolist() == [20] * 5
    assert (np.diff(band[np.argsort(values)]) >= 0).all()
    assert len(np.unique(band_numbers(np.repeat([1.0, 2.0], 50), 5))) == 2
