"""Alembic's entry: runs the steps on the connection that `tritext_jobs.database` hands over, inside its transaction."""

from alembic import context

from tritext_jobs.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    version_table="tritext_jobs_revision",
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
