# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from cohort_trainer import Result, SafetensorsError, TaskError, from_torch, load, read_task, run, save, to_torch, write_result

HERE = Path(__file__).parent
RANDOM = np.random.default_rng(3)


def has(module: str) -> bool:
    return subprocess.run([sys.executable, "-c", f"import {module}"], capture_output=True).returncode == 0


def chain(*widths: int) -> dict[str, Any]:
    """Weights of dense layers with these widths, the inputs first."""
    tensors: dict[str, Any] = {}
    for i, (inputs, units) in enumerate(zip(widths, widths[1:])):
        tensors[f"dense_{i}/kernel"] = (RANDOM.normal(size=(inputs, units)) / np.sqrt(inputs)).astype(np.float32)
        tensors[f"dense_{i}/bias"] = (RANDOM.normal(size=units) / 10).astype(np.float32)
    return tensors


def write_task(folder: Path, weights: dict[str, Any], inputs: Any, labels: Any, **changes: Any) -> None:
    layers = len(weights) // 2
    activations = ["relu"] * (layers - 1) + ["softmax"]
    topology = [{"class_name": "Dense", "config": {"activation": activation}} for activation in activations]
    classes = weights[list(weights)[-1]].shape[0]
    settings = {
        "format": "cohort/training/1",
        **{"round": 1, "epoch": 1, "epochs": 3, "batchSize": 16, "optimizer": "adam", "learningRate": 0.01},
        **{"proximalMu": 0, "seed": 7, "clip": None, "privacy": None, "manifest": None, "strategyState": 0},
        "model": {
            "parameters": [{"name": name, "shape": list(tensor.shape)} for name, tensor in weights.items()],
            "topology": {"config": {"layers": topology}},
        },
        "data": {"samples": len(labels), "classes": classes, "inputShape": list(inputs.shape[1:]), "scale": 0.5},
        **changes,
    }
    (folder / "settings.json").write_text(json.dumps(settings))
    save(folder / "weights.safetensors", weights)
    save(folder / "samples.safetensors", {"inputs": inputs, "labels": np.asarray(labels, dtype=np.int32)})


def softmax_network(weights: dict[str, Any], x: Any) -> Any:
    arrays = [array.astype(np.float64) for array in weights.values()]
    for i in range(0, len(arrays), 2):
        x = x @ arrays[i] + arrays[i + 1]
        if i + 2 < len(arrays):
            x = np.maximum(x, 0)
    chances = np.exp(x - x.max(axis=1, keepdims=True))
    return chances / chances.sum(axis=1, keepdims=True)


class Case(unittest.TestCase):
    def setUp(self) -> None:
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = Path(holder.name)


class Safetensors(Case):
    def test_reads_what_it_writes(self) -> None:
        tensors = {
            "a": RANDOM.normal(size=(2, 3)).astype(np.float32),
            "scalar": np.float64(1.5),
            "none": np.zeros((0, 4), np.int32),
            "swapped": np.arange(6, dtype=">i8").reshape(2, 3).T,
        }
        save(self.folder / "x", {name: np.asarray(tensor) for name, tensor in tensors.items()})
        for name, tensor in load(self.folder / "x").items():
            np.testing.assert_array_equal(tensor, tensors[name])
            self.assertEqual(tensor.shape, np.shape(tensors[name]))

    def test_refuses_what_is_not_whole(self) -> None:
        save(self.folder / "x", {"a": np.ones(4, np.float32)})
        whole = (self.folder / "x").read_bytes()
        for bytes_, message in [
            (whole[:5], "too few"),
            (whole[:20], "said to be"),
            (whole[:-1], "tensor 'a': bytes 0 to 16 of 15"),
            (whole.replace(b"F32", b"F99"), "cannot be read"),
            (whole.replace(b"[4]", b"[5]"), r"for float32 \[5\]"),
        ]:
            (self.folder / "y").write_bytes(bytes_)
            with self.assertRaisesRegex(SafetensorsError, message):
                load(self.folder / "y")

    def test_refuses_a_type_that_the_format_has_not(self) -> None:
        with self.assertRaisesRegex(SafetensorsError, "tensor 'a': type complex128"):
            save(self.folder / "x", {"a": np.ones(1, np.complex128)})


