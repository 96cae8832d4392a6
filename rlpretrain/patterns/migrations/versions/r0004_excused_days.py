"""Add to each strategy's fidelity the number of days that were left out of it."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; nothing was left out before."""
    comment = "left out: decided within the noise of prices"
    column = sa.Column("excused_days", sa.Integer, nullable=False, server_default="0", comment=comment)
    op.add_column("fidelities", column)


def downgrade() -> None:
    """Drop the column."""
    op.drop_column("fidelities", "excused_days")
