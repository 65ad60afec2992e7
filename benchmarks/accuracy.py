"""Bias and error of the estimators of continuous measures, on distributions that know their truth.

    python benchmarks/accuracy.py [--replicates N] [--only FAMILY ...]

Every estimator gets the same samples of every oracle that it applies to; only the value is
computed. Writes docs/_data/accuracy.json (families that were not run again are kept), a table for
each family, docs/_data/accuracy-<family>.inc, and a picture of mutual information, light and dark.
"""

from __future__ import annotations

import argparse
import json
import math
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from calibration_neighbors import state_of

from infometric import Sample, oracles
from infometric.functional import differential, neighbor_divergence, neighbor_information
from infometric.functional.automatic import AutoInformation
from infometric.functional.gaussian import GaussianCopula

DOCS = Path(__file__).parents[1] / "docs"
SEED = 31
SIZES = (200, 1000)
PICTURED = 1000  # rows of the samples in the picture
LEAST_SCALE = 0.1  # nats that a bias is at least compared with: the truth may be zero
MOST = 0.5  # share of the truth at which the colours of the picture end


def always(s: Sample) -> bool:
    """Applies to every sample."""
    return True


def of_numbers(s: Sample) -> bool:
    """Applies where no variable is a class."""
    return "discrete" not in s.kinds


def without_ties(s: Sample) -> bool:
    """Applies to numbers that do not come twice."""
    return of_numbers(s) and all(len(np.unique(c)) == len(c) for v in s.variables for c in v.T)


def narrow(s: Sample) -> bool:
    """Applies to numbers that do not come twice, in four columns at most."""
    return without_ties(s) and sum(s.dims) <= 4


def of_class(s: Sample) -> bool:
    """Applies to a class and a number."""
    return sorted(s.kinds) == ["continuous", "discrete"]


def of_line(s: Sample) -> bool:
    """Applies to one dimension."""
    return s.dims == (1,)


@dataclass(frozen=True)
class Contender:
    """One estimator and where it applies."""

    name: str
    functional: Any
    applies: Callable[[Sample], bool] = always


@dataclass(frozen=True)
class Family:
    """Oracles of one family, a measure, and its estimators."""

    title: str
    oracles: str
    measure: str
    contenders: tuple[Contender, ...]
    parameters: tuple[tuple[str, float], ...] = ()


GIVEN = (
    Contender("frenzel_pompe", neighbor_information.FrenzelPompe()),
    Contender("mesner_shalizi", neighbor_information.MesnerShalizi()),
)
FAMILIES: dict[str, Family] = {
    "information": Family(
        "Mutual information", "information", "mutual_information",
        (
            Contender("auto", AutoInformation()),
            Contender("ksg1", neighbor_information.KSG1()),
            Contender("ksg2", neighbor_information.KSG2(), without_ties),
            Contender("mixed", neighbor_information.MixedKSG()),
            Contender("ross", neighbor_information.Ross(), of_class),
            Contender("lnc", neighbor_information.LNC(), narrow),
            Contender("gaussian_copula", GaussianCopula(), of_numbers),
        ),
    ),
    "entropy": Family(
        "Differential entropy", "entropy", "differential_entropy",
        (
            Contender("knn", differential.KozachenkoLeonenko()),
            Contender("weighted", differential.BerrettSamworthYuan()),
            Contender("vasicek", differential.Vasicek(), of_line),
            Contender("van_es", differential.VanEs(), of_line),
            Contender("ebrahimi", differential.Ebrahimi(), of_line),
            Contender("correa", differential.Correa(), of_line),
            Contender("gaussian", differential.GaussianEntropy()),
        ),
    ),
    "renyi_entropy": Family(
        "Rényi entropy of order 2", "entropy", "differential_renyi_entropy",
        (Contender("knn", differential.LeonenkoPronzatoSavani(order=2.0)),),
        (("order", 2.0),),
    ),
    "conditional": Family(
        "Conditional mutual information", "conditional", "conditional_mutual_information", GIVEN
    ),
    "total": Family(
        "Total correlation", "total", "total_correlation",
        (
            Contender("ksg1", neighbor_information.TotalCorrelation()),
            Contender("ksg2", neighbor_information.TotalCorrelation2()),
        ),
    ),
    "transfer": Family("Transfer entropy", "transfer", "transfer_entropy", GIVEN),
    "kl": Family(
        "Kullback-Leibler divergence", "divergence", "kl_divergence",
        (
            Contender("weighted", neighbor_divergence.WeightedKullbackLeibler()),
            Contender("knn", neighbor_divergence.WangKulkarniVerdu()),
            Contender("adaptive", neighbor_divergence.AdaptiveKullbackLeibler()),
        ),
    ),
    "jeffreys": Family(
        "Jeffreys divergence", "divergence", "jeffreys_divergence",
        (Contender("knn", neighbor_divergence.NeighborJeffreys()),),
    ),
    "jensen_shannon": Family(
        "Jensen-Shannon divergence", "divergence", "jensen_shannon_divergence",
        (Contender("knn", neighbor_divergence.NeighborJensenShannon()),),
    ),
    "renyi": Family(
        "Rényi divergence of order 1/2", "divergence", "renyi_divergence",
        (Contender("knn", neighbor_divergence.PoczosSchneider(order=0.5)),),
        (("order", 0.5),),
    ),
    "tsallis": Family(
        "Tsallis divergence of order 1/2", "divergence", "tsallis_divergence",
        (Contender("knn", neighbor_divergence.TsallisNeighborDivergence(order=0.5)),),
        (("order", 0.5),),
    ),
    "alpha": Family(
        "Alpha divergence of order 1/2", "divergence", "alpha_divergence",
        (Contender("knn", neighbor_divergence.AlphaNeighborDivergence(order=0.5)),),
        (("order", 0.5),),
    ),
}  # fmt: skip


