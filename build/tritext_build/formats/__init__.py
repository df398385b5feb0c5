"""The formats that a model step can have; each one module and one entry in this table."""

from tritext_build.errors import UnknownFormat, UnsupportedPrecision

from .format import EXAMPLE_ROWS, Example, Export, Format, RunGraph
from .onnx_format import OnnxFormat
from .openvino_format import OpenVinoFormat
from .torchscript import TorchScriptFormat

FORMATS: dict[str, Format] = {
    form.name: form for form in (OnnxFormat(), TorchScriptFormat(), OpenVinoFormat())
}

PRECISIONS = ("fp32", "bf16", "int8", "fp16")

AUTO = "auto"
"""In the place of a precision: the fastest."""


def format_for(name: str, *, precision: str) -> Format:
    """The format called `name`, known to have `precision`, which may be `AUTO`.

    Raises:
        UnknownFormat: There is no such format.
        UnsupportedPrecision: The format cannot hold that precision.
    """
    if name not in FORMATS:
        raise UnknownFormat(format_name=name, known=FORMATS)
    known = (*FORMATS[name].precisions, AUTO)
    if precision not in known:
        raise UnsupportedPrecision(format_name=name, precision=precision, known=known)
    return FORMATS[name]


__all__ = [
    "AUTO",
    "EXAMPLE_ROWS",
    "FORMATS",
    "PRECISIONS",
    "Example",
    "Export",
    "Format",
    "RunGraph",
    "format_for",
]
