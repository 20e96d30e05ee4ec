# SPDX-License-Identifier: GPL-3.0-or-later
"""The safetensors format in numpy alone: u64 length of a JSON header, the header, the values, all little-endian."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Tensors = dict[str, NDArray[Any]]

_TYPES: dict[str, str] = {
    "BOOL": "|b1",
    "U8": "|u1",
    "I8": "|i1",
    "U16": "<u2",
    "I16": "<i2",
    "U32": "<u4",
    "I32": "<i4",
    "U64": "<u8",
    "I64": "<i8",
    "F16": "<f2",
    "F32": "<f4",
    "F64": "<f8",
}
_NAMES = {np.dtype(code): name for name, code in _TYPES.items()}
_MOST_HEADER_BYTES = 100_000_000


class SafetensorsError(ValueError):
    """A file that is not in the format, or not whole."""


def load(path: str | os.PathLike[str]) -> Tensors:
    """All tensors of a file, copied, by name. Raises SafetensorsError naming the file and what is wrong."""
    data = Path(path).read_bytes()

    def bad(what: str) -> SafetensorsError:
        return SafetensorsError(f"{os.fspath(path)}: {what}")

    if len(data) < 8:
        raise bad(f"{len(data)} bytes are too few")
    length = int.from_bytes(data[:8], "little")
    if length > _MOST_HEADER_BYTES or 8 + length > len(data):
        raise bad(f"its header is said to be {length} bytes long, the file has {len(data)}")
    try:
        header = json.loads(data[8 : 8 + length].decode("utf-8"))
    except ValueError as error:
        raise bad(f"its header is not JSON in UTF-8 ({error})") from None
    if not isinstance(header, dict):
        raise bad("its header is not an object")
    values = memoryview(data)[8 + length :]
    tensors: Tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        try:
            dtype, shape = np.dtype(_TYPES[entry["dtype"]]), [int(side) for side in entry["shape"]]
            begin, end = (int(at) for at in entry["data_offsets"])
        except (KeyError, TypeError, ValueError):
            raise bad(f"tensor {name!r}: its entry cannot be read: {entry!r}") from None
        if not 0 <= begin <= end <= len(values) or end - begin != math.prod(shape) * dtype.itemsize:
            raise bad(f"tensor {name!r}: bytes {begin} to {end} of {len(values)} for {dtype} {shape}")
        tensors[name] = np.frombuffer(values[begin:end], dtype=dtype).reshape(shape).copy()
    return tensors


def save(path: str | os.PathLike[str], tensors: Mapping[str, NDArray[Any]]) -> None:
    """Writes a file of these tensors, in their order. Raises SafetensorsError for a type that the format has not."""
    header: dict[str, Any] = {}
    parts: list[bytes] = []
    offset = 0
    for name, tensor in tensors.items():
        array = np.asarray(tensor)
        little = array.astype(array.dtype.newbyteorder("<"), order="C", copy=False)
        kind = _NAMES.get(little.dtype)
        if kind is None:
            raise SafetensorsError(f"tensor {name!r}: type {array.dtype} cannot be written")
        part = little.tobytes(order="C")
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [offset, offset + len(part)]}
        offset += len(part)
        parts.append(part)
    text = json.dumps(header).encode("utf-8")
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for part in parts:
            file.write(part)
