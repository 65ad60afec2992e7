"""Fairness: coverage of its intervals, error rates of its claims, and the time of the programme.

    python benchmarks/fairness.py [--quick] [--only scores]

Writes the tables of the docs: docs/_data/fairness-*.inc and fairness.json.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from pathlib import Path

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.special import ndtr
from scipy.stats import binom

import infometric as im
from infometric.credit.candidates import Candidates, candidates
from infometric.credit.frontier import chance, within
from infometric.credit.programme import Programme
from infometric.credit.protected import claim
from infometric.exceptions import InfometricWarning
from infometric.functional.divergence import Jeffreys
from infometric.functional.margins import SummedJeffreys
from infometric.functional.parity import ProportionRatio, StandardizedMeanDifference
from infometric.functional.ranking import Gini
from infometric.state.counts import Counts

OUT = Path(__file__).parents[1] / "docs/_data"
BUDGETS = (0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6)


# --- group measures: exact, by enumeration ---


def ratio_coverage(n_group: int, n_reference: int, rate: float, ratio: float) -> dict[str, float]:
    """Exact coverage of the interval of the ratio, and of the claim where it is at its limit."""
    x, z = np.arange(n_group + 1), np.arange(n_reference + 1)
    weight = np.outer(
        binom.pmf(z, n_reference, rate), binom.pmf(x, n_group, rate * ratio)
    )  # reference by group
    tables = np.array(
        [[[n_reference - b, b], [n_group - a, a]] for b in z for a in x], dtype=np.int64
    )
    s = Counts(tables)
    found = ProportionRatio().interval("score", s, 0.95)
    inside = (found.low <= ratio) & (ratio <= found.high)
    one = ProportionRatio(continuity=True).interval("score", s, 0.9)
    w = weight.ravel()
    return {
        "coverage": float((w * inside).sum()),
        "claim": float((w * (one.low >= ratio)).sum()),
    }


def ratio_table() -> list[dict[str, float]]:
    """Coverage over sizes and rates."""
    rows = []
    for n_group in (5, 10, 20, 50):
        for rate in (0.2, 0.5, 0.8):
            for ratio in (0.8, 1.0):
                found = ratio_coverage(n_group, 500, rate, ratio)
                rows.append({"n": n_group, "rate": rate, "ratio": ratio, **found})
    return rows


# --- sums of divergences over dependent features ---


# --- scores of small groups, by simulation ---


def drawn_scores(law: str, n_group: int, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Scores of 200 records and of a few: normal, exponential, or with twice the deviation."""
    if law == "exponential":
        return rng.exponential(size=200), rng.exponential(size=n_group)
    return rng.normal(size=200), (2 if law == "normal, twice as wide" else 1) * rng.normal(
        size=n_group
    )


def true_scores(law: str, n_group: int, shift: float) -> tuple[float, float]:
    """Difference of the means in pooled deviations, and area under the curve."""
    if law == "exponential":
        return shift, 1 - np.exp(-shift) / 2
    wide = 4 if law == "normal, twice as wide" else 1
    pooled = np.sqrt((200 + wide * n_group) / (200 + n_group))
    return shift / pooled, float(ndtr(shift / np.sqrt(1 + wide)))


def score_coverage(law: str, n_group: int, shift: float, draws: int) -> dict[str, object]:
    """Coverage of the intervals of the standardised difference and of the area."""
    rng = np.random.default_rng([13, len(law), n_group, int(shift)])
    difference, area = true_scores(law, n_group, shift)
    held = np.zeros(3)
    width = []
    for _ in range(draws):
        first, second = drawn_scores(law, n_group, rng)
        values, cells = np.unique(np.r_[first, second + shift], return_inverse=True)
        table = np.zeros((2, len(values)), np.int64)
        table[np.repeat([0, 1], [200, n_group]), cells] = 1
        s = Counts(table)
        found = StandardizedMeanDifference(values).interval("student", s, 0.95)
        plain = StandardizedMeanDifference(values)
        reach = 1.96 * float(np.sqrt(s.variance(plain.influence(s))))
        ranked = Gini().interval("delong", s, 0.95)
        held += [
            found.low <= difference <= found.high,
            abs(float(plain.value(s)) - difference) <= reach,
            ranked.low <= 2 * area - 1 <= ranked.high,
        ]
        width.append(float(found.high - found.low))
    shares = held / draws
    return {
        "law": law, "n": n_group, "shift": shift, "student": shares[0], "wald": shares[1],
        "auc": shares[2], "width": float(np.median(width)),
    }  # fmt: skip


