"""An evaluation as people read it: a table of metrics, a table of labels, and a line about the agreement."""

from typing import Any

from rich.markup import escape
from rich.table import Table

from tritext_perf.evaluation.evaluation import Figures

NAMES = {
    "macro_f1": "macro-F1",
    "micro_f1": "micro-F1",
    "weighted_f1": "weighted F1",
    "f1": "F1",
    "has_ans_f1": "F1, with an answer",
    "no_ans_f1": "F1, without an answer",
    "has_ans_exact_match": "exact match, with an answer",
    "no_ans_exact_match": "exact match, without an answer",
    "mse": "mean squared error",
    "mae": "mean absolute error",
    "mrr": "MRR",
    "map": "MAP",
    "ndcg_at_10": "nDCG@10",
}
"""Metrics that are not called what they are named."""


def metric_table(title: str, columns: dict[str, Figures]) -> Table:
    table = Table("metric", title=title, title_justify="left")
    for column in columns:
        table.add_column(column, justify="right")
    for metric in columns["served"]:
        values = (figures[metric] for figures in columns.values())
        table.add_row(
            NAMES.get(metric, metric.replace("_", " ")),
            *(f"{value:.4f}" if isinstance(value, float) else f"{value:,}" for value in values),
        )
    return table


def label_table(columns: dict[str, list[dict[str, Any]]]) -> Table:
    """The labels of the served model, and the F1 of the others beside."""
    others = [{row["label"]: row["f1"] for row in rows} for rows in list(columns.values())[1:]]
    table = Table("label")
    for heading in (
        "precision",
        "recall",
        "F1",
        *(f"F1 of the {who}" for who in list(columns)[1:]),
        "support",
    ):
        table.add_column(heading, justify="right")
    for row in columns["served"]:
        beside = (other.get(row["label"], 0.0) for other in others)
        numbers = (row["precision"], row["recall"], row["f1"], *beside)
        table.add_row(escape(row["label"]), *(f"{number:.3f}" for number in numbers), f"{row['support']:,}")
    return table


def agreement_line(agreement: Figures) -> str:
    shares = [f"same {what}: {part:.2%}" for what, part in agreement.items() if what != "largest_difference"]
    difference = f"largest difference of a score: {agreement['largest_difference']:.2g}"
    return f"Served beside the checkpoint: {'; '.join([*shares, difference])}."
