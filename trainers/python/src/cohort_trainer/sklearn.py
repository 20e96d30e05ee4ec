# SPDX-License-Identifier: GPL-3.0-or-later
"""scikit-learn's MLPClassifier from a keeper's weights, and back. Import it by name: ``cohort_trainer.sklearn``."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.neural_network import MLPClassifier

from .task import Floats, Task, TaskError

_ACTIVATIONS = {"relu": "relu", "tanh": "tanh", "sigmoid": "logistic", "linear": "identity"}


def mlp_from(task: Task, **options: Any) -> MLPClassifier:
    """
    A classifier with the task's layers, weights and settings, for ``partial_fit``. ``options`` override any of them.
    Raises TaskError for a model that is not dense layers with biases, one activation, and a softmax.

    With two classes scikit-learn has one output where the model has two; what a softmax makes of two outputs depends on their
    difference alone, so that is what the one output gets.
    """
    kernels, biases = _layers(task)
    settings = task.settings
    chosen: dict[str, Any] = {
        "hidden_layer_sizes": tuple(kernel.shape[1] for kernel in kernels[:-1]),
        "activation": _activation(task),
        "solver": settings.optimizer,
        "learning_rate_init": settings.learning_rate,
        "batch_size": min(settings.batch_size, len(task.labels)),
        "momentum": 0.0,
        "nesterovs_momentum": False,
        "alpha": 0.0,
        "random_state": settings.seed % 2**32,
        **options,
    }
    model = MLPClassifier(**chosen)
    # The first call makes the arrays, of the right shapes; then they get the values.
    model.partial_fit(task.inputs[:1].reshape(1, -1), task.labels[:1], classes=np.arange(settings.classes))
    if settings.classes == 2:
        kernels[-1] = kernels[-1][:, 1:] - kernels[-1][:, :1]
        biases[-1] = biases[-1][1:] - biases[-1][:1]
    for own, value in zip(model.coefs_ + model.intercepts_, kernels + biases):
        own[...] = value
    # Moments of the step that made the arrays are none of this training's.
    if hasattr(model, "_optimizer"):
        del model._optimizer
    return model


def weights_from(task: Task, model: MLPClassifier) -> dict[str, Floats]:
    """The weights of a classifier that :func:`mlp_from` made, by the model's names."""
    kernels, biases = _layers(task)
    outcome: list[Floats] = []
    for i, (kernel, bias) in enumerate(zip(model.coefs_, model.intercepts_)):
        if i == len(kernels) - 1 and task.settings.classes == 2:
            kernel, bias = _halves(kernels[i], kernel), _halves(biases[i], bias)
        outcome += [kernel.astype(np.float32), bias.astype(np.float32)]
    return dict(zip(task.weights, outcome))


def _halves(before: Floats, difference: Any) -> Any:
    """Two outputs whose difference is the given one: each moves by half of what that has changed."""
    change = (difference[..., 0] - (before[..., 1] - before[..., 0])) / 2
    return np.stack([before[..., 0] - change, before[..., 1] + change], axis=-1)


def _layers(task: Task) -> tuple[list[Floats], list[Floats]]:
    arrays = task.arrays
    kernels, biases = arrays[::2], arrays[1::2]
    fitting = len(kernels) == len(biases) and all(
        kernel.ndim == 2 and bias.shape == (kernel.shape[1],) for kernel, bias in zip(kernels, biases)
    )
    if not fitting or kernels[-1].shape[1] != task.settings.classes:
        raise TaskError("the model is not a chain of dense layers with biases: MLPClassifier cannot be it")
    return list(kernels), list(biases)


def _activation(task: Task) -> str:
    found: list[Any] = []
    for layer in task.settings.raw["model"]["topology"]["config"]["layers"]:
        kind, activation = layer.get("class_name"), layer["config"].get("activation")
        if kind == "Dense":
            found.append(activation or "linear")
        elif kind == "Activation" and found and found[-1] == "linear":
            # A layer of its own, as networks from ONNX have it.
            found[-1] = activation
        elif kind == "Activation":
            raise TaskError("the model applies two activations in a row: MLPClassifier cannot be it")
    hidden = set(found[:-1]) or {"relu"}
    if len(hidden) != 1 or found[-1] != "softmax" or not hidden <= _ACTIVATIONS.keys():
        raise TaskError(f"activations {found}: MLPClassifier has one for all hidden layers, and a softmax")
    return _ACTIVATIONS[hidden.pop()]
