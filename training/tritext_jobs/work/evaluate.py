"""Evaluating a served model as a job: its figures, those of each label, and what it got wrong, as rows of the reports."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from tritext import Client
from tritext.registry import registry
from tritext_jobs.arguments import EvaluateArguments
from tritext_jobs.child import Outcome, Task
from tritext_jobs.work.server import server
from tritext_perf.evaluation import Evaluation, Options, Served, read_evaluation
from tritext_perf.evaluation.text_classification import TextClassification

SEPARATOR = " | "
"""Between several labels, or the two texts of a pair."""


def work(task: Task, arguments: EvaluateArguments) -> Outcome:
    """Ask the server about every row; nothing is kept until all are answered."""
    with (
        server(task, arguments) as url,
        Client(url, timeout=arguments.timeout) as client,
    ):
        version = arguments.version or client.model(arguments.name).versions[-1]
        served = _served(client, arguments.name, str(version))
        evaluation = read_evaluation(arguments.data, served, _options(arguments))
        answers = _answers(task, client, arguments.name, str(version), evaluation)
    document = _document(arguments, evaluation, answers)
    name = arguments.registered_name or arguments.name
    if arguments.log:
        store = registry()
        store.log_evaluation(store.resolve(f"models:/{name}/{version}"), document)
    reports = {
        "model": {
            "name": name,
            "version": int(version),
            "task": evaluation.task,
            "metrics": {"served": evaluation.overall(answers)},
            "state": "evaluated",
        },
        "labels": [_label(row) for row in evaluation.per_label(answers)],
        "false_predictions": list(_false_predictions(evaluation, answers)),
    }
    wrong = {"false_predictions": len(reports["false_predictions"])}
    return Outcome(result={**document, "version": int(version), **wrong}, reports=reports)


def _options(arguments: EvaluateArguments) -> Options:
    return Options(
        columns=arguments.columns,
        label_separator=arguments.label_separator,
        threshold=arguments.threshold,
        hypothesis_template=arguments.hypothesis_template,
    )


def _served(client: Client, name: str, version: str) -> Served:
    model = client.model(name, version=version)
    has_labels = model.output("PROBABILITIES") is not None
    return Served(model=model, labels=client.labels(name, version=version) if has_labels else ())


def _answers(task: Task, client: Client, name: str, version: str, evaluation: Evaluation) -> list[Any]:
    def ask(items: Any, **options: Any) -> Iterator[Any]:
        return client.stream(name, items, version=version, **options)

    found = []
    for answer in evaluation.answers(ask):
        found.append(answer)
        task.tell(
            len(found) / len(evaluation.items),
            f"{len(found):,} of {len(evaluation.items):,} {evaluation.noun}",
        )
    return found


def _document(arguments: EvaluateArguments, evaluation: Evaluation, answers: Sequence[Any]) -> dict[str, Any]:
    """As `tritext evaluate --json` prints it, and as the registry keeps it."""
    labels = evaluation.per_label(answers)
    return {
        "model": arguments.name,
        "task": evaluation.task,
        "data": str(arguments.data),
        "rows": len(evaluation.items),
        "served": evaluation.overall(answers) | ({"labels": labels} if labels else {}),
        "agreement": None,
    }


def _label(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("label", "precision", "recall", "f1", "support")}


def _false_predictions(evaluation: Evaluation, answers: Sequence[Any]) -> Iterator[dict[str, Any]]:
    """The texts whose labels are not those expected."""
    if not isinstance(evaluation, TextClassification):
        return
    for item, truth, scores in zip(evaluation.items, evaluation.truth, answers, strict=True):
        given = _given(scores, evaluation)
        if set(given) != set(truth):
            yield {
                "text": SEPARATOR.join(item) if isinstance(item, tuple) else item,
                "expected": SEPARATOR.join(truth),
                "predicted": SEPARATOR.join(given),
                "score": float(np.max(scores)),
            }


def _given(scores: Any, evaluation: TextClassification) -> list[str]:
    if not evaluation.multi_label:
        return [evaluation.labels[int(np.argmax(scores))]]
    return [
        label for label, score in zip(evaluation.labels, scores, strict=True) if score >= evaluation.threshold
    ]
