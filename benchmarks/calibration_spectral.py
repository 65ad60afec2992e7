"""Coverage and size of the intervals and tests of spectral entropies, by simulation.

    python benchmarks/calibration_spectral.py [--quick] [--replicates N] [--only STUDY ...]
                                              [--sizes N ...] [--designs NAME ...] [--jobs N]
                                              [--missing]

The target of an interval is the mean of the value over samples of as many rows: it is found from
independent samples, `TRUTH` for each that has an interval. Everything runs through the estimators.
Writes docs/_data/calibration_spectral.json (cells that were not run again are kept) and the tables
that docs/calibration.md includes; --quick takes 100 replicates of the smallest samples and writes
nothing.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # small matrices: threads would only wait
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import json
import time
import warnings
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import infometric as im
from infometric.state.kernels import median_distance

DATA = Path(__file__).parents[1] / "docs" / "_data"
FILE = DATA / "calibration_spectral.json"
SEED = 37
LEVEL = 0.95
COVERAGE = (0.93, 0.97)
SIZE = (0.035, 0.065)
TRUTH = 2  # values of independent samples for each interval
FLAGGED = 0.5  # share of flagged results above which a design counts as flagged
CENTRES = {(k, d): np.random.default_rng(k).normal(size=(k, d)) * 3 for k, d in ((4, 16), (10, 32))}
SHARES = {"2 classes": [0.5, 0.5], "5 classes": [0.2] * 5, "3 uneven classes": [0.8, 0.15, 0.05]}
SHIFTS = np.random.default_rng(7).normal(size=(5, 8))
MIXING = np.random.default_rng(7).normal(size=(4, 4))

Rows = Any
Draw = Callable[[int, np.random.Generator], Rows]


# --- designs ----------------------------------------------------------------------------------


def blobs(k: int, d: int) -> Draw:
    """Normal clouds around k places."""
    centres = CENTRES[k, d]
    return lambda n, r: centres[r.integers(0, k, n)] + r.normal(size=(n, d))


def ring(n: int, r: np.random.Generator) -> Rows:
    """A circle with noise: no place on it differs from another."""
    angle = r.uniform(0, 2 * np.pi, n)
    return np.column_stack([np.cos(angle), np.sin(angle)]) + 0.1 * r.normal(size=(n, 2))


@cache
def _digits() -> Any:
    from sklearn.datasets import load_digits

    return load_digits().data / 16


def digits(n: int, r: np.random.Generator) -> Rows:
    """Images of scikit-learn's digits, drawn with replacement, with noise."""
    images = _digits()
    return images[r.integers(0, len(images), n)] + 0.05 * r.normal(size=(n, 64))


DESIGNS: dict[str, Draw] = {
    "4 blobs in 16 d": blobs(4, 16),
    "10 blobs in 32 d": blobs(10, 32),
    "normal, 3 d": lambda n, r: r.normal(size=(n, 3)),
    "normal, 8 d": lambda n, r: r.normal(size=(n, 8)),
    "normal, 32 d": lambda n, r: r.normal(size=(n, 32)),
    "ring": ring,
    "uniform, 2 d": lambda n, r: r.uniform(size=(n, 2)),
    "digits": digits,
    "rectified blobs": lambda n, r: np.maximum(blobs(10, 32)(n, r), 0),
    "8 binary features": lambda n, r: (r.uniform(size=(n, 8)) < 0.3).astype(float),
    "one of 6": lambda n, r: np.eye(6)[r.choice(6, n, p=[0.3, 0.25, 0.2, 0.1, 0.1, 0.05])],
    "Student, df=3, 5 d": lambda n, r: r.standard_t(3, size=(n, 5)),
    "lognormal, 4 d": lambda n, r: np.exp(r.normal(size=(n, 4))),
}


