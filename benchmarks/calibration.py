"""Coverage and size of the library's intervals and tests, by simulation.

    python benchmarks/calibration.py [--draws N] [--quick]

Tables of counts are drawn from known shares, and the library's own functionals and strategies are
run on all of them at once (leading batch axes). Writes docs/_data/calibration.json and the tables
that docs/calibration.md includes.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import numpy as np
import scipy
from scipy.optimize import brentq
from scipy.special import chdtrc

from infometric import Counts, __version__, infer
from infometric.credit.cells import log_share_ratio
from infometric.credit.evidence import woe_covariance
from infometric.credit.paper import PaperIndependentShares
from infometric.exceptions import InfometricWarning
from infometric.functional.divergence import (
    AlphaDivergence,
    Jeffreys,
    JensenShannon,
    KullbackLeibler,
    RenyiDivergence,
    SquaredHellinger,
    SquaredTotalVariation,
    TsallisDivergence,
)
from infometric.functional.entropy import HillNumber, RenyiEntropy, TsallisEntropy
from infometric.functional.information import (
    ConditionalMutualInformation,
    DualTotalCorrelation,
    InteractionInformation,
    MutualInformation,
    NormalizedMutualInformation,
    PearsonChiSquare,
    TotalCorrelation,
)
from infometric.functional.shannon import BIAS, ESTIMATORS, ShannonEntropy
from infometric.oracles import Categorical, JointTable, TwoSample
from infometric.state.counts import coverage as seen_share
from infometric.uncertainty import (
    Bootstrap,
    Chi2Null,
    Delta,
    GoodTuring,
    Jackknife,
    NoncentralChi2,
    Posterior,
)

DATA = Path(__file__).parents[1] / "docs" / "_data"
BINS = (5, 10, 20)
SIZES = (1_000, 10_000, 100_000)
TRUTHS = (0.0, 0.005, 0.02, 0.1, 0.3, 1.0)
COVERAGE = (0.93, 0.985)  # the gate
SIZE = (0.035, 0.065)
LEVEL = 0.95
SEED = 20
JEFFREYS = Jeffreys()
ORDERED: tuple[tuple[str, Any, dict[str, float]], ...] = (
    ("Rényi 1/2", RenyiEntropy(0.5), {"order": 0.5}),
    ("Rényi 2", RenyiEntropy(2.0), {"order": 2.0}),
    ("Tsallis 2", TsallisEntropy(2.0), {"q": 2.0}),
)

# --- distributions ----------------------------------------------------------------------------


def geometric(bins: int, sign: int, truth: float) -> TwoSample:
    """Geometric shares down to .01, tilted toward (+) or away from (-) the rare cells."""

    def least(r: float) -> float:
        return float(r ** (bins - 1) * (1 - r) / (1 - r**bins) - 0.01)

    p = brentq(least, 1e-6, 1 - 1e-9) ** np.arange(bins)
    return TwoSample.tilted(p, truth, direction=sign * np.linspace(-1, 1, bins))


def rare(bins: int, truth: float) -> TwoSample:
    """The whole shift sits in one cell of share .01, which grows."""
    p = np.full(bins, 0.99 / (bins - 1))
    p[0] = 0.01
    return TwoSample.tilted(p, truth, direction=np.arange(bins) == 0)


def dirichlet(bins: int, number: int, truth: float) -> TwoSample:
    """Random shares, tilted toward other random shares."""
    rng = np.random.default_rng(1000 * bins + number)
    p, z = rng.dirichlet(np.full(bins, 5.0)), rng.dirichlet(np.ones(bins))
    return TwoSample.tilted(p, truth, direction=np.log(z) - np.log(p))


SHAPES: dict[str, Callable[[int, float], TwoSample]] = {
    "toward rare cells": lambda bins, truth: geometric(bins, 1, truth),
    "away from rare cells": lambda bins, truth: geometric(bins, -1, truth),
    "one rare cell grows": rare,
    "one cell becomes rare": lambda bins, truth: rare(bins, truth).swapped(),
    "random shares A": lambda bins, truth: dirichlet(bins, 0, truth),
    "random shares B": lambda bins, truth: dirichlet(bins, 1, truth),
}
DESIGNS: dict[str, Callable[[int], tuple[int, int]]] = {
    "PSI": lambda n: (n, n),  # n rows a side
    "IV": lambda n: (round(0.85 * n), n - round(0.85 * n)),  # n rows, 15 % events
}


# --- draws and verdicts -----------------------------------------------------------------------


def covered(found: Any, truth: float) -> float:
    """Share of the intervals that hold the truth."""
    return float(np.mean((found.low <= truth) & (truth <= found.high)))


def covered_if_given(found: Any, truth: float) -> float | None:
    """Coverage of the intervals that are given; None where most are not."""
    known = np.isfinite(found.low)
    if known.mean() <= 0.5:
        return None
    return float(np.mean(((found.low <= truth) & (truth <= found.high))[known]))


def below(found: Any, truth: float) -> float:
    """Share of the upper bounds that are not below the truth."""
    return float(np.mean(truth <= found.high))


def rejected(pvalue: Any) -> float:
    return float(np.mean(pvalue < 1 - LEVEL))


def run(strategy: Any, functional: Any, s: Counts, level: float = LEVEL) -> Any:
    return strategy(functional, s, functional.value(s), level=level)


@dataclass(frozen=True)
class Cell:
    """One cell of the grid: two samples, their sizes, the true value."""

    shape: str
    design: str
    bins: int
    n: int
    truth: float
    oracle: TwoSample

    @property
    def sizes(self) -> tuple[int, int]:
        """Rows of the two samples."""
        return DESIGNS[self.design](self.n)

    @property
    def least(self) -> float:
        """Least expected count."""
        return float((np.array(self.sizes) * self.oracle.shares.min(-1)).min())

    def draw(self, rng: np.random.Generator, draws: int) -> Counts:
        """Counts of both samples, batched over the draws."""
        return self.oracle.draw(self.sizes, size=draws, rng=rng)

    def row(self) -> dict[str, Any]:
        """What names the cell in the results."""
        return {
            "shape": self.shape, "design": self.design, "bins": self.bins, "n": self.n,
            "truth": self.truth, "least_expected": self.least,
        }  # fmt: skip


def grid(shapes: dict[str, Callable], sizes: tuple[int, ...] = SIZES) -> Iterator[Cell]:
    """B x n x J for each shape and design."""
    for (name, make), design in product(shapes.items(), DESIGNS):
        for bins, n, truth in product(BINS, sizes, TRUTHS):
            yield Cell(name, design, bins, n, truth, make(bins, truth))


def default_row(cell: Cell, rng: np.random.Generator, draws: int) -> tuple[dict[str, Any], Counts]:
    """Coverage of the default interval, and size of the default test where nothing is there."""
    s = cell.draw(rng, draws)
    found = run(NoncentralChi2(), JEFFREYS, s)
    row = cell.row() | {
        "coverage": covered(found, cell.truth),
        "width": float(np.mean(found.high - found.low)),
    }
    if cell.truth == 0:
        row["size"] = rejected(run(Chi2Null(), JEFFREYS, s).pvalue)
    return row, s


# --- the studies ------------------------------------------------------------------------------


def gate(rng: np.random.Generator, draws: int) -> list[dict[str, Any]]:
    """The grid of the gate, with the rival intervals on the same draws."""
    rows = []
    for cell in grid({"tilt": TwoSample.tilted}):
        row, s = default_row(cell, rng, draws)
        upper = run(NoncentralChi2(), JEFFREYS, s, 2 * LEVEL - 1)
        row["upper_coverage"] = below(upper, cell.truth)
        for name, strategy in (("delta", Delta()), ("paper", PaperIndependentShares())):
            row[name] = covered(run(strategy, JEFFREYS, s), cell.truth)
            row[f"{name}_upper"] = below(run(strategy, JEFFREYS, s, 2 * LEVEL - 1), cell.truth)
        if cell.truth == 0:
            row["paper_size"] = rejected(run(PaperIndependentShares(), JEFFREYS, s).pvalue)
        few = Counts(s.table[: max(100, draws // 5)])
        row["jackknife"] = covered(run(Jackknife(), JEFFREYS, few), cell.truth)
        row["bootstrap"] = bootstrap_coverage(few.table[: max(50, draws // 50)], cell.truth, rng)
        rows.append(row)
    return rows


def bootstrap_coverage(tables: Any, truth: float, rng: np.random.Generator) -> float:
    """Coverage of the basic bootstrap; one call a table, as a user makes it."""
    hits = []
    for table in tables:
        s = Counts(table)
        found = Bootstrap(499)(JEFFREYS, s, JEFFREYS.value(s), level=LEVEL, rng=rng)
        hits.append(covered(found, truth))
    return float(np.mean(hits))


def skewed(rng: np.random.Generator, draws: int) -> list[dict[str, Any]]:
    """The same grid on uneven shares, down to cells with less than one expected record."""
    return [default_row(cell, rng, draws)[0] for cell in grid(SHAPES)]


def equivalence(rng: np.random.Generator, draws: int) -> list[dict[str, Any]]:
    """Size of "J is at most the threshold" where J equals the threshold; nominal .05."""
    rows = []
    for design, bins, n, limit in product(DESIGNS, BINS, SIZES, (0.02, 0.1, 0.25)):
        cell = Cell("tilt", design, bins, n, limit, TwoSample.tilted(bins, limit))
        s = cell.draw(rng, draws)
        row = cell.row()
        for name, strategy in (("ncx2", NoncentralChi2()), ("paper", PaperIndependentShares())):
            bound = run(strategy, JEFFREYS, s, 2 * LEVEL - 1).high
            row[name] = float(np.mean(bound <= limit))
        rows.append(row)
    return rows


def divergences(rng: np.random.Generator, draws: int) -> list[dict[str, Any]]:
    """The other divergences under their default interval and test."""
    members = {
        "KL": (KullbackLeibler(), 0.3), "JS": (JensenShannon(), 0.1),
        "Rényi 1/2": (RenyiDivergence(order=0.5), 0.1), "Rényi 2": (RenyiDivergence(), 0.3),
        "Tsallis 1/2": (TsallisDivergence(order=0.5), 0.1),
        "Tsallis 2": (TsallisDivergence(), 0.3),
        "alpha -1": (AlphaDivergence(order=-1.0), 0.2),
        "alpha 1/2": (AlphaDivergence(), 0.2),
        "Hellinger": (SquaredHellinger(), 0.05),
        "total variation": (SquaredTotalVariation(), 0.05),
    }  # fmt: skip
    rows = []
    for (name, (f, most)), bins, n, part in product(
        members.items(), BINS, (100, 1_000, 10_000), (0.0, 0.05, 0.3, 1.0)
    ):
        truth = part * most
        order = {"order": f.order} if hasattr(f, "order") else {}
        oracle = TwoSample.tilted(bins, truth, measure=f.name, **order)
        s = oracle.draw(n, size=draws, rng=rng)
        row = {
            "measure": name, "bins": bins, "n": n, "truth": truth,
            "least_expected": float(n * oracle.shares.min()),
            "coverage": covered_if_given(run(NoncentralChi2(), f, s), truth),
        }  # fmt: skip
        if truth == 0:
            row["size"] = rejected(run(Chi2Null(), f, s).pvalue)
        rows.append(row)
    return rows


def dependence(rng: np.random.Generator, draws: int) -> list[dict[str, Any]]:
    """Measures of three variables, and the normalised mutual information of two."""
    cubes = {
        "independent": JointTable.independent([0.2, 0.3, 0.5], [0.6, 0.4], [0.5, 0.3, 0.2]),
        "chain x - z - y": JointTable(chain(0.8)),
        "weak": JointTable(tilted_cube(0.15)),
        "middling": JointTable(tilted_cube(0.4)),
        "strong": JointTable(tilted_cube(0.8)),
    }
    tables = {
        f"2 variables, I = {truth:g}": JointTable.tilted((4, 4), truth, skew=0.8)
        for truth in (0.0, 0.005, 0.05, 0.3)
    }
    cases = [(f, k, o) for f in OF_THREE for k, o in cubes.items()]
    cases += [(f, k, o) for f in OF_TWO for k, o in tables.items()]
    rows = []
    for (f, kind, oracle), n in product(cases, (100, 300, 1_000, 10_000)):
        parameters = {"normalization": f.normalization} if hasattr(f, "normalization") else {}
        truth = oracle.truth(f.name, **parameters)
        truth = 0.0 if abs(truth) < 1e-12 else truth  # independence up to rounding
        s = oracle.draw(n, size=draws, rng=rng)
        strategy = Delta() if f.signed else NoncentralChi2()
        found = run(strategy, f, s)
        row = {
            "measure": f.name.replace("_", " ")
            + (f" ({f.normalization})" if hasattr(f, "normalization") else ""),
            "kind": kind, "n": n, "truth": truth,
            "least_expected": float(n * f.expected(oracle.draw(10**7, rng=rng)).min() / 1e7),
            "coverage": covered_if_given(found, truth),
        }  # fmt: skip
        if truth == 0:
            row["size"] = rejected(run(Chi2Null(), f, s).pvalue)
        rows.append(row)
    return rows


def tilted_cube(strength: float) -> Any:
    """Shares of 3 x 2 x 3 cells with two- and three-way dependence of one strength."""
    x, y, z = np.ix_(np.linspace(-1, 1, 3), [-1.0, 1.0], np.linspace(-1, 1, 3))
    return np.exp(strength * (x * y * z + x * y))


def chain(strength: float) -> Any:
    """Shares of 3 x 2 x 3 cells where x and y depend on z alone."""
    x, y, z = np.linspace(-1, 1, 3), np.array([-1.0, 1.0]), np.linspace(-1, 1, 3)
    given = [np.exp(strength * np.outer(a, z)) for a in (x, y)]
    first, second = (g / g.sum(0) for g in given)
    return np.einsum("ik,jk,k->ijk", first, second, [0.5, 0.3, 0.2])


def mutual_information(rng: np.random.Generator, draws: int) -> list[dict[str, Any]]:
    """Mutual information of k x l tables with dependence along the diagonal."""
    f, rows = MutualInformation(), []
    for shape, n, truth, margin in product(
        ((2, 2), (3, 3), (2, 10), (5, 5), (8, 8)), (300, 1_000, 10_000),
        (0.0, 0.005, 0.02, 0.1, 0.3), ("even", "skew"),
    ):  # fmt: skip
        oracle = JointTable.tilted(shape, truth, skew=1.0 if margin == "even" else 0.75)
        s = oracle.draw(n, size=draws, rng=rng)
        expected = n * np.outer(oracle.table.sum(1), oracle.table.sum(0)).min()
        row = {
            "shape": f"{shape[0]} x {shape[1]}", "margins": margin, "n": n, "truth": truth,
            "least_expected": float(expected),
            "coverage": covered_if_given(run(NoncentralChi2(), f, s), truth),
        }  # fmt: skip
        if truth == 0:
            row["size"] = rejected(run(Chi2Null(), f, s).pvalue)
        rows.append(row)
    return rows


def entropies(rng: np.random.Generator, draws: int) -> list[dict[str, Any]]:
    """Shannon entropy, with and without Miller and Madow's correction."""
    rows = []
    for cells, n, kind in product(
        (2, 5, 20, 100), (100, 1_000, 10_000), ("even", "Zipf", "near-even")
    ):
        oracle = {
            "even": Categorical.even(cells),
            "Zipf": Categorical.zipf(cells),
            "near-even": Categorical(np.linspace(0.9, 1.1, cells)),
        }[kind]
        truth = oracle.truth("entropy")
        s = oracle.draw(n, size=draws, rng=rng)
        row = {"shares": kind, "cells": cells, "n": n, "truth": truth,
               "least_expected": float(n * oracle.shares.min())}  # fmt: skip
        for bias in ("plug_in", "miller_madow"):
            f = ShannonEntropy(bias)
            row[bias] = covered_if_given(run(NoncentralChi2(), f, s), truth - 1e-12)
            row[f"{bias}_delta"] = covered(run(Delta(), f, s), truth)
        for name, f, order in ORDERED:
            true = oracle.truth(f.name, **order) - 1e-12  # a ceiling is met up to rounding
            row[name] = covered_if_given(run(NoncentralChi2(), f, s), true)
        rows.append(row)
    return rows


