"""Encodings compared on applicants of a known truth and on the card data: the table of the docs.

Run: ``python benchmarks/encodings.py``; writes ``docs/_data/encodings.inc``, about two minutes.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import pandas as pd

import infometric as im
from infometric.datasets import load_credit_card, make_credit_applicants
from infometric.files import write_text

OUT = Path(__file__).parents[1] / "docs/_data/encodings.inc"
ROUNDS = (10, 50, 100)
SEEDS = range(5)
MODELS = {"one_hot": "one-hot", "woe": "WoE", "boosted_stumps": "boosted stumps"}
# Sudjianto and Burakov (2025), Table 1: train, test
PUBLISHED = {
    10: {"one_hot": (0.818, 0.826), "woe": (0.813, 0.819), "boosted_stumps": (0.816, 0.821)},
    50: {"one_hot": (0.829, 0.839), "woe": (0.816, 0.823), "boosted_stumps": (0.831, 0.840)},
    100: {"one_hot": (0.829, 0.839), "woe": (0.816, 0.823), "boosted_stumps": (0.831, 0.840)},
}


def compared(frame: pd.DataFrame, target: str, rounds: int, seed: int) -> im.EncodingComparison:
    binning = im.StumpBinning(rounds=rounds)
    return im.compare_encodings(
        frame, target, binning=binning, rounds=rounds, test_size=0.3, rng=seed
    )


def published() -> list[str]:
    lines = [
        "| rounds | model | published, train / test | here, train / test |",
        "|--:|--|--|--|",
    ]
    for rounds in ROUNDS:
        areas = []
        for seed in SEEDS:
            frame = make_credit_applicants(20_000, rng=seed).drop(columns="group")
            areas.append(compared(frame, "default", rounds, seed).to_frame()["auc"])
        mean = pd.concat(areas, axis=1).mean(axis=1)
        for model, name in MODELS.items():
            theirs = " / ".join(f"{v:.3f}" for v in PUBLISHED[rounds][model])
            mine = " / ".join(f"{mean[model, sample]:.3f}" for sample in ("train", "test"))
            lines.append(f"| {rounds} | {name} | {theirs} | {mine} |")
    return lines


def cards() -> list[str]:
    frame = load_credit_card().drop(columns="ID")
    lines = [
        "| rounds | model | AUC, train | AUC, test | Gini | KS | Brier score | slope |",
        "|--:|--|--|--|--|--|--|--|",
    ]
    gaps = []
    for rounds in ROUNDS:
        found = compared(frame, "default.payment.next.month", rounds, 0)
        table = found.to_frame()
        for model, name in MODELS.items():
            train, test = table.loc[(model, "train")], table.loc[(model, "test")]
            lines.append(
                f"| {rounds} | {name} | {train.auc:.3f} | {test.auc:.3f} "
                f"[{test.auc_ci_low:.3f}, {test.auc_ci_high:.3f}] | {test.gini:.3f} | "
                f"{test.ks_statistic:.3f} | {test.brier_score:.4f} | "
                f"{test.calibration_slope:.2f} |"
            )
        for pair, r in found.differences.items():
            first, second = (MODELS[m] for m in pair.split(" - "))
            gaps.append(
                f"| {rounds} | {first} less {second} | {1000 * r.value:.1f} | "
                f"[{1000 * r.ci.low:.1f}, {1000 * r.ci.high:.1f}] | {r.pvalue:.2g} |"
            )
    head = ["| rounds | difference of areas | in thousandths | 95 % interval | p |",
            "|--:|--|--|--|--|"]  # fmt: skip
    return [*lines, "", "Differences on the same 9,000 clients, by DeLong's covariance:", "",
            *head, *gaps]  # fmt: skip


def main() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        lines = ["### Applicants of a known truth", "", *published(), "", "### Card clients", ""]
        lines += cards()
    write_text(OUT, "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
