"""Data of the neural benchmarks, from numpy alone: both programs make the same rows of a seed."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

LEVELS = (2.0, 4.0, 6.0, 8.0, 10.0)  # nats
WINDOW = 50  # steps whose values are kept as mean and range
LAST = 500  # steps at the end of a level that are read


def gaussian(rng: np.random.Generator, n: int, d: int, information: float) -> tuple[Any, Any]:
    """Rows of two normal vectors whose columns are correlated in pairs."""
    rho = np.sqrt(1 - np.exp(-2 * information / d))
    x = rng.standard_normal((n, d))
    y = rho * x + np.sqrt(1 - rho**2) * rng.standard_normal((n, d))
    return x.astype(np.float32), y.astype(np.float32)


def batches(seed: int, level: int, d: int, size: int) -> Any:
    """Fresh batches without end."""
    rng = np.random.default_rng([seed, level])
    while True:
        yield gaussian(rng, size, d, LEVELS[level])


def fresh(seed: int, level: int, d: int, n: int = 2000) -> tuple[Any, Any]:
    """Rows of a level that no step has seen."""
    return gaussian(np.random.default_rng([seed, level, 1]), n, d, LEVELS[level])


def some_batches(size: int, d: int, count: int = 8) -> list[tuple[Any, Any]]:
    """Batches to go round on: the peer keeps what it computed of rows that come twice in a row."""
    rng = np.random.default_rng(0)
    return [gaussian(rng, size, d, 4.0) for _ in range(count)]


def steps_per_second(step: Callable[[Any, Any], Any], rows: Any, seconds: float) -> float:
    """Steps per CPU second on batches in turn."""
    for x, y in rows:
        step(x, y)
    start, steps = time.process_time(), 0
    while time.process_time() - start < seconds:
        for x, y in rows:
            step(x, y)
        steps += len(rows)
    return steps / (time.process_time() - start)


def in_turn(measure: Callable[[], float], out: Any) -> None:
    """Measure once, and again for each line that comes in; the first is for what is done once."""
    measure()
    for _ in sys.stdin:
        print(measure(), file=out, flush=True)


def summary(values: Any, truth: float) -> dict[str, Any]:
    """What is kept of the values of a level: the course, and the last steps."""
    v = np.asarray(values, dtype=float)
    parts = v[: len(v) // WINDOW * WINDOW].reshape(-1, WINDOW)
    with np.errstate(all="ignore"):
        course = {
            "mean": parts.mean(1),
            "low": np.quantile(parts, 0.1, axis=1),
            "high": np.quantile(parts, 0.9, axis=1),
        }
        last = v[-LAST:]
        told = {"truth": truth, "bias": last.mean() - truth, "sd": last.std(ddof=1)}
    return {k: round(float(t), 4) for k, t in told.items()} | {
        "course": {k: [round(float(t), 3) for t in c] for k, c in course.items()}
    }


def small_sample(seed: int, n: int = 500, d: int = 5, information: float = 1.5) -> tuple[Any, Any]:
    """The small sample, in double precision."""
    rng = np.random.default_rng(seed)
    rho = np.sqrt(1 - np.exp(-2 * information / d))
    x = rng.standard_normal((n, d))
    return x, rho * x + np.sqrt(1 - rho**2) * rng.standard_normal((n, d))


def related(seed: int, n: int = 2000, d: int = 3, information: float = 1.0) -> dict[str, Any]:
    """Rows of three properties: nothing, a pair, the pair with a function of y, and two pairs."""
    rng = np.random.default_rng([seed, 7])
    rho = np.sqrt(1 - np.exp(-2 * information / d))

    def pair() -> tuple[Any, Any]:
        x = rng.standard_normal((n, d))
        return x, rho * x + np.sqrt(1 - rho**2) * rng.standard_normal((n, d))

    (x, y), (x2, y2) = pair(), pair()
    return {
        "nothing": (x, y2),
        "pair": (x, y),
        "processed": (x, np.hstack([y, np.abs(y)])),
        "copies": (np.hstack([x, x2]), np.hstack([y, y2])),
    }
