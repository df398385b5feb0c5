"""What about the data a person should know before trusting the figures, as sentences. Knows a task's facts, no rows."""

from collections.abc import Iterator, Mapping
from typing import Any

LOPSIDED = 100
"""From so many rows of one label for each row of another on, accuracy says little."""


def concerns(facts: Mapping[str, Any], *, class_weights: str | None) -> list[str]:
    """Leaks between splits, and labels that are rare or untested."""
    return [*_leaks(facts), *_rare(facts, weighted=class_weights is not None), *_untested(facts)]


def _leaks(facts: Mapping[str, Any]) -> Iterator[str]:
    for leak in facts["duplicates"]["leaks"]:
        if leak["rows"]:
            first, second = leak["between"]
            yield (
                f"{leak['rows']:,} of the {second} rows {'is' if leak['rows'] == 1 else 'are'} also in {first} (the "
                "same text but for case and white space): the figures flatter the model."
            )


def _rare(facts: Mapping[str, Any], *, weighted: bool) -> Iterator[str]:
    counts = facts["splits"]["train"].get("label_counts")
    if not counts:
        return
    most, least = max(counts, key=counts.__getitem__), min(counts, key=counts.__getitem__)
    if counts[most] >= LOPSIDED * max(1, counts[least]):
        advice = "" if weighted else "; --class-weights balanced makes rare labels count as much"
        yield (
            f"{most!r} has {counts[most]:,} training rows, {least!r} {counts[least]:,}: accuracy says little here, "
            f"macro-F1 and the figures of each label do{advice}."
        )


def _untested(facts: Mapping[str, Any]) -> Iterator[str]:
    counts = facts["splits"]["test"].get("label_counts") or {}
    missing = [repr(label) for label, count in counts.items() if not count]
    if missing:
        some = ", ".join(missing[:5]) + (", …" if len(missing) > 5 else "")  # noqa: PLR2004
        yield f"{len(missing)} of {len(counts)} labels have no test row ({some}): nothing is known about them."
