"""What choosing bins with the target does to the information value, by simulation.

    python benchmarks/selection.py [--samples N] [--workers N]

Samples are drawn as counts of 50 fine cells (255 for stumps) by class and fold, which is all that a
fit looks at, so that the information value of any bins is known exactly from the law they are drawn
from. Writes docs/_data/selection.json and the two tables that docs/binning.md includes.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np

import infometric as im
from infometric.functional.divergence import Jeffreys
from infometric.state.encoders import IntervalEncoder
from infometric.state.folds import Folds

OUT = Path(__file__).parents[1] / "docs" / "_data"
FOLDS = 5
BINNINGS = {
    "optimal, monotone, at most 8": im.OptimalBinning(),
    "optimal, any order, at most 12": im.OptimalBinning(
        monotonic=None, max_bins=12, min_bin_size=0.02
    ),
    "stumps": im.StumpBinning(),
}
DESIGNS = [  # goods, bads, slope of the log odds along the cells, from -1 to 1
    (8_500, 1_500, 0.0),
    (700, 300, 0.0),
    (85_000, 15_000, 0.0),
    (8_500, 1_500, 0.25),
    (8_500, 1_500, 0.5),
    (700, 300, 0.5),
    (85_000, 15_000, 0.5),
]


def law(cells: int, slope: float) -> np.ndarray:
    """Shares of the cells of goods and bads."""
    p = np.ones(cells) / cells
    q = np.exp(slope * np.linspace(-1, 1, cells))
    return np.stack([p, q / q.sum()])


def information(shares: np.ndarray) -> float:
    """Jeffreys divergence of known shares."""
    p, q = shares[:, shares.sum(0) > 0]
    return float(((p - q) * np.log(p / q)).sum())


def one_sample(binning, cells: int, n: tuple[int, int], shares: np.ndarray, rng) -> dict:
    """Estimates of one sample, and the truth of the bins that all its rows chose.

    The split chooses on two folds and counts two others.
    """
    encoder = IntervalEncoder(tuple(float(i) for i in range(1, cells)))
    table = np.zeros((FOLDS, 2, encoder.n_cells), dtype=np.int64)
    for k in (0, 1):
        table[:, k, :cells] = rng.multinomial(n[k] // FOLDS, shares[k], size=FOLDS)
    each = [im.Counts(t, (encoder.n_cells,), None, encoder.key, encoder.labels) for t in table]
    whole = replace(each[0], table=table.sum(0))
    chosen = binning.coarsened("x", encoder, whole)
    population = chosen.counts(
        replace(whole, table=np.concatenate([shares, np.zeros((2, 1))], axis=1))
    )
    naive = im.infer(Jeffreys(), chosen.counts(whole))
    crossed = Folds(tuple(
        binning.coarsened("x", encoder, replace(whole, table=whole.table - part.table)).counts(part)
        for part in each
    ))  # fmt: skip
    first = replace(whole, table=table[:2].sum(0))
    second = replace(whole, table=table[2:4].sum(0))
    split = Folds((binning.coarsened("x", encoder, first).counts(second),))
    found = {"naive": naive, "cross": im.infer(Jeffreys(), crossed),
             "split": im.infer(Jeffreys(), split)}  # fmt: skip
    return {"truth": information(population.table)} | {
        name: (r.value, r.pvalue, r.ci.low, r.ci.high) for name, r in found.items()
    }


def run(task: tuple[str, tuple[int, int, float], int]) -> dict:
    """One design with one binning."""
    name, (goods, bads, slope), samples = task
    warnings.simplefilter("ignore")
    binning = BINNINGS[name]
    cells = int(binning.prebins)
    rng = np.random.default_rng([goods, bads, int(100 * slope), list(BINNINGS).index(name)])
    shares = law(cells, slope)
    found = [one_sample(binning, cells, (goods, bads), shares, rng) for _ in range(samples)]
    truth = np.array([f["truth"] for f in found])
    row = {"binning": name, "goods": goods, "bads": bads, "slope": slope, "samples": samples,
           "truth": float(truth.mean())}  # fmt: skip
    for kind in ("naive", "cross", "split"):
        value, pvalue, low, high = np.array([f[kind] for f in found]).T
        row[kind] = {
            "mean": float(value.mean()),
            "sd": float(value.std(ddof=1)),
            "rejected": float((pvalue < 0.05).mean()),
            "coverage": float(((low <= truth) & (truth <= high))[~np.isnan(low)].mean())
            if (~np.isnan(low)).any() else float("nan"),
            "without_interval": float(np.isnan(low).mean()),
        }  # fmt: skip
    return row


def tables(rows: list[dict]) -> None:
    """The two tables of the page."""
    noise = [
        "| bins | goods / bads | in-sample | cross-fitted | honest split |",
        "|--|--|--|--|--|",
    ]
    signal = [
        "| bins | goods / bads | true IV of the bins | in-sample | cross-fitted | honest split "
        "| coverage: in-sample | cross-fitted | honest split |",
        "|--|--|--|--|--|--|--|--|--|",
    ]
    for r in rows:
        head = f"| {r['binning']} | {r['goods']:,} / {r['bads']:,} "
        if r["slope"] == 0:
            shares = " | ".join(f"{r[k]['rejected']:.3f}" for k in ("naive", "cross", "split"))
            noise.append(f"{head}| {shares} |")
        else:
            means = " | ".join(f"{r[k]['mean']:.4f}" for k in ("naive", "cross", "split"))
            covers = " | ".join(f"{r[k]['coverage']:.3f}" for k in ("naive", "cross", "split"))
            signal.append(f"{head}| {r['truth']:.4f} | {means} | {covers} |")
    (OUT / "selection-noise.inc").write_text("\n".join(noise) + "\n", encoding="utf-8")
    (OUT / "selection-signal.inc").write_text("\n".join(signal) + "\n", encoding="utf-8")


def main() -> None:
    """Simulate all designs and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=1)
    given = parser.parse_args()
    tasks = [(name, design, given.samples) for design in DESIGNS for name in BINNINGS]
    start = time.time()
    rows = []
    with ProcessPoolExecutor(given.workers) as pool:
        for row in pool.map(run, tasks):
            rows.append(row)
            print(f"{time.time() - start:6.0f} s", json.dumps(row), flush=True)
    OUT.mkdir(exist_ok=True)
    (OUT / "selection.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    tables(rows)


if __name__ == "__main__":
    main()
