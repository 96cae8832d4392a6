"""All settings of a run, in one typed model.

The same model reads YAML files, environment variables (``RLPRETRAIN_<FIELD>``) and ``--set key=value`` flags, and
gives the Airflow DAG its Params as JSON schema. Precedence, lowest first: defaults, file, environment, flags.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from rlpretrain.errors import SettingsError

__all__ = [
    "ENVIRONMENT_PREFIX",
    "NIGHTLY",
    "Activation",
    "Augmentation",
    "PretrainingConfig",
    "Schedule",
    "TransferConfig",
    "ValidationConfig",
    "load_config",
    "run_parameters",
]

ENVIRONMENT_PREFIX = "RLPRETRAIN_"

TransferStrategy = Literal["fine_tuning", "feature_extraction", "progressive"]
Activation = Literal["relu", "gelu", "silu", "tanh"]
Augmentation = Literal["feature_noise", "asset_relabelling", "time_jitter"]
Schedule = Literal["cosine", "one_cycle", "plateau", "constant"]


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


def _run(default: Any, group: str, description: str, **constraints: Any) -> Any:
    """Make a field that a person may change for each run: it becomes a Param of the DAG."""
    return _field(default, description, {"scope": "run", "group": group}, constraints)


def _deployment(default: Any, description: str, **constraints: Any) -> Any:
    """Make a field that belongs to the deployment: set by environment or file, never by a run's form."""
    return _field(default, description, {"scope": "deployment"}, constraints)


def _field(default: Any, description: str, extra: dict[str, Any], constraints: dict[str, Any]) -> Any:
    if isinstance(default, list):
        constraints = {"default_factory": lambda: list(default), **constraints}
    else:
        constraints = {"default": default, **constraints}
    return Field(description=description, json_schema_extra=extra, **constraints)


class TransferConfig(_Settings):
    """How the pre-trained policy becomes an RL agent."""

    strategy: TransferStrategy = Field("fine_tuning", description="Which layers learn, and when.")
    freeze_layers: list[str] = Field(
        default_factory=list, description="Names of policy layers that never change, for example 'trunk.0'."
    )
    progressive_unfreeze_schedule: list[int] = Field(
        default_factory=lambda: [5, 10, 15],
        description="PPO iterations at which the next layer, from the output backwards, starts to learn.",
    )
    total_steps: int = Field(60_000, ge=0, description="Environment steps of PPO after the critic's warm-up.")
    critic_warmup_steps: int = Field(
        10_000, ge=0, description="Environment steps in which only the critic learns."
    )
    learning_rate: float = Field(3e-4, gt=0, description="PPO's step size for the heads.")
    temperature: float = Field(
        8.0,
        ge=1,
        description="Divides the pre-trained policy's logits at the start: its choices stay, its certainty goes.",
    )
    backbone_lr_scale: float = Field(
        1.0, ge=0, le=1, description="Step size of transferred layers over the heads'."
    )
    kl_coefficient: float = Field(1.0, ge=0, description="Weight of KL(prior || policy), decaying to zero.")
    kl_decay_fraction: float = Field(
        1.0, gt=0, le=1, description="Share of training after which the KL term is gone."
    )

    @field_validator("progressive_unfreeze_schedule")
    @classmethod
    def _ascending(cls, value: list[int]) -> list[int]:
        if sorted(set(value)) != value or any(v < 0 for v in value):
            raise ValueError("must be ascending iteration numbers")
        return value


class ValidationConfig(_Settings):
    """How the claim 'better than random initialisation' is tested."""

    episodes: int = Field(
        200, ge=1, description="Random-start episodes on the test window, the same for every arm."
    )
    episode_days: int = Field(63, ge=5, description="Length of an episode in bars.")
    seeds: int = Field(
        10, ge=2, description="Paired seeds: both arms share environment starts and batch order."
    )
    rl_steps: int = Field(16_384, ge=0, description="Environment steps of each learning curve.")
    checkpoints: int = Field(6, ge=2, description="Points of a learning curve, the first before any step.")
    confidence: float = Field(0.95, gt=0.5, lt=1, description="Level of every interval.")
    bootstrap_samples: int = Field(2_000, ge=100, description="Resamples of each bootstrap.")


