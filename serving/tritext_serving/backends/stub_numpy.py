"""Lets a Python stub that was compiled for numpy 1 work with numpy 2; lies beside Triton's own module and is called by it.

The stub was built with pybind11 before 2.12, which reads an array type's item size where numpy 2 keeps flags (numpy 2.0
migration guide, "C-API changes"). So arrays that it makes over Triton's memory get strides of nonsense, and arrays that it
is given count as empty. The first is mended in the table of C functions that pybind11 asks numpy for before its first
use; the second by handing numbers over through DLPack, which says its size itself, and serialized strings as an array
whose type says "1" in the place that is read.
"""

import ctypes
import sys
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np

NEW_FROM_DESCR = 94
"""PyArray_NewFromDescr's place in numpy's table of functions, the same in every numpy (numpy/_core/code_generators/numpy_api.py)."""

TABLE_SIZE = 300
"""Places to copy: more than the 283 that pybind11 knows, fewer than numpy has."""

DESCR_OFFSET = 56
"""Of the pointer to its type in an array (PyArrayObject_fields)."""

FLAGS_OFFSET = 32
"""Of the flags in a type of numpy 2, and of the item size in one of numpy 1 (PyArray_Descr)."""

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


def _python_c(name: str, result: Any, *arguments: Any) -> Any:
    return ctypes.PYFUNCTYPE(result, *arguments)((name, ctypes.pythonapi))


_pointer_of = _python_c("PyCapsule_GetPointer", ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)
_capsule = _python_c("PyCapsule_New", ctypes.py_object, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)
_rename = _python_c("PyCapsule_SetName", ctypes.c_int, ctypes.py_object, ctypes.c_char_p)
_hold = _python_c("Py_IncRef", None, ctypes.py_object)

DLTENSOR, USED_DLTENSOR = b"dltensor", b"used_dltensor"
"""A capsule keeps only the address of its name."""

_kept: list[Any] = []
"""What C code points at must live as long as the process."""


def adapt(module_name: str) -> None:
    """Prepare this process, and Triton's Python module of that name, for numpy 2; does nothing under numpy 1."""
    if int(np.__version__.partition(".")[0]) < 2:  # noqa: PLR2004 - the version is the point
        return
    _mend_strides()
    module: Any = sys.modules[module_name]
    serialize = module.serialize_byte_tensor
    byte = _counted_byte()
    module.serialize_byte_tensor = lambda tensor: _counted(serialize(tensor), byte)
    module.__class__ = _TensorsThroughDlpack


def _mend_strides() -> None:
    """Let numpy itself work out the strides: Triton's memory is always contiguous."""
    legacy: Any = import_module("numpy.core.multiarray")  # kept by numpy 2 for just this use
    table_type = ctypes.c_void_p * TABLE_SIZE
    table = table_type.from_buffer_copy(table_type.from_address(_pointer_of(legacy._ARRAY_API, None)))  # noqa: SLF001 - as pybind11 does
    real = NewFromDescr(table[NEW_FROM_DESCR] or 0)

    def contiguous(
        subtype: int, descr: int, nd: int, dims: int, _: int, data: int, flags: int, obj: int
    ) -> int:
        array: int = real(subtype, descr, nd, dims, None, data, flags, obj)
        return array

    callback = NewFromDescr(contiguous)
    table[NEW_FROM_DESCR] = ctypes.cast(callback, ctypes.c_void_p).value
    legacy._ARRAY_API = _capsule(ctypes.addressof(table), None, None)  # noqa: SLF001
    _kept.extend((table, callback))


def _counted_byte() -> "np.dtype[np.uint8]":
    """A byte type of its own whose item size a stub for numpy 1 reads as 1."""
    byte = np.dtype(np.uint8, copy=True)
    ctypes.c_uint64.from_address(id(byte) + FLAGS_OFFSET).value = 1
    _kept.append(byte)
    return byte


def _counted(data: Any, byte: "np.dtype[np.uint8]") -> Any:
    """The bytes as an array of that type. It does not own its memory, so that numpy never acts on the flag."""
    if not data:
        return data
    array = np.frombuffer(data, np.uint8)
    _hold(byte)
    ctypes.c_void_p.from_address(id(array) + DESCR_OFFSET).value = id(byte)
    return array


class _TensorsThroughDlpack(ModuleType):
    """Triton's module, whose compiled class `Tensor` is exchanged for ours at the moment when the stub sets it."""

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, _through_dlpack(value) if name == "Tensor" else value)


def _through_dlpack(compiled: Any) -> Any:
    class Meta(type(compiled)):  # type: ignore[misc]
        def __instancecheck__(cls, instance: Any) -> bool:
            return isinstance(instance, compiled)

    class Tensor(compiled, metaclass=Meta):  # type: ignore[misc]
        def __new__(cls, name: str, array: "np.ndarray[Any, Any]") -> Any:
            if array.dtype.kind in "OSU" or array.size == 0:
                return compiled(name, array)
            return compiled.from_dlpack(name, _exported(array))

    return Tensor


def _exported(array: "np.ndarray[Any, Any]") -> Any:
    """A DLPack capsule without a destructor: the stub marks a used capsule by a name that numpy's destructor does not know."""
    # DLPack hands out neither read-only nor strided memory.
    capsule = np.require(array, requirements=["C", "W"]).__dlpack__()
    exported = _capsule(_pointer_of(capsule, DLTENSOR), DLTENSOR, None)
    _rename(capsule, USED_DLTENSOR)
    return exported
