"""Cells of the neural benchmarks that torch-mist computes; run by benchmarks/neural.py.

PEER_PYTHON benchmarks/neural_peers.py '{"kind": "staircase", "bound": "smile", ...}'
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from neural_data import (
    LAST,
    LEVELS,
    batches,
    fresh,
    gaussian,
    in_turn,
    related,
    small_sample,
    some_batches,
    steps_per_second,
    summary,
)
from torch_mist.estimators import instantiate_estimator
from torch_mist.utils import estimate_mi
from torch_mist.utils.train.mi_estimator import train_mi_estimator

D = 20
ALL = {"infonce": 0}  # negatives of a batch: all rows for it, all others (-1) for the rest


def estimator_of(cell: dict[str, Any]) -> Any:
    """The critic of a cell: 256 x 2, by default with all pairs of a batch."""
    more: dict[str, Any] = {"hidden_dims": [256, 256], "critic_type": cell["critic"]}
    if cell["critic"] == "separable":
        more["k_dim"] = 32
    if cell.get("activation") == "silu":
        more["nonlinearity"] = torch.nn.SiLU()
    more["neg_samples"] = cell.get("negatives", ALL.get(cell["bound"], -1))
    return instantiate_estimator(cell["bound"], x_dim=D, y_dim=D, **more)


def staircase(cell: dict[str, Any]) -> dict[str, Any]:
    """Information goes up level by level, and the weights are kept."""
    torch.manual_seed(cell["seed"])
    estimator = estimator_of(cell)
    optimiser, levels = torch.optim.Adam(estimator.parameters(), lr=5e-4), []
    start = time.process_time()
    for level, truth in enumerate(LEVELS):
        values, source = [], batches(cell["seed"], level, D, cell["batch"])
        for left in reversed(range(cell["steps"])):
            x, y = (torch.from_numpy(rows) for rows in next(source))
            loss = estimator.loss(x, y)  # first, as in its loop: it keeps scores of equal rows
            if left < LAST:  # of no use before, and it costs
                values.append(float(estimator.mutual_information(x, y).detach()))
            descend(loss, optimiser)
        told = fresh_value(estimator, cell["seed"], level) - truth
        levels.append(summary(values, truth) | {"fresh": round(told, 4)})
        print(cell["key"], truth, levels[-1]["bias"], levels[-1]["fresh"], file=sys.stderr)
    steps = cell["steps"] * len(LEVELS)
    return {"read": {cell["bound"]: levels}, "ms": 1000 * (time.process_time() - start) / steps}


def fresh_value(estimator: Any, seed: int, level: int) -> float:
    """Value on rows of their own, all against all, as its own evaluation has it."""
    x, y = (torch.from_numpy(rows) for rows in fresh(seed, level, D))
    estimator.eval()
    with torch.no_grad():
        value = float(estimator.mutual_information(x, y))
    estimator.train()
    return value


def step(estimator: Any, optimiser: Any, x: Any, y: Any) -> None:
    """One step, as its training loop takes it, without logging."""
    descend(estimator.loss(x, y), optimiser)


def descend(loss: Any, optimiser: Any) -> None:
    """The rest of a step."""
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()


def estimate(x: Any, y: Any, cell: dict[str, Any], seed: int) -> dict[str, Any]:
    """Its estimate of rows, defaults but for the iterations and what the cell says."""
    torch.manual_seed(seed)
    np.random.seed(seed)  # noqa: NPY002  # its split is from there
    data = {"x": x.astype(np.float32), "y": y.astype(np.float32)}
    start = time.process_time()
    value, _ = estimate_mi(
        data,
        estimator=cell["bound"],
        max_iterations=1000,
        verbose=False,
        **cell["options"],
    )
    return {"value": float(value), "cpu": time.process_time() - start}


def sample(cell: dict[str, Any]) -> dict[str, Any]:
    """Estimates of the small sample."""
    return {"runs": [estimate(*small_sample(s), cell, s) for s in range(cell["seeds"])]}


def triple(cell: dict[str, Any]) -> dict[str, Any]:
    """The three properties."""
    return {
        "runs": [
            {name: estimate(*rows, cell, s)["value"] for name, rows in related(s).items()}
            for s in range(cell["seeds"])
        ]
    }


def speed(cell: dict[str, Any]) -> Callable[[], float]:
    """What measures steps per CPU second, of bare steps or of its own training."""
    torch.manual_seed(0)
    estimator = estimator_of(cell)
    if cell.get("loop"):
        return partial(loop, estimator, cell)
    optimiser = torch.optim.Adam(estimator.parameters(), lr=5e-4)
    rows = [tuple(map(torch.from_numpy, pair)) for pair in some_batches(cell["batch"], D)]
    return lambda: steps_per_second(partial(step, estimator, optimiser), rows, cell["seconds"])


def loop(estimator: Any, cell: dict[str, Any]) -> float:
    """Steps per CPU second of its training, with a tenth of 1,280 rows for validation."""
    data = dict(zip("xy", gaussian(np.random.default_rng(0), 1280, D, 4.0), strict=True))
    sizes = {"batch_size": cell["batch"], "max_iterations": cell["steps"]}
    start = time.process_time()
    train_mi_estimator(estimator, data, verbose=False, **sizes)
    return cell["steps"] / (time.process_time() - start)


KINDS = {"staircase": staircase, "sample": sample, "triple": triple}

if __name__ == "__main__":
    torch.set_num_threads(1)
    given = json.loads(sys.argv[1])
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        if given["kind"] == "speed":
            in_turn(speed(given), sys.__stdout__)
        else:
            print(json.dumps(KINDS[given["kind"]](given)), file=sys.__stdout__)