def score_table(draws: int) -> list[dict[str, object]]:
    """Coverage over laws, sizes and shifts."""
    return [
        score_coverage(law, n_group, shift, draws)
        for law in ("normal", "exponential", "normal, twice as wide")
        for n_group in (2, 5, 10, 20, 50)
        for shift in (0.0, 1.0)
    ]


def marginal(shift: float, cells: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cell shares of a normal variable without and with a shift, and the edges."""
    edges = np.quantile(np.random.default_rng(0).normal(size=100_000), np.arange(1, cells) / cells)
    ends = np.r_[-np.inf, edges, np.inf]
    return np.diff(ndtr(ends)), np.diff(ndtr(ends - shift)), edges


def sum_coverage(
    shift: float, rho: float, n: tuple[int, int], draws: int, features: int = 6, cells: int = 5
) -> dict[str, float]:
    """Coverage of the interval of a sum over features of the same records, and of the claim."""
    p, q, edges = marginal(shift, cells)
    truth = features * float(((q - p) * np.log(q / p)).sum())
    rng = np.random.default_rng([int(1000 * shift), int(10 * rho), *n])
    root = np.linalg.cholesky(rho * np.ones((features, features)) + (1 - rho) * np.eye(features))
    inside, above, claimed, rejected = 0, 0, 0, 0
    side = np.repeat([0, 1], n)
    for _ in range(draws):
        x = rng.normal(size=(sum(n), features)) @ root.T + shift * side[:, None]
        codes = np.searchsorted(edges, x, side="right")
        profile, place = np.unique(codes, axis=0, return_inverse=True)
        table = np.stack(
            [np.bincount(place.ravel()[side == g], minlength=len(profile)) for g in (0, 1)]
        )
        functional, s = SummedJeffreys(np.ascontiguousarray(profile.T)), Counts(table)
        r = im.infer(functional, s)
        inside += r.ci.low <= truth <= r.ci.high
        told = claim(functional, s, truth, ("within", "above"))
        above += told["upper_bound"] >= truth
        claimed += told["verdict"] == "within"
        rejected += r.pvalue < 0.05
    return {
        "shift": shift, "rho": rho, "n": list(n), "truth": truth, "coverage": inside / draws,
        "upper": above / draws, "claim": claimed / draws, "rejected": rejected / draws,
    }  # fmt: skip


def sum_table(draws: int) -> list[dict[str, float]]:
    """Coverage over sizes, dependence and truth."""
    return [
        sum_coverage(shift, rho, n, draws)
        for n in ((2000, 1000), (900, 100))
        for rho in (0.0, 0.8)
        for shift in (0.0, 0.1, 0.3)
    ]


# --- the verdict of a whole frontier ---


def population(n: int, rng: np.random.Generator):
    """Correlated characteristics, two groups, and a target."""
    group = (rng.random(n) < 0.3).astype(int)
    shift = np.array([0.6, 0.5, 0.3, 0.2, 0.1])
    x = rng.normal(size=(n, 5)) + 0.7 * rng.normal(size=(n, 1)) + group[:, None] * shift
    y = (rng.random(n) < 1 / (1 + np.exp(2 - x @ np.array([0.5, 0.4, 0.4, 0.3, 0.3])))).astype(int)
    return x, y, group


def verdict_errors(reps: int, confidence: float | None, n: int = 6000) -> dict[str, float]:
    """How often a budget is claimed, and how often although the truth is above it.

    The budget is the truth itself of the bins that were chosen, so that every claim is an error.
    """
    rng = np.random.default_rng(3)
    big_x, _, big_group = population(400_000, rng)
    errors, inside = 0, 0
    for i in range(reps):
        x, y, group = population(n, rng)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", InfometricWarning)
            point = im.fair_frontier(
                x, y, group, budgets=[0.1], chance=confidence, pre_bins=12, max_bins=4, rng=i
            )[0]
        truth = sum(
            float(Jeffreys().value(_counts(e, big_x[:, int(name[1:])], big_group)))
            for name, e in point.encoders.items()
        )
        (r,) = point.protected.values()
        errors += r.diagnostics["upper_bound"] < truth
        inside += r.ci.low <= truth <= r.ci.high
    return {"confidence": confidence or 0.0, "reps": reps, "error": errors / reps,
            "coverage": inside / reps}  # fmt: skip


def _counts(encoder, values: np.ndarray, group: np.ndarray) -> Counts:
    from infometric.state.encoders import Column

    cells = encoder.encode(Column("x", values))
    return Counts(
        np.stack([np.bincount(cells[group == g], minlength=encoder.n_cells) for g in (0, 1)])
    )


# --- the programme ---


def recipe(n: int = 20_000, cells: int = 20, features: int = 7) -> Candidates:
    """Seven correlated characteristics, 30 % protected, 15 % default, twenty pre-bins each."""
    rng = np.random.default_rng(0)
    group = (rng.random(n) < 0.3).astype(int)
    mix = np.eye(features) + 0.12 * rng.normal(size=(features, features))
    x = rng.normal(size=(n, features)) @ mix
    x += group[:, None] * np.array([0.8, 0.6, 0.5, 0.4, 0.3, 0.25, 0.2])
    eta = x @ np.array([0.5, 0.35, 0.45, 0.3, 0.4, 0.2, 0.15])
    y = (rng.random(n) < 1 / (1 + np.exp(2.1 + np.median(eta) - eta))).astype(int)
    codes = [
        np.searchsorted(np.quantile(c, np.arange(1, cells) / cells), c, side="right") for c in x.T
    ]

    def tables(side: np.ndarray) -> list[Counts]:
        return [
            Counts(np.stack([np.bincount(c[side == v], minlength=cells) for v in (0, 1)]))
            for c in codes
        ]

    return candidates(tables(y), [tables(group)], [cells] * features)


def as_written(found: Candidates, budget: float) -> float:
    """The programme of exact covers and dropped features, given to the solver as it is."""
    arcs = np.argwhere(found.allowed)
    features = len(found.sizes)
    rows = []
    for j in range(features):
        for b in range(found.sizes[j]):
            row = np.zeros(len(arcs) + features)
            row[: len(arcs)] = (arcs[:, 0] == j) & (arcs[:, 1] <= b) & (b < arcs[:, 2])
            row[len(arcs) + j] = 1
            rows.append(row)
    cost = np.r_[found.cost[0][tuple(arcs.T)], np.zeros(features)]
    gain = np.r_[found.gain[tuple(arcs.T)], np.zeros(features)]
    matrix = np.vstack([*rows, cost])
    low, high = np.r_[np.ones(len(rows)), -np.inf], np.r_[np.ones(len(rows)), budget]
    solved = milp(
        -gain, integrality=np.ones(len(gain)), bounds=Bounds(0, 1),
        constraints=LinearConstraint(matrix, low, high), options={"mip_rel_gap": 1e-4},
    )  # fmt: skip
    return float(-solved.fun)


def programme_table() -> dict[str, object]:
    """CPU time of nine budgets, plain, chance-constrained, and as written."""
    found = recipe()
    rows, seconds = [], {"plain": 0.0, "chance": 0.0, "as written": 0.0}
    programme = Programme(found)
    plain = sure = None
    for budget in BUDGETS:
        limit = np.array([budget])
        start = time.process_time()
        plain = within(programme, limit, plain)
        middle = time.process_time()
        sure = chance(programme, limit, 1.6449, sure)
        end = time.process_time()
        written = as_written(found, budget)
        last = time.process_time()
        seconds["plain"] += middle - start
        seconds["chance"] += end - middle
        seconds["as written"] += last - end
        rows.append(
            {"budget": budget, "plain": plain.gain, "chance": sure.gain, "as written": written,
             "gap": max(plain.gap, sure.gap), "plain s": middle - start, "chance s": end - middle,
             "as written s": last - end}
        )  # fmt: skip
    return {"binaries": found.n_binaries, "rows": rows, "seconds": seconds}


# --- tables ---


def markdown(head: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "--|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def write(results: dict[str, object]) -> None:
    """The tables of the docs."""
    rows = [
        [str(r["n"]), f"{r['rate']:g}", f"{r['ratio']:g}", f"{r['coverage']:.3f}",
         f"{r['claim']:.3f}"]
        for r in results["ratio"]
    ]  # fmt: skip
    head = [
        "records of the group (reference: 500)",
        "rate of the reference",
        "true ratio",
        "coverage of 95 %",
        "claimed to be at least the truth (5 %)",
    ]
    (OUT / "fairness-ratio.inc").write_text(markdown(head, rows), encoding="utf-8")
    rows = [
        [r["law"], str(r["n"]), f"{r['shift']:g}", f"{r['student']:.3f}", f"{r['wald']:.3f}",
         f"{r['width']:.2f}", f"{r['auc']:.3f}"]
        for r in results["scores"]
    ]  # fmt: skip
    head = ["law of the scores", "records of the group (reference: 200)", "true shift",
            "difference of means: coverage of 95 %", "Wald's interval instead", "median width",
            "area between groups: coverage of 95 %"]  # fmt: skip
    (OUT / "fairness-scores.inc").write_text(markdown(head, rows), encoding="utf-8")
    rows = [
        [f"{r['n'][0]:,} / {r['n'][1]:,}", f"{r['rho']:g}", f"{r['truth']:.3f}",
         f"{r['coverage']:.3f}", f"{r['claim']:.3f}",
         f"{r['rejected']:.3f}"]
        for r in results["sums"]
    ]  # fmt: skip
    head = ["records", "correlation of the features", "true sum", "coverage of 95 %",
            "claimed to be at most the truth (5 %)", "test rejects"]  # fmt: skip
    (OUT / "fairness-sums.inc").write_text(markdown(head, rows), encoding="utf-8")
    rows = [
        ["no" if not r["confidence"] else f"{r['confidence']:g}", str(r["reps"]),
         f"{r['coverage']:.3f}", f"{r['error']:.3f}"]
        for r in results["verdicts"]
    ]  # fmt: skip
    head = ["chance constraint", "samples", "coverage of 95 %", "upper bound below the truth (5 %)"]
    (OUT / "fairness-verdicts.inc").write_text(markdown(head, rows), encoding="utf-8")
    told = results["programme"]
    rows = [
        [f"{r['budget']:g}", f"{r['plain']:.4f}", f"{r['as written']:.4f}", f"{r['chance']:.4f}",
         f"{r['plain s']:.2f}", f"{r['as written s']:.2f}", f"{r['chance s']:.2f}"]
        for r in told["rows"]
    ]  # fmt: skip
    sums = told["seconds"]
    rows.append(["all nine", "", "", "", f"**{sums['plain']:.1f}**",
                 f"**{sums['as written']:.1f}**", f"**{sums['chance']:.1f}**"])  # fmt: skip
    head = ["budget", "plain", "as written", "chance, 95 %", "plain, CPU s", "as written, CPU s",
            "chance, CPU s"]  # fmt: skip
    (OUT / "fairness-programme.inc").write_text(markdown(head, rows), encoding="utf-8")
    text = json.dumps(results, indent=1)
    (OUT / "fairness.json").write_text(text + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="few draws, nothing written")
    parser.add_argument("--only", help="one part; the others stay as they were written")
    given = parser.parse_args()
    quick = given.quick
    warnings.simplefilter("ignore", InfometricWarning)
    parts = {
        "programme": programme_table,
        "ratio": ratio_table,
        "scores": lambda: score_table(50 if quick else 2000),
        "sums": lambda: sum_table(100 if quick else 2000),
        "verdicts": lambda: [verdict_errors(10 if quick else 400, c) for c in (None, 0.95)],
    }
    results = {name: part() for name, part in parts.items() if given.only in (None, name)}
    if quick:
        print(json.dumps(results, indent=1))
        return
    if given.only:
        results = json.loads((OUT / "fairness.json").read_text(encoding="utf-8")) | results
    write(results)


if __name__ == "__main__":
    main()
