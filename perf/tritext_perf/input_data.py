"""The texts that are sent: which of a file's rows, and how perf_analyzer is given them byte for byte."""

import base64
import json
import random
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median

from tritext.checkpoints import sha256
from tritext.records import read_labelled_texts, read_texts
from tritext.tables import RecordsError


@dataclass(frozen=True, kw_only=True)
class Texts:
    """A sample of a data file in random order; `labels[i]` belongs to `texts[i]`, or there are none at all."""

    path: Path
    sha256: str
    rows: int
    """In the whole file."""
    texts: tuple[str, ...]
    labels: tuple[tuple[str, ...], ...] | None
    multi_label: bool

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def lengths(self) -> dict[str, float]:
        """How long the texts are, in Unicode characters."""
        return spread_of([len(text) for text in self.texts])


def spread_of(numbers: Sequence[int]) -> dict[str, float]:
    """Smallest, mean, median, 95th percentile (nearest rank) and largest."""
    ordered = sorted(numbers)
    p95 = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
    return {
        "min": ordered[0],
        "mean": round(fmean(ordered), 1),
        "median": median(ordered),
        "p95": p95,
        "max": ordered[-1],
    }


def read(
    path: Path,
    *,
    text_column: str | None,
    label_column: str | None,
    label_separator: str | None,
    most: int,
    seed: int,
) -> Texts:
    """Sample `most` rows of a data file, with their labels if it has any.

    Raises:
        RecordsError: The file, a column that was named, or a row is not usable.
    """
    labels, multi_label = None, False
    try:
        labelled = read_labelled_texts(
            path, text_column=text_column, label_column=label_column, label_separator=label_separator
        )
        texts, labels, multi_label = labelled.texts, labelled.labels, labelled.multi_label
    except RecordsError:
        if label_column or label_separator:
            raise
        texts = tuple(read_texts(path, text_column=text_column))
    chosen = random.Random(seed).sample(range(len(texts)), min(most, len(texts)))  # noqa: S311 - a sample, no secret
    return Texts(
        path=path,
        sha256=sha256(path),
        rows=len(texts),
        texts=tuple(texts[row] for row in chosen),
        labels=tuple(labels[row] for row in chosen) if labels else None,
        multi_label=multi_label,
    )


def write(texts: Sequence[str], path: Path, *, input_name: str) -> None:
    """Write perf_analyzer's `--input-data` file, one request per text.

    Each string is given as the tensor's own bytes, a little-endian length of four bytes before the UTF-8, in base64:
    perf_analyzer cuts a plain JSON string at its first NUL.
    """
    path.write_text(json.dumps({"data": [{input_name: {"b64": _tensor(text)}} for text in texts]}))


def _tensor(text: str) -> str:
    data = text.encode()
    return base64.b64encode(struct.pack("<I", len(data)) + data).decode()