def evidence(rng: np.random.Generator, draws: int) -> list[dict[str, Any]]:
    """Wald's interval of the weight of evidence of each bin; worst and best bin of a table."""
    rows = []
    for bins, n, truth in product(BINS, SIZES, (0.0, 0.1, 0.3, 1.0)):
        cell = Cell("tilt", "IV", bins, n, truth, TwoSample.tilted(bins, truth))
        s = cell.draw(rng, draws)
        woe = log_share_ratio(s.with_half())
        se = np.sqrt(np.diagonal(woe_covariance(s), axis1=-2, axis2=-1))
        true = np.log(cell.oracle.shares[0] / cell.oracle.shares[1])
        hit = (np.abs(woe - true) <= 1.959963984540054 * se).mean(0)
        rows.append(
            cell.row() | {"coverage_min": float(hit.min()), "coverage_max": float(hit.max())}
        )
    return rows


def weights(rng: np.random.Generator, draws: int) -> list[dict[str, Any]]:
    """PSI and IV of records with lognormal weights (sigma 1) that do not depend on the cell."""
    rows = []
    for design, bins, n, truth in product(DESIGNS, BINS, (1_000, 10_000), (0.0, 0.02, 0.3)):
        cell = Cell("tilt", design, bins, n, truth, TwoSample.tilted(bins, truth))
        s = weighted(rng, cell, draws)
        row = cell.row() | {
            "least_expected": cell.least / np.e,  # Kish: (E w)^2 / E w^2
            "coverage": covered(run(NoncentralChi2(), JEFFREYS, s), truth),
        }
        if truth == 0:
            row["size"] = rejected(run(Chi2Null(), JEFFREYS, s).pvalue)
        rows.append(row)
    return rows


