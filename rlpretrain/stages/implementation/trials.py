"""The number of policies that were ever scored on a test window, by which the agent's Sharpe ratio is deflated."""

from __future__ import annotations

from collections.abc import Sequence

from rlpretrain.patterns.store import PatternStore, ScoredPolicy, open_store
from rlpretrain.registry import Registry
from rlpretrain.settings import PretrainingConfig
from rlpretrain.stages.implementation.store import store_url
from rlpretrain.stages.work import Work
from rlpretrain.validation import AssetValidation
from rlpretrain.validation.sharpe import deflate

__all__ = ["deflate_by_all_trials"]


def deflate_by_all_trials(
    work: Work[PretrainingConfig], evidence: Sequence[AssetValidation]
) -> tuple[AssetValidation, ...]:
    """Record what was tried in the store, and deflate each Sharpe ratio by all that was ever tried on these days.

    A policy is recognised by the hash of its weights, so one that was tried before counts once. In addition to the
    store's count the agents of all registered runs, whose stores may be others, and the trials of a search.
    """
    registered = {version.agent_sha256 for version in Registry(work.output_dir).versions()}
    with open_store(store_url(work.settings, work.folder)) as store:
        return tuple(_deflated(work, store, registered, asset) for asset in evidence)


def _deflated(
    work: Work[PretrainingConfig], store: PatternStore, registered: set[str], asset: AssetValidation
) -> AssetValidation:
    window = asset.window
    store.add_trials(
        work.run_id,
        [
            ScoredPolicy(asset.symbol, one.sha256, window.start, window.end, one.arm, one.seed)
            for one in asset.tried
        ],
    )
    if asset.sharpe is None:
        return asset
    known = store.trials(asset.symbol, window.start, window.end) | registered
    # Weights that several seeds share count once there, and as often as they were trained in the evidence.
    trials = max(len(known) + work.settings.tuning_trials, asset.sharpe.trials)
    return asset.model_copy(update={"sharpe": deflate(asset.sharpe, trials)})
