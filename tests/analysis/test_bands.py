import numpy as np

from rlpretrain.analysis.bands import band_numbers


def test_bands_are_equally_full_and_equal_values_share_one() -> None:
    values = np.random.default_rng(1).permutation(100).astype(float)
    band = band_numbers(values, 5)
    assert np.bincount(band).tolist() == [20] * 5
    assert (np.diff(band[np.argsort(values)]) >= 0).all()
    assert len(np.unique(band_numbers(np.repeat([1.0, 2.0], 50), 5))) == 2
