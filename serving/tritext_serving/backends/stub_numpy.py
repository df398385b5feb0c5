"""Lets a Python stub that was compiled for numpy 1 work with numpy 2; lies beside Triton's own module and is called by it.

The stub was built with pybind11 before 2.12, which reads an array type's item size where numpy 2 keeps flags (numpy 2.0
migration guide, "C-API changes"). Two things go wrong by it: arrays over Triton's memory get strides of nonsense, and
arrays given to Triton count as empty. The first is mended in the table of numpy's C functions that pybind11 asks for
before its first use; the second by handing numbers over through DLPack, which carries its own item size.
"""

import ctypes
import sys
from types import ModuleType
from typing import Any

import numpy as np

NEW_FROM_DESCR = 94
"""PyArray_NewFromDescr's place in numpy's table of functions, the same in every numpy (numpy/_core/code_generators/numpy_api.py)."""

TABLE_SIZE = 300
"""Places to copy: more than the 283 that pybind11 knows, fewer than numpy has."""

NewFromDescr = ctypes.PYFUNCTYPE(
    ctypes.c_void_p,  # the new array
    ctypes.c_void_p,  # subtype
    ctypes.c_void_p,  # descr
    ctypes.c_int,  # nd
    ctypes.c_void_p,  # dims
    ctypes.c_void_p,  # strides
    ctypes.c_void_p,  # data
    ctypes.c_int,  # flags
    ctypes.c_void_p,  # obj
)

_kept: list[Any] = []
"""What C code points at must live as long as the process."""


def adapt(module_name: str) -> None:
    """Prepare this process, and Triton's Python module of that name, for numpy 2; does nothing under numpy 1."""
    if int(np.__version__.partition(".")[0]) < 2:  # noqa: PLR2004 - the version is the point
        return
    _mend_strides()
    sys.modules[module_name].__class__ = _TensorsThroughDlpack


def _mend_strides() -> None:
    """Let numpy itself work out the strides: Triton's memory is always contiguous."""
    import numpy.core.multiarray as legacy  # noqa: PLC0415 - kept by numpy 2 for just this use

    get = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(("PyCapsule_GetPointer", ctypes.pythonapi))
    new = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)(
        ("PyCapsule_New", ctypes.pythonapi)
    )
    table_type = ctypes.c_void_p * TABLE_SIZE
    table = table_type.from_buffer_copy(table_type.from_address(get(legacy._ARRAY_API, None)))
    real = NewFromDescr(table[NEW_FROM_DESCR])

    def contiguous(subtype: int, descr: int, nd: int, dims: int, _: int, data: int, flags: int, obj: int) -> int:
        array: int = real(subtype, descr, nd, dims, None, data, flags, obj)
        return array

    callback = NewFromDescr(contiguous)
    table[NEW_FROM_DESCR] = ctypes.cast(callback, ctypes.c_void_p).value
    legacy._ARRAY_API = new(ctypes.addressof(table), None, None)
    _kept.extend((table, callback))


class _TensorsThroughDlpack(ModuleType):
    """Triton's module, whose compiled class `Tensor` is exchanged for ours at the moment when the stub sets it."""

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, _through_dlpack(value) if name == "Tensor" else value)


def _through_dlpack(compiled: Any) -> Any:
    class Meta(type(compiled)):  # type: ignore[misc]
        def __instancecheck__(cls, instance: Any) -> bool:
            return isinstance(instance, compiled)

    class Tensor(compiled, metaclass=Meta):  # type: ignore[misc]
        def __new__(cls, name: str, array: np.ndarray[Any, Any]) -> Any:
            if array.dtype.kind in "OSU":
                return compiled(name, array)
            # DLPack hands out neither read-only nor strided memory.
            return compiled.from_dlpack(name, np.require(array, requirements="CW"))

    return Tensor
