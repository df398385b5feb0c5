"""The boundary to exporters and runtimes: whatever a model makes them say becomes one sentence."""

from collections.abc import Iterator
from contextlib import contextmanager

from onnxruntime.capi import onnxruntime_pybind11_state as onnxruntime_errors

from tritext_build.errors import CannotServe
from tritext_build.quiet import quiet

FOREIGN = (
    *(AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError),
    *(onnxruntime_errors.Fail, onnxruntime_errors.InvalidArgument, onnxruntime_errors.InvalidGraph),
    *(onnxruntime_errors.InvalidProtobuf, onnxruntime_errors.NotImplemented),
    onnxruntime_errors.RuntimeException,
)


@contextmanager
def serving_as(format_name: str) -> Iterator[None]:
    """Silence while a graph is exported, loaded or run.

    Raises:
        CannotServe: Its model does what the exporter or the runtime cannot do.
    """
    try:
        with quiet():
            yield
    except FOREIGN as error:
        raise CannotServe(format_name=format_name, reason=_reason(error.__cause__ or error)) from error


def _reason(error: BaseException) -> str:
    """The line that says what went wrong: the last that names an error, else the first."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    return next((line for line in reversed(lines) if "Error: " in line), lines[0])
