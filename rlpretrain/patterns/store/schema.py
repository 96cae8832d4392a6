"""Tables of the pattern store; the migrations make them, and a test holds both equal."""

from __future__ import annotations

from sqlalchemy import (
    REAL,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Double,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
)

__all__ = [
    "extractions",
    "fidelities",
    "metadata",
    "patterns",
    "rejects",
    "runs",
    "strategies",
    "trades",
    "voters",
]

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
"""One row for each distinct tree; of symphonies with equal trees, the one with the least id. A new version of
a symphony is a new row."""

extractions = Table(
    "extractions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("digest", Text, nullable=False, unique=True),
    Column("inputs", Text, nullable=False, comment="JSON of the hashes and settings behind the digest"),
)
"""What patterns and trades depend on: library, market, settings. Rows of different extractions live side by
side."""

runs = Table(
    "runs",
    metadata,
    Column("run_id", Text, primary_key=True),
    Column("extraction_id", ForeignKey("extractions.id"), nullable=False, index=True),
)
"""Which extraction each run of the pipeline used; runs with equal inputs share one."""

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
    Column("equal_holdings", Double, comment="share of days; NULL where the service gives no holdings"),
    PrimaryKeyConstraint("extraction_id", "strategy_id"),
)
"""How well each replay reproduces the service's backtest, over all days that both have: it depends on the market
too, hence on the extraction."""

voters = Table(
    "voters",
    metadata,
    Column("extraction_id", ForeignKey("extractions.id"), nullable=False),
    Column("strategy_id", ForeignKey("strategies.id"), nullable=False),
    Column("sharpe", Double, nullable=False, comment="annualised, up to the end of the pre-training window"),
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
    Column("extraction_id", ForeignKey("extractions.id"), nullable=False),
    Column("strategy_id", ForeignKey("strategies.id"), nullable=False),
    Column("asset", Text, nullable=False),
    Column("decided", Date, nullable=False),
    Column("entered", Date, nullable=False),
    Column("exited", Date, nullable=False),
    Column("entry_price", Double, nullable=False),
    Column("exit_price", Double, nullable=False),
    Column("cost", Double, nullable=False),
    Column("net_return", Double, nullable=False),
    Column("mae", Double, nullable=False),
    Column("mfe", Double, nullable=False),
    Column("holding_days", Integer, nullable=False),
    PrimaryKeyConstraint("extraction_id", "strategy_id", "asset", "decided"),
    CheckConstraint("decided < entered AND entered < exited AND holding_days > 0", name="time_order"),
    CheckConstraint("mae <= 0 AND mfe >= 0", name="excursions"),
)

patterns = Table(
    "patterns",
    metadata,
    Column("extraction_id", ForeignKey("extractions.id"), nullable=False),
    Column("date", Date, nullable=False),
    Column("asset", Text, nullable=False),
    Column("in_position", Boolean, nullable=False),
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
    PrimaryKeyConstraint("extraction_id", "date", "asset", "in_position"),
    CheckConstraint("action BETWEEN 0 AND 2", name="action"),
    CheckConstraint("category BETWEEN 0 AND 3", name="category"),
    CheckConstraint("regime BETWEEN 0 AND 3", name="regime"),
    CheckConstraint("confidence BETWEEN 0 AND 1", name="confidence"),
    CheckConstraint("strategy_weight > 0", name="strategy_weight"),
    CheckConstraint("date < settled", name="time_order"),
    CheckConstraint("length(state) = 256", name="state"),
)
"""The primary key begins with extraction and date: what readers filter by."""
