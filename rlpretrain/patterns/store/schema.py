"""Tables of the pattern store; the migrations create them, and a test compares both."""

from __future__ import annotations

from sqlalchemy import (
    REAL,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    text,
)

__all__ = [
    "CURRENT",
    "archives",
    "assets",
    "collections",
    "contents",
    "extractions",
    "fidelities",
    "metadata",
    "models",
    "patterns",
    "record_entries",
    "rejects",
    "runs",
    "strategies",
    "trades",
    "trials",
    "versions",
    "voters",
]

CURRENT = 2**31 - 1
"""`until` of a row that no revision has replaced."""

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
    }
)

strategies = Table(
    "strategies",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("content_hash", Text, nullable=False, unique=True),
    Column("symphony_id", Text, nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("last_edit", Date),
    Column("holdings", Text, nullable=False, comment="JSON list of tickers"),
)
"""One row for each distinct tree or history; of symphonies with equal ones, the one with the smallest id. A new version
of a symphony makes another history, which is a new row."""

versions = Table(
    "versions",
    metadata,
    Column("strategy_id", ForeignKey("strategies.id"), nullable=False),
    Column("first_close", Date, nullable=False, comment="first day at whose close it existed"),
    Column("version_id", Text, nullable=False),
    Column("content_hash", Text, comment="NULL where nobody knows what the strategy was"),
    Column(
        "holdings", Text, nullable=False, comment="JSON list of tickers; empty where it decides on no day"
    ),
    PrimaryKeyConstraint("strategy_id", "first_close"),
)
"""The versions behind a strategy that is on each day the version that existed then; each decides from its first close
until that of the next one. A strategy that is one tree on all days has none."""

assets = Table(
    "assets",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("symbol", Text, nullable=False, unique=True),
)

collections = Table(
    "collections",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("digest", Text, nullable=False, unique=True),
    Column("settings", Text, nullable=False, comment="JSON of what is behind the digest"),
)
"""Everything mined with the same settings from the same sources; each night's extraction is a revision of it."""

extractions = Table(
    "extractions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("digest", Text, nullable=False, unique=True),
    Column("inputs", Text, nullable=False, comment="JSON of the hashes and settings behind the digest"),
)
"""What patterns and trades depend on: library, market, settings."""

contents = Table(
    "contents",
    metadata,
    Column("extraction_id", ForeignKey("extractions.id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("collection_id", ForeignKey("collections.id"), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("digest", Text, nullable=False, comment="SHA-256 of the rows; empty when unknown"),
    Column("archived", Boolean, nullable=False, comment="whether some of its rows are in an archive"),
    PrimaryKeyConstraint("extraction_id", "kind"),
    CheckConstraint("kind IN ('patterns', 'trades')", name="kind"),
    CheckConstraint("revision > 0", name="revision"),
    Index("ix_contents_revision", "collection_id", "kind", "revision"),
)
"""The revision of its collection at which an extraction's rows are read. This row is written last; until then,
no reader sees the others."""

runs = Table(
    "runs",
    metadata,
    Column("run_id", Text, primary_key=True),
    Column("extraction_id", ForeignKey("extractions.id"), nullable=False, index=True),
    Column(
        "used",
        DateTime(timezone=True),
        nullable=False,
        server_default="1970-01-01 00:00:00",
        comment="last time it asked",
    ),
)
"""Which extraction each run of the pipeline used; runs with equal inputs share one."""

models = Table(
    "models",
    metadata,
    Column("run_id", ForeignKey("runs.run_id"), nullable=False),
    Column("role", Text, nullable=False),
    Column("file", Text, nullable=False, comment="relative to the folder of all runs"),
    Column("sha256", Text, nullable=False),
    Column("state_version", Text, nullable=False),
    Column("promoted", Boolean, comment="NULL for a policy, which is not up for promotion"),
    PrimaryKeyConstraint("run_id", "role"),
    CheckConstraint("role IN ('policy', 'agent')", name="role"),
)
"""What a run learned from its extraction: the pre-trained policy and the agent trained from it."""

trials = Table(
    "trials",
    metadata,
    Column("run_id", Text, nullable=False),
    Column("symbol", Text, nullable=False),
    Column("first_day", Date, nullable=False, comment="of the test window"),
    Column("sha256", Text, nullable=False, comment="of the policy's weights"),
    Column("last_day", Date, nullable=False, comment="of the test window"),
    Column("arm", Text, nullable=False),
    Column("seed", Integer, comment="NULL for a policy that no seed of the validation has trained"),
    PrimaryKeyConstraint("run_id", "symbol", "first_day", "sha256"),
    CheckConstraint("first_day <= last_day", name="days"),
    Index("ix_trials_symbol", "symbol", "first_day"),
)
"""Every policy that a validation scored on test days. The rows outlive their runs: what was tried stays tried."""

fidelities = Table(
    "fidelities",
    metadata,
    Column("extraction_id", ForeignKey("extractions.id"), nullable=False),
    Column("strategy_id", ForeignKey("strategies.id"), nullable=False),
    Column("status", Text, nullable=False, comment="agrees, agreed earlier, or never agreed"),
    Column("common_days", Integer, nullable=False),
    Column("correlation", Double, comment="of daily returns; NULL where one side does not move"),
    Column("tracking_error", Double, nullable=False, comment="annualised, fraction"),
    Column(
        "largest_difference", Double, nullable=False, comment="of one day's returns, ours less the service's"
    ),
    Column("largest_difference_day", Date, nullable=False),
    Column("excused_days", Integer, nullable=False, comment="left out: decided within the noise of prices"),
    Column("equal_holdings", Double, comment="share of days; NULL where the service gives no holdings"),
    PrimaryKeyConstraint("extraction_id", "strategy_id"),
)
"""How well each replay reproduces the service's backtest, over all days that both have. This also depends on the
market, hence on the extraction."""

voters = Table(
    "voters",
    metadata,
    Column("extraction_id", ForeignKey("extractions.id"), nullable=False),
    Column("strategy_id", ForeignKey("strategies.id"), nullable=False),
    Column("sharpe", Double, nullable=False, comment="annualised, over the days that reviews may see"),
    PrimaryKeyConstraint("extraction_id", "strategy_id"),
)

rejects = Table(
    "rejects",
    metadata,
    Column("extraction_id", ForeignKey("extractions.id"), nullable=False),
    Column("symphony_id", Text, nullable=False),
    Column("stage", Text, nullable=False),
    Column("reason", Text, nullable=False),
    PrimaryKeyConstraint("extraction_id", "symphony_id", "stage"),
)

trades = Table(
    "trades",
    metadata,
    Column("collection_id", Integer, nullable=False),
    Column("strategy_id", ForeignKey("strategies.id"), nullable=False),
    Column("asset_id", Integer, nullable=False),
    Column("decided", Date, nullable=False),
    Column("since", Integer, nullable=False),
    Column("until", Integer, nullable=False),
    Column("entered", Date, nullable=False),
    Column("exited", Date, nullable=False),
    Column("entry_price", Double, nullable=False),
    Column("exit_price", Double, nullable=False),
    Column("cost", Double, nullable=False),
    Column("net_return", Double, nullable=False),
    Column("mae", Double, nullable=False),
    Column("mfe", Double, nullable=False),
    Column("holding_days", Integer, nullable=False),
    PrimaryKeyConstraint("collection_id", "strategy_id", "asset_id", "decided", "since"),
    CheckConstraint("since < until", name="revisions"),
    CheckConstraint("decided < entered AND entered < exited AND holding_days > 0", name="time_order"),
    CheckConstraint("mae <= 0 AND mfe >= 0", name="excursions"),
)

patterns = Table(
    "patterns",
    metadata,
    Column("collection_id", Integer, nullable=False),
    Column("date", Date, nullable=False),
    Column("asset_id", Integer, nullable=False),
    Column("in_position", Boolean, nullable=False),
    Column("since", Integer, nullable=False, comment="revision from which the row counts"),
    Column("until", Integer, nullable=False, comment="revision from which it does not"),
    Column("action", SmallInteger, nullable=False, comment="0 hold, 1 buy, 2 sell"),
    Column("hold", REAL, nullable=False),
    Column("buy", REAL, nullable=False),
    Column("sell", REAL, nullable=False),
    Column("supporters", Integer, nullable=False),
    Column("dissenters", Integer, nullable=False),
    Column(
        "category", SmallInteger, nullable=False, comment="position of the score's column among the next four"
    ),
    Column("momentum", REAL, nullable=False),
    Column("mean_reversion", REAL, nullable=False),
    Column("breakout", REAL, nullable=False),
    Column("trend_following", REAL, nullable=False),
    Column("regime", SmallInteger, nullable=False, comment="0 bull, 1 bear, 2 sideways, 3 volatile"),
    Column("confidence", REAL, nullable=False),
    Column("strategy_weight", REAL, nullable=False),
    Column("reward", REAL, nullable=False),
    Column("value", REAL, nullable=False),
    Column("settled", Date, nullable=False),
    Column("state", LargeBinary, nullable=False, comment="64 little-endian float32"),
    PrimaryKeyConstraint("collection_id", "date", "asset_id", "in_position", "since"),
    CheckConstraint("since < until", name="revisions"),
    CheckConstraint("action BETWEEN 0 AND 2", name="action"),
    CheckConstraint("category BETWEEN 0 AND 3", name="category"),
    CheckConstraint("regime BETWEEN 0 AND 3", name="regime"),
    CheckConstraint("confidence BETWEEN 0 AND 1", name="confidence"),
    CheckConstraint("strategy_weight > 0", name="strategy_weight"),
    CheckConstraint("date < settled", name="time_order"),
    CheckConstraint("length(state) = 256", name="state"),
)
"""A row belongs to the revisions `since` to `until` - 1 of its collection. The primary key begins with the columns that
readers filter by and writers replace by. Collection and asset have no foreign keys, which would halve the speed
of writing: the writer locks the collection's row in each transaction, and neither is ever deleted."""

record_entries = Table(
    "record_entries",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False, comment="1 for the first, without gaps"),
    Column(
        "previous", Text, nullable=False, unique=True, comment="hash of the entry before; zeros for the first"
    ),
    Column("hash", Text, nullable=False, unique=True, comment="SHA-256 of previous, a line feed and content"),
    Column(
        "subject", Text, nullable=False, unique=True, comment="what it is about; nothing is entered twice"
    ),
    Column("content", Text, nullable=False, comment="JSON in one line, as it was hashed"),
    CheckConstraint("number > 0", name="number"),
)
"""The forward record, see `rlpretrain.record`. Triggers, which the migration creates, refuse to change, replace or
remove an entry. As no two entries have the same `previous`, the chain has no forks."""

archives = Table(
    "archives",
    metadata,
    Column("name", Text, primary_key=True),
    Column("collection_id", ForeignKey("collections.id"), nullable=False, index=True),
    Column("state", Text, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("first_revision", Integer, nullable=False),
    Column("last_revision", Integer, nullable=False),
    Column("digest", Text, nullable=False, comment="SHA-256 of the rows"),
    CheckConstraint("state IN ('writing', 'stored', 'leaving')", name="state"),
)
"""Folders of Parquet files with patterns that were moved out of this store. `writing`: the store still has the rows,
and an interrupted folder is to be removed; `stored`: only the folder has them; `leaving`: the rows are elsewhere
again, and the folder is to be removed."""

for table in (patterns, trades):
    replaced = text(f"until < {CURRENT}")
    Index(
        f"ix_{table.name}_until",
        table.c.collection_id,
        table.c.until,
        postgresql_where=replaced,
        sqlite_where=replaced,
    )
