"""Alembic runs this file to apply revisions over the connection that the store passes."""

from alembic import context

from rlpretrain.patterns.store.schema import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
