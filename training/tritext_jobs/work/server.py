"""A server to ask: the one that was named, or a Triton of the job's own over the one model it needs."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tritext_jobs.arguments import EvaluateArguments, PredictArguments
from tritext_jobs.child import REPOSITORY, Task
from tritext_jobs.errors import ModelNotThere
from tritext_serving import running_server
from tritext_serving.live import FILE, Live, LiveVersions
from tritext_serving.repository import Model, read


def newest(repository: Path | None, name: str) -> int:
    """The newest complete version in a repository.

    Raises:
        ModelNotThere: It has no such model.
    """
    return _model(_folder(repository), name, None).versions[-1]


@contextmanager
def server(task: Task, arguments: EvaluateArguments | PredictArguments) -> Iterator[str]:
    """The address of a server that has the model; one that was started for it ends with the block.

    Raises:
        ModelNotThere: The repository has no such model, or not in this version.
        ServingError: Triton does not start with it.
    """
    if arguments.url is not None:
        yield arguments.url
        return
    task.tell(0.0, "starting Triton")
    folder = _folder(arguments.repository)
    version = arguments.version or newest(folder, arguments.name)
    view = task.folder / "views" / task.id
    shutil.rmtree(view, ignore_errors=True)
    view.mkdir(parents=True)
    for model in (arguments.name, *_model(folder, arguments.name, version).steps):
        (view / model).symlink_to(folder / model, target_is_directory=True)
    # A server answers with one version of a model, the newest unless it is told otherwise.
    LiveVersions.read(view / FILE).remember(arguments.name, Live(version=version))
    try:
        with running_server(view) as running:
            yield running.grpc_url
    finally:
        shutil.rmtree(view, ignore_errors=True)


def _folder(repository: Path | None) -> Path:
    return (repository or REPOSITORY).absolute()


def _model(folder: Path, name: str, version: int | None) -> Model:
    model = read(folder, {name: version} if version else None).models.get(name)
    if model is None or (version is not None and version not in model.versions):
        raise ModelNotThere(name=name, version=str(version or ""), repository=folder)
    return model
