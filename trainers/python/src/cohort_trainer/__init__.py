# SPDX-License-Identifier: GPL-3.0-or-later
"""Wraps a training loop, so that a Cohort keeper can run it as its ``training.command``."""

from .flower import run_numpy_client
from .layout import from_torch, to_torch
from .safetensors import SafetensorsError, load, save
from .task import Result, Settings, Task, TaskError, read_task, run, write_result

__all__ = [
    "Result",
    "SafetensorsError",
    "Settings",
    "Task",
    "TaskError",
    "from_torch",
    "load",
    "read_task",
    "run",
    "run_numpy_client",
    "save",
    "to_torch",
    "write_result",
]
