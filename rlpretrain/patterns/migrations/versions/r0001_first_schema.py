"""First schema: strategies, extractions, runs, voters, rejects, trades, patterns."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "strategies",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("content_hash", sa.Text, nullable=False),
        sa.Column("symphony_id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("last_edit", sa.Date),
        sa.Column("holdings", sa.Text, nullable=False, comment="JSON list of tickers"),
        sa.PrimaryKeyConstraint("id", name="pk_strategies"),
        sa.UniqueConstraint("content_hash", name="uq_strategies_content_hash"),
    )
    op.create_index("ix_strategies_symphony_id", "strategies", ["symphony_id"])
    op.create_table(
        "extractions",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column(
            "inputs", sa.Text, nullable=False, comment="JSON of the hashes and settings behind the digest"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_extractions"),
        sa.UniqueConstraint("digest", name="uq_extractions_digest"),
    )
    op.create_table(
        "runs",
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("extraction_id", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("run_id", name="pk_runs"),
        sa.ForeignKeyConstraint(["extraction_id"], ["extractions.id"], name="fk_runs_extraction_id"),
    )
    op.create_index("ix_runs_extraction_id", "runs", ["extraction_id"])
    op.create_table(
        "voters",
        sa.Column("extraction_id", sa.Integer, nullable=False),
        sa.Column("strategy_id", sa.Integer, nullable=False),
        sa.Column(
            "sharpe",
            sa.Double,
            nullable=False,
            comment="annualised, up to the end of the pre-training window",
        ),
        sa.PrimaryKeyConstraint("extraction_id", "strategy_id", name="pk_voters"),
        sa.ForeignKeyConstraint(["extraction_id"], ["extractions.id"], name="fk_voters_extraction_id"),
        sa.ForeignKeyConstraint(["strategy_id"], ["strategies.id"], name="fk_voters_strategy_id"),
    )
    op.create_table(
        "rejects",
        sa.Column("extraction_id", sa.Integer, nullable=False),
        sa.Column("symphony_id", sa.Text, nullable=False),
        sa.Column("stage", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("extraction_id", "symphony_id", "stage", name="pk_rejects"),
        sa.ForeignKeyConstraint(["extraction_id"], ["extractions.id"], name="fk_rejects_extraction_id"),
    )
    op.create_table(
        "trades",
        sa.Column("extraction_id", sa.Integer, nullable=False),
        sa.Column("strategy_id", sa.Integer, nullable=False),
        sa.Column("asset", sa.Text, nullable=False),
        sa.Column("decided", sa.Date, nullable=False),
        sa.Column("entered", sa.Date, nullable=False),
        sa.Column("exited", sa.Date, nullable=False),
        sa.Column("entry_price", sa.Double, nullable=False),
        sa.Column("exit_price", sa.Double, nullable=False),
        sa.Column("cost", sa.Double, nullable=False),
        sa.Column("net_return", sa.Double, nullable=False),
        sa.Column("mae", sa.Double, nullable=False),
        sa.Column("mfe", sa.Double, nullable=False),
        sa.Column("holding_days", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("extraction_id", "strategy_id", "asset", "decided", name="pk_trades"),
        sa.ForeignKeyConstraint(["extraction_id"], ["extractions.id"], name="fk_trades_extraction_id"),
        sa.ForeignKeyConstraint(["strategy_id"], ["strategies.id"], name="fk_trades_strategy_id"),
        sa.CheckConstraint("decided < entered AND entered < exited AND holding_days > 0", name="time_order"),
        sa.CheckConstraint("mae <= 0 AND mfe >= 0", name="excursions"),
    )
    op.create_table(
        "patterns",
        sa.Column("extraction_id", sa.Integer, nullable=False),
        sa.Column("date", sa.Date, nullable=False),
        sa.Column("asset", sa.Text, nullable=False),
        sa.Column("in_position", sa.Boolean, nullable=False),
        sa.Column("action", sa.SmallInteger, nullable=False, comment="0 hold, 1 buy, 2 sell"),
        sa.Column("hold", sa.REAL, nullable=False),
        sa.Column("buy", sa.REAL, nullable=False),
        sa.Column("sell", sa.REAL, nullable=False),
        sa.Column("supporters", sa.Integer, nullable=False),
        sa.Column("dissenters", sa.Integer, nullable=False),
        sa.Column(
            "category",
            sa.SmallInteger,
            nullable=False,
            comment="position of the score's column among the next four",
        ),
        sa.Column("momentum", sa.REAL, nullable=False),
        sa.Column("mean_reversion", sa.REAL, nullable=False),
        sa.Column("breakout", sa.REAL, nullable=False),
        sa.Column("trend_following", sa.REAL, nullable=False),
        sa.Column(
            "regime", sa.SmallInteger, nullable=False, comment="0 bull, 1 bear, 2 sideways, 3 volatile"
        ),
        sa.Column("confidence", sa.REAL, nullable=False),
        sa.Column("strategy_weight", sa.REAL, nullable=False),
        sa.Column("reward", sa.REAL, nullable=False),
        sa.Column("value", sa.REAL, nullable=False),
        sa.Column("settled", sa.Date, nullable=False),
        sa.Column("state", sa.LargeBinary, nullable=False, comment="64 little-endian float32"),
        sa.PrimaryKeyConstraint("extraction_id", "date", "asset", "in_position", name="pk_patterns"),
        sa.ForeignKeyConstraint(["extraction_id"], ["extractions.id"], name="fk_patterns_extraction_id"),
        sa.CheckConstraint("action BETWEEN 0 AND 2", name="action"),
        sa.CheckConstraint("category BETWEEN 0 AND 3", name="category"),
        sa.CheckConstraint("regime BETWEEN 0 AND 3", name="regime"),
        sa.CheckConstraint("confidence BETWEEN 0 AND 1", name="confidence"),
        sa.CheckConstraint("strategy_weight > 0", name="strategy_weight"),
        sa.CheckConstraint("date < settled", name="time_order"),
        sa.CheckConstraint("length(state) = 256", name="state"),
    )


def downgrade() -> None:
    """Drop the tables."""
    for table in ("patterns", "trades", "rejects", "voters", "runs", "extractions", "strategies"):
        op.drop_table(table)