class Tasks(Case):
    def write(self, **changes: Any) -> None:
        write_task(self.folder, chain(4, 3), np.arange(40, dtype=np.uint8).reshape(10, 4), [0, 1, 2, 0, 1] * 2, **changes)

    def test_is_read_with_inputs_in_the_model_s_range(self) -> None:
        self.write()
        task = read_task(self.folder)
        self.assertEqual((task.settings.epochs, task.settings.classes, task.settings.seed), (3, 3, 7))
        self.assertEqual(float(task.inputs[1, 0]), 2.0)
        self.assertEqual(list(task.weights), ["dense_0/kernel", "dense_0/bias"])

    def test_brings_the_strategy_s_memory(self) -> None:
        self.write(strategyState=1)
        weights = load(self.folder / "weights.safetensors")
        save(self.folder / "state.safetensors", {f"0/{name}": 2 * tensor for name, tensor in weights.items()})
        (state,) = read_task(self.folder).state
        np.testing.assert_array_equal(state["dense_0/bias"], 2 * weights["dense_0/bias"])

    def test_is_refused_without_a_keeper_and_in_another_format(self) -> None:
        with mock.patch.dict(os.environ, clear=True), self.assertRaisesRegex(TaskError, "COHORT_TRAINING is not set"):
            read_task()
        self.write(format="cohort/training/2")
        with self.assertRaisesRegex(TaskError, "format 'cohort/training/2'"):
            read_task(self.folder)

    def test_run_reads_trains_and_writes(self) -> None:
        self.write()
        with mock.patch.dict(os.environ, COHORT_TRAINING=str(self.folder)):
            run(lambda task: Result([array + 1 for array in task.arrays], loss=float("nan"), metrics={"f1": np.float32(0.5)}))
        before, after = load(self.folder / "weights.safetensors"), load(self.folder / "trained.safetensors")
        np.testing.assert_array_equal(after["dense_0/kernel"], before["dense_0/kernel"] + 1)
        self.assertEqual(json.loads((self.folder / "metrics.json").read_text()), {"samples": 10, "metrics": {"f1": 0.5}})

    def test_refuses_a_result_that_no_keeper_takes_and_writes_nothing(self) -> None:
        self.write()
        task = read_task(self.folder)
        kernel, bias = task.arrays
        for result, message in [
            (Result([kernel]), "1 arrays, the model has 2"),
            (Result({"dense_0/kernel": kernel}), "dense_0/bias"),
            (Result([kernel.T, bias]), r"dense_0/kernel has shape \(3, 4\)"),
            (Result([kernel * np.nan, bias]), "dense_0/kernel is not finite"),
            (Result([kernel, bias], samples=11), "samples: 11, of 10"),
            (Result([kernel, bias], samples=0), "samples: 0"),
        ]:
            with self.assertRaisesRegex(TaskError, message):
                write_result(task, result)
        self.assertEqual(list(self.folder.glob("trained*")) + list(self.folder.glob("metrics*")), [])

    def test_layouts_go_there_and_back(self) -> None:
        for shape, expected in [((4, 3), (3, 4)), ((5, 4, 3, 2), (2, 3, 5, 4)), ((6,), (6,))]:
            array = RANDOM.normal(size=shape)
            self.assertEqual(to_torch(array).shape, expected)
            np.testing.assert_array_equal(from_torch(to_torch(array)), array)


