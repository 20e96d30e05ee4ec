# SPDX-License-Identifier: GPL-3.0-or-later
"""The members' half of SCAFFOLD for a dense network: plain steps, each gradient corrected by c - c_i (Karimireddy et al. 2020, option II).

c is the first vector of the strategy. This keeper's own c_i is in a file where the program runs, beside keeper.yaml. LOCAL_RATE is
``strategy.settings.localRate`` of the service's manifest, from ``training.environment``: all members must hold to the same.
"""

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cohort_trainer import Result, Task, run

Arrays = list[NDArray[np.float64]]
OWN = Path("control.npz")


def train(task: Task) -> Result:
    settings, local_rate = task.settings, float(os.environ["LOCAL_RATE"])
    start = [array.astype(np.float64) for array in task.arrays]
    server = [task.state[0][name].astype(np.float64) for name in task.weights]
    own = control(settings.round, start)
    x, targets = task.inputs.reshape(len(task.inputs), -1), np.eye(settings.classes)[task.labels]
    batches = -(-len(x) // settings.batch_size)
    rate = local_rate / (settings.epochs * batches)
    weights, loss, random = [array.copy() for array in start], 0.0, np.random.default_rng(settings.seed)
    for _ in range(settings.epochs):
        for batch in np.array_split(random.permutation(len(x)), batches):
            loss, slopes = gradients(weights, x[batch], targets[batch])
            for weight, slope, c, c_i in zip(weights, slopes, server, own):
                weight -= rate * (slope + c - c_i)
    # From the update as the keeper sends it, for that is what the service has the mean of.
    update = clipped([weight - before for weight, before in zip(weights, start)], settings.raw["clip"])
    after = [c_i - c - change / local_rate for c_i, c, change in zip(own, server, update)]
    parts = [("before", own), ("after", after)]
    named: dict[str, Any] = {f"{part}{i}": array for part, list_ in parts for i, array in enumerate(list_)}
    np.savez(OWN, round=settings.round, **named)
    return Result(weights, loss=loss)


def control(round_: int, like: Arrays) -> Arrays:
    """c_i before this round: zero at first. A round that is played again, after a crash, starts from what it started from."""
    if not OWN.exists():
        return [np.zeros_like(array) for array in like]
    with np.load(OWN) as held:
        part = "before" if held["round"] == round_ else "after"
        return [held[f"{part}{i}"] for i in range(len(like))]


def clipped(update: Arrays, clip: dict[str, float | None] | None) -> Arrays:
    norm = float(np.sqrt(sum((array**2).sum() for array in update)))
    if clip is None:
        return update
    if clip["norm"] is not None and norm > clip["norm"]:
        update = [array * clip["norm"] / norm for array in update]
    entry = clip["entry"]
    return update if entry is None else [np.clip(array, -entry, entry) for array in update]


def gradients(weights: Arrays, x: NDArray[np.float32], targets: NDArray[np.float64]) -> tuple[float, Arrays]:
    layers = list(zip(weights[::2], weights[1::2]))
    activities = [x.astype(np.float64)]
    for i, (kernel, bias) in enumerate(layers):
        sums = activities[-1] @ kernel + bias
        activities.append(np.maximum(sums, 0) if i < len(layers) - 1 else sums)
    shifted = np.exp(activities[-1] - activities[-1].max(axis=1, keepdims=True))
    chances = shifted / shifted.sum(axis=1, keepdims=True)
    delta = (chances - targets) / len(x)
    slopes: Arrays = []
    for i, (kernel, _) in reversed(list(enumerate(layers))):
        slopes[:0] = [activities[i].T @ delta, delta.sum(axis=0)]
        delta = (delta @ kernel.T) * (activities[i] > 0)
    return -float((targets * np.log(chances + 1e-12)).sum(axis=1).mean()), slopes


run(train)
