"""The first tables: jobs and reports."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "job",
        sa.Column("id", sa.String(length=155), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("arguments", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("progress", sa.Float(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished", sa.DateTime(timezone=True), nullable=True),
        sa.Column("heartbeat", sa.Double(), nullable=True),
        sa.Column("rung", sa.Double(), nullable=True),
        sa.Column("worker", sa.String(length=255), nullable=False),
        sa.Column("claim", sa.String(length=32), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("cancel", sa.Boolean(), nullable=False),
        sa.Column("result", sa.JSON(), nullable=True),
        sa.Column("parent_id", sa.String(length=155), nullable=True),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["parent_id"], ["job.id"], name="fk_job_parent_id"),
        sa.PrimaryKeyConstraint("id", name="pk_job"),
    )
    op.create_index("ix_job_parent_id", "job", ["parent_id"])
    op.create_index("ix_job_state_created", "job", ["state", "created"])

    op.create_table(
        "model_report",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("job_id", sa.String(length=155), nullable=True),
        sa.Column("run", sa.String(length=64), nullable=True),
        sa.Column("name", sa.String(length=255), nullable=True),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("task", sa.String(length=64), nullable=False),
        sa.Column("parameters", sa.JSON(), nullable=False),
        sa.Column("sizes", sa.JSON(), nullable=False),
        sa.Column("metrics", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name="fk_model_report_job_id"),
        sa.PrimaryKeyConstraint("id", name="pk_model_report"),
        sa.UniqueConstraint("name", "version", name="uq_model_report_name"),
        sa.UniqueConstraint("run", name="uq_model_report_run"),
    )
    op.create_index("ix_model_report_job_id", "model_report", ["job_id"])

    op.create_table(
        "eval_report",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("job_id", sa.String(length=155), nullable=False),
        sa.Column("model_report_id", sa.Integer(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("precision", sa.Double(), nullable=False),
        sa.Column("recall", sa.Double(), nullable=False),
        sa.Column("f1", sa.Double(), nullable=False),
        sa.Column("support", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name="fk_eval_report_job_id"),
        sa.ForeignKeyConstraint(
            ["model_report_id"], ["model_report.id"], name="fk_eval_report_model_report_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_eval_report"),
        sa.UniqueConstraint("job_id", "label", name="uq_eval_report_job_id"),
    )
    op.create_index("ix_eval_report_model_report_id", "eval_report", ["model_report_id"])

    op.create_table(
        "false_prediction",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("job_id", sa.String(length=155), nullable=False),
        sa.Column("model_report_id", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("expected", sa.Text(), nullable=False),
        sa.Column("predicted", sa.Text(), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name="fk_false_prediction_job_id"),
        sa.ForeignKeyConstraint(
            ["model_report_id"], ["model_report.id"], name="fk_false_prediction_model_report_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_false_prediction"),
    )
    op.create_index("ix_false_prediction_job_id", "false_prediction", ["job_id"])
    op.create_index("ix_false_prediction_model_report_id", "false_prediction", ["model_report_id"])


def downgrade() -> None:

    op.drop_table("false_prediction")

    op.drop_table("eval_report")

    op.drop_table("model_report")

    op.drop_table("job")
