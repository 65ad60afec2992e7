"""Coverage of the intervals of AUC and Kolmogorov-Smirnov, by simulation.

    python benchmarks/calibration_ranking.py

Two normal scores, in 400 cells (nearly continuous) and in five (heavily tied). Writes
docs/_data/calibration-ranking.inc, in about a minute.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.special import ndtr, ndtri

from infometric import Counts, DeLong, Delta, KolmogorovBand
from infometric.files import write_text
from infometric.functional.ranking import Gini, KolmogorovSmirnov

OUT = Path(__file__).parents[1] / "docs/_data/calibration-ranking.inc"
AREAS, SIZES, EVENTS, CELLS = (0.6, 0.75, 0.9, 0.98), (50, 200, 1000, 5000), (0.5, 0.15), (400, 5)
DRAWS = 4000


def normal_cells(area: float, cells: int) -> np.ndarray:
    shift = np.sqrt(2) * ndtri(area)
    edges = np.linspace(-2.5, 2.5 + shift, cells - 1)
    return np.stack([np.diff(np.concatenate([[0], ndtr(edges - m), [1]])) for m in (0.0, shift)])


def covered(functional, strategy, s: Counts, truth: float) -> float:
    found = strategy(functional, s, functional.value(s), level=0.95)
    return float(np.mean((found.low <= truth) & (truth <= found.high)))


def cell(area: float, n: int, events: float, cells: int) -> list[float]:
    shares = normal_cells(area, cells)
    bad = max(round(n * events), 2)
    rng = np.random.default_rng(7)
    table = [rng.multinomial(k, p, size=DRAWS) for k, p in zip((n - bad, bad), shares, strict=True)]
    s, whole = Counts(np.stack(table, axis=1)), Counts(shares * 10**9)
    out = []
    for functional, own in ((Gini(), DeLong()), (KolmogorovSmirnov(), KolmogorovBand())):
        truth = float(functional.value(whole))
        out += [covered(functional, strategy, s, truth) for strategy in (own, Delta())]
    return out


def main() -> None:
    lines = [
        "| area | n | events | scores | AUC, Gini | Wald | KS | Wald |",
        "|--:|--:|--:|--|--:|--:|--:|--:|",
    ]
    for area in AREAS:
        for n in SIZES:
            for events in EVENTS:
                for cells in CELLS:
                    found = " | ".join(f"{v:.3f}" for v in cell(area, n, events, cells))
                    kind = "tied" if cells < 10 else "continuous"
                    lines.append(f"| {area} | {n:,} | {events:.0%} | {kind} | {found} |")
    write_text(OUT, "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
