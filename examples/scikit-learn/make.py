# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes cells.onnx beside this file: python3 -m venv v && v/bin/pip install scikit-learn skl2onnx && v/bin/python make.py

A scaler and an MLP, as somebody would export them who has 57 of the 569 rows: the weights are a beginning, not a result.
"""
import csv
from pathlib import Path

import numpy as np
from skl2onnx import to_onnx
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HERE = Path(__file__).parent
HIDDEN = 12
EVERY = 10

with (HERE.parent / "breast-cancer" / "cells.csv").open() as file:
    header, *rows = csv.reader(file)
inputs = np.array([row[:-1] for row in rows], dtype=np.float32)
# Classes in the order of their names, as a manifest has them.
labels = np.unique([row[-1] for row in rows], return_inverse=True)[1]
own = slice(None, None, EVERY)
model = make_pipeline(StandardScaler(), MLPClassifier((HIDDEN,), max_iter=100, random_state=1))
model.fit(inputs[own], labels[own])
print(f"accuracy on the other rows: {model.score(np.delete(inputs, np.r_[own], 0), np.delete(labels, np.r_[own])):.3f}")
exported = to_onnx(model, inputs[:1], options={"zipmap": False})
(HERE / "cells.onnx").write_bytes(exported.SerializeToString())