def pair(name: str, strength: float, n: int, r: np.random.Generator) -> tuple[Rows, Rows]:
    """A representation, and what it may tell of."""
    if name in SHARES:
        y = r.choice(len(SHARES[name]), n, p=SHARES[name])
        return r.normal(size=(n, 8)) + strength * SHIFTS[y], y
    if name == "Student rows":
        return r.standard_t(3, size=(n, 3)), r.standard_t(3, size=(n, 2))
    x = r.normal(size=(n, 4))
    if name == "number":
        return x, strength * x[:, 0] + (1.1 - strength) * r.normal(size=n)
    return x, strength * np.tanh(x @ MIXING) + 0.5 * r.normal(size=(n, 4))


# --- studies ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Study:
    """One estimator over designs and sample sizes.

    Parameters
    ----------
    make : callable
        The estimator, given a bandwidth.
    cells : tuple of (design, rows)
    fixed : bool
        Whether the bandwidth is learned once, of other data.
    strength : float
        Dependence of the two variables of a pair; zero: none.
    test : bool
        Count rejections of the permutation test, not intervals.
    strategy : str
        Strategy of the interval.
    """

    title: str
    make: Callable[[Any], Any]
    cells: tuple[tuple[str, int], ...]
    fixed: bool = False
    strength: float | None = None
    test: bool = False
    strategy: str = "auto"


def dse(**more: Any) -> Callable[[Any], Any]:
    """Diffusion spectral entropy with a bandwidth to be given."""
    return lambda sigma: im.DiffusionSpectralEntropy(sigma=sigma, **more)


def cells(names: Iterable[str], *sizes: int) -> tuple[tuple[str, int], ...]:
    """Every design at every size."""
    return tuple((name, n) for n in sizes for name in names)


ALL = tuple(DESIGNS)
SOME = ("4 blobs in 16 d", "normal, 3 d", "normal, 32 d", "digits", "Student, df=3, 5 d")
THREE = ("4 blobs in 16 d", "normal, 3 d", "digits")
MORE = (*SOME, "ring", "8 binary features", "rectified blobs")
PAIRS = ("2 classes", "5 classes", "3 uneven classes", "number", "representation")

STUDIES: dict[str, Study] = {
    "median": Study("Diffusion spectral entropy, t = 1, median bandwidth", dse(),
                    (*cells(SOME, 50), *cells(ALL, 100), *cells(SOME, 200), *cells(THREE, 400))),
    "median2": Study("Diffusion spectral entropy, t = 2, median bandwidth", dse(t=2),
                     (*cells(MORE, 100), *cells(THREE, 200))),
    "fixed": Study("Diffusion spectral entropy, t = 1, bandwidth learned of other data", dse(),
                   cells(MORE, 100), fixed=True),
    "fixed2": Study("Diffusion spectral entropy, t = 2, bandwidth learned of other data",
                    dse(t=2), cells(SOME, 100), fixed=True),
    "alpha": Study("Diffusion spectral entropy, alpha = 1, median bandwidth", dse(alpha=1),
                   cells(THREE, 100)),
    "influence": Study("Diffusion spectral entropy, t = 1, median bandwidth, influence of rows",
                       dse(), cells(THREE, 400), strategy="delta"),
    "matrix": Study("Von Neumann entropy, median bandwidth", lambda s: im.MatrixEntropy(sigma=s),
                    cells(SOME, 100)),
    "vendi": Study("Vendi score, cosine", lambda s: im.VendiScore(), cells(SOME, 100)),
    "rank": Study("RankMe", lambda s: im.RankMe(), cells(SOME, 100)),
    "information": Study("Diffusion spectral information, dependent",
                         lambda s: im.DiffusionSpectralMI(), cells(PAIRS, 80), strength=1.0),
    "weak": Study("Diffusion spectral information, weakly dependent",
                  lambda s: im.DiffusionSpectralMI(), cells(("2 classes", "number"), 80),
                  strength=0.3),
    "independent": Study("Diffusion spectral information, independent",
                         lambda s: im.DiffusionSpectralMI(),
                         cells(("2 classes", "5 classes", "number"), 80), strength=0.0),
    "size": Study("independent", lambda s: im.DiffusionSpectralMI(),
                  cells((*PAIRS, "Student rows"), 40), strength=0.0, test=True),
    "power": Study("weakly dependent", lambda s: im.DiffusionSpectralMI(),
                   cells(("2 classes", "5 classes", "number"), 40), strength=0.3, test=True),
}  # fmt: skip


