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


def format_for(name: str, *, precision: str) -> Format:
    """The format called `name`, known to have `precision`.

    Raises:
        UnknownFormat: There is no such format.
        UnsupportedPrecision: The format cannot hold that precision.
    """
    if name not in FORMATS:
        raise UnknownFormat(format_name=name, known=FORMATS)
    if precision not in FORMATS[name].precisions:
        raise UnsupportedPrecision(format_name=name, precision=precision, known=FORMATS[name].precisions)
    return FORMATS[name]


__all__ = ["EXAMPLE_ROWS", "FORMATS", "PRECISIONS", "Example", "Export", "Format", "RunGraph", "format_for"]