def weighted(rng: np.random.Generator, cell: Cell, draws: int) -> Counts:
    """Cell sums of w and w^2 of `draws` weighted samples."""
    table = cell.draw(rng, draws).table
    sums, squares = np.zeros(table.shape), np.zeros(table.shape)
    for i, counts in enumerate(table):
        ends = np.concatenate([[0], np.cumsum(counts.ravel())])
        w = rng.lognormal(size=ends[-1])
        for out, value in ((sums, w), (squares, w * w)):
            out[i] = np.diff(np.concatenate([[0.0], np.cumsum(value)])[ends]).reshape(counts.shape)
    empty = table == 0
    return Counts(np.where(empty, 0.0, sums), squares=np.where(empty, 0.0, squares))


def thin(rng: np.random.Generator, draws: int) -> list[dict[str, Any]]:
    """Many categories: the test, and the interval where one is given."""
    rows = []
    for design, cells, n, kind, truth in product(
        DESIGNS, (50, 200, 1_000), (1_000, 10_000, 100_000), ("even", "Zipf"), (0.0, 0.1, 0.5)
    ):
        p = np.ones(cells) if kind == "even" else 1 / np.arange(1, cells + 1)
        turned = np.random.default_rng(cells).permutation(np.linspace(-1, 1, cells))
        cell = Cell(kind, design, cells, n, truth, TwoSample.tilted(p, truth, direction=turned))
        s = cell.draw(rng, draws)
        found, test = run(NoncentralChi2(), JEFFREYS, s), run(Chi2Null(), JEFFREYS, s)
        row = cell.row() | {
            "given": float(np.isfinite(found.low).mean()),
            "coverage": covered_if_given(found, truth),
        }
        if truth == 0:
            textbook = PearsonChiSquare("asymptotic")
            law = textbook.null(s)
            row["size"] = rejected(test.pvalue)
            row["textbook"] = rejected(chdtrc(law.df, textbook.value(s) / law.scale))
        rows.append(row)
    return rows


