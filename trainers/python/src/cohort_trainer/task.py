# SPDX-License-Identifier: GPL-3.0-or-later
"""What a keeper asks of its trainer in a round, and what it gets back."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .safetensors import load, save

Floats = NDArray[np.float32]
FORMAT = "cohort/training/1"


class TaskError(ValueError):
    """A folder that is not a round's, or a result that no keeper would take."""


@dataclass(frozen=True)
class Settings:
    """The round's settings, as ``settings.json`` states them."""

    round: int
    #: None in a simulation.
    epoch: int | None
    epochs: int
    batch_size: int
    #: "sgd" or "adam".
    optimizer: str
    learning_rate: float
    #: FedProx: the weight of the pull towards the global model; 0 = none.
    proximal_mu: float
    seed: int
    classes: int
    class_names: tuple[str, ...]
    #: Everything in the file, the model's topology included.
    raw: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True)
class Task:
    """A round: the service's weights and this keeper's samples."""

    folder: Path
    settings: Settings
    #: By name, in the order of the model; kernels are [inputs, units] and [height, width, channels, filters].
    weights: dict[str, Floats]
    #: Samples first, in the range that the model takes.
    inputs: Floats
    labels: NDArray[np.int64]
    #: What the service's strategy remembers: one set of tensors like ``weights`` for each of its vectors.
    state: list[dict[str, Floats]]

    @property
    def arrays(self) -> list[Floats]:
        """The weights without their names, as Keras and Flower pass them."""
        return list(self.weights.values())


@dataclass(frozen=True)
class Result:
    """What the training came to."""

    #: By name, or in the order of ``Task.arrays``.
    weights: Mapping[str, NDArray[Any]] | Sequence[NDArray[Any]]
    #: Trained on; all that were given unless told.
    samples: int | None = None
    loss: float | None = None
    #: Further figures for the keeper's log.
    metrics: Mapping[str, float] = field(default_factory=dict)


def read_task(folder: str | os.PathLike[str] | None = None) -> Task:
    """Reads the round's folder (``$COHORT_TRAINING`` unless told). Raises TaskError."""
    place = folder if folder is not None else os.environ.get("COHORT_TRAINING")
    if not place:
        raise TaskError("COHORT_TRAINING is not set: a keeper sets it when it runs its training.command")
    path = Path(place)
    raw = json.loads((path / "settings.json").read_text("utf-8"))
    if raw.get("format") != FORMAT:
        raise TaskError(f"settings.json: format {raw.get('format')!r}, this package reads {FORMAT!r}")
    data = raw["data"]
    settings = Settings(
        round=raw["round"],
        epoch=raw["epoch"],
        epochs=raw["epochs"],
        batch_size=raw["batchSize"],
        optimizer=raw["optimizer"],
        learning_rate=raw["learningRate"],
        proximal_mu=raw["proximalMu"],
        seed=raw["seed"],
        classes=data["classes"],
        class_names=tuple(data.get("classNames", ())),
        raw=raw,
    )
    names = [parameter["name"] for parameter in raw["model"]["parameters"]]
    tensors = load(path / "weights.safetensors")
    samples = load(path / "samples.safetensors")
    kept = load(path / "state.safetensors") if raw["strategyState"] > 0 else {}
    return Task(
        folder=path,
        settings=settings,
        weights={name: tensors[name] for name in names},
        inputs=samples["inputs"].astype(np.float32) * np.float32(data["scale"]),
        labels=samples["labels"].astype(np.int64),
        state=[{name: kept[f"{i}/{name}"] for name in names} for i in range(raw["strategyState"])],
    )


def write_result(task: Task, result: Result) -> None:
    """Checks a result and writes what the keeper reads. Raises TaskError naming the tensor or figure; then nothing is written."""
    given = result.weights
    if not isinstance(given, Mapping):
        if len(given) != len(task.weights):
            raise TaskError(f"{len(given)} arrays, the model has {len(task.weights)}")
        given = dict(zip(task.weights, given))
    if given.keys() != task.weights.keys():
        raise TaskError(f"tensors {sorted(given.keys() ^ task.weights.keys())} are missing, or not the model's")
    weights: dict[str, Floats] = {}
    for name, before in task.weights.items():
        array = np.asarray(given[name]).astype(np.float32)
        if array.shape != before.shape:
            raise TaskError(f"tensor {name} has shape {array.shape}, the model's is {before.shape}")
        if not np.isfinite(array).all():
            raise TaskError(f"tensor {name} is not finite: the training diverged")
        weights[name] = array
    samples = len(task.labels) if result.samples is None else int(result.samples)
    if not 1 <= samples <= len(task.labels):
        raise TaskError(f"samples: {samples}, of {len(task.labels)} that were given")
    document: dict[str, Any] = {"samples": samples}
    # JSON has no NaN; a figure that is none is better left out than the round lost.
    if result.loss is not None and math.isfinite(result.loss):
        document["loss"] = float(result.loss)
    document["metrics"] = {name: float(value) for name, value in result.metrics.items() if math.isfinite(value)}
    save(task.folder / "trained.safetensors", weights)
    (task.folder / "metrics.json").write_text(json.dumps(document), "utf-8")


def run(train: Callable[[Task], Result]) -> None:
    """Reads the round, trains, writes the result: all that a script needs to call."""
    task = read_task()
    np.random.seed(task.settings.seed)
    write_result(task, train(task))
