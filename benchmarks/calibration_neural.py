"""Coverage of the intervals of `ReliableMI`, and what its checks flag, by simulation.

    python benchmarks/calibration_neural.py [--replicates N] [--families NAME ...] [--pilot]
                                            [--jobs N] [--table]

Each data set is drawn from a law whose parameters are drawn too, so that a family is many laws;
the truth is known in closed form, or by quadrature for one of them. The shares of the gap that an
interval allows for were chosen on the pilot's seeds; the table is of other seeds. Results are added
to docs/_data/calibration_neural.json one by one, and a run goes on where it was ended; --table
writes the tables alone.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # small networks: threads would only wait
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import json
import math
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import ndtri

import infometric as im
from infometric.oracles import GaussianPair, StudentPair, Transformed

DATA = Path(__file__).parents[1] / "docs" / "_data"
FILE = DATA / "calibration_neural.json"
PILOT = Path("calibration_neural_pilot.json")
SEED = 43
ROWS = (500, 1000, 2000)
FAMILIES = ("normal", "student", "non-linear", "low rank")
HARD = "beyond reach"  # too few rows, or too much information: what should be flagged

Rng = np.random.Generator
Drawn = tuple[str, Any, Any, float]  # what it is, x, y, the truth


def normal(rng: Rng, n: int) -> Drawn:
    """1 to 10 pairs of columns, .2 to 3 nats."""
    d, nats = int(rng.choice([1, 2, 3, 5, 10])), rng.uniform(0.2, 3)
    oracle = GaussianPair.independent_pairs(float(np.sqrt(-np.expm1(-2 * nats / d))), pairs=d)
    return f"{d} + {d} columns", *oracle.sample(n, rng=rng), oracle.truth("mutual_information")


def student(rng: Rng, n: int) -> Drawn:
    """T laws of 3 to 10 degrees of freedom, 1 to 3 columns each."""
    d, df, nats = int(rng.integers(1, 4)), float(rng.choice([3, 5, 10])), rng.uniform(0.2, 1.5)
    rho = float(np.sqrt(-np.expm1(-2 * nats / d)))
    cov = np.eye(2 * d)
    cov[:d, d:] = cov[d:, :d] = rho * np.eye(d)
    oracle = StudentPair(df, cov, d)
    truth = oracle.truth("mutual_information")
    return f"{df:g} degrees, {d} + {d} columns", *oracle.sample(n, rng=rng), truth


def spiral(speed: float) -> Callable[[Any], Any]:
    """Rotation of the first two columns by an angle that grows with their length."""

    def turned(z: Any) -> Any:
        angle = speed * np.linalg.norm(z[:, :2], axis=1)
        c, s = np.cos(angle), np.sin(angle)
        first = np.column_stack([c * z[:, 0] - s * z[:, 1], s * z[:, 0] + c * z[:, 1]])
        return np.column_stack([first, z[:, 2:]])

    return turned


def waves(height: float) -> Callable[[Any], Any]:
    """A wave of the first column added to the second."""

    def moved(z: Any) -> Any:
        out = z.copy()
        out[:, 1] += height * np.sin(2 * z[:, 0])
        return out

    return moved


def same(z: Any) -> Any:
    """Nothing done."""
    return z


@cache
def parabola_truth(noise: float) -> float:
    """Information of x and x² + noise, x standard normal, by quadrature."""
    x = np.linspace(-9, 9, 3001)
    y = np.linspace(-6 * noise - 1, 82, 60001)
    weight = np.exp(-(x**2) / 2)
    weight /= weight.sum()
    density = np.zeros_like(y)
    for a, w in zip(x, weight, strict=True):
        near = np.abs(y - a * a) < 9 * noise
        density[near] += w * np.exp(-(((y[near] - a * a) / noise) ** 2) / 2)
    density /= noise * math.sqrt(2 * math.pi)
    logs = np.log(density, out=np.zeros_like(density), where=density > 0)
    entropy = -float(np.trapezoid(density * logs, y))
    return entropy - 0.5 * math.log(2 * math.pi * math.e * noise**2)


def nonlinear(rng: Rng, n: int) -> Drawn:
    """Normal pairs through a spiral or a wave, which no rank undoes; or a parabola."""
    kind = rng.choice(["spiral", "waves", "parabola"])
    if kind == "parabola":
        noise = float(rng.choice([0.3, 0.5, 1.0]))
        x = rng.normal(size=(n, 1))
        return (
            f"parabola, noise {noise:g}",
            x,
            x**2 + noise * rng.normal(size=(n, 1)),
            (parabola_truth(noise)),
        )
    d, nats = int(rng.integers(2, 4)), rng.uniform(0.5, 2)
    pair = GaussianPair.independent_pairs(float(np.sqrt(-np.expm1(-2 * nats / d))), pairs=d)
    strength = rng.uniform(0.4, 1.0) * (1.0 if kind == "spiral" else 1.5)
    moved = spiral(strength) if kind == "spiral" else waves(strength)
    oracle = Transformed(pair, (same, moved))
    told = f"{kind} {strength:.1f}, {d} + {d} columns"
    return told, *oracle.sample(n, rng=rng), oracle.truth("mutual_information")


def low_rank(rng: Rng, n: int) -> Drawn:
    """20 to 200 columns with noise that see 1 to 5 shared ones, each through a monotone map."""
    k, d = int(rng.choice([1, 2, 3, 5])), int(rng.choice([20, 50, 100, 200]))
    nats, noise = rng.uniform(0.5, 3), rng.uniform(0.2, 1)
    rho = np.sqrt(-np.expm1(-2 * nats / k))
    to_x, to_y = rng.normal(size=(k, d)), rng.normal(size=(k, d))
    own = noise**2 * np.eye(d)
    cross = rho * to_x.T @ to_y
    cov = np.block([[to_x.T @ to_x + own, cross], [cross.T, to_y.T @ to_y + own]])
    oracle = Transformed(GaussianPair(cov, d), str(rng.choice(["identity", "cube", "asinh"])))
    told = f"{k} of {d} + {d} columns, noise {noise:.1f}"
    return told, *oracle.sample(n, rng=rng), oracle.truth("mutual_information")


def hard(rng: Rng, n: int) -> Drawn:
    """Too few rows for what is asked, or more information than rows can show."""
    kind = rng.choice(["few rows", "too much", "fast spiral"])
    if kind == "too much":
        oracle: Any = GaussianPair.independent_pairs(float(np.sqrt(-np.expm1(-2 * 8 / 5))), pairs=5)
        n = 1000
    elif kind == "few rows":
        cov = np.eye(20)
        cov[:10, 10:] = cov[10:, :10] = 0.4 * np.eye(10)
        oracle, n = StudentPair(2, cov, 10), 300
    else:
        pair = GaussianPair.independent_pairs(float(np.sqrt(-np.expm1(-3.0))), pairs=2)
        oracle, n = Transformed(pair, (same, spiral(3.0))), 300
    return f"{kind}, n = {n}", *oracle.sample(n, rng=rng), oracle.truth("mutual_information")


DRAWS: dict[str, Callable[[Rng, int], Drawn]] = {
    **dict(zip(FAMILIES, (normal, student, nonlinear, low_rank), strict=True)),
    HARD: hard,
}


def one(job: tuple[str, int, int]) -> dict[str, Any]:
    """Protocol on one data set."""
    import torch

    torch.set_num_threads(1)
    family, i, seed = job
    rng = np.random.default_rng([seed, sorted(DRAWS).index(family), i])
    n = ROWS[i % len(ROWS)]
    told, x, y, truth = DRAWS[family](rng, n)
    start = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        m = im.ReliableMI(random_state=i).fit(x, y)
        r = m.estimate()
    e, d = m.extrapolation_, r.diagnostics
    return {
        "family": family,
        "i": i,
        "law": told,
        "n": len(x),
        "truth": truth,
        "value": r.value,
        "se": math.hypot(d["se_of_rows"], d["se_of_extrapolation"]),  # told or not
        "se_of_rows": d["se_of_rows"],
        "se_of_extrapolation": d["se_of_extrapolation"],
        "reliable": m.reliable_,
        "failed": [c.name for c in e.failed],
        "checks": {c.name: c.value for c in e.checks},
        "departure": min(m.departure_, 1e9),
        "embedding_dim": e.embedding_dim,
        "gammas_used": list(e.used),
        "held": {str(g): e.mean(g) for g in e.gammas},
        "train": {str(g): e.mean(g, "train") for g in e.gammas},
        "cpu_s": time.process_time() - start,
    }


def run(file: Path, families: list[str], replicates: int, seed: int, jobs: int) -> None:
    """Results that are not there yet, added one by one."""
    there = json.loads(file.read_text()) if file.exists() else []
    known = {(r["family"], r["i"]) for r in there}
    todo = [(f, i, seed) for i in range(replicates) for f in families if (f, i) not in known]
    with ProcessPoolExecutor(jobs) as pool:
        for k, result in enumerate(pool.map(one, todo)):
            there.append(result)
            write(file, there)
            print(f"{k + 1}/{len(todo)}", result["family"], result["law"], flush=True)


def write(file: Path, results: list[dict[str, Any]]) -> None:
    """One line for each data set, so that changes can be read."""
    beside = file.with_suffix(".part")
    rows = sorted(results, key=lambda r: (r["family"], r["i"]))
    beside.write_text("[\n" + ",\n".join(json.dumps(rounded(r)) for r in rows) + "\n]\n")
    beside.replace(file)


def rounded(value: Any) -> Any:
    """Numbers with six digits."""
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    return float(f"{value:.6g}") if isinstance(value, float) else value


def covers(r: dict[str, Any], level: float) -> bool:
    """Whether the interval holds the truth; cut at zero, which no information is below."""
    reach = float(ndtri(0.5 + level / 2)) * r["se"]
    return bool(max(r["value"] - reach, 0.0) <= r["truth"] <= r["value"] + reach)


def line(name: str, results: list[dict[str, Any]]) -> str:
    """Row of the table."""
    ok = [r for r in results if r["reliable"]]
    flagged = [r for r in results if not r["reliable"]]
    cells = [name, str(len(results)), f"{len(flagged)}"]
    cells += [share(ok, 0.95), share(ok, 0.68), share(flagged, 0.95)]
    cells += [f"{np.mean([r['value'] - r['truth'] for r in ok]):+.3f}" if ok else "–"]
    cells += [f"{np.mean([2 * 1.96 * r['se'] for r in ok]):.2f}" if ok else "–"]
    cells += [f"{np.mean([r['cpu_s'] for r in results]):.0f}"]
    return "| " + " | ".join(cells) + " |"


def share(results: list[dict[str, Any]], level: float) -> str:
    """Share of intervals that hold the truth."""
    if not results:
        return "–"
    return f"{np.mean([covers(r, level) for r in results]):.3f}".lstrip("0")


HEAD = """| laws | data sets | flagged | 95 % covers | 68 % covers | flagged ones would cover | \
mean error | mean width | CPU-s |
|---|---|---|---|---|---|---|---|---|
"""


def table(results: list[dict[str, Any]]) -> str:
    """Coverage by family, and by number of rows."""
    easy = [r for r in results if r["family"] != HARD]
    rows = [line(f, [r for r in results if r["family"] == f]) for f in FAMILIES]
    rows += [line(f"n = {n:,}", [r for r in easy if r["n"] == n]) for n in ROWS]
    rows += [line("all of these", easy), line(HARD, [r for r in results if r["family"] == HARD])]
    return HEAD + "\n".join(rows) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--replicates", type=int, default=60, help="data sets of each family")
    parser.add_argument("--families", nargs="+", default=list(DRAWS), choices=list(DRAWS))
    parser.add_argument("--pilot", action="store_true", help="other seeds, a file of its own")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--table", action="store_true", help="write the table, run nothing")
    args = parser.parse_args()
    file, seed = (PILOT, SEED + 1) if args.pilot else (FILE, SEED)
    if not args.table:
        run(file, args.families, args.replicates, seed, args.jobs)
    found = table(json.loads(file.read_text()))
    if not args.pilot:
        (DATA / "calibration-neural.inc").write_text(found)
    print(found)


if __name__ == "__main__":
    main()
