"""Add a table of each strategy's fidelity."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "fidelities",
        sa.Column("extraction_id", sa.Integer, nullable=False),
        sa.Column("strategy_id", sa.Integer, nullable=False),
        sa.Column("status", sa.Text, nullable=False, comment="agrees, agreed earlier, or never agreed"),
        sa.Column("common_days", sa.Integer, nullable=False),
        sa.Column("correlation", sa.Double, comment="of daily returns; NULL where one side does not move"),
        sa.Column("tracking_error", sa.Double, nullable=False, comment="annualised, fraction"),
        sa.Column(
            "largest_difference",
            sa.Double,
            nullable=False,
            comment="of one day's returns, ours less the service's",
        ),
        sa.Column("largest_difference_day", sa.Date, nullable=False),
        sa.Column(
            "equal_holdings", sa.Double, comment="share of days; NULL where the service gives no holdings"
        ),
        sa.PrimaryKeyConstraint("extraction_id", "strategy_id", name="pk_fidelities"),
        sa.ForeignKeyConstraint(["extraction_id"], ["extractions.id"], name="fk_fidelities_extraction_id"),
        sa.ForeignKeyConstraint(["strategy_id"], ["strategies.id"], name="fk_fidelities_strategy_id"),
    )


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("fidelities")