def known_by(family: Family) -> list[str]:
    """Oracles that know the measure."""
    return [
        name for name in oracles.list(family.oracles) if family.measure in oracles.get(name).defined
    ]


def drawn(oracle: Any, n: int, rng: np.random.Generator) -> Sample:
    """Rows of an oracle; of series the present of the target, and the past of both."""
    if oracle.family != "transfer":
        return state_of(oracle, n, rng)
    source, target = oracle.sample(n + 1, rng=rng)
    return Sample.of(target[1:], source[:-1], target[:-1])


def value_of(functional: Any, s: Sample) -> float:
    """Value alone, by the estimator that the data ask for."""
    return float(functional.resolved(s).value(s))


def cells(key: str, name: str, n: int, replicates: int) -> list[dict[str, Any]]:
    """Row of the table: all estimators on the same samples of one oracle."""
    family, oracle = FAMILIES[key], oracles.get(name)
    truth = oracle.truth(family.measure, **dict(family.parameters))
    rng = np.random.default_rng([SEED, n, *name.encode()])
    values: dict[str, list[float]] = {c.name: [] for c in family.contenders}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(replicates):
            s = drawn(oracle, n, rng)
            for c in family.contenders:
                if c.applies(s):
                    values[c.name].append(value_of(c.functional, s))
    return [
        {
            "family": key, "oracle": name, "n": n, "estimator": c.name, "truth": truth,
            "replicates": replicates, **errors(np.array(values[c.name]), truth),
        }
        for c in family.contenders
        if len(values[c.name]) == replicates
    ]  # fmt: skip


def errors(values: Any, truth: float) -> dict[str, float]:
    """Mean, bias, standard deviation and root mean squared error."""
    off = values - truth
    return {
        "mean": float(values.mean()),
        "bias": float(off.mean()),
        "sd": float(values.std(ddof=1)),
        "rmse": math.sqrt(float((off**2).mean())),
    }


def markdown(rows: Iterable[dict[str, Any]], names: Iterable[str]) -> str:
    """Table of one family: a line for each oracle and sample size."""
    names = list(names)
    head = ["distribution", "n", "truth", *names]
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
    table: dict[tuple[str, int], dict[str, dict[str, Any]]] = {}
    for r in rows:
        table.setdefault((r["oracle"], r["n"]), {})[r["estimator"]] = r
    for (oracle, n), found in table.items():
        least = min(r["rmse"] for r in found.values()) if len(found) > 1 else -1.0
        truth = next(iter(found.values()))["truth"]
        parts = [said(found[name], least) if name in found else "" for name in names]
        lines.append(f"| {oracle} | {n:,} | {truth:.3f} | " + " | ".join(parts) + " |")
    return "\n".join(lines) + "\n"


def said(r: dict[str, Any], least: float) -> str:
    """Mean, bias and error of a cell; the error is bold where none of the line is less."""
    rmse = f"{r['rmse']:.3f}"
    rmse = f"**{rmse}**" if rmse == f"{least:.3f}" else rmse
    return f"{r['mean']:.3f} ({r['bias']:+.3f}, {rmse})"


