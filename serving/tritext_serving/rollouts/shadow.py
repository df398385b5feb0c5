"""Two versions asked the same texts before the swap: what changes, and by how much. Judges nothing but a share against a limit."""

import json
import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tritext.columns import Column, read_columns
from tritext.records import read_texts
from tritext_serving.control import Control
from tritext_serving.errors import Refused
from tritext_serving.rollouts import probes
from tritext_serving.rollouts.answers import compare
from tritext_serving.rollouts.errors import NothingToCompare

AT_ONCE = 4
"""Requests under way: a comparison is made beside everybody's traffic, and is in no hurry."""

SHOWN = 5


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One text: what each version answered, as JSON, whether that differs in what is said, and the largest change of a figure."""

    asked: tuple[str, ...]
    old: str
    new: str
    changed: bool
    score_change: float


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """All that were asked; `refused` counts texts that neither version takes, which are left out."""

    compared: tuple[Compared, ...]
    refused: int

    @property
    def changed(self) -> int:
        return sum(one.changed for one in self.compared)

    @property
    def share(self) -> float:
        return self.changed / len(self.compared)

    def summary(self) -> dict[str, Any]:
        """Counts, the first changed answers, and those whose scores changed most."""
        by_score = sorted(self.compared, key=lambda one: -one.score_change)
        return {
            "texts": len(self.compared),
            "changed": self.changed,
            "changed_share": self.share,
            "largest_score_change": by_score[0].score_change,
            "refused_by_both": self.refused,
            "changed_answers": [_row(one) for one in self.compared if one.changed][:SHOWN],
            "largest_score_changes": [_row(one) for one in by_score if not one.changed][:SHOWN],
        }


def _row(one: Compared) -> dict[str, Any]:
    return {
        "asked": list(one.asked),
        "old": json.loads(one.old),
        "new": json.loads(one.new),
        "score_change": one.score_change,
    }


@dataclass(frozen=True, kw_only=True)
class Shadow:
    """A share of the rows of a file, drawn at random but always the same."""

    data: Path
    share: float
    seed: int = 0

    def compare(self, control: Control, old: str, new: str) -> Comparison:
        """Ask both models.

        Raises:
            NothingToCompare: The file holds no usable text, or both refuse all of them.
            RecordsError: The file is not usable.
        """
        config = control.config(new)
        rows = self._rows([tensor["name"] for tensor in config["input"]])
        with ThreadPoolExecutor(AT_ONCE) as pool:
            found = list(pool.map(lambda row: _compared(control, old, new, config, row), rows))
        compared = tuple(one for one in found if one)
        if not compared:
            raise NothingToCompare(f"Neither version answers any of the {len(rows)} texts of {self.data}.")
        return Comparison(compared=compared, refused=len(found) - len(compared))

    def _rows(self, inputs: Sequence[str]) -> list[tuple[Any, ...]]:
        if inputs == ["TEXT"]:
            rows: list[tuple[Any, ...]] = [(text,) for text in read_texts(self.data)]
        else:
            wanted = [Column(kind=name.lower(), usual=(name.lower(),), asked=None) for name in inputs]
            rows = [tuple(cell.value for cell in row) for row in read_columns(self.data, *wanted)]
        if not rows:
            raise NothingToCompare(f"{self.data} holds no texts to ask.")
        count = max(1, round(self.share * len(rows)))
        chosen = sorted(random.Random(self.seed).sample(range(len(rows)), count))  # noqa: S311 - no secret
        return [rows[index] for index in chosen]


def _compared(
    control: Control, old: str, new: str, config: dict[str, Any], row: Sequence[Any]
) -> Compared | None:
    """None, where both versions refuse the text."""
    request = _request(config, row)
    was, now = (_answer(control, model, request) for model in (old, new))
    if was is None and now is None:
        return None
    found = compare(now, was)
    return Compared(
        asked=tuple(map(str, row)),
        old=json.dumps(was, ensure_ascii=False),
        new=json.dumps(now, ensure_ascii=False),
        changed=bool(found.words),
        score_change=found.figures,
    )


def _answer(control: Control, model: str, request: dict[str, Any]) -> Any:
    try:
        return probes.outputs(control.infer(model, request))
    except Refused as error:
        # A bad text, which the other version may take; anything else is the server's and no answer at all.
        if error.status != 400:  # noqa: PLR2004
            raise
        return None


def _request(config: dict[str, Any], row: Sequence[Any]) -> dict[str, Any]:
    """What is said, where the model says anything; otherwise its figures."""
    names = [output["name"] for output in config["output"] if output["name"] != "TOKEN_COUNT"]
    wanted = ["RESULT"] if "RESULT" in names else names[:1]
    inputs = [_tensor(config, given, value) for given, value in zip(config["input"], row, strict=True)]
    return {"inputs": inputs, "outputs": [{"name": name} for name in wanted]}


def _tensor(config: dict[str, Any], given: dict[str, Any], value: Any) -> dict[str, Any]:
    values = list(value) if isinstance(value, (list, tuple)) else [str(value)]
    # A dimension for the texts of a request stands in front, be it the batch's or the config's own.
    rows = config.get("max_batch_size", 0) or len(given["dims"]) > 1
    shape = [1, len(values)] if rows else [len(values)]
    return {"name": given["name"], "shape": shape, "datatype": "BYTES", "data": values}
