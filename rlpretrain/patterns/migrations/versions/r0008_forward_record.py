"""Add the table of the forward record, which only grows."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_REFUSAL = "the forward record is append-only"


def upgrade() -> None:
    """Create the table and the triggers that refuse to change, replace or remove its rows."""
    op.create_table(
        "record_entries",
        sa.Column(
            "number",
            sa.Integer,
            nullable=False,
            autoincrement=False,
            comment="1 for the first, without gaps",
        ),
        sa.Column(
            "previous", sa.Text, nullable=False, comment="hash of the entry before; zeros for the first"
        ),
        sa.Column("hash", sa.Text, nullable=False, comment="SHA-256 of previous, a line feed and content"),
        sa.Column("subject", sa.Text, nullable=False, comment="what it is about; nothing is entered twice"),
        sa.Column("content", sa.Text, nullable=False, comment="JSON in one line, as it was hashed"),
        sa.PrimaryKeyConstraint("number", name="pk_record_entries"),
        sa.UniqueConstraint("previous", name="uq_record_entries_previous"),
        sa.UniqueConstraint("hash", name="uq_record_entries_hash"),
        sa.UniqueConstraint("subject", name="uq_record_entries_subject"),
        sa.CheckConstraint("number > 0", name="number"),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION refuse_record_change() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{_REFUSAL}'; END $$"
        )
        op.execute(
            "CREATE TRIGGER record_entries_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON record_entries "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_record_change()"
        )
        return
    for name, event, condition in (
        ("update", "UPDATE", "true"),
        ("delete", "DELETE", "true"),
        # INSERT OR REPLACE removes the row that is in its way without asking the trigger on DELETE.
        (
            "replace",
            "INSERT",
            "EXISTS (SELECT 1 FROM record_entries WHERE number = NEW.number OR previous = NEW.previous "
            "OR hash = NEW.hash OR subject = NEW.subject)",
        ),
    ):
        op.execute(
            f"CREATE TRIGGER record_entries_{name} BEFORE {event} ON record_entries WHEN {condition} "
            f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
        )


def downgrade() -> None:
    """Raise an error: the record is not to be lost."""
    raise NotImplementedError("the store cannot go back before revision 0008; restore a backup")
