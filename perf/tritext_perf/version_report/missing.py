"""What a report lacks: one sentence, and the command that makes it."""

from dataclasses import dataclass

from tritext_perf.version_report.evidence import Evidence


@dataclass(frozen=True, kw_only=True)
class Missing:
    """A part that is not there."""

    sentence: str
    command: str


def missing(evidence: Evidence) -> dict[str, Missing]:
    """By the section that is empty."""
    name, checkpoint = evidence.name, evidence.checkpoint
    version = f" --version {evidence.manifest['version']}" if evidence.manifest else ""
    every = {
        "training": (
            evidence.training,
            "The checkpoint has no training report: it was not trained by Tritext, or is not here.",
            "tritext train --data train.csv --output checkpoints/NAME",
        ),
        "gates": (
            evidence.manifest,
            "Not built: no version of it has passed the gates.",
            f"tritext build {checkpoint} --name {name} --eval-data held-out.csv",
        ),
        "served": (
            evidence.evaluation,
            "Not evaluated through the server; give what this prints to --evaluation.",
            f"tritext evaluate {name}{version} --data held-out.csv --checkpoint {checkpoint} --json > evaluation.json",
        ),
        "false-predictions": (
            evidence.false_predictions,
            "There are no false predictions to show: training writes them beside its report.",
            "tritext train --data train.csv --eval-data held-out.csv --output checkpoints/NAME",
        ),
        "latency": (
            evidence.bench,
            "Not measured under load; give what this prints to --bench.",
            f"tritext bench {name}{version} --data held-out.csv --json > bench.json",
        ),
    }
    return {
        part: Missing(sentence=sentence, command=command)
        for part, (document, sentence, command) in every.items()
        if document is None
    }
