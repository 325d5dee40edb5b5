"""Alembic's entry: runs migrations on the connection that `heliograph.db.migrate` hands over."""

from alembic import context

from heliograph.db.tables import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA, compare_type=True)
with context.begin_transaction():
    context.run_migrations()
