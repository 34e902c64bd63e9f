"""The migrations of a SQL store; Alembic runs them, in their own version table."""
