# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a Flower ``NumPyClient`` as it is. Flower itself is not needed: its methods are all that counts."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .task import Result, Task, run

Scalar = bool | bytes | float | int | str


class NumPyClient(Protocol):
    """What of ``flwr.client.NumPyClient`` a round calls."""

    def fit(
        self, parameters: list[NDArray[Any]], config: dict[str, Scalar]
    ) -> tuple[list[NDArray[Any]], int, dict[str, Scalar]]: ...


def run_numpy_client(make: Callable[[Task], NumPyClient]) -> None:
    """
    A round of ``make(task).fit``. Parameters come and go in the model's order; ``config`` has ``server_round``, ``local_epochs``,
    ``batch_size``, ``learning_rate`` and ``seed``. Figures that it returns go to the keeper's log, ``loss`` as its loss.
    """

    def train(task: Task) -> Result:
        settings = task.settings
        config: dict[str, Scalar] = {
            "server_round": settings.round,
            "local_epochs": settings.epochs,
            "batch_size": settings.batch_size,
            "learning_rate": settings.learning_rate,
            "seed": settings.seed,
        }
        weights, samples, figures = make(task).fit(task.arrays, config)
        numbers = {
            name: float(value)
            for name, value in figures.items()
            if isinstance(value, (Real, np.number)) and not isinstance(value, bool)
        }
        loss = numbers.pop("loss", numbers.pop("train_loss", None))
        return Result(weights, samples=samples, loss=loss, metrics=numbers)

    run(train)
