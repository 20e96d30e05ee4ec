# SPDX-License-Identifier: GPL-3.0-or-later
"""Flower's published robust aggregation, on vectors that `npm run bench -- robust` sends.

Reads from stdin, until it ends: one line of JSON {"strategy", "malicious", "samples": [n numbers], "length"}, then n x
length float32 (little-endian, member by member). Answers each with length float32 on stdout. `--check` prints the version.
"""

import json
import sys

import numpy as np
from flwr.server.strategy import aggregate as flower

CUT = 0.2


def combine(strategy, results, malicious):
    if strategy == "median":
        return flower.aggregate_median(results)
    if strategy == "trimmed-avg":
        return flower.aggregate_trimmed_avg(results, CUT)
    if strategy == "krum":
        return flower.aggregate_krum(results, malicious, 0)
    if strategy == "multi-krum":
        return flower.aggregate_krum(results, malicious, len(results) - malicious)
    if strategy == "bulyan":
        return flower.aggregate_bulyan(list(results), malicious, flower.aggregate_krum, to_keep=0)
    raise ValueError(f"unknown strategy {strategy}")


def main():
    if sys.argv[1:] == ["--check"]:
        from importlib.metadata import version

        print(version("flwr"))
        return
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    while line := source.readline():
        request = json.loads(line)
        samples, length = request["samples"], request["length"]
        data = np.frombuffer(source.read(4 * length * len(samples)), dtype="<f4").reshape(len(samples), length)
        results = [([row.copy()], count) for row, count in zip(data, samples)]
        (vector,) = combine(request["strategy"], results, request["malicious"])
        sink.write(np.asarray(vector, dtype="<f4").tobytes())
        sink.flush()


main()
