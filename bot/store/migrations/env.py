"""Alembic's entry point: run the versions in one transaction, under a lock, so that two releases cannot race."""

from alembic import context
from sqlalchemy import create_engine, pool, text

MIGRATION_LOCK = 7303014

engine = create_engine(context.config.get_main_option("sqlalchemy.url") or "", poolclass=pool.NullPool)
with engine.connect() as connection:
    connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": MIGRATION_LOCK})
    context.configure(connection=connection, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
