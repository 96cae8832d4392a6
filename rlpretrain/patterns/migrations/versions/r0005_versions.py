"""Add a table of the versions behind strategies that are on each day the version that existed then."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_BEFORE = "annualised, up to the end of the pre-training window"
_SINCE = "annualised, over the days that reviews may see"


def upgrade() -> None:
    """Create the table; older strategies have no versions."""
    op.create_table(
        "versions",
        sa.Column("strategy_id", sa.Integer, nullable=False),
        sa.Column("first_close", sa.Date, nullable=False, comment="first day at whose close it existed"),
        sa.Column("version_id", sa.Text, nullable=False),
        sa.Column("content_hash", sa.Text, comment="NULL where nobody knows what the strategy was"),
        sa.Column(
            "holdings",
            sa.Text,
            nullable=False,
            comment="JSON list of tickers; empty where it decides on no day",
        ),
        sa.PrimaryKeyConstraint("strategy_id", "first_close", name="pk_versions"),
        sa.ForeignKeyConstraint(["strategy_id"], ["strategies.id"], name="fk_versions_strategy_id"),
    )
    _describe_sharpe(_BEFORE, _SINCE)


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("versions")
    _describe_sharpe(_SINCE, _BEFORE)


def _describe_sharpe(old: str, new: str) -> None:
    if op.get_bind().dialect.supports_comments:
        op.alter_column("voters", "sharpe", comment=new, existing_comment=old, existing_type=sa.Double)