def drawn(study: Study, design: str, n: int, r: np.random.Generator) -> tuple[Any, ...]:
    """Arguments of `fit`."""
    if study.strength is not None:
        return pair(design, study.strength, n, r)
    return (DESIGNS[design](n, r),)


def bandwidth_of(study: Study, design: str) -> Any:
    """The median, or a number that other data have told."""
    if not study.fixed:
        return "median"
    return median_distance(drawn(study, design, 1000, np.random.default_rng(SEED))[0])


def cell(task: tuple[str, str, int, int]) -> dict[str, Any]:
    """Row of a table."""
    warnings.simplefilter("ignore")
    key, design, n, replicates = task
    study = STUDIES[key]
    rng = np.random.default_rng([SEED, n, *f"{key}/{design}".encode()])
    start = time.process_time()
    found = (tested if study.test else covered)(study, design, n, replicates, rng)
    told = {"study": key, "design": design, "n": n, "replicates": replicates}
    return told | found | {"cpu": time.process_time() - start}


def covered(
    study: Study, design: str, n: int, replicates: int, rng: np.random.Generator
) -> dict[str, Any]:
    """How often the interval holds the mean of the value over samples of as many rows."""
    estimator = study.make(bandwidth_of(study, design))

    def result(**how: Any) -> Any:
        return estimator.fit(*drawn(study, design, n, rng)).estimate(rng=rng, **how)

    others = np.array([result(uncertainty="none").value for _ in range(TRUTH * replicates)])
    truth = float(others.mean())
    results = [result(level=LEVEL, uncertainty=study.strategy) for _ in range(replicates)]
    values, se, low, high = (
        np.array(column) for column in zip(*((r.value, r.se, *r.ci) for r in results), strict=True)
    )
    flagged = np.array([not r.diagnostics["reliable"] for r in results])
    hit = (low <= truth) & (truth <= high)
    sd = float(np.concatenate([others, values]).std(ddof=1))
    return {
        "truth": truth,
        "truth_se": float(others.std(ddof=1) / np.sqrt(len(others))),
        "value": float(values.mean()),
        "sd": sd,
        "se": float(np.sqrt((se**2).mean())),
        "coverage": float(hit.mean()),
        "above": float((low > truth).mean()),
        "below": float((high < truth).mean()),
        "flagged": float(flagged.mean()),
        "coverage_unflagged": float(hit[~flagged].mean()) if not flagged.all() else None,
        "coverage_flagged": float(hit[flagged].mean()) if flagged.any() else None,
    }


def tested(
    study: Study, design: str, n: int, replicates: int, rng: np.random.Generator
) -> dict[str, Any]:
    """How often the permutation test rejects at 5 %."""
    found = []
    for _ in range(2 * replicates):
        r = study.make("median").fit(*drawn(study, design, n, rng)).test(rng=rng)
        found.append((r.value, r.pvalue))
    values, pvalues = np.array(found).T
    return {
        "replicates": 2 * replicates,
        "value": float(values.mean()),
        "value_se": float(values.std(ddof=1) / np.sqrt(len(values))),
        "rejected": float((pvalues <= 0.05).mean()),
    }


# --- tables -----------------------------------------------------------------------------------


def order() -> list[tuple[str, str, int]]:
    """Every cell, as the tables have it."""
    return [(key, *cell) for key, study in STUDIES.items() for cell in study.cells]


def cells_known() -> dict[tuple[str, str, int], dict[str, Any]]:
    """Cells that were run before."""
    known = json.loads(FILE.read_text())["cells"] if FILE.exists() else []
    return {(r["study"], r["design"], r["n"]): r for r in known}


