# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes keepers/zkml/import/onnx/operators.json from the onnx package: what its checker knows of each operator.

    pip install onnx && python3 scripts/onnx/operators.py > keepers/zkml/import/onnx/operators.json
    python3 scripts/onnx/operators.py ai.onnx.ml > keepers/zkml/import/onnx/operators-ml.json

One entry for each operator of the domain (the standard one unless another is named) and each version of it: number of inputs and outputs, the type of each,
the types that a type variable may be (TensorProto.DataType; others, such as strings and sequences, are 0), and each
attribute's type (AttributeProto.AttributeType), negative when it must be given. Null where an operator was withdrawn.
"""
import json
import sys
from onnx import TensorProto, defs

NAMES = {f"tensor({name.lower()})": number for name, number in TensorProto.DataType.items()}
OPTION = defs.OpSchema.FormalParameterOption
LIMIT = 2**31 - 1


def number(text):
    return NAMES.get(text, 0)


def parameters(formal, constraints):
    out = []
    for each in formal:
        kind = each.type_str if each.type_str in constraints else number(each.type_str)
        out.append(kind)
    return out


DOMAINS = tuple(sys.argv[1:]) or ("", "ai.onnx")
table = {}
for schema in defs.get_all_schemas_with_history():
    if schema.domain not in DOMAINS:
        continue
    if schema.deprecated:
        table.setdefault(schema.name, {})[schema.since_version] = None
        continue
    constraints = {
        each.type_param_str: sorted({number(text) for text in each.allowed_type_strs})
        for each in schema.type_constraints
    }
    entry = {
        "in": [schema.min_input, min(schema.max_input, LIMIT)],
        "out": [schema.min_output, min(schema.max_output, LIMIT)],
        "inputs": parameters(schema.inputs, constraints),
        "outputs": parameters(schema.outputs, constraints),
        "types": constraints,
        "attributes": {
            name: (-1 if each.required else 1) * int(each.type.value) for name, each in sorted(schema.attributes.items())
        },
    }
    if schema.inputs and schema.inputs[-1].option == OPTION.Variadic:
        entry["variadic"] = schema.inputs[-1].is_homogeneous
    table.setdefault(schema.name, {})[schema.since_version] = entry

lines = []
for name in sorted(table):
    for since in sorted(table[name]):
        lines.append(f"{json.dumps(f'{name}@{since}')}: {json.dumps(table[name][since], separators=(',', ':'))}")
print("{\n" + ",\n".join(lines) + "\n}")
