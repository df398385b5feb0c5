"""From subjects to figures: built, served in one Triton, asked through the client, compared with the original."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.parity.comparing import Outcome, Refused, Tally
from tests.parity.corpus import DATA, Corpus
from tests.parity.originals import Answers, Call
from tests.parity.subjects import Subject
from tritext import Client
from tritext.errors import TritextError
from tritext.failures import InvalidText
from tritext_build import BuildRequest, build
from tritext_build.quiet import quiet
from tritext_serving import running_server

FORMATS = ("onnx", "torchscript")
"""The columns of the table."""

IN_FLIGHT = 8
PATIENCE_S = 300.0

Tell = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A subject in a format.

    Attributes:
        tally: None where there are no figures.
        reason: Why there are none.
        passed: Whether what must hold holds; True where there can be no figures.
    """

    subject: Subject
    form: str
    tally: Tally | None = None
    reason: str = ""
    passed: bool = True

    @property
    def key(self) -> str:
        return key_of(self.subject, self.form)

    def as_dict(self) -> dict[str, Any]:
        figures = asdict(self.tally) if self.tally else {}
        return {"passed": self.passed, **({"reason": self.reason} if self.reason else {}), **figures}


def key_of(subject: Subject, form: str) -> str:
    return f"{subject.case_name}/{subject.family}/{form}"


def measure(
    wanted: Sequence[tuple[Subject, Sequence[str]]],
    corpus: Corpus,
    *,
    data: Path | None = DATA,
    tell: Tell = lambda _what: None,
) -> Iterator[Cell]:
    """The cells of some subjects, each in some formats, all in one server."""
    with TemporaryDirectory(prefix="parity-") as place:
        folder, served = Path(place), []
        for subject, forms in wanted:
            if reason := subject.missing or subject.case.lacks():
                passed = bool(subject.missing)
                yield from (Cell(subject=subject, form=form, reason=reason, passed=passed) for form in forms)
                continue
            tell(f"{subject.family}: {subject.case_name}: building")
            with quiet():
                checkpoint = subject.checkpoint(folder / "checkpoints", data=data)
            failures = {form: _build(subject, form, checkpoint, folder) for form in forms}
            for form, reason in failures.items():
                if reason:
                    yield Cell(subject=subject, form=form, reason=reason, passed=False)
            served.append((subject, checkpoint, [form for form in forms if not failures[form]]))
        if any(built for _, _, built in served):
            yield from _serve(served, corpus, folder / "repository", tell)


def _build(subject: Subject, form: str, checkpoint: Path, folder: Path) -> str | None:
    """Why it failed, if it did."""
    request = BuildRequest(
        checkpoint=str(checkpoint),
        name=f"{subject.model_name}_{form}",
        repository=folder / "repository",
        task=subject.case.task,
        options=subject.case.options,
        format=form,
    )
    try:
        with quiet():
            build(request)
    except TritextError as error:
        return str(error)
    return None


def _serve(
    served: Sequence[tuple[Subject, Path, Sequence[str]]], corpus: Corpus, repository: Path, tell: Tell
) -> Iterator[Cell]:
    tell("starting Triton")
    with (
        running_server(repository, instances=1) as server,
        Client(server.grpc_url, in_flight=IN_FLIGHT, timeout=PATIENCE_S) as client,
    ):
        for subject, checkpoint, forms in served:
            tell(f"{subject.family}: {subject.case_name}: asking the original")
            calls = subject.case.calls(corpus, checkpoint)
            originals = subject.case.original(checkpoint, calls)
            for form in forms:
                tell(f"{subject.family}: {subject.case_name}: asking {form}")
                answers = ask(client, f"{subject.model_name}_{form}", calls)
                tally = compared(subject, calls, answers, originals)
                yield Cell(subject=subject, form=form, tally=tally, passed=tally.passed)


def ask(client: Client, model: str, calls: Sequence[Call]) -> Answers:
    """What the server answers to the items of each call, many at once."""
    return [
        [
            Refused(answer) if isinstance(answer, InvalidText) else answer
            for answer in client.stream(model, call.items, errors="return", plain=True, **call.options)
        ]
        for call in calls
    ]


def compared(subject: Subject, calls: Sequence[Call], answers: Answers, originals: Answers) -> Tally:
    case = subject.case
    texts = {item: case.size(item) for call in calls for item in call.items}
    tally = Tally(texts=sum(texts.values()))
    for call, mine, theirs in zip(calls, answers, originals, strict=True):
        for item, served, original in zip(call.items, mine, theirs, strict=True):
            if isinstance(original, Refused):
                tally.add_refusal(served)
            elif isinstance(served, Refused) and case.stricter and case.stricter in served:
                tally.stricter += 1
            else:
                tally.add(
                    _outcome(subject, served, original, call.count),
                    asked=(item, call.options),
                    served=served,
                    original=original,
                )
    return tally


def _outcome(subject: Subject, served: Any, original: Any, count: int | None) -> Outcome:
    return Outcome() if isinstance(served, Refused) else subject.case.compare(served, original, count)
