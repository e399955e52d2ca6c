"""Arrays to and from their wire form. Only plain numbers: no objects, nothing that could be unpickled."""

import math

import numpy as np
from numpy.typing import NDArray

from shuyuan.maas.runners import interface

_DTYPES = ("float32", "float64", "int32", "int64", "uint8", "bool")


def pack(array: NDArray[np.generic]) -> interface.Tensor:
    """The wire form of an array.

    >>> pack(np.array([[1, 2]], dtype=np.int64))["shape"]
    [1, 2]
    """
    _check_dtype(array.dtype.name)
    return {
        "dtype": array.dtype.name,
        "shape": list(array.shape),
        "data": np.ascontiguousarray(array).tobytes(),
    }


def unpack(tensor: interface.Tensor) -> NDArray[np.generic]:
    """The array of a wire form. Raises BadPayload when type, shape and bytes do not agree."""
    dtype, shape, data = tensor.get("dtype"), tensor.get("shape"), tensor.get("data")
    if not isinstance(dtype, str) or not isinstance(data, bytes) or not isinstance(shape, list):
        raise interface.BadPayload("a tensor needs dtype, shape and data", fix="send all three")
    _check_dtype(dtype)
    if any(not isinstance(n, int) or n < 0 for n in shape):
        raise interface.BadPayload(f"tensor shape {shape} is not a list of sizes >= 0", fix="mend the shape")
    expected_bytes = math.prod(shape) * np.dtype(dtype).itemsize
    if len(data) != expected_bytes:
        raise interface.BadPayload(
            f"a {dtype} tensor of shape {shape} has {expected_bytes} bytes, got {len(data)}",
            fix="make shape and data agree",
        )
    array: NDArray[np.generic] = np.frombuffer(data, dtype=dtype).reshape(shape)
    return array


def _check_dtype(name: str) -> None:
    if name not in _DTYPES:
        raise interface.BadPayload(f"tensor dtype {name!r} is not served", fix=f"use one of {', '.join(_DTYPES)}")
