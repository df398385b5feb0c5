"""One run of bulk scoring, from its beginning or from where an earlier one ended, to a complete output."""

import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path
from typing import Any

from tritext.client import Client
from tritext.errors import TritextError
from tritext.results import ServedModel
from tritext.scoring.asking import Asking, PatienceLost
from tritext.scoring.errors import (
    InputChanged,
    OutputExists,
    OutputUnwritable,
    RowRefused,
    RunBusy,
    ServerStayedAway,
    Stopped,
    StoppedAtRow,
    StoppedByHand,
)
from tritext.scoring.inputs import Fingerprint
from tritext.scoring.jobs import Job, scored
from tritext.scoring.journal import Journal, Mark, Run, begun, sync_folder
from tritext.scoring.outputs import Output, open_output, widened, written
from tritext.scoring.plan import Plan, Wish, plan_of
from tritext.scoring.showing import Shows


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What a run did.

    Attributes:
        rows: Rows of the output.
        bad: Those of them that have an error.
        scored: Those that this process scored, in `seconds`.
        version: The model's.
    """

    rows: int
    bad: int
    scored: int
    seconds: float
    version: str


def score(wish: Wish, connect: Callable[[ServedModel | None], Client], show: Shows) -> Summary:
    """Write every row of the input with its answer.

    Args:
        wish: What to do.
        connect: Makes a client, one that suits a model if that is known.
        show: Is told how far it is.

    Raises:
        TritextError: It could not begin; or `Stopped`: it could not end, and can go on later.
    """
    wish.check_paths()
    earlier = _earlier(wish)
    version = wish.version or (earlier[0].options["version"] if earlier else "")
    with connect(None) as client:
        model = client.model(wish.name, version=version)
    plan = plan_of(wish, model, version or str(model.versions[-1]))
    with closing(Journal(wish.output)) as journal, connect(model) as client:
        if _earlier(wish) != earlier:  # another process was at work before this one had the folder to itself
            raise RunBusy(journal.folder)
        return Scoring(plan, journal, client, show).done(earlier)


def _earlier(wish: Wish) -> tuple[Run, Mark] | None:
    """The run that is to go on, if there is one."""
    found = None if wish.overwrite else begun(wish.output)
    earlier = found if found and found[1].rows else None
    may_replace = wish.overwrite or (earlier and (earlier[0].overwrite or earlier[1].finished))
    if wish.output.exists() and not may_replace:
        raise OutputExists(wish.output)
    return earlier


class Scoring:
    """A run at work.

    Its mark says what is safely on the disk; `_ahead` is the same for what has been handed to the output.
    """

    def __init__(self, plan: Plan, journal: Journal, client: Client, show: Shows) -> None:
        self._plan, self._journal, self._client, self._show = plan, journal, client, show
        self._wish = plan.wish
        self._mark = self._ahead = Mark(read=plan.wish.since or plan.source.start)
        self._committed = time.monotonic()

    def done(self, earlier: tuple[Run, Mark] | None) -> Summary:
        """Do what is left to do."""
        began = time.monotonic()
        run = self._gone_on(*earlier) if earlier else self._begun()
        self._ahead, first = self._mark, self._mark.rows
        if not self._mark.finished:
            with closing(open_output(*self._output(run), self._plan.source)) as output:
                self._work(output, run)
        self._move(run)
        return Summary(
            rows=self._mark.rows,
            bad=self._mark.bad,
            scored=self._mark.rows - first,
            seconds=time.monotonic() - began,
            version=self._plan.version,
        )

    # ---- beginning and end

    def _begun(self) -> Run:
        run = self._run(errors=self._wish.keep_going, overwrite=self._wish.overwrite)
        self._journal.clear()
        self._journal.begin(run, self._mark)
        return run

    def _gone_on(self, earlier: Run, mark: Mark) -> Run:
        errors = earlier.errors or self._wish.keep_going
        run = self._run(errors=errors, overwrite=earlier.overwrite)
        earlier.check(self._journal.folder, run, self._wish.input)
        self._mark = mark
        if errors != earlier.errors and not mark.finished:
            self._widen(earlier, run)
        self._show.says(f"Going on from row {mark.rows + 1:,}.")
        return run

    def _run(self, *, errors: bool, overwrite: bool) -> Run:
        source = Fingerprint.of(self._wish.input)
        return Run(options=self._plan.pinned, source=source, errors=errors, overwrite=overwrite)

    def _widen(self, earlier: Run, run: Run) -> None:
        """Give a run that began without it the column of errors."""
        old, new = self._data(earlier), self._data(run)
        name = self._plan.layout(errors=True).error
        if old != new and name:
            self._mark = replace(self._mark, position=widened(old, new, self._mark.position, name))
        self._journal.begin(run, self._mark)

    def _data(self, run: Run) -> Path:
        """The file that becomes the output."""
        suffix = self._wish.output.suffix.lower()
        is_wide = run.errors and suffix in {".csv", ".tsv"}
        return self._journal.folder / f"{'rows-and-errors' if is_wide else 'rows'}{suffix}"

    def _output(self, run: Run) -> tuple[Path, int, Any]:
        return self._data(run), self._mark.position, self._plan.layout(errors=run.errors)

    def _move(self, run: Run) -> None:
        data, output = self._data(run), self._wish.output
        with written(output):
            if data.exists():
                data.replace(output)
                sync_folder(output.parent)
        self._journal.remove()

    # ---- work

    def _work(self, output: Output, run: Run) -> None:
        try:
            self._score(output)
            run.source.check(self._wish.input)
            output.finish()
            self._note(replace(self._mark, finished=True))
        except KeyboardInterrupt:
            raise StoppedByHand(
                "Interrupted.", rows=self._mark.rows, overwrite=self._wish.overwrite
            ) from None
        except (TritextError, PatienceLost) as error:
            if not isinstance(error, OutputUnwritable):
                with suppress(OutputUnwritable):
                    self._commit(output)
            raise self._stopped(error) from error

    def _score(self, output: Output) -> None:
        plan, source, mark = self._plan, self._plan.source, self._mark
        until = source.total if plan.wish.until is None else plan.wish.until
        self._show.begin(total=until, at=mark.read.at, rows=mark.rows)
        rows = source.rows(mark.read, read=plan.read, carry=plan.carry)
        if plan.wish.until is not None:
            rows = takewhile(lambda row: row.after.at <= until, rows)
        with closing(self._asking().answered(plan.reading.jobs(rows))) as answered:
            for job, answer in answered:
                self._write(output, job, answer)
                if time.monotonic() - self._committed > output.pause:
                    self._commit(output)
        self._commit(output)

    def _asking(self) -> Asking:
        wish, asked = self._wish, self._plan.asked
        options = {**asked.options, "version": self._plan.version, "batch_size": wish.batch_size}
        return Asking(
            client=self._client,
            model=wish.name,
            options=options,
            patience=wish.patience,
            gathered=self._plan.reading.gathered,
            waits=self._show.waits,
        )

    def _write(self, output: Output, job: Job, answer: Any) -> None:
        found = scored(job, answer, self._plan.answers, gathered=self._plan.reading.gathered is not None)
        bad = [each for each in found if each.error]
        if bad and not self._wish.keep_going:
            raise RowRefused(path=self._wish.input, place=bad[0].row.place, problem=bad[0].error)
        for each in found:
            output.write(each)
        self._ahead = replace(
            self._ahead,
            rows=self._ahead.rows + len(found),
            bad=self._ahead.bad + len(bad),
            read=job.rows[-1].after,
        )
        self._show.moved(at=self._ahead.read.at, rows=self._ahead.rows)

    def _commit(self, output: Output) -> None:
        self._note(replace(self._ahead, position=output.commit()))

    def _note(self, mark: Mark) -> None:
        self._journal.note(mark)
        self._mark, self._committed = mark, time.monotonic()
        self._show.moved(at=mark.read.at, rows=mark.rows, always=True)

    # ---- stopping

    def _stopped(self, error: Exception) -> Exception:
        """What a person is told; a run without any row leaves nothing behind."""
        left: dict[str, Any] = {"rows": self._mark.rows, "overwrite": self._wish.overwrite}
        if not self._mark.rows:
            self._journal.remove()
        if isinstance(error, RowRefused):
            return StoppedAtRow(error, **left)
        if isinstance(error, PatienceLost):
            return ServerStayedAway(str(error), **left)
        return (
            error if not self._mark.rows or isinstance(error, InputChanged) else Stopped(str(error), **left)
        )
