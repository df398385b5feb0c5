"""The report's pictures, as PNG bytes. Labels are drawn as they are, never as formulas."""

import io
import warnings
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

BLUE, ORANGE = "#1f5fa8", "#d9711c"
MOST_LABELS = 80
"""More labels than this cannot be read in one picture; those with the most errors are drawn."""

LONGEST_NAME = 48
_ANNOTATED_LABELS = 25


def curves(points: Sequence[dict[str, float]], best_epoch: float, *, key: str, name: str) -> bytes:
    """Loss of training and validation, and the figure `key` (called `name`), over epochs; the best epoch is marked."""
    figure = Figure(figsize=(7, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    epochs = [point["epoch"] for point in points]
    left.plot(epochs, [point["train_loss"] for point in points], "o-", color=ORANGE, label="training", ms=4)
    left.plot(
        epochs, [point["validation_loss"] for point in points], "o-", color=BLUE, label="validation", ms=4
    )
    left.set(title="Loss", xlabel="epoch", ylim=(0, None))
    right.plot(epochs, [point[f"validation_{key}"] for point in points], "o-", color=BLUE, label=name, ms=4)
    right.set(title=f"Validation {name}", xlabel="epoch")
    for axes in (left, right):
        axes.axvline(best_epoch, color="#999999", lw=1, ls="--", label="best epoch")
        axes.spines[["top", "right"]].set_visible(False)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.legend(frameon=False, fontsize=8)
    return _png(figure, dpi=160)


def trials(found: Sequence[dict[str, Any]], *, winner: int, name: str) -> bytes:
    """The figure called `name` of every trial over its epochs; trials that were ended early are dashed."""
    figure = Figure(figsize=(7, 3.4), layout="constrained")
    axes = figure.subplots()
    for trial in found:
        best = trial["trial"] == winner
        epochs = range(1, len(trial["curve"]) + 1)
        style = "-" if trial["state"] == "complete" else "--"
        colour, order = (ORANGE, 3) if best else (BLUE, 2)
        axes.plot(
            epochs,
            trial["curve"],
            style,
            marker="o",
            ms=4,
            color=colour,
            alpha=1 if best else 0.45,
            zorder=order,
            label=f"trial {winner}" if best else None,
        )
    axes.set(title=f"Validation {name}", xlabel="epoch")
    axes.spines[["top", "right"]].set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(frameon=False, fontsize=8)
    return _png(figure, dpi=160)


def confusion(counts: Sequence[Sequence[int]], labels: Sequence[str]) -> bytes:
    """Rows are the expected labels, columns the predicted ones; colour is the share of the row."""
    matrix, names = _most_confused(np.array(counts), labels)
    side = 2.2 + (0.5 if len(names) <= _ANNOTATED_LABELS else 0.17) * len(names)
    size = 9 if len(names) <= _ANNOTATED_LABELS else 6
    figure = Figure(figsize=(side, side), layout="constrained")
    axes = figure.subplots()
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares**0.5, cmap="Blues", vmin=0, vmax=1)  # the root shows rare confusions too
    short = [name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…" for name in names]
    axes.set_xticks(range(len(names)), short, rotation=90, fontsize=size, parse_math=False)
    axes.set_yticks(range(len(names)), short, fontsize=size, parse_math=False)
    axes.set_xlabel("predicted", fontsize=size + 2)
    axes.set_ylabel("expected", fontsize=size + 2)
    axes.spines[:].set_visible(False)
    _annotate(axes, matrix, shares, size=size if len(names) <= _ANNOTATED_LABELS else 4.5)
    return _png(figure, dpi=150)


def scatter(expected: Sequence[float], predicted: Sequence[float]) -> bytes:
    """Predicted over expected numbers, and the line on which all would lie."""
    figure = Figure(figsize=(4.4, 4.2), layout="constrained")
    axes = figure.subplots()
    axes.scatter(expected, predicted, s=9, color=BLUE, alpha=0.5, linewidths=0)
    ends = [min(expected), max(expected)]
    axes.plot(ends, ends, "--", color="#999999", lw=1)
    axes.set(xlabel="expected", ylabel="predicted")
    axes.spines[["top", "right"]].set_visible(False)
    return _png(figure, dpi=150)


def _annotate(axes: Any, matrix: npt.NDArray[Any], shares: npt.NDArray[Any], *, size: float) -> None:
    for row, column in zip(*np.nonzero(matrix), strict=True):
        colour = "white" if shares[row, column] > 0.4 else "#333333"  # noqa: PLR2004
        axes.text(column, row, matrix[row, column], ha="center", va="center", fontsize=size, color=colour)


def _most_confused(matrix: npt.NDArray[Any], labels: Sequence[str]) -> tuple[npt.NDArray[Any], list[str]]:
    errors = matrix.sum(axis=0) + matrix.sum(axis=1) - 2 * np.diag(matrix)
    kept = np.sort(np.argsort(-errors, kind="stable")[:MOST_LABELS])
    return matrix[np.ix_(kept, kept)], [labels[position] for position in kept]


def _png(figure: Figure, *, dpi: int) -> bytes:
    picture = io.BytesIO()
    with warnings.catch_warnings(), mpl.rc_context({"text.parse_math": False}):
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        figure.savefig(picture, dpi=dpi, format="png", metadata={"Software": None})
    return picture.getvalue()