def relative_bias(r: dict[str, Any]) -> float:
    """Bias over the truth, or over a tenth of a nat where the truth is less."""
    return r["bias"] / max(abs(r["truth"]), LEAST_SCALE)


def percent(share: float) -> str:
    """Whole per cent with a sign, but for zero."""
    whole = round(100 * share)
    return f"{whole:+d}".replace("-", "−") if whole else "0"


def picture(rows: list[dict[str, Any]], *, dark: bool, path: Path) -> None:
    """Heat map of the bias of mutual information by oracle and estimator."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    columns = [c.name for c in FAMILIES["information"].contenders]
    lines = list(dict.fromkeys(r["oracle"] for r in rows))
    table = np.full((len(lines), len(columns)), np.nan)
    for r in rows:
        table[lines.index(r["oracle"]), columns.index(r["estimator"])] = relative_bias(r)
    ink, paper = ("#d8dee4", "#1c2128") if dark else ("#24292f", "#ffffff")
    colours = matplotlib.colors.LinearSegmentedColormap.from_list(
        "bias",
        ["#4c8fd0", paper, "#d9722e"] if dark else ["#2166ac", "#f7f7f7", "#b2541b"],
    )
    settings = {
        "text.color": ink, "axes.labelcolor": ink, "xtick.color": ink, "ytick.color": ink,
        "axes.edgecolor": ink, "svg.hashsalt": "accuracy", "font.size": 9,
    }  # fmt: skip
    with plt.rc_context(settings):
        figure, ax = plt.subplots(figsize=(8.4, 0.29 * len(lines) + 1.1), layout="constrained")
        shown = ax.imshow(table, cmap=colours, vmin=-MOST, vmax=MOST, aspect="auto")
        for (i, j), value in np.ndenumerate(table):
            if np.isfinite(value):
                strong = abs(value) > 0.6 * MOST
                ax.text(j, i, percent(value), ha="center", va="center",
                        color="#ffffff" if strong else ink)  # fmt: skip
        ax.set_xticks(range(len(columns)), [c.replace("_", "\n") for c in columns])
        ax.set_yticks(range(len(lines)), lines)
        ax.xaxis.tick_top()
        ax.tick_params(length=0)
        ax.spines[:].set_visible(False)
        bar = figure.colorbar(shown, ax=ax, extend="both", pad=0.02)
        bar.set_label(f"bias in % of the truth (of {LEAST_SCALE} nats where it is less)")
        bar.set_ticks([-MOST, 0, MOST], labels=[f"−{100 * MOST:.0f}", "0", f"{100 * MOST:.0f}"])
        bar.outline.set_visible(False)
        figure.savefig(path, transparent=True, metadata={"Date": None})
        plt.close(figure)


def write(rows: list[dict[str, Any]]) -> None:
    """Merge new cells into the file, and write the tables and the picture."""
    path = DOCS / "_data" / "accuracy.json"
    known = json.loads(path.read_text())["cells"] if path.exists() else []
    ran = {r["family"] for r in rows}
    everything = [r for r in known if r["family"] not in ran] + rows
    kept = [r for key in FAMILIES for r in everything if r["family"] == key]
    path.write_text(json.dumps({"seed": SEED, "cells": kept}, indent=1) + "\n")
    for key, family in FAMILIES.items():
        mine = [r for r in kept if r["family"] == key]
        if mine:
            text = markdown(mine, [c.name for c in family.contenders])
            path.with_name(f"accuracy-{key}.inc").write_text(f"**{family.title}**\n\n{text}")
    pictured = [r for r in kept if r["family"] == "information" and r["n"] == PICTURED]
    if pictured:
        for mode in ("light", "dark"):
            picture(pictured, dark=mode == "dark", path=DOCS / "_static" / f"accuracy-{mode}.svg")


def main() -> None:
    """Run the families asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replicates", type=int, default=50)
    parser.add_argument("--only", nargs="*", choices=list(FAMILIES), default=list(FAMILIES))
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for key in options.only:
        for name in known_by(FAMILIES[key]):
            for n in SIZES:
                found = cells(key, name, n, options.replicates)
                rows += found
                for r in found:
                    print(
                        f"{key:15} {name:48} {n:5} {r['estimator']:15} truth {r['truth']:+.3f} "
                        f"mean {r['mean']:+.3f} bias {r['bias']:+.3f} rmse {r['rmse']:.3f}",
                        flush=True,
                    )
    write(rows)


if __name__ == "__main__":
    main()
