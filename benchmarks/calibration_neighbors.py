"""Coverage, width and size of the intervals of neighbours, by simulation.

    python benchmarks/calibration_neighbors.py [--replicates N] [--only STUDY ...] [--jobs N]

Samples are drawn from oracles that know their truth, and the default strategy of each estimator is
run on each. A cell is an oracle and a sample size. Writes docs/_data/calibration_neighbors.json
(cells that were not run again are kept) and the tables that docs/continuous.md includes.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import ndtri

import infometric.state._search_numba  # noqa: F401  (small samples too are worth its start)
from infometric import Sample, infer, oracles
from infometric.functional.automatic import AutoInformation
from infometric.functional.differential import (
    BerrettSamworthYuan,
    GaussianEntropy,
    KozachenkoLeonenko,
    LeonenkoPronzatoSavani,
    Vasicek,
)
from infometric.functional.gaussian import GaussianCopula
from infometric.functional.neighbor_divergence import (
    NeighborJeffreys,
    NeighborJensenShannon,
    PoczosSchneider,
    WangKulkarniVerdu,
    WeightedKullbackLeibler,
)
from infometric.functional.neighbor_information import (
    KSG1,
    KSG2,
    FrenzelPompe,
    TotalCorrelation,
)
from infometric.uncertainty import Subsampling

DATA = Path(__file__).parents[1] / "docs" / "_data"
SEED = 29
LEVEL = 0.95
COVERAGE = (0.93, 0.97)
WIDTH = 1.2
FLAGGED = 0.95

PAIRS = (
    "normal pair, rho=0", "normal pair, rho=0.6", "normal pair, rho=0.9",
    "normal pair, rho=0.6, exp and cube", "Student pair, df=4, rho=0.6",
    "Student pair, df=1, rho=0", "gamma-exponential, shape 3",
    "uniform noise of 1", "uniform noise of 0.2",
    "label of a normal, shift 1", "label of a normal, shift 2", "5 overlapping uniforms",
    "zero-inflated Poisson of exponential, p=0.15",
)  # fmt: skip
BLOCKS = (
    "normal blocks of 2 and 1", "2 independent normal pairs, rho=0.6",
    "Student blocks of 2 and 2, df=4",
)  # fmt: skip
WIDE = ("5 independent normal pairs, rho=0.6", "Student blocks of 3 and 3, df=10")
LAWS = (
    "standard normal", "exponential, rate 2", "uniform on (0, 1)", "Cauchy, scale 1",
    "gamma(2.5, 1.7)", "normal in 3 dimensions",
)  # fmt: skip
TWO = (
    "normals (0, 1) and (0, 1)", "normals (0, 1) and (1, 4)", "exponentials 1.5 and 0.7",
    "two normals in 3 dimensions",
)  # fmt: skip


@dataclass(frozen=True)
class Study:
    """One estimator over oracles and sample sizes."""

    title: str
    functional: Any
    measure: str
    oracles: tuple[str, ...]
    sizes: tuple[int, ...]
    parameters: tuple[tuple[str, float], ...] = ()
    strategy: Any = "auto"


STUDIES: dict[str, Study] = {
    "mi": Study("Mutual information, auto", AutoInformation(), "mutual_information",
                PAIRS, (200, 1000, 5000)),
    "blocks": Study("Mutual information of vectors, auto", AutoInformation(), "mutual_information",
                    BLOCKS, (1000, 5000)),
    "wide": Study("Mutual information of many columns, KSG1", KSG1(), "mutual_information",
                  WIDE, (1000,)),
    "copula": Study("Gaussian copula", GaussianCopula(), "mutual_information",
                    (*PAIRS[:6], *BLOCKS, *WIDE), (200, 1000)),
    "ksg2": Study("Mutual information, KSG2", KSG2(), "mutual_information", PAIRS[:3], (1000,)),
    "local": Study("Mutual information, terms of single rows (on request)", KSG1(),
                   "mutual_information", PAIRS[:3], (1000,), strategy="delta"),
    "partitions": Study("Mutual information, partitions (on request)", KSG1(),
                        "mutual_information", PAIRS[:3], (1000,), strategy="partitions"),
    "weighted_delta": Study("Entropy, Berrett-Samworth-Yuan, the paper's interval (on request)",
                            BerrettSamworthYuan(), "differential_entropy",
                            LAWS[:2], (1000,), strategy="delta"),
    "given": Study("Conditional mutual information, auto", FrenzelPompe(),
                   "conditional_mutual_information",
                   ("normal triple, rho=0.5, 0.3, 0.4", "normal chain, rho=0.7, 0.7"),
                   (1000, 5000)),
    "total": Study("Total correlation", TotalCorrelation(), "total_correlation",
                   ("3 equicorrelated normals, rho=0.5",), (1000, 5000)),
    "transfer": Study("Transfer entropy, blocks of ten moments", FrenzelPompe(),
                      "transfer_entropy",
                      ("autoregression, source drives target",
                       "autoregression, source drives target, back"),
                      (1000,), strategy=Subsampling(block=10)),
    "entropy": Study("Entropy, Kozachenko-Leonenko", KozachenkoLeonenko(), "differential_entropy",
                     LAWS, (200, 1000, 5000)),
    "weighted_entropy": Study("Entropy, Berrett-Samworth-Yuan", BerrettSamworthYuan(),
                              "differential_entropy", (*LAWS[:2], LAWS[5]), (1000,)),
    "vasicek": Study("Entropy, Vasicek", Vasicek(), "differential_entropy", LAWS[:5], (1000,)),
    "gaussian_entropy": Study("Entropy, Gaussian", GaussianEntropy(), "differential_entropy",
                              (LAWS[0], LAWS[5]), (200, 1000)),
    "renyi": Study("Rényi entropy of order 2", LeonenkoPronzatoSavani(),
                   "differential_renyi_entropy", LAWS[:4], (1000,), (("order", 2.0),)),
    "kl": Study("Kullback-Leibler, weighted", WeightedKullbackLeibler(), "kl_divergence",
                TWO, (200, 1000, 5000)),
    "kl_plain": Study("Kullback-Leibler, k-th neighbour", WangKulkarniVerdu(), "kl_divergence",
                      TWO, (1000,)),
    "jeffreys": Study("Jeffreys", NeighborJeffreys(), "jeffreys_divergence", TWO, (1000,)),
    "jsd": Study("Jensen-Shannon", NeighborJensenShannon(), "jensen_shannon_divergence",
                 TWO[:3], (1000, 5000)),
    "renyi_divergence": Study("Rényi divergence of order 1/2", PoczosSchneider(),
                              "renyi_divergence", TWO, (1000,), (("order", 0.5),)),
}  # fmt: skip


def state_of(oracle: Any, n: int, rng: np.random.Generator) -> Sample:
    """Rows of an oracle."""
    drawn = oracle.sample(n, rng=rng)
    if oracle.family == "entropy":
        return Sample.of(drawn)
    if oracle.family == "divergence":
        return Sample.of_groups([drawn[0]], [drawn[1]])
    if oracle.family == "transfer":
        source, target = drawn
        return Sample.of(target[1:], source[:-1], target[:-1])
    kinds = ["discrete" if k == "discrete" else "continuous" for k in oracle.kinds]
    if kinds.count("discrete") == 1 and len(np.unique(drawn[kinds.index("discrete")])) > n / 10:
        kinds = ["continuous"] * len(kinds)
    return Sample.of(*drawn, kinds=kinds)


def cell(task: tuple[str, str, int, int]) -> dict[str, Any]:
    """Row of the table: `replicates` samples of one size from one oracle."""
    key, name, n, replicates = task
    study, oracle = STUDIES[key], oracles.get(name)
    truth = oracle.truth(study.measure, **dict(study.parameters))
    rng = np.random.default_rng([SEED, n, *f"{key}/{name}".encode()])
    start = time.process_time()
    values, low, high, se, pvalue, flagged, bias = (np.full(replicates, np.nan) for _ in range(7))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for i in range(replicates):
            s = state_of(oracle, n, rng)
            r = infer(study.functional, s, study.strategy, level=LEVEL, rng=rng)
            values[i], low[i], high[i], se[i], pvalue[i] = (
                r.value,
                r.ci.low,
                r.ci.high,
                r.se,
                r.pvalue,
            )
            flagged[i] = not r.diagnostics.get("reliable", True)
            bias[i] = r.diagnostics.get("remaining_bias", np.nan)
    given = ~np.isnan(low)
    # an impossible interval of a reliable value is a miss
    counted = flagged == 0 if flagged.mean() < FLAGGED else given
    covered = (low <= truth + 1e-12) & (truth <= high + 1e-12)
    sd = float(values.std(ddof=1))
    half = np.where(low > study.functional.bounds[0], (high - low) / 2, high - values)
    return {
        "study": key, "oracle": name, "n": n, "replicates": replicates, "truth": truth,
        "bias": float(values.mean() - truth), "sd": sd, "se": float(se.mean()),
        "flagged": float(flagged.mean()),
        "refused": float((~given & (flagged == 1)).mean()),
        "coverage": float(covered[counted].mean()) if counted.any() else None,
        "width": float(np.nanmean(half[counted & given]) / (-ndtri((1 - LEVEL) / 2) * sd))
        if (counted & given).any() else None,
        "rejected": float((pvalue <= 0.05).mean()) if np.isfinite(pvalue).any() else None,
        "predicted_bias": float(np.nanmean(bias)) if np.isfinite(bias).any() else None,
        "cpu": time.process_time() - start,
    }  # fmt: skip


def tasks_of(options: argparse.Namespace) -> list[tuple[str, str, int, int]]:
    """Cells of the studies asked for, the largest samples last."""
    found = [
        (key, name, n, options.replicates)
        for key, study in STUDIES.items()
        if not options.only or key in options.only
        for name in study.oracles
        for n in study.sizes
        if not options.sizes or n in options.sizes
    ]
    return sorted(found, key=lambda task: task[2])


def verdict(row: dict[str, Any]) -> str:
    """What a cell is: reliable, or dominated by bias; and whether it is as it should be."""
    if row["refused"] >= FLAGGED:
        return "refused"
    if row["flagged"] >= FLAGGED:
        return "given with a warning"
    fine = row["coverage"] is not None and COVERAGE[0] <= row["coverage"] <= COVERAGE[1]
    fine = fine and row["width"] <= WIDTH
    return ("reliable" if row["flagged"] <= 1 - FLAGGED else "partly flagged") + (
        "" if fine else " ✗"
    )


def markdown(rows: Iterable[dict[str, Any]]) -> str:
    """Table of one study."""
    head = ["distribution", "n", "samples", "truth", "bias / sd", "flagged", "coverage", "width",
            "p < .05", ""]  # fmt: skip
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 2) + "---|"]
    for r in rows:
        coverage = "–" if r["coverage"] is None else f"{r['coverage']:.3f}"
        if r["coverage"] is not None and not COVERAGE[0] <= r["coverage"] <= COVERAGE[1]:
            coverage = f"**{coverage}**"
        known = r["width"] is not None and np.isfinite(r["width"])  # a lower bound has none
        width = f"{r['width']:.2f}" if known else "–"
        rejected = "–" if r["rejected"] is None else f"{r['rejected']:.3f}"
        lines.append(
            f"| {r['oracle']} | {r['n']:,} | {r['replicates']:,} | {r['truth']:.3f} | "
            f"{r['bias'] / r['sd']:+.2f} | {r['flagged']:.3f} | {coverage} | {width} | "
            f"{rejected} | {verdict(r)} |"
        )
    return "\n".join(lines) + "\n"


def write(rows: list[dict[str, Any]]) -> None:
    """Merge new cells into the file, and write the tables."""
    path = DATA / "calibration_neighbors.json"
    known = json.loads(path.read_text())["cells"] if path.exists() else []
    by_cell = {(r["study"], r["oracle"], r["n"]): r for r in [*known, *rows]}
    wanted = [(k, name, n) for k, s in STUDIES.items() for name in s.oracles for n in s.sizes]
    kept = [
        {k: round(v, 5) if isinstance(v, float) else v for k, v in by_cell[cell].items()}
        for cell in wanted
        if cell in by_cell
    ]
    path.write_text(json.dumps({"seed": SEED, "cells": kept}, indent=1) + "\n")
    parts = []
    for key, study in STUDIES.items():
        mine = [r for r in kept if r["study"] == key]
        if mine:
            parts.append(f"**{study.title}**\n\n{markdown(mine)}")
    (DATA / "calibration-neighbors.inc").write_text("\n".join(parts))


def main() -> None:
    """Run the cells asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replicates", type=int, default=1000)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--sizes", nargs="*", type=int, default=[])
    options = parser.parse_args()
    with ProcessPoolExecutor(options.jobs) as pool:
        done: list[dict[str, Any]] = []
        for row in pool.map(cell, tasks_of(options)):
            print(
                f"{row['study']:16} {row['oracle']:44} {row['n']:6} I={row['truth']:.3f} "
                f"b/sd {row['bias'] / row['sd']:+.2f} "
                f"(seen {(row['predicted_bias'] or 0) / row['sd']:+.2f}) "
                f"se/sd {row['se'] / row['sd']:.2f} flagged {row['flagged']:.3f} "
                f"cov {row['coverage']} width {row['width']} p {row['rejected']} {verdict(row)} "
                f"{row['cpu']:.0f}s",
                flush=True,
            )
            done.append(row)
            write(done)


if __name__ == "__main__":
    main()
