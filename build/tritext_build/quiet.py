"""Silence for libraries that narrate: what they say is no user's business, and the gates check what they did."""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator

from transformers.utils import logging as transformers_logging


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """No warnings, progress bars, logs or prints of torch and transformers while the block runs."""
    exporter = logging.getLogger("torch.onnx")
    levels = transformers_logging.get_verbosity(), exporter.level
    transformers_logging.set_verbosity(logging.CRITICAL)
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    exporter.setLevel(logging.ERROR)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            transformers_logging.set_verbosity(levels[0])
            transformers_logging.enable_progress_bar()  # type: ignore[no-untyped-call]
            exporter.setLevel(levels[1])