class PretrainingConfig(_Settings):
    """Settings of a whole run; see each field's description."""

    # Library
    max_strategies: int = _run(100, "Library", "Most strategies to take from the library.", ge=1, le=50_000)
    chunk_size: int = _run(50, "Library", "Strategies that one extraction task handles.", ge=1, le=1_000)
    catalogue: str = _run(
        "generated:",
        "Library",
        "What the embedded server offers: 'generated:[size=N]' or a folder of symphony files.",
    )
    search_where: list[Any] = _run(
        [],
        "Library",
        'HoneySQL condition that the search applies, as JSON: [">", "num_node_if", 0]; all symphonies when empty.',
    )
    search_order: list[Any] = _run(
        [],
        "Library",
        'HoneySQL order of the search, as JSON: [["name", "asc"]]; longest since the last edit first when empty.',
    )
    backtest_max_age_days: int = _run(
        30,
        "Library",
        "Days after which the service's backtest of an unchanged symphony is asked for again.",
        ge=0,
        le=3_650,
    )
    refresh: bool = _run(
        False,
        "Library",
        "Whether to fetch and replay all again, whatever earlier runs have kept, and to download all prices.",
    )
    min_performance_threshold: float = _run(
        0.1, "Library", "Least annualised Sharpe ratio, as replayed up to the end of the pre-training window."
    )
    allow_late_edits: bool = _run(
        False,
        "Library",
        "Whether strategies edited inside the test window vote; they carry their authors' hindsight into it.",
    )
    max_correlation: float = _run(
        0.99,
        "Library",
        "Correlation of daily returns so far above which strategies vote as one; 1 lets all vote.",
        gt=0,
        le=1,
    )
    min_fidelity: float = _run(
        0.95,
        "Library",
        "Least correlation of a replay's daily returns with Composer's own, so far; below it, a strategy is set "
        "aside. 1 to 2 basis points of noise in another vendor's prices turn a few close calls a year: that leaves "
        "it above 0.95 for more than nine in ten real symphonies.",
        ge=-1,
        le=1,
    )
    max_tracking_error: float = _run(
        0.10,
        "Library",
        "Most tracking error, a year, of a replay against Composer's own daily values, so far; above it, a strategy "
        "is set aside. The same noise leaves it below 0.1 for more than eight in ten real symphonies, and those "
        "above it are the most volatile ones, where a high correlation still hides large errors.",
        gt=0,
    )
    # Market
    market: str = _run(
        "generated:", "Market", "Price source: 'generated:[kind=...,years=...]' or 'files:DIR'.", min_length=1
    )
    price_updates: Literal["none", "yahoo"] = _run(
        "none",
        "Market",
        "Where missing prices come from before the run, into the folder of market=files:DIR.",
    )
    fill: Literal["next_open", "next_close"] = _run(
        "next_open", "Market", "Price at which everything learned, weighted or reported is filled."
    )
    cost_bps: float = _run(5.0, "Market", "Cost of a trade of an equity, basis points a side.", ge=0, le=500)
    crypto_cost_bps: float = _run(
        20.0, "Market", "Cost of a trade of a crypto asset, basis points a side.", ge=0, le=500
    )
    test_split: float = _run(
        0.25, "Market", "Share of the days, at the end, that only validation reads.", gt=0, lt=0.9
    )
    validation_split: float = _run(
        0.2, "Market", "Share of the days before the test window that chooses checkpoints.", gt=0, lt=0.9
    )
    validation_start: dt.date | None = _run(
        None, "Market", "First day of the validation window, over validation_split."
    )
    test_start: dt.date | None = _run(None, "Market", "First day of the test window, over test_split.")
    # Patterns
    votes: bool = _run(True, "Patterns", "Whether the state carries the library's votes; off blanks them.")
    min_confidence: float = _run(0.6, "Patterns", "Least confidence of a pattern to learn from.", ge=0, le=1)
    buy_level: float = _run(
        0.25, "Patterns", "Consensus above which a flat position buys, in trailing deviations."
    )
    sell_level: float = _run(
        -0.25, "Patterns", "Consensus below which a long position sells, in trailing deviations."
    )
    max_holding_days: int = _run(
        20,
        "Patterns",
        "Bars after which a decision's reward is settled; also the embargo between windows.",
        ge=1,
        le=250,
    )
    hold_every: int = _run(
        5, "Patterns", "Of the closes without a change of stance, keep every n-th.", ge=1, le=250
    )
    regimes: Literal["rules", "markov"] = _run(
        "rules",
        "Patterns",
        "How the market's regime is told: by plain rules, or by a filtered Markov-switching model.",
    )
    # Analysis
    n_clusters: int = _run(
        8,
        "Analysis",
        "Number of clusters of K-means; 0 chooses it by silhouette and stability.",
        ge=0,
        le=100,
    )
    clustering_method: Literal["kmeans", "dbscan", "hdbscan"] = _run(
        "kmeans", "Analysis", "Clustering algorithm of the main result."
    )
    # Pre-training
    batch_size: int = _run(256, "Pre-training", "Patterns in a batch.", ge=2, le=1_048_576)
    learning_rate: float = _run(1e-4, "Pre-training", "Peak step size of AdamW.", gt=0, le=1)
    weight_decay: float = _run(1e-2, "Pre-training", "Decoupled weight decay of AdamW.", ge=0, le=1)
    num_epochs: int = _run(100, "Pre-training", "Most passes over the training patterns.", ge=1, le=10_000)
    patience: int = _run(
        10, "Pre-training", "Epochs without a validation loss lower by 0.1 % before stopping.", ge=1
    )
    value_coefficient: float = _run(0.5, "Pre-training", "Weight of the value head's loss.", ge=0, le=100)
    hidden_dims: list[int] = _run(
        [512, 256, 128], "Pre-training", "Widths of the hidden layers.", min_length=1
    )
    activation: Activation = _run("relu", "Pre-training", "Activation between the hidden layers.")
    layer_norm: bool = _run(False, "Pre-training", "Whether each hidden layer is normalised.")
    labels: Literal["soft", "hard"] = _run(
        "soft", "Pre-training", "Learn the consensus's probabilities, or its likeliest action alone."
    )
    label_smoothing: float = _run(
        0.0, "Pre-training", "Share of each label that goes to all actions evenly.", ge=0, lt=1
    )
    confidence_penalty: float = _run(
        0.0, "Pre-training", "Weight of the policy's entropy, which the loss then rewards.", ge=0, le=10
    )
    weighting: Literal["sampling", "loss"] = _run(
        "sampling", "Pre-training", "Patterns are drawn by their weights, or their losses weighed by them."
    )
    balance_classes: bool = _run(
        False, "Pre-training", "Whether all actions weigh the same; probabilities then mean less."
    )
    schedule: Schedule = _run("cosine", "Pre-training", "How the step size changes over training.")
    accumulation: int = _run(
        1, "Pre-training", "Parts in which a batch goes through the network, to save memory.", ge=1, le=1_024
    )
    precision: Literal["fp32", "bf16"] = _run(
        "fp32", "Pre-training", "Arithmetic of training; bf16 is for GPUs and trains in mixed precision."
    )
    augmentation: list[Augmentation] = _run(
        [], "Pre-training", "Changes to the states of a batch; none has shown a gain, so none is made."
    )
    tuning_trials: int = _run(
        0,
        "Pre-training",
        "Trials of the search that chose these settings; they deflate the Sharpe ratio.",
        ge=0,
    )
    dataset_format: Literal["parquet", "safetensors"] = _run(
        "parquet", "Pre-training", "Files of the data sets; safetensors are trained on without being loaded."
    )
    state_dim: int = _run(64, "Pre-training", "Width of the state vector.", ge=1)
    action_dim: int = _run(3, "Pre-training", "Number of actions: hold, buy, sell.", ge=2)
    # Transfer
    transfer_strategy: TransferStrategy = _run("fine_tuning", "Transfer", "Which layers learn, and when.")
    freeze_layers: list[str] = _run([], "Transfer", "Policy layers that never change, for example 'trunk.0'.")
    max_training_assets: int = _run(
        16, "Transfer", "Assets, those with the most patterns, on which the RL agent trains.", ge=1, le=1_000
    )
    transfer_steps: int = _run(
        60_000, "Transfer", "Environment steps of the transferred agent's fine-tuning.", ge=0
    )
    critic_warmup_steps: int = _run(
        10_000, "Transfer", "Environment steps in which only the critic learns.", ge=0
    )
    kl_coefficient: float = _run(
        1.0, "Transfer", "Weight of the pull to the pre-trained policy at first; it fades to zero.", ge=0
    )
    transfer_temperature: float = _run(
        8.0,
        "Transfer",
        "Divides the pre-trained policy's logits at the start: its choices stay, its certainty goes; 1 keeps both.",
        ge=1,
        le=1_000,
    )
    # Validation
    validation_envs: list[str] = _run(
        ["BTC-USD", "ETH-USD"], "Validation", "Assets to validate on.", min_length=1
    )
    validation_episodes: int = _run(200, "Validation", "Random-start episodes on the test window.", ge=1)
    validation_seeds: int = _run(10, "Validation", "Paired seeds of the learning curves.", ge=2, le=1_000)
    validation_steps: int = _run(16_384, "Validation", "Environment steps of each learning curve.", ge=0)
    promotion_confidence: float = _run(
        0.95, "Validation", "Level of the intervals, and of the promotion rule.", gt=0.5, lt=1
    )
    # Everything
    seed: int = _run(7, "Everything", "One seed, one result.", ge=0, le=2**31 - 1)
    # Deployment
    composer_url: str = _deployment(
        "embedded",
        "'embedded[:OPTION=VALUE,...]', 'https://...' of an MCP server, 'rest+https://...', or 'stdio:COMMAND'.",
        min_length=1,
        repr=False,
    )
    composer_concurrency: int = _deployment(8, "Most calls to Composer at once.", ge=1, le=64)
    composer_page_concurrency: int = _deployment(
        24, "Most pages of Composer's listing at once; they cost the service little.", ge=1, le=64
    )
    composer_timeout: float = _deployment(
        60.0, "Seconds after which one try of a call is given up.", gt=0, le=3600
    )
    composer_tries: int = _deployment(8, "Most tries of one call.", ge=1, le=100)
    composer_budget: float | None = _deployment(
        3600.0, "Seconds for all calls of one task; without end when empty.", gt=0
    )
    store_url: str = _deployment(
        "", "SQLAlchemy URL of the pattern store; empty for SQLite in the run's folder.", repr=False
    )
    trainer: Literal["process", "docker", "kubernetes"] = _deployment(
        "process",
        "Where pre-training, transfer and validation run: in the task's process, a container or a pod.",
    )
    training_queue: str = _deployment(
        "", "Queue of those tasks, where the executor has queues; empty for Airflow's default."
    )
    runs_storage: str = _deployment(
        "",
        "Object storage that finished runs are copied to, say 's3://connection@bucket/runs'; empty for none.",
        repr=False,
    )
    approval: Literal["none", "required"] = _deployment(
        "none", "Whether a person must approve an agent that the rule promotes."
    )
    device: Literal["auto", "cpu", "cuda"] = _deployment("auto", "Device of pre-training and transfer.")
    cache_days: int = _deployment(
        30, "Days after which what no run used is removed from the cache of the extraction.", ge=2, le=3_650
    )
    output_dir: Path = _deployment(Path("artifacts"), "Folder that holds one folder for each run.")

    @field_validator("validation_envs")
    @classmethod
    def _unique_symbols(cls, value: list[str]) -> list[str]:
        if len(set(value)) != len(value):
            raise ValueError("names an asset twice")
        for symbol in value:
            if not symbol or not all(c.isalnum() or c in "-./" for c in symbol) or ".." in symbol:
                raise ValueError(f"{symbol!r} is not a ticker")
        return value

    @field_validator("n_clusters")
    @classmethod
    def _more_than_one_cluster(cls, value: int) -> int:
        if value == 1:
            raise ValueError("must be at least 2, or 0 to choose it")
        return value

    @field_validator("hidden_dims")
    @classmethod
    def _positive_widths(cls, value: list[int]) -> list[int]:
        if any(width < 1 for width in value):
            raise ValueError("every width must be at least 1")
        return value

    @model_validator(mode="after")
    def _possible(self) -> PretrainingConfig:
        if self.validation_start and self.test_start and self.validation_start >= self.test_start:
            raise ValueError(
                f"validation_start {self.validation_start} must be before test_start {self.test_start}: "
                "time is split as pre-training | validation | test"
            )
        if self.price_updates != "none" and not self.market.startswith("files:"):
            raise ValueError(
                f"price_updates '{self.price_updates}' needs market 'files:DIR': {self.market!r} is no folder of prices"
            )
        if self.sell_level > self.buy_level:
            raise ValueError(f"sell_level {self.sell_level} must not exceed buy_level {self.buy_level}")
        return self

    def transfer_config(self) -> TransferConfig:
        """Return the part of the settings that transfer reads."""
        return TransferConfig(
            strategy=self.transfer_strategy,
            freeze_layers=self.freeze_layers,
            total_steps=self.transfer_steps,
            critic_warmup_steps=self.critic_warmup_steps,
            kl_coefficient=self.kl_coefficient,
            temperature=self.transfer_temperature,
        )

    def validation_config(self) -> ValidationConfig:
        """Return the part of the settings that validation reads."""
        return ValidationConfig(
            episodes=self.validation_episodes,
            seeds=self.validation_seeds,
            rl_steps=self.validation_steps,
            confidence=self.promotion_confidence,
        )

    def public(self) -> dict[str, Any]:
        """Return the settings as JSON values, without the deployment's addresses, which may carry secrets."""
        return self.model_dump(
            mode="json", exclude={"store_url", "composer_url", "runs_storage", "output_dir"}
        )

    def digest(self, fields: Sequence[str] | None = None) -> str:
        """Hash the settings, or those of `fields`, that can change a result."""
        values = {k: v for k, v in self.public().items() if k not in _DEPLOYMENT}
        if fields is not None:
            values = {k: values[k] for k in fields}
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


