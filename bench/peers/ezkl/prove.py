# SPDX-License-Identifier: GPL-3.0-or-later
"""Proves one inference of a tfjs Sequential model with EZKL, and prints what it took as JSON.

usage: prove.py MODEL_FOLDER SAMPLES.json [SCALE]

MODEL_FOLDER has model.json and its weights, as `saveModel` writes them: Conv2D (valid), AveragePooling2D, Flatten, Dense, ReLU,
Activation.
SAMPLES.json is a list of inputs, row-major, channels last; the first is proven, all of them calibrate. With SCALE, EZKL's
fixed-point scale is given instead of searched for, which takes minutes.
"""

import asyncio
import json
import resource
import sys
import tempfile
import time
from pathlib import Path

import ezkl
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def weights_of(folder: Path, manifest: list) -> dict[str, np.ndarray]:
    found = {}
    for group in manifest:
        data = b"".join((folder / path).read_bytes() for path in group["paths"])
        offset = 0
        for entry in group["weights"]:
            assert entry["dtype"] == "float32", entry
            count = int(np.prod(entry["shape"]))
            values = np.frombuffer(data, np.float32, count, offset)
            found[entry["name"]] = values.reshape(entry["shape"])
            offset += 4 * count
    return found


def to_onnx(folder: Path) -> tuple[onnx.ModelProto, tuple[int, ...]]:
    """The model with channels first, as EZKL wants it; scores without the softmax, which no proof of ours holds either."""
    model = json.loads((folder / "model.json").read_text())
    topology = model["modelTopology"]
    layers = topology.get("model_config", topology)["config"]["layers"]
    weights = weights_of(folder, model["weightsManifest"])
    shape = tuple(layers[0]["config"]["batch_input_shape"][1:])
    nodes, constants = [], []
    height, width, channels = shape if len(shape) == 3 else (1, 1, shape[0])
    flat = len(shape) == 1
    permutation = None
    classes = 0
    last = "input"

    def constant(name: str, values: np.ndarray) -> str:
        constants.append(numpy_helper.from_array(np.ascontiguousarray(values, np.float32), name))
        return name

    def node(kind: str, inputs: list[str], output: str, **attributes) -> str:
        nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    for layer in layers:
        kind, config = layer["class_name"], layer["config"]
        name = config["name"]
        if kind == "Conv2D":
            kernel = weights[f"{name}/kernel"].transpose(3, 2, 0, 1)
            inputs = [last, constant(f"{name}_w", kernel), constant(f"{name}_b", weights[f"{name}/bias"])]
            last = node("Conv", inputs, name, kernel_shape=list(kernel.shape[2:]), strides=list(config["strides"]))
            height = (height - kernel.shape[2]) // config["strides"][0] + 1
            width = (width - kernel.shape[3]) // config["strides"][1] + 1
            channels = kernel.shape[0]
        elif kind == "AveragePooling2D":
            size, strides = list(config["pool_size"]), list(config["strides"])
            last = node("AveragePool", [last], name, kernel_shape=size, strides=strides)
            height, width = (height - size[0]) // strides[0] + 1, (width - size[1]) // strides[1] + 1
        elif kind == "Flatten":
            last = node("Flatten", [last], name, axis=1)
            # Rows of the next matrix in the order of channels first.
            permutation = np.arange(height * width * channels).reshape(height, width, channels).transpose(2, 0, 1).ravel()
            flat = True
        elif kind == "Dense":
            kernel = weights[f"{name}/kernel"]
            if permutation is not None:
                kernel, permutation = kernel[permutation], None
            inputs = [last, constant(f"{name}_w", kernel), constant(f"{name}_b", weights[f"{name}/bias"])]
            last = node("Gemm", inputs, name)
            classes = kernel.shape[1]
        elif kind == "ReLU":
            last = node("Relu", [last], name)
        elif kind != "Activation":
            raise SystemExit(f"layer {name}: {kind} is not one that this script translates")
        activation = config.get("activation", "linear")
        if activation == "relu":
            last = node("Relu", [last], f"{name}_relu")
        elif activation not in ("linear", "softmax"):
            raise SystemExit(f"layer {name}: activation {activation} is not one that this script translates")
    size = [1, shape[0]] if len(shape) == 1 else [1, shape[2], shape[0], shape[1]]
    if not flat or classes == 0:
        raise SystemExit("the model has no dense layer at its end")
    graph = helper.make_graph(
        nodes,
        "model",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, size)],
        [helper.make_tensor_value_info(last, TensorProto.FLOAT, [1, classes])],
        constants,
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(made)
    return made, shape


async def settled(value):
    return await value if asyncio.iscoroutine(value) or asyncio.isfuture(value) else value


async def main() -> None:
    folder, samples, *rest = sys.argv[1:]
    model, shape = to_onnx(Path(folder))
    inputs = [np.array(one, np.float32).reshape(shape) for one in json.loads(Path(samples).read_text())]
    if len(shape) == 3:
        inputs = [one.transpose(2, 0, 1) for one in inputs]
    with tempfile.TemporaryDirectory(prefix="cohort-ezkl-") as scratch:
        at = lambda name: str(Path(scratch) / name)
        onnx.save(model, at("model.onnx"))
        Path(at("input.json")).write_text(json.dumps({"input_data": [inputs[0].ravel().tolist()]}))
        Path(at("many.json")).write_text(json.dumps({"input_data": [np.concatenate([i.ravel() for i in inputs]).tolist()]}))
        arguments = ezkl.PyRunArgs()
        # What ours shows: who the model is and a commitment to the input, the scores' winner.
        arguments.input_visibility = "hashed"
        arguments.output_visibility = "public"
        arguments.param_visibility = "fixed"
        await settled(ezkl.gen_settings(at("model.onnx"), at("settings.json"), arguments))
        scales = {"scales": [int(rest[0])]} if rest else {}
        calibrated = ezkl.calibrate_settings(at("many.json"), at("model.onnx"), at("settings.json"), "resources", **scales)
        await settled(calibrated)
        await settled(ezkl.compile_circuit(at("model.onnx"), at("model.ezkl"), at("settings.json")))
        logrows = json.loads(Path(at("settings.json")).read_text())["run_args"]["logrows"]
        # Powers that somebody here knows: only the times matter.
        await settled(ezkl.gen_srs(at("kzg.srs"), logrows))
        start = time.perf_counter()
        await settled(ezkl.setup(at("model.ezkl"), at("vk"), at("pk"), at("kzg.srs")))
        setup = time.perf_counter() - start
        start = time.perf_counter()
        await settled(ezkl.gen_witness(at("input.json"), at("model.ezkl"), at("witness.json"), at("vk"), at("kzg.srs")))
        await settled(ezkl.prove(at("witness.json"), at("model.ezkl"), at("pk"), at("proof.json"), at("kzg.srs")))
        prove = time.perf_counter() - start
        assert await settled(ezkl.verify(at("proof.json"), at("settings.json"), at("vk"), at("kzg.srs")))
        report = {
            "version": ezkl.__version__,
            "logrows": logrows,
            "setup": setup,
            "prove": prove,
            "keyBytes": Path(at("pk")).stat().st_size,
            "peakBytes": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
        }
    print(json.dumps(report))


asyncio.run(main())