class Examples(Case):
    """Each learns two clouds apart, from weights that do not."""

    def play(self, example: str, *widths: int, **changes: Any) -> tuple[float, float, dict[str, Any]]:
        labels = np.arange(120) % widths[-1]
        centres = RANDOM.normal(size=(widths[-1], widths[0])) * 4
        inputs = (centres[labels] + RANDOM.normal(size=(120, widths[0]))).astype(np.float32)
        weights = chain(*widths)
        write_task(self.folder, weights, inputs, labels, **{"epochs": 30, **changes})
        env = {**os.environ, "COHORT_TRAINING": str(self.folder), "PYTHONPATH": str(HERE.parent / "src")}
        done = subprocess.run([sys.executable, str(HERE.parent / "examples" / example)], env=env, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)

        def hits(held: dict[str, Any]) -> float:
            return float((softmax_network(held, inputs * 0.5).argmax(1) == labels).mean())

        trained = load(self.folder / "trained.safetensors")
        return hits(weights), hits(trained), json.loads((self.folder / "metrics.json").read_text())

    def test_numpy(self) -> None:
        before, after, metrics = self.play("numpy_mlp.py", 6, 8, 3, learningRate=0.1)
        self.assertGreater(after, max(0.95, before))
        self.assertLess(metrics["loss"], 0.3)

    def test_flower(self) -> None:
        _, after, metrics = self.play("flower_client.py", 6, 2, learningRate=0.3)
        self.assertGreater(after, 0.95)
        self.assertGreater(metrics["metrics"]["hits"], 0.95)

    @unittest.skipUnless(has("sklearn"), "scikit-learn is not installed")
    def test_sklearn(self) -> None:
        for widths, optimizer, rate in [((6, 8, 3), "adam", 0.02), ((6, 8, 2), "sgd", 0.2)]:
            _, after, metrics = self.play("sklearn_mlp.py", *widths, optimizer=optimizer, learningRate=rate)
            self.assertGreater(after, 0.95, (widths, optimizer))
            # What scikit-learn has measured is what the softmax network does with the weights it gave back.
            self.assertAlmostEqual(metrics["metrics"]["accuracy"], after, 2)

    @unittest.skipUnless(has("sklearn"), "scikit-learn is not installed")
    def test_sklearn_starts_from_the_service_s_weights(self) -> None:
        from cohort_trainer.sklearn import mlp_from, weights_from

        for widths in [(5, 4, 2), (5, 4, 3)]:
            weights = chain(*widths)
            inputs = RANDOM.normal(size=(20, 5)).astype(np.float32)
            write_task(self.folder, weights, inputs, np.arange(20) % widths[-1])
            task = read_task(self.folder)
            model = mlp_from(task)
            np.testing.assert_allclose(model.predict_proba(task.inputs), softmax_network(weights, inputs * 0.5), atol=1e-6)
            for name, tensor in weights_from(task, model).items():
                np.testing.assert_allclose(tensor, weights[name], atol=1e-6)

    @unittest.skipUnless(has("sklearn"), "scikit-learn is not installed")
    def test_sklearn_finds_activations_that_are_layers_of_their_own(self) -> None:
        from cohort_trainer.sklearn import mlp_from

        weights = chain(5, 4, 3)
        inputs = RANDOM.normal(size=(20, 5)).astype(np.float32)
        write_task(self.folder, weights, inputs, np.arange(20) % 3)
        path = self.folder / "settings.json"
        settings = json.loads(path.read_text())
        as_imported = [("Dense", "linear"), ("Activation", "relu"), ("Dense", "softmax")]
        settings["model"]["topology"]["config"]["layers"] = [
            {"class_name": kind, "config": {"activation": activation}} for kind, activation in as_imported
        ]
        path.write_text(json.dumps(settings))
        task = read_task(self.folder)
        chances = mlp_from(task).predict_proba(task.inputs)
        np.testing.assert_allclose(chances, softmax_network(weights, inputs * 0.5), atol=1e-6)

    @unittest.skipUnless(has("sklearn"), "scikit-learn is not installed")
    def test_sklearn_refuses_a_model_that_it_cannot_be(self) -> None:
        from cohort_trainer.sklearn import mlp_from

        odd = {"a/kernel": np.ones((3, 3, 1, 2), np.float32), "a/bias": np.ones(2, np.float32)}
        write_task(self.folder, odd, np.ones((4, 3), np.float32), [0, 1, 0, 1])
        with self.assertRaisesRegex(TaskError, "not a chain of dense layers"):
            mlp_from(read_task(self.folder))


if __name__ == "__main__":
    unittest.main()
