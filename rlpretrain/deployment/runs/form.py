"""How the trigger form names and groups the settings."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["CHOICES", "EXAMPLES", "OFTEN", "TITLES", "section"]

OFTEN = ("max_strategies", "market", "catalogue", "validation_envs", "num_epochs", "seed")
"""Settings that stand first, in a section of their own: what a person changes to try something."""

_OFTEN_SECTION = "What is changed most often"
_SECTIONS: Mapping[str, str] = {
    "Library": "Library: which strategies take part",
    "Market": "Market: prices, costs and how time is split",
    "Patterns": "Patterns: how decisions are read from the votes",
    "Analysis": "Analysis: how patterns are grouped",
    "Pre-training": "Pre-training: how the network learns the decisions",
    "Transfer": "Transfer: how the network becomes an agent",
    "Validation": "Validation: how the agent is judged",
    "Everything": "Everything else",
}

TITLES: Mapping[str, str] = {
    "max_strategies": "Most strategies",
    "chunk_size": "Strategies in one task",
    "search_where": "Search condition",
    "search_order": "Search order",
    "backtest_max_age_days": "Longest age of a backtest, days",
    "refresh": "Fetch everything again",
    "min_performance_threshold": "Least Sharpe ratio",
    "allow_late_edits": "Let strategies edited in the test window vote",
    "max_correlation": "Correlation from which strategies vote as one",
    "min_fidelity": "Least fidelity",
    "max_tracking_error": "Most tracking error a year",
    "price_updates": "Download missing prices",
    "fill": "Trades are filled at",
    "cost_bps": "Cost of an equity trade, bp a side",
    "crypto_cost_bps": "Cost of a crypto trade, bp a side",
    "test_split": "Test window, share of all days",
    "validation_split": "Validation window, share of the rest",
    "validation_start": "Validation window starts",
    "test_start": "Test window starts",
    "votes": "The state carries votes",
    "min_confidence": "Least confidence of a pattern",
    "buy_level": "Buy above this consensus",
    "sell_level": "Sell below this consensus",
    "max_holding_days": "Longest holding, bars",
    "hold_every": "Keep every n-th hold",
    "regimes": "Regimes are told by",
    "n_clusters": "Clusters",
    "clustering_method": "Clustering",
    "num_epochs": "Most epochs",
    "patience": "Epochs without progress before stopping",
    "value_coefficient": "Weight of the value's loss",
    "hidden_dims": "Widths of the hidden layers",
    "layer_norm": "Normalise the layers",
    "weighting": "Weights of the patterns",
    "balance_classes": "All actions weigh the same",
    "schedule": "Step size over time",
    "accumulation": "Parts of a batch",
    "precision": "Arithmetic",
    "tuning_trials": "Trials of a search before this run",
    "dataset_format": "Files of the data sets",
    "state_dim": "Width of the state",
    "action_dim": "Number of actions",
    "transfer_strategy": "Which layers learn",
    "rl_algorithm": "Algorithm of reinforcement learning",
    "max_training_assets": "Most assets to train on",
    "transfer_steps": "Steps of fine-tuning",
    "critic_warmup_steps": "Steps of the critic's warm-up",
    "kl_coefficient": "Pull to the pre-trained policy",
    "transfer_temperature": "Temperature at the start",
    "validation_envs": "Assets to validate on",
    "validation_episodes": "Episodes",
    "validation_seeds": "Paired seeds",
    "validation_steps": "Steps of a learning curve",
    "promotion_confidence": "Level of the intervals",
}
"""Where a setting's own name, with blanks for underscores, does not say it."""

CHOICES: Mapping[str, Mapping[str, str]] = {
    "fill": {"next_open": "the next open", "next_close": "the next close"},
    "regimes": {"rules": "plain rules", "markov": "a Markov-switching model"},
    "clustering_method": {
        "kmeans": "K-means: round groups, as many as asked for",
        "dbscan": "DBSCAN: dense groups and noise",
        "hdbscan": "HDBSCAN: dense groups of any density",
    },
    "activation": {"relu": "ReLU", "gelu": "GELU", "silu": "SiLU", "tanh": "tanh"},
    "labels": {"soft": "the consensus's probabilities", "hard": "its likeliest action alone"},
    "weighting": {"sampling": "draw heavy ones more often", "loss": "weigh their losses"},
    "schedule": {
        "cosine": "falls along a cosine",
        "one_cycle": "rises, then falls (one cycle)",
        "plateau": "falls when progress stops",
        "constant": "stays",
    },
    "precision": {"fp32": "32-bit, anywhere", "bf16": "mixed with bfloat16, for GPUs"},
    "dataset_format": {"parquet": "Parquet", "safetensors": "safetensors, trained on without being loaded"},
}
"""What each choice means; a form shows these words and sends the key. A table's rows say it themselves."""

EXAMPLES: Mapping[str, list[str]] = {
    "market": ["generated:", "generated:kind=planted", "generated:kind=noise", "files:/data/prices"],
    "catalogue": ["generated:", "generated:size=200", "/data/symphonies"],
}
"""Proposals beside which anything else may be written."""


def section(name: str, group: str) -> str:
    """Return the form's heading above a setting of a group."""
    return _OFTEN_SECTION if name in OFTEN else _SECTIONS.get(group, group)
