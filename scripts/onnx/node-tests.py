# SPDX-License-Identifier: GPL-3.0-or-later
"""Prints onnx's own backend tests of single operators, one JSON object a line, for `npm run bench -- import`.

Each test becomes as many as it has inputs and outputs: one input is the network's, the others are constants, and one output
is looked at. Tests of sequences, optionals and strings are left out; how many is the last line.
"""
import base64
import json
import sys

import numpy
import onnx
from onnx import numpy_helper
from onnx.backend.test.case.node import collect_testcases


def numbers(value):
    array = numpy.asarray(value)
    if array.dtype.kind not in "biuf" and not hasattr(array.dtype, "name"):
        return None
    try:
        flat = array.astype(numpy.float64).ravel()
    except (TypeError, ValueError):
        return None
    return [None if not numpy.isfinite(x) else float(x) for x in flat]


# Two steps of the type: what onnx's own runner allows of bfloat16. The tests round after every operation to the type, the network
# does not round at all.
TWO_STEPS = {"bfloat16": 2.0**-6, "float16": 2.0**-9}


def tolerance(case, output):
    """How far a result of 16 bits may be off; null for others, which have the bench's own tolerance, a tighter one."""
    steps = TWO_STEPS.get(str(output.dtype))
    return None if steps is None else {"relative": max(case.rtol, steps), "absolute": case.atol}


# The tests draw their numbers as they are collected; the same ones every time.
numpy.random.seed(1)
left_out = 0
for case in collect_testcases(None):
    for inputs, outputs in case.data_sets:
        given = [item for item in inputs]
        if not all(isinstance(x, (numpy.ndarray, numpy.generic)) for x in list(inputs) + list(outputs)):
            left_out += 1
            continue
        names = [item.name for item in case.model.graph.input]
        for i, name in enumerate(names):
            values = numbers(given[i])
            if values is None:
                continue
            for j, output in enumerate(case.model.graph.output):
                expected = numbers(outputs[j])
                if expected is None:
                    continue
                model = onnx.ModelProto()
                model.CopyFrom(case.model)
                model.graph.ClearField("input")
                model.graph.ClearField("output")
                model.graph.input.append(case.model.graph.input[i])
                model.graph.output.append(output)
                try:
                    for k, other in enumerate(names):
                        if k != i:
                            model.graph.initializer.append(numpy_helper.from_array(numpy.asarray(given[k]), other))
                except Exception:
                    left_out += 1
                    continue
                print(json.dumps({
                    "name": case.name,
                    "operators": sorted({node.op_type for node in case.model.graph.node}),
                    "input": i,
                    "output": j,
                    "model": base64.b64encode(model.SerializeToString()).decode(),
                    "values": values,
                    "tolerance": tolerance(case, numpy.asarray(outputs[j])),
                    "expected": expected,
                }))
print(json.dumps({"leftOut": left_out}))
