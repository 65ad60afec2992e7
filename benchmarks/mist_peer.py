"""Cells of the evidence of MIST that mist-statinf computes; run by benchmarks/mist.py.

The package holds no trained weights: an estimator without a checkpoint runs with random ones. Its
time is that of trained ones, its values mean nothing and are not kept. All rows attend to all rows,
so the time goes with the square of their number: some seconds a call at two thousand. Columns are
filled up with zeros to 64, so how many there are does not matter. Imports, some seconds, and the
network's construction are before the clock starts.

echo '{"n": 500, "d": 5, "repeats": 5}' | PEER_PYTHON benchmarks/mist_peer.py
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import numpy as np
import torch
from mist_statinf import MISTQuickEstimator


def speed(cell: dict[str, Any]) -> dict[str, Any]:
    """CPU seconds of a value of a pair, several times, after a first call of the same size."""
    n, d = cell["n"], cell["d"]
    estimator = MISTQuickEstimator(loss="mse", device="cpu")
    timed = []
    for k in range(cell["repeats"] + 1):
        rng = np.random.default_rng([n, d, k])
        x = rng.normal(size=(n, d))
        y = 0.5 * x + rng.normal(size=(n, d))
        start = time.process_time()
        estimator.estimate_point(x, y)
        timed.append(time.process_time() - start)
    return {"seconds": timed[1:]}


if __name__ == "__main__":
    torch.set_num_threads(1)
    for line in sys.stdin:
        print(json.dumps(speed(json.loads(line))), flush=True)