SIZED = {"nsb", *(name for name, rule in ESTIMATORS.items() if rule.alphabet)}  # told the size


def unseen(rng: np.random.Generator, draws: int) -> list[dict[str, Any]]:
    """Shannon entropy of samples that may have missed much of the alphabet, by every estimator."""
    sources = {
        "uniform": Categorical.even(100), "uniform, 1000": Categorical.even(1_000),
        "Zipf 1": Categorical.zipf(100), "Zipf 1, 1000": Categorical.zipf(1_000),
        "Zipf 1.5, 1000": Categorical.zipf(1_000, 1.5),
        "geometric": Categorical.geometric(60, 0.7),
    }  # fmt: skip
    rows = []
    for (name, oracle), n in product(sources.items(), (30, 100, 300, 1_000, 10_000)):
        truth, size = oracle.truth("entropy"), oracle.shape[0]
        s = oracle.draw(n, size=draws, rng=rng)
        row = {"shares": name, "cells": size, "n": n, "truth": truth,
               "seen": float(np.mean(seen_share(s)))}  # fmt: skip
        few = Counts(s.table[: max(50, draws // 5)])  # Bayesian mixtures and leaving out are slow
        for bias in BIAS:
            mine = few if bias in ("auto", "nsb") else s
            if bias == "ansb":  # not defined without a coincidence
                mine = Counts(s.table[s.n[:, 0] > s.observed[:, 0]])
                if len(mine.table) < 0.9 * draws:
                    continue
            known = (
                size if bias == "nsb" or getattr(ESTIMATORS.get(bias), "alphabet", False) else None
            )
            error = ShannonEntropy(bias, known).value(mine) - truth
            row[f"{bias}_bias"] = float(error.mean())
            row[f"{bias}_rmse"] = float(np.sqrt((error**2).mean()))
        rows.append(row | unseen_intervals(s, few, truth, size))
    return rows


def unseen_intervals(s: Counts, few: Counts, truth: float, size: int) -> dict[str, Any]:
    """Coverage of each interval of the entropy of one source."""
    truth, row = truth - 1e-12, {}  # a ceiling is met up to rounding
    f = ShannonEntropy("chao_wang_jost")
    found = run(GoodTuring(), f, replace(s, key="column"))  # its alphabet is not known
    row["good_turing_given"] = float(np.isfinite(found.low).mean())
    row["good_turing"] = covered_if_given(found, truth)
    for prior in ("nsb", "jeffreys", "laplace", "perks", "minimax"):
        posterior = ShannonEntropy(prior, size)
        row[prior] = covered(run(Posterior(), posterior, few if prior == "nsb" else s), truth)
    for bias in ("miller_madow", "chao_wang_jost"):
        f = ShannonEntropy(bias)
        row[f"{bias}_delta"] = covered(run(Delta(), f, s), truth)
        row[f"{bias}_jackknife"] = jackknifed(f, few, truth)
    row["ncx2"] = covered_if_given(run(NoncentralChi2(), ShannonEntropy(), s), truth)
    for name, known in (("auto", None), ("auto_known", size)):
        key = "" if known else "column"
        ends = np.array(
            [default_interval(ShannonEntropy("auto", known), t, key) for t in few.table]
        )
        given = np.isfinite(ends[:, 0])
        row[f"{name}_given"] = float(given.mean())
        held = (ends[:, 0] <= truth) & (truth <= ends[:, 1])
        row[name] = float(held[given].mean()) if given.mean() > 0.5 else None
    return row


def jackknifed(f: Any, s: Counts, truth: float) -> float:
    """Coverage of the jackknife, table by table: that is quick for tables with like counts."""
    return float(np.mean([covered(run(Jackknife(), f, Counts(t)), truth) for t in s.table]))


def default_interval(f: Any, table: Any, key: str = "") -> tuple[float, float]:
    """Bounds of the interval that a user gets without asking."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InfometricWarning)
        return tuple(infer(f, Counts(table, key=key)).ci)


def nearly_constant(rng: np.random.Generator, draws: int) -> list[dict[str, Any]]:
    """Default interval of entropies where one cell holds nearly everything.

    The rest lies in one cell or many even ones. All cells are known ("known": a table that holds
    them), or those that were seen, as of a column.
    """
    measures = (("entropy", ShannonEntropy("auto"), {}), ("Hill 1", HillNumber(1.0), {"q": 1.0}),
                *ORDERED)  # fmt: skip
    rows = []
    for share, rest, n, known in product(
        (0.001, 0.01, 0.03, 0.1), (1, 10, 100), (30, 100, 1_000), (True, False)
    ):
        oracle = Categorical(np.r_[1 - share, np.full(rest, share / rest)])
        drawn = oracle.draw(n, size=draws, rng=rng).table[:, 0]
        tables, times = np.unique(np.sort(drawn, axis=1)[:, ::-1], axis=0, return_counts=True)
        row: dict[str, Any] = {"share": share, "rest": rest, "n": n, "known": known}
        for name, f, order in measures:
            truth = oracle.truth(f.name, **order)
            ends = np.array([
                default_interval(f, t[None] if known else t[None, t > 0], "" if known else "column")
                for t in tables
            ])  # fmt: skip
            given = np.isfinite(ends[:, 0])
            held = (ends[:, 0] <= truth + 1e-12) & (truth - 1e-12 <= ends[:, 1])
            row[f"{name}_given"] = float(times[given].sum() / times.sum())
            row[name] = (
                float((times * held)[given].sum() / times[given].sum())
                if row[f"{name}_given"] > 0.5 else None
            )  # fmt: skip
        rows.append(row)
    return rows


OF_THREE: tuple[Any, ...] = (
    ConditionalMutualInformation(), TotalCorrelation(), DualTotalCorrelation(),
    InteractionInformation(),
)  # fmt: skip
OF_TWO: tuple[Any, ...] = (
    NormalizedMutualInformation("arithmetic"), NormalizedMutualInformation("min"),
    NormalizedMutualInformation("joint"),
)  # fmt: skip
STUDIES: dict[str, tuple[Callable[..., list[dict[str, Any]]], float]] = {
    "gate": (gate, 1.0),  # and the share of the draws that a study takes
    "equivalence": (equivalence, 1.0),
    "skewed": (skewed, 1.0),
    "divergences": (divergences, 0.5),
    "mutual_information": (mutual_information, 0.5),
    "dependence": (dependence, 0.3),
    "entropy": (entropies, 1.0),
    "nearly_constant": (nearly_constant, 0.1),
    "evidence": (evidence, 0.5),
    "weights": (weights, 0.1),
    "thin": (thin, 0.1),
    "unseen": (unseen, 0.1),
}


# --- tables -----------------------------------------------------------------------------------


def out(value: float, limits: tuple[float, float]) -> bool:
    return not limits[0] <= value <= limits[1]


def mark(value: float | None, limits: tuple[float, float] = COVERAGE) -> str:
    """Three digits; bold where the value is outside the limits."""
    if value is None:
        return ""
    text = f"{value:.3f}"
    return f"**{text}**" if out(value, limits) else text


def markdown(head: list[str], rows: Iterable[list[Any]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(map(str, row)) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def spread(values: list[float], limits: tuple[float, float] = COVERAGE) -> list[str]:
    """Least, greatest, and how many are outside, as cells of a table."""
    if not values:
        return ["", "", ""]
    odd = sum(out(v, limits) for v in values)
    return [mark(min(values), limits), mark(max(values), limits), f"{odd} of {len(values)}"]


def of(rows: list[dict[str, Any]], what: str, **chosen: Any) -> list[float]:
    return [
        r[what] for r in rows
        if r.get(what) is not None and all(r[k] == v for k, v in chosen.items())
    ]  # fmt: skip


def gate_tables(rows: list[dict[str, Any]]) -> dict[str, str]:
    """Every cell of the gate: coverage by truth, size, and the rival intervals in short."""
    body = []
    for design, bins, n in product(DESIGNS, BINS, SIZES):
        here = {"design": design, "bins": bins, "n": n}
        cover = [mark(of(rows, "coverage", truth=t, **here)[0]) for t in TRUTHS]
        body.append([design, bins, f"{n:,}", *cover, mark(of(rows, "size", **here)[0], SIZE)])
    head = ["design", "bins", "n", *(f"J = {t:g}" for t in TRUTHS), "size"]
    rivals = []
    for name, what in (
        ("noncentral chi-square (default)", "coverage"), ("delta (Wald)", "delta"),
        ("jackknife", "jackknife"), ("basic bootstrap", "bootstrap"), ("paper", "paper"),
    ):  # fmt: skip
        by_truth = [of(rows, what, truth=t) for t in TRUTHS]
        cells = [f"{mark(min(v))} – {mark(max(v))}" for v in by_truth]
        odd = sum(out(v, COVERAGE) for values in by_truth for v in values)
        rivals.append([name, *cells, f"{odd} of {sum(map(len, by_truth))}"])
    rival_head = ["interval", *(f"J = {t:g}" for t in TRUTHS), "outside"]
    tests = []
    for name, what in (("chi-square or Pearson (default)", "size"), ("paper", "paper_size")):
        by_bins = [of(rows, what, bins=b) for b in BINS]
        tests.append([name, *(f"{mark(min(v), SIZE)} – {mark(max(v), SIZE)}" for v in by_bins)])
    return {
        "gate": markdown(head, body),
        "rivals": markdown(rival_head, rivals),
        "paper": markdown(["test", *(f"{b} bins" for b in BINS)], tests),
    }


def equivalence_tables(rows: list[dict[str, Any]]) -> dict[str, str]:
    body = [
        [r["design"], r["bins"], f"{r['n']:,}", f"{r['truth']:g}",
         mark(r["ncx2"], SIZE), mark(r["paper"], SIZE)]
        for r in rows
    ]  # fmt: skip
    return {
        "equivalence": markdown(["design", "bins", "n", "J = threshold", "default", "paper"], body)
    }


def bands(rows: list[dict[str, Any]], by: str) -> list[list[Any]]:
    """Coverage and size by kind and least expected count."""
    limits = (0, 0.5, 1, 2, 5, 10, np.inf)
    body = []
    for kind in dict.fromkeys(r[by] for r in rows):
        for low, high in pairwise(limits):
            here = [r for r in rows if r[by] == kind and low <= r["least_expected"] < high]
            if here:
                band = f"{low:g} – {high:g}" if high < np.inf else f"{low:g} and more"
                sizes = of(here, "size")
                body.append([kind, band, *spread(of(here, "coverage")), *spread(sizes, SIZE)])
    return body


BAND_HEAD = ["least expected count", "coverage from", "to", "outside",
             "size from", "to", "outside"]  # fmt: skip


def skewed_tables(rows: list[dict[str, Any]]) -> dict[str, str]:
    """Summary by shape and least count, and every cell that is outside the gate."""
    odd = [r for r in rows if out(r["coverage"], COVERAGE) or out(r.get("size", 0.05), SIZE)]
    body = [
        [r["shape"], r["design"], r["bins"], f"{r['n']:,}", f"{r['truth']:g}",
         f"{r['least_expected']:.2g}", mark(r["coverage"]), mark(r.get("size"), SIZE)]
        for r in odd
    ]  # fmt: skip
    head = ["shape", "design", "bins", "n", "J", "least expected count", "coverage", "size"]
    return {
        "skewed": markdown(["shape", *BAND_HEAD], bands(rows, "shape")),
        "skewed-outside": markdown(head, body),
    }


def entropy_tables(rows: list[dict[str, Any]]) -> dict[str, str]:
    body = [
        [r["shares"], r["cells"], f"{r['n']:,}", f"{r['least_expected']:.2g}",
         *(mark(r[k]) or "none given" for k in ("plug_in", "miller_madow")),
         mark(r["miller_madow_delta"]),
         *(mark(r[name]) or "none given" for name, *_ in ORDERED)]
        for r in rows
    ]  # fmt: skip
    head = ["shares", "cells", "n", "least expected count", "plug-in", "Miller-Madow",
            "Miller-Madow, Wald", *(name for name, *_ in ORDERED)]  # fmt: skip
    return {"entropy": markdown(head, body)}


def nearly_constant_tables(rows: list[dict[str, Any]]) -> dict[str, str]:
    names = ("entropy", "Hill 1", *(name for name, *_ in ORDERED))
    body = [
        [f"{r['share']:g}", r["rest"], f"{r['n']:,}", "all" if r["known"] else "those seen",
         *(given_or_not(r, name) for name in names)]
        for r in rows
    ]  # fmt: skip
    head = ["share of the rest", "cells of it", "n", "cells known", *names]
    return {"nearly-constant": markdown(head, body)}


def evidence_tables(rows: list[dict[str, Any]]) -> dict[str, str]:
    body = [
        [r["bins"], f"{r['n']:,}", f"{r['truth']:g}", f"{r['least_expected']:.2g}",
         mark(r["coverage_min"]), mark(r["coverage_max"])]
        for r in rows
    ]  # fmt: skip
    head = ["bins", "n", "IV", "least expected count", "worst bin", "best bin"]
    return {"evidence": markdown(head, body)}


def weight_tables(rows: list[dict[str, Any]]) -> dict[str, str]:
    body = [
        [r["design"], r["bins"], f"{r['n']:,}", f"{r['truth']:g}", f"{r['least_expected']:.2g}",
         mark(r["coverage"]), mark(r.get("size"), SIZE)]
        for r in rows
    ]  # fmt: skip
    head = ["design", "bins", "n", "J", "least effective count", "coverage", "size"]
    return {"weights": markdown(head, body)}


def thin_tables(rows: list[dict[str, Any]]) -> dict[str, str]:
    body = []
    for design, cells, n, kind in product(
        DESIGNS, (50, 200, 1_000), (1_000, 10_000, 100_000), ("even", "Zipf")
    ):
        here = [r for r in rows if (r["design"], r["bins"], r["n"], r["shape"])
                == (design, cells, n, kind)]  # fmt: skip
        by_truth = {r["truth"]: r for r in here}
        cover = [mark(by_truth[t].get("coverage")) or "none given" for t in (0.0, 0.1, 0.5)]
        null = by_truth[0.0]
        body.append([design, f"{cells:,}", f"{n:,}", kind, *cover, mark(null["size"], SIZE),
                     mark(null["textbook"], SIZE)])  # fmt: skip
    head = ["design", "categories", "n", "shares", "J = 0", "J = 0.1", "J = 0.5", "size",
            "size of the textbook's X²"]  # fmt: skip
    return {"thin": markdown(head, body)}


def unseen_tables(rows: list[dict[str, Any]]) -> dict[str, str]:
    """Errors by source, errors of every estimator by what has been seen, and intervals."""
    shown = {
        "plug_in": "plug-in", "miller_madow": "Miller-Madow", "grassberger": "Grassberger",
        "chao_shen": "Chao-Shen", "chao_wang_jost": "Chao-Wang-Jost", "nsb": "NSB, K known",
        "auto": "auto",
    }  # fmt: skip
    ways = {
        "good_turing": "from singletons", "ncx2": "noncentral chi-square",
        "miller_madow_delta": "Miller-Madow, Wald", "chao_wang_jost_delta": "Chao-Wang-Jost, Wald",
        "chao_wang_jost_jackknife": "Chao-Wang-Jost, jackknife", "nsb": "NSB",
        "jeffreys": "Jeffreys", "laplace": "Laplace", "perks": "Perks", "minimax": "minimax",
        "auto": "auto", "auto_known": "auto, K known",
    }  # fmt: skip
    errors, intervals = [], []
    for r in rows:
        source = [r["shares"].split(",")[0], f"{r['cells']:,}", f"{r['n']:,}", f"{r['seen']:.3f}"]
        errors.append([*source, *(f"{r[f'{b}_bias']:+.2f} ({r[f'{b}_rmse']:.2f})" for b in shown)])
        intervals.append([*source, *(given_or_not(r, way) for way in ways)])
    head = ["shares", "cells", "n", "seen"]
    return {
        "unseen-errors": markdown([*head, *shown.values()], errors),
        "unseen-estimators": by_share_seen(rows),
        "unseen-intervals": markdown([*head, *ways.values()], intervals),
    }


def given_or_not(row: dict[str, Any], way: str) -> str:
    """Coverage of an interval, and how often there is one where that is not always."""
    given = row.get(f"{way}_given", 1.0)
    share = f" ({given:.0%} given)" if 0.5 < given < 0.995 else ""
    return mark(row[way]) + share if row[way] is not None else "none given"


def by_share_seen(rows: list[dict[str, Any]]) -> str:
    """Median and greatest root mean square error of each estimator, by what has been seen."""
    limits = {"under half": (0, 0.5), "half to .9": (0.5, 0.9), ".9 to .99": (0.9, 0.99),
              ".99 and more": (0.99, 2)}  # fmt: skip
    body = []
    for bias in BIAS:
        cells = []
        for low, high in limits.values():
            found = of([r for r in rows if low <= r["seen"] < high], f"{bias}_rmse")
            cells.append(f"{np.median(found):.2f} ({max(found):.2f})" if found else "")
        body.append([f"`{bias}`", *cells])
    return markdown(["estimator", *limits], body)


TABLES: dict[str, Callable[[list[dict[str, Any]]], dict[str, str]]] = {
    "gate": gate_tables,
    "equivalence": equivalence_tables,
    "skewed": skewed_tables,
    "divergences": lambda rows: {
        "divergences": markdown(["measure", *BAND_HEAD], bands(rows, "measure"))
    },
    "mutual_information": lambda rows: {
        "mutual-information": markdown(["table", *BAND_HEAD], bands(rows, "shape"))
    },
    "dependence": lambda rows: {
        "dependence": markdown(["measure", *BAND_HEAD], bands(rows, "measure"))
    },
    "entropy": entropy_tables,
    "nearly_constant": nearly_constant_tables,
    "evidence": evidence_tables,
    "weights": weight_tables,
    "thin": thin_tables,
    "unseen": unseen_tables,
}


# --- command line -----------------------------------------------------------------------------


def rounded(row: dict[str, Any]) -> dict[str, Any]:
    return {k: float(f"{v:.5g}") if isinstance(v, float) else v for k, v in row.items()}


def write_results(found: dict[str, Any], folder: Path = DATA) -> None:
    """JSON, one row a line, and one Markdown table a file."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = [f'"about": {json.dumps(found["about"])}']
    for name, rows in found["studies"].items():
        rows = list(map(rounded, rows))
        lines = ",\n".join(json.dumps(r, ensure_ascii=False) for r in rows)
        parts.append(f'"{name}": [\n{lines}\n]')
        for table, text in TABLES[name](rows).items():
            (folder / f"calibration-{table}.inc").write_text(text)
    (folder / "calibration.json").write_text("{\n" + ",\n".join(parts) + "\n}\n")


def outside_gate(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of the gate that break it."""
    return [r for r in rows if out(r["coverage"], COVERAGE) or out(r.get("size", 0.05), SIZE)]


def main() -> int:
    parser = argparse.ArgumentParser(description="Coverage and size by simulation.")
    parser.add_argument("--draws", type=int, default=10_000, help="draws a cell (10000)")
    parser.add_argument("--quick", action="store_true", help="500 draws, nothing is written")
    options = parser.parse_args()
    draws = 500 if options.quick else options.draws
    start, studies = time.process_time(), {}
    for name, (study, share) in STUDIES.items():
        rng = np.random.default_rng([SEED, *name.encode()])
        studies[name] = study(rng, max(100, int(draws * share)))
        print(f"{name}: {len(studies[name])} cells, {time.process_time() - start:.0f} CPU-s so far")
    about = {
        "draws": draws, "seed": SEED, "level": LEVEL, "infometric": __version__,
        "numpy": np.__version__, "scipy": scipy.__version__, "python": platform.python_version(),
        "cpu_seconds": round(time.process_time() - start),
    }  # fmt: skip
    if not options.quick:
        write_results({"about": about, "studies": studies})
    broken = outside_gate(studies["gate"])
    for row in broken:
        print("outside the gate:", rounded(row))
    print(f"gate: {len(studies['gate']) - len(broken)} of {len(studies['gate'])} cells within")
    return 1 if broken and not options.quick else 0


if __name__ == "__main__":
    raise SystemExit(main())