def tasks_of(options: argparse.Namespace) -> list[tuple[str, str, int, int]]:
    """Cells asked for, the smallest samples first."""
    known = cells_known() if options.missing else {}
    found = [
        (*cell, options.replicates)
        for cell in order()
        if (not options.only or cell[0] in options.only)
        and (not options.sizes or cell[2] in options.sizes)
        and (not options.designs or cell[1] in options.designs)
        and not (options.missing and cell in known)
    ]
    return sorted(found, key=lambda task: task[2])


def bold(share: float | None, accepted: tuple[float, float]) -> str:
    """A share, bold outside of what is accepted."""
    if share is None:
        return "–"
    return f"{share:.3f}" if accepted[0] <= share <= accepted[1] else f"**{share:.3f}**"


def row_of(r: dict[str, Any]) -> str:
    """Row of the table of intervals."""
    return (
        f"| {r['design']} | {r['n']} | {r['replicates']:,} | {r['truth']:.3f} | {r['sd']:.4f} | "
        f"{r['se'] / r['sd']:.2f} | {bold(r['coverage'], COVERAGE)} | {r['above']:.3f} | "
        f"{r['below']:.3f} | {r['flagged']:.3f} | {verdict(r)} |"
    )


def verdict(r: dict[str, Any]) -> str:
    """Whether a design is as it should be, and whether the result says so."""
    if r["flagged"] > FLAGGED:
        return "warned of"
    if r["coverage"] < COVERAGE[0]:
        return "too short"
    return "cautious" if r["coverage"] > COVERAGE[1] else "holds"


def tables(kept: list[dict[str, Any]]) -> dict[str, str]:
    """Tables of the page, by the name of their file."""
    columns = ("design", "n", "samples", "mean", "sd", "se / sd", "coverage", "too high",
               "too low", "flagged", "")  # fmt: skip
    parts: dict[str, list[str]] = {"intervals": [], "information": [], "test": []}
    for key, study in STUDIES.items():
        mine = [r for r in kept if r["study"] == key]
        if not mine:
            continue
        if study.test:
            parts["test"] += [
                f"| {study.title} | {r['design']} | {r['n']} | {r['replicates']:,} | "
                f"{r['value']:+.4f} ± {r['value_se']:.4f} | "
                f"{bold(r['rejected'], SIZE if not study.strength else (0, 1))} |"
                for r in mine
            ]
            continue
        head = f"| {' | '.join(columns)} |\n|---|" + "---:|" * (len(columns) - 2) + "---|"
        body = "\n".join(map(row_of, mine))
        name = "intervals" if study.strength is None else "information"
        parts[name].append(f"**{study.title}**\n\n{head}\n{body}\n")
    head = (
        "| study | second variable | n | samples | mean value | p ≤ .05 |\n|---|---|" + "---:|" * 4
    )
    return {
        "intervals": "\n".join(parts["intervals"]),
        "information": "\n".join(parts["information"]),
        "test": "\n".join([head, *parts["test"]]) + "\n",
    }


def write(rows: list[dict[str, Any]]) -> None:
    """Merge new cells into the file, and write the tables."""
    by_cell = cells_known() | {(r["study"], r["design"], r["n"]): r for r in rows}
    kept = [
        {k: round(v, 6) if isinstance(v, float) else v for k, v in by_cell[cell].items()}
        for cell in order()
        if cell in by_cell
    ]
    FILE.write_text(json.dumps({"seed": SEED, "cells": kept}, indent=1) + "\n")
    for name, text in tables(kept).items():
        (DATA / f"calibration-spectral-{name}.inc").write_text(text)


def main() -> None:
    """Run the cells asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replicates", type=int)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--sizes", nargs="*", type=int, default=[])
    parser.add_argument("--designs", nargs="*", default=[])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--missing", action="store_true", help="only cells that were never run")
    options = parser.parse_args()
    options.replicates = options.replicates or (100 if options.quick else 500)
    if options.quick:
        options.sizes = options.sizes or [40, 50]
    done: list[dict[str, Any]] = []
    with ProcessPoolExecutor(options.jobs) as pool:
        for row in pool.map(cell, tasks_of(options)):
            print(
                {k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()}, flush=True
            )
            done.append(row)
            if not options.quick:
                write(done)


if __name__ == "__main__":
    main()