_DEPLOYMENT = frozenset(
    name
    for name, field in PretrainingConfig.model_fields.items()
    if isinstance(field.json_schema_extra, dict) and field.json_schema_extra.get("scope") == "deployment"
)

NIGHTLY: dict[str, Any] = {"max_strategies": 2_000, "chunk_size": 128}
"""What the nightly run sets otherwise: it takes the whole library, where a first try takes 100 strategies."""


def _describe(error: ValidationError) -> str:
    parts = []
    for item in error.errors():
        name = ".".join(str(part) for part in item["loc"]) or "settings"
        if item["type"] == "extra_forbidden":
            parts.append(f"unknown setting '{name}'")
        else:
            parts.append(f"{name}: {item['msg'].removeprefix('Value error, ')}")
    return "; ".join(parts)


def _parse_text(text: str) -> Any:
    """Read a flag's or environment variable's text as YAML, so that lists and numbers need no second syntax."""
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return text


def load_config(
    file: Path | str | None = None,
    overrides: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
) -> PretrainingConfig:
    """Merge defaults, a YAML file, the environment and overrides into checked settings.

    Parameters
    ----------
    file
        YAML mapping of settings.
    overrides
        Settings that win over all else; text values are read as YAML.
    environment
        Where ``RLPRETRAIN_<FIELD>`` is looked up; the process environment when None.

    Raises
    ------
    SettingsError
        A setting is unknown or its value impossible; the message names it.
    """
    environment = os.environ if environment is None else environment
    values: dict[str, Any] = {}
    if file is not None:
        values.update(_read_yaml(Path(file)))
    strings = {name for name, field in PretrainingConfig.model_fields.items() if field.annotation is str}
    for name in PretrainingConfig.model_fields:
        text = environment.get(ENVIRONMENT_PREFIX + name.upper())
        if text:
            values[name] = text if name in strings else _parse_text(text)
    for name, value in (overrides or {}).items():
        values[name] = _parse_text(value) if isinstance(value, str) and name not in strings else value
    try:
        return PretrainingConfig(**values)
    except ValidationError as error:
        raise SettingsError(_describe(error), hint="`rlpretrain settings` lists all settings") from None


def _read_yaml(file: Path) -> dict[str, Any]:
    try:
        loaded = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{file}: {error.strerror}", hint="--config names a YAML file") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file}: not valid YAML: {error}") from None
    if loaded is None:
        return {}
    if not isinstance(loaded, dict) or not all(isinstance(name, str) for name in loaded):
        raise SettingsError(f"{file}: must be a mapping of settings to values")
    return loaded


def run_parameters() -> dict[str, dict[str, Any]]:
    """Return the JSON schema of each setting that a person changes per run, with its nightly default.

    The environment moves the defaults, so a deployment's market or catalogue shows in the trigger form.
    """
    config = load_config(overrides=None)
    explicit = config.model_fields_set
    properties = PretrainingConfig.model_json_schema()["properties"]
    parameters: dict[str, dict[str, Any]] = {}
    for name, schema in properties.items():
        if schema.get("scope") != "run":
            continue
        value = config.model_dump(mode="json")[name]
        if name in NIGHTLY and name not in explicit:
            value = NIGHTLY[name]
        parameters[name] = {
            **{k: v for k, v in schema.items() if k not in ("default", "scope")},
            "default": value,
        }
    return parameters
