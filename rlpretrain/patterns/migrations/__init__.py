"""Alembic migrations of the pattern store; run when a store is opened."""
