"""Add a table of every policy that was scored on test days, by which Sharpe ratios are deflated."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table; what earlier validations tried is not known."""
    op.create_table(
        "trials",
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("symbol", sa.Text, nullable=False),
        sa.Column("first_day", sa.Date, nullable=False, comment="of the test window"),
        sa.Column("sha256", sa.Text, nullable=False, comment="of the policy's weights"),
        sa.Column("last_day", sa.Date, nullable=False, comment="of the test window"),
        sa.Column("arm", sa.Text, nullable=False),
        sa.Column("seed", sa.Integer, comment="NULL for a policy that no seed of the validation has trained"),
        sa.PrimaryKeyConstraint("run_id", "symbol", "first_day", "sha256", name="pk_trials"),
        sa.CheckConstraint("first_day <= last_day", name="ck_trials_days"),
    )
    op.create_index("ix_trials_symbol", "trials", ["symbol", "first_day"])


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("trials")
