# SPDX-License-Identifier: GPL-3.0-or-later
"""A dense network with ReLU and softmax, trained by plain gradient descent in numpy."""

import numpy as np
from numpy.typing import NDArray

from cohort_trainer import Result, Task, run


def train(task: Task) -> Result:
    settings, weights = task.settings, [array.astype(np.float64) for array in task.arrays]
    random = np.random.default_rng(settings.seed)
    x, targets = task.inputs.reshape(len(task.inputs), -1), np.eye(settings.classes)[task.labels]
    loss = 0.0
    for _ in range(settings.epochs):
        for batch in np.array_split(random.permutation(len(x)), -(-len(x) // settings.batch_size)):
            loss = step(weights, x[batch], targets[batch], settings.learning_rate)
    return Result(weights, loss=loss)


def step(weights: list[NDArray[np.float64]], x: NDArray[np.float32], targets: NDArray[np.float64], rate: float) -> float:
    layers = list(zip(weights[::2], weights[1::2]))
    activities = [x.astype(np.float64)]
    for i, (kernel, bias) in enumerate(layers):
        sums = activities[-1] @ kernel + bias
        activities.append(np.maximum(sums, 0) if i < len(layers) - 1 else sums)
    shifted = np.exp(activities[-1] - activities[-1].max(axis=1, keepdims=True))
    chances = shifted / shifted.sum(axis=1, keepdims=True)
    loss = -float((targets * np.log(chances + 1e-12)).sum(axis=1).mean())
    delta = (chances - targets) / len(x)
    for i, (kernel, bias) in reversed(list(enumerate(layers))):
        gradients = activities[i].T @ delta, delta.sum(axis=0)
        delta = (delta @ kernel.T) * (activities[i] > 0)
        kernel -= rate * gradients[0]
        bias -= rate * gradients[1]
    return loss


run(train)
