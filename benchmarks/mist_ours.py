"""Cells of the evidence of MIST that this library computes; run by benchmarks/mist.py.

echo '{"kind": "limit", "name": "waves"}' | python benchmarks/mist_ours.py
"""

from __future__ import annotations

import json
import sys
import time
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from mist_laws import FRESH, LIMITS, PROBLEMS, Drawn, log_uniform

import infometric as im

LEVEL = 0.9
FEWEST, MOST = 20, 2000  # rows of the new laws
PROGRAMS: dict[str, Callable[[], Any]] = {
    "mist": lambda: im.MIST(),
    "ksg": lambda: im.MutualInformation(estimator="ksg1"),
    "rank_gaussian": lambda: im.MutualInformation(estimator="gaussian_copula"),
    "neural": lambda: im.NeuralMI(random_state=0),
}
BATCH = 64


def generator(*words: Any) -> np.random.Generator:
    """Random numbers of a name and numbers."""
    return np.random.default_rng(
        [zlib.crc32(w.encode()) if isinstance(w, str) else w for w in words]
    )


def told(found: Any) -> dict[str, Any]:
    """What is kept of a result, nats."""
    ci = None if found.ci is None else [float(found.ci.low), float(found.ci.high)]
    more = {}
    if "quantiles" in found.diagnostics:
        more = {"flagged": found.diagnostics["out_of_support"], "warned": bool(found.warnings)}
        more["quantiles"] = list(found.diagnostics["quantiles"].values())
        more["classical"] = found.diagnostics["classical"]
    return {"value": float(found.value), "ci": ci} | more


def mist(drawn: Drawn) -> dict[str, Any]:
    """Reading of MIST."""
    r = told(im.MIST().fit(drawn.x, drawn.y).estimate(level=LEVEL))
    return {"truth": drawn.truth, "n": len(drawn.x)} | r


def problem(cell: dict[str, Any]) -> dict[str, Any]:
    """One problem, one program, all seeds."""
    law, make, runs = PROBLEMS[cell["name"]], PROGRAMS[cell["program"]], []
    for seed in range(cell["seeds"]):
        drawn = law(generator(cell["name"], cell["n"], seed), cell["n"])
        start = time.process_time()
        found = told(make().fit(drawn.x, drawn.y).estimate(level=LEVEL, rng=seed))
        runs.append({k: found[k] for k in ("value", "ci")} | {"cpu": time.process_time() - start})
    return {"truth": drawn.truth, "runs": runs}


def limit(cell: dict[str, Any]) -> dict[str, Any]:
    """One limit: every setting, all seeds."""
    asked = LIMITS[cell["name"]]
    out = {}
    for setting in asked.settings:
        place = asked.settings.index(setting)
        drawn = [
            asked.law(generator(cell["name"], place, seed), asked.rows, setting)
            for seed in range(asked.seeds)
        ]
        out[str(setting)] = [
            mist(d) | {"ksg": neighbours(d) if len(d.x) <= 1000 else None} for d in drawn
        ]
    return {"settings": out}


def neighbours(drawn: Drawn) -> float:
    """KSG of the library, without an interval."""
    m = im.MutualInformation(estimator="ksg1", uncertainty="none")
    return float(m.fit(drawn.x, drawn.y).estimate().value)


def fresh(cell: dict[str, Any]) -> dict[str, Any]:
    """Data sets of a new law, each with parameters and rows of its own."""
    runs = []
    for i in range(cell["tasks"]):
        rng = generator("fresh", cell["name"], i)
        runs.append(mist(FRESH[cell["name"]](rng, round(log_uniform(rng, FEWEST, MOST)))))
    return {"runs": runs}


def known(cell: dict[str, Any]) -> dict[str, Any]:
    """New tasks of the families that were trained on, read by all members: scores by rows."""
    from infometric.amortised.config import Config
    from infometric.amortised.evaluation import by_rows, scores
    from infometric.amortised.reading import Reader
    from infometric.amortised.table import Table
    from infometric.amortised.weights import shipped

    content = dict(Config.read(Path(__file__).with_name("mist.toml")).content)
    content |= {"seed": cell["seed"], "stream": content["stream"] | {"tasks": cell["tasks"]}}
    stream = Config(content).stream()
    table = Table.joined([stream.shard(i) for i in range(cell["shards"])])
    found, reasons = Reader(shipped())._judged(table.features, [()] * len(table))  # as samples are
    far = np.array([bool(texts) for texts in reasons])
    rows = by_rows(scores(table, found, far))
    return {"tasks": len(table), "rows": rows, "truths": list(np.quantile(table.truth, QUANTILES))}


QUANTILES = (0.25, 0.5, 0.75, 0.9, 0.99)


def speed(cell: dict[str, Any]) -> dict[str, Any]:
    """CPU seconds of a pair, several times, after a first call."""
    n, d = cell["n"], cell["d"]

    def rows(seed: int) -> tuple[Any, Any]:
        rng = generator("speed", n, d, seed)
        x = rng.normal(size=(n, d))
        return x, 0.5 * x + rng.normal(size=(n, d))

    def many(k: int) -> Any:
        return [rows(BATCH * k + i) for i in range(BATCH)]

    name, _, how = cell["program"].partition(", ")
    make = PROGRAMS[name]
    bare = {"uncertainty": "none"} if how == "value alone" else {}
    turns = range(cell["repeats"] + 1)
    if how == "64 pairs":
        timed = [cpu(lambda p: make().estimate_pairs(p), many(k)) / BATCH for k in turns]
    else:
        timed = [cpu(lambda p: make().fit(*p).estimate(**bare), rows(k)) for k in turns]
    return {"seconds": timed[1:]}


def cpu(call: Callable[[Any], Any], data: Any) -> float:
    """CPU seconds of a call."""
    start = time.process_time()
    call(data)
    return time.process_time() - start


KINDS = {"problem": problem, "limit": limit, "fresh": fresh, "known": known, "speed": speed}

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for line in sys.stdin:
        given = json.loads(line)
        print(json.dumps(KINDS[given["kind"]](given)), flush=True)
