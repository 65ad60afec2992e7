"""Cells of the neural benchmarks that infometric computes; run by benchmarks/neural.py.

python benchmarks/neural_ours.py '{"kind": "staircase", "bound": "smile", ...}'
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from neural_data import (
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

from infometric.functional.bounds import BOUNDS
from infometric.neural.critics import CRITICS
from infometric.neural.model import Model, Plain, anchor_of, baseline_net
from infometric.neural.training import Plan, Trainer, train

D = 20


class Watched:
    """A bound that remembers the scores of its last batch."""

    last: Any = None

    def __init__(self, bound: Any) -> None:
        self.bound = bound

    def loss(self, scores: Any, baseline: Any = None, memory: Any = None) -> Any:
        """The bound's loss."""
        self.last = [None if v is None else v.detach() for v in (scores, baseline)]
        return self.bound.loss(scores, baseline, memory)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.bound, name)


def model_of(cell: dict[str, Any]) -> Model:
    """The critic of a cell, as the literature builds it, or with our anchor."""
    sizes = {"hidden": tuple(cell.get("hidden", (256, 256)))}
    critic = CRITICS[cell["critic"]](D, D, embedding_dim=cell.get("rank", 32), **sizes)
    anchor = None
    if cell.get("anchor"):  # of rows of the first level; its weights are trained as the others
        critic.silence()
        x, y = gaussian(np.random.default_rng(cell["seed"]), 2000, D, LEVELS[0])
        anchor = anchor_of(x[:1600], y[:1600], *(torch.from_numpy(v[1600:]) for v in (x, y)))
    needs = BOUNDS[cell["bound"]].needs == "baseline"
    return Model(Plain(), Plain(), critic, anchor, baseline_net(D) if needs else None)


def staircase(cell: dict[str, Any]) -> dict[str, Any]:
    """Information goes up level by level, and the weights are kept."""
    torch.manual_seed(cell["seed"])
    model, bound = model_of(cell), Watched(BOUNDS[cell["bound"]])
    rate = cell.get("rate", 5e-4)
    plan = Plan(learning_rate=rate, weight_decay=0.0, clip_norm=cell.get("clip", np.inf))
    trainer = Trainer(model, bound, plan)  # type: ignore[arg-type]
    read: dict[str, list[Any]] = {name: [] for name in cell["read"]}  # of one critic
    start = time.process_time()
    for level, truth in enumerate(LEVELS):
        values: dict[str, list[float]] = {name: [] for name in read}
        source = batches(cell["seed"], level, D, cell["batch"])
        for step in range(cell["steps"]):
            if cell.get("decay"):  # within a level, down to nothing
                trainer.optimiser.param_groups[0]["lr"] = rate * (1 - step / cell["steps"])
            x, y = (torch.from_numpy(rows) for rows in next(source))
            trainer.step(x, y)
            for name, found in values.items():
                found.append(float(BOUNDS[name].value(*bound.last)))
        now = told(trainer, read, cell["seed"], level)
        for name, levels in read.items():
            levels.append(summary(values[name], truth) | {"fresh": round(now[name] - truth, 4)})
            print(cell["key"], name, truth, levels[-1]["bias"], now[name] - truth, file=sys.stderr)
    steps = cell["steps"] * len(LEVELS)
    return {"read": read, "ms": 1000 * (time.process_time() - start) / steps}


def told(trainer: Trainer, names: Any, seed: int, level: int) -> dict[str, float]:
    """Values with the averaged weights on rows of their own, all against all."""
    x, y = (torch.from_numpy(rows) for rows in fresh(seed, level, D))
    trainer.exchange()
    with torch.no_grad():
        scores, baseline = trainer.model.score(x, y)
    trainer.exchange()
    given = scores.double(), None if baseline is None else baseline.double()
    return {name: float(BOUNDS[name].value(*given)) for name in names}


def estimate(x: Any, y: Any, cell: dict[str, Any], seed: int) -> dict[str, Any]:
    """One estimate, in nats."""
    import infometric as im

    make = getattr(im, cell["estimator"])
    seeded = {} if cell["estimator"] == "MutualInformation" else {"random_state": seed}
    start = time.process_time()
    found = make(**cell["options"], **seeded).fit(x, y).estimate()
    cpu = time.process_time() - start
    ci = None if found.ci is None else [float(found.ci.low), float(found.ci.high)]
    more = {k: found.diagnostics[k] for k in ("reliable",) if k in found.diagnostics}
    return {"value": float(found.value), "ci": ci, "cpu": cpu} | more


def sample(cell: dict[str, Any]) -> dict[str, Any]:
    """Estimates of the small sample."""
    estimate(*small_sample(99, n=60), cell | small(cell), 0)  # imports, and what torch does once
    return {"runs": [estimate(*small_sample(s), cell, s) for s in range(cell["seeds"])]}


def small(cell: dict[str, Any]) -> dict[str, Any]:
    """Options of a short run."""
    if cell["estimator"] == "MutualInformation":
        return {}
    return {"options": cell["options"] | {"max_epochs": 2}}


def triple(cell: dict[str, Any]) -> dict[str, Any]:
    """The three properties."""
    return {
        "runs": [
            {name: estimate(*rows, cell, s)["value"] for name, rows in related(s).items()}
            for s in range(cell["seeds"])
        ]
    }


def speed(cell: dict[str, Any]) -> Callable[[], float]:
    """What measures steps per CPU second, of bare steps or of a whole training."""
    torch.manual_seed(0)
    critic = CRITICS[cell["critic"]](D, D, hidden=(256, 256), embedding_dim=32)
    bound = BOUNDS[cell["bound"]]
    if cell.get("loop"):
        return partial(loop, Model(Plain(), Plain(), critic), bound, cell)
    trainer = Trainer(critic, bound, Plan(learning_rate=5e-4))
    rows = [tuple(map(torch.from_numpy, pair)) for pair in some_batches(cell["batch"], D)]
    return lambda: steps_per_second(trainer.step, rows, cell["seconds"])


def loop(model: Model, bound: Any, cell: dict[str, Any]) -> float:
    """Steps per CPU second of our training, with a tenth of 1,280 rows for validation."""
    x, y = map(torch.from_numpy, gaussian(np.random.default_rng(0), 1280, D, 4.0))
    per_epoch = 1152 // cell["batch"]
    epochs = cell["steps"] // per_epoch
    plan = Plan(cell["batch"], 5e-4, max_epochs=epochs, patience=10**9)
    parts = (x[:1152], y[:1152]), (x[1152:], y[1152:])
    start = time.process_time()
    train(model, bound, *parts, plan, torch.Generator().manual_seed(0))
    return epochs * per_epoch / (time.process_time() - start)


KINDS = {"staircase": staircase, "sample": sample, "triple": triple}

if __name__ == "__main__":
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    given = json.loads(sys.argv[1])
    if given["kind"] == "speed":
        in_turn(speed(given), sys.stdout)
    else:
        print(json.dumps(KINDS[given["kind"]](given)))
