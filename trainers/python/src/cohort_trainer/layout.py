# SPDX-License-Identifier: GPL-3.0-or-later
"""Shapes: Keras and Cohort put outputs last, PyTorch puts them first."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def to_torch(array: NDArray[Any]) -> NDArray[Any]:
    """
    [inputs, units] to [units, inputs], [height, width, channels, filters] to [filters, channels, height, width]; a vector stays.
    A dense layer after a flattened picture needs its rows reordered besides: PyTorch flattens channels first.
    """
    if array.ndim == 2:
        return np.ascontiguousarray(array.T)
    return np.ascontiguousarray(array.transpose(3, 2, 0, 1)) if array.ndim == 4 else array


def from_torch(array: NDArray[Any]) -> NDArray[Any]:
    """The way back."""
    if array.ndim == 2:
        return np.ascontiguousarray(array.T)
    return np.ascontiguousarray(array.transpose(2, 3, 1, 0)) if array.ndim == 4 else array
