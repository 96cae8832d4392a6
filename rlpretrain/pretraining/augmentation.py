"""Changes to the states of a batch that keep the labels: off by default, because none has shown a gain.

`benchmarks/pretraining.py` measures the effect of each on purged folds.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from rlpretrain.features import ASSET, MARKET, POSITION
from rlpretrain.pretraining.dataset_files import DataSet
from rlpretrain.pretraining.settings import Augmentation

__all__ = ["augment", "earlier_rows"]

_NOISE = 0.1
"""Standard deviation of the noise, in standard deviations of each number."""
_SHARE = 0.1
"""Share of a batch's patterns that relabelling or jitter changes."""


def earlier_rows(data: DataSet) -> NDArray[np.int64]:
    """Return each row's predecessor of the same asset and position, (N,); the first row of each returns itself."""
    long = np.asarray(data.states[:, POSITION.start] > 0.5)
    _, asset = np.unique(data.assets, return_inverse=True)
    order = np.lexsort((data.dates, long, asset))
    group = asset[order] * 2 + long[order]
    follows = np.concatenate([[False], group[1:] == group[:-1]])
    earlier = np.arange(len(data), dtype=np.int64)
    earlier[order[1:]] = np.where(follows[1:], order[:-1], order[1:])
    return earlier


def augment(
    states: torch.Tensor,
    earlier: torch.Tensor,
    std: torch.Tensor,
    kinds: Sequence[Augmentation],
    generator: torch.Generator,
) -> torch.Tensor:
    """Change the states of a batch.

    *feature_noise* adds normal noise of a tenth of each deviation to the numbers of the asset and the market.
    *time_jitter* replaces the asset's numbers, in a tenth of the patterns, by those of its previous sampled close.
    *asset_relabelling* replaces the market's numbers, in a tenth of them, by those of another pattern of the batch: the
    asset is then measured against another benchmark. Votes and position, which determine the labels, never change.

    Parameters
    ----------
    states
        (n, 64); not changed in place.
    earlier
        (n, 64) states of the rows that `earlier_rows` returns.
    std
        (64,) standard deviation of each number.
    """
    states, n = states.clone(), len(states)

    def some() -> torch.Tensor:
        return torch.rand((n, 1), generator=generator, device=states.device) < _SHARE

    if "time_jitter" in kinds:
        states[:, ASSET] = torch.where(some(), earlier[:, ASSET], states[:, ASSET])
    if "asset_relabelling" in kinds:
        others = torch.randperm(n, generator=generator, device=states.device)
        states[:, MARKET] = torch.where(some(), states[others][:, MARKET], states[:, MARKET])
    if "feature_noise" in kinds:
        around = slice(ASSET.start, MARKET.stop)
        noise = torch.randn((n, around.stop), generator=generator, device=states.device)
        states[:, around] += _NOISE * std[around] * noise
    return states
