"""Candidate labels to hypotheses that a model of natural-language inference judges. Knows neither tokenizers nor Triton."""

from __future__ import annotations

from collections.abc import Sequence
from string import Formatter

from ..requests import BadRequest

DEFAULT_TEMPLATE = "This example is {}."
"""The default of the pipeline's `hypothesis_template`."""


def candidate_labels(strings: Sequence[str]) -> list[str]:
    """The labels in CANDIDATE_LABELS: a list of them, or one string with commas between them.

    As in the pipeline, the labels of a list stay as they are, and those of a single string are trimmed.

    Raises:
        BadRequest: There is none.
    """
    labels = list(strings)
    if len(labels) == 1:
        labels = [label.strip() for label in labels[0].split(",") if label.strip()]
    if not labels:
        raise BadRequest("CANDIDATE_LABELS is empty; send at least one label to choose from")
    return labels


def hypotheses(template: object, labels: Sequence[str]) -> list[str]:
    """The template with each label in its place.

    Of `str.format` only the plain places `{}` and `{0}` are taken: others reach into Python's objects, or
    make strings of any size.

    Raises:
        BadRequest: The template has no place for the label, or another one.
    """
    if not isinstance(template, str) or not _takes_a_label(template):
        raise BadRequest(
            f"the parameter hypothesis_template takes a text with {{}} where the label goes, not {template!r}",
            reason="parameter",
        )
    return [template.format(label) for label in labels]


def _takes_a_label(template: str) -> bool:
    try:
        fields = [tuple(field) for _, *field in Formatter().parse(template) if field[0] is not None]
    except ValueError:
        return False
    return fields == [("", "", None)] or {("0", "", None)} == set(fields)
