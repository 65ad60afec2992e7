"""Whether the evidence on membership holds what it says, by simulation.

    python benchmarks/calibration_membership.py [--splits 200] [--quick]

Texts are simulated with what real ones have: lengths of their own, levels that differ between
texts, tokens that depend on those before. Nothing is a member, so that every alarm is false.
Writes docs/_data/calibration_membership.json and the tables that docs/calibration.md includes.
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import log_ndtr, ndtri

import infometric as im
from infometric.files import write_text
from infometric.llm.audit import welch

DATA = Path(__file__).parents[1] / "docs" / "_data"
SCORES: dict[str, tuple[str, dict[str, Any]]] = {
    "loss": ("loss", {}),
    "Min-K%": ("min_k", {}),
    "Min-K%++": ("min_k_plus_plus", {}),
    "DC-PDD, adaptive cap": ("dc_pdd", {}),
    "DC-PDD, cap .01": ("dc_pdd", {"cap": 0.01}),
}
VOCABULARY = 4000
RATES = (0.01, 0.05)
# log-probabilities of standard normal noise: as of models, and with tails that are heavier
TAILS = {
    "exponential": lambda noise: 2.5 * log_ndtr(-noise),
    "log-normal": lambda noise: -np.exp(0.3 + 1.2 * noise),
}


def texts(rng: np.random.Generator, n: int, lengths: tuple[int, int] = (32, 256)) -> Any:
    """Token scores of n texts: levels between them, dependence within."""
    sizes = rng.integers(*lengths, n)
    width = int(sizes.max())
    noise = rng.normal(size=(n, width))
    for i in range(1, width):
        noise[:, i] = 0.3 * noise[:, i - 1] + np.sqrt(1 - 0.09) * noise[:, i]
    level = 0.5 * rng.normal(size=(n, 1))
    logprob = -np.exp(0.3 + level + 1.2 * noise)
    mu = -np.exp(0.4 + level + 0.5 * rng.normal(size=(n, width)))
    var = np.exp(0.3 * rng.normal(size=(n, width)))
    share = 1 / np.arange(1, VOCABULARY + 1)
    ids = rng.choice(VOCABULARY, (n, width), p=share / share.sum())
    mask = np.arange(width) < sizes[:, None]
    return im.TokenScores.from_padded(ids=ids, logprob=logprob, mu=mu, var=var, mask=mask)


def frequency(rng: np.random.Generator) -> im.TokenFrequency:
    """Of a corpus of its own."""
    return im.TokenFrequency(vocabulary_size=VOCABULARY).fit(texts(rng, 2000))


def made(name: str, q: im.TokenFrequency) -> Any:
    """Estimator of a line of the table."""
    method, options = SCORES[name]
    return im.llm.scores.named_score(method, q, **options)


# --- false positives ------------------------------------------------------------------------------


def false_positives(splits: int) -> list[dict[str, Any]]:
    """Share of new non-members that is flagged, over calibrations and new texts."""
    rng = np.random.default_rng(1)
    q = frequency(rng)
    found: dict[tuple[str, int, float], list[float]] = {}
    for _ in range(splits):
        pool = texts(rng, 2000)
        for n in (100, 500, 1000):
            for name in SCORES:
                score = made(name, q).fit(pool[:n])
                new = score.estimate(pool[n:], uncertainty="none")
                for rate in RATES:
                    flagged = new.pvalues <= rate
                    found.setdefault((name, n, rate), []).append(float(flagged.mean()))
    return [
        {"score": name, "n": n, "rate": rate, "mean": float(np.mean(v)), "sd": float(np.std(v))}
        for (name, n, rate), v in found.items()
    ]


# --- areas ----------------------------------------------------------------------------------------


def areas(draws: int) -> list[dict[str, Any]]:
    """Coverage of DeLong's interval of an area, and of a difference of two."""
    rng = np.random.default_rng(2)
    out = []
    for area in (0.5, 0.6, 0.75, 0.9):
        for members, others in ((50, 200), (100, 100), (500, 500)):
            held = [one_area(rng, area, members, others) for _ in range(draws)]
            one, gap, p = np.mean(held, axis=0).tolist()
            out.append({"area": area, "members": members, "non_members": others, "covers": one,
                        "difference_covers": gap, "difference_rejects": p})  # fmt: skip
    return out


def one_area(
    rng: np.random.Generator, area: float, members: int, others: int
) -> tuple[bool, bool, bool]:
    """Whether both intervals hold the truth, and whether the test of equal areas rejects."""
    y = np.repeat([1, 0], [members, others])
    shared = rng.normal(size=len(y))
    shift = np.sqrt(2) * ndtri(area) * y
    first, second = (0.8 * shared + 0.6 * rng.normal(size=len(y)) + shift for _ in range(2))
    found = im.llm.evaluate({"a": first, "b": second}, y, fpr=[])
    one, gap = found.auc["a"].ci, found.differences["a - b"]
    return one.low <= area <= one.high, gap.ci.low <= 0 <= gap.ci.high, gap.pvalue <= 0.05


# --- the noise of tokens --------------------------------------------------------------------------


def token_noise(n: int) -> list[dict[str, Any]]:
    """Coverage of the interval of a text, of the score of an endless text of its kind."""
    rng = np.random.default_rng(3)
    warnings.simplefilter("ignore")  # of texts shorter than the endless one
    q = frequency(rng)
    out = []
    for tails in TAILS:
        endless = chain(rng, 20, 100_000, tails)
        for name in ("loss", "Min-K%", "Min-K%++", "DC-PDD, cap .01"):
            score = made(name, q)
            score.set_params(**({"first": False} if "DC-PDD" in name else {}))
            score.fit(endless)
            truth = float(score.score_samples(endless).mean())
            for length in (32, 64, 144, 512):
                found = score.estimate(chain(rng, n, length, tails)).columns
                held = float(((found.low <= truth) & (truth <= found.high)).mean())
                out.append({"tails": tails, "score": name, "tokens": length, "covers": held})
    return out


def chain(rng: np.random.Generator, n: int, length: int, tails: str) -> Any:
    """Texts of one level: all that sets them apart are their tokens."""
    noise = rng.normal(size=(n, length))
    for i in range(1, length):
        noise[:, i] = 0.3 * noise[:, i - 1] + np.sqrt(1 - 0.09) * noise[:, i]
    share = 1 / np.arange(1, VOCABULARY + 1)
    ids = rng.choice(VOCABULARY, (n, length), p=share / share.sum())
    mu = -np.exp(0.4 + 0.5 * rng.normal(size=(n, length)))
    return im.TokenScores.from_flat(
        ids=ids.ravel(), logprob=TAILS[tails](noise).ravel(), mu=mu.ravel(),
        var=np.exp(0.3 * rng.normal(size=n * length)), offsets=np.arange(n + 1) * length,
    )  # fmt: skip


# --- corpora --------------------------------------------------------------------------------------


def corpora(draws: int) -> list[dict[str, Any]]:
    """How often the test of a corpus rejects where nothing is a member."""
    rng = np.random.default_rng(4)
    q = frequency(rng)
    pool = texts(rng, 20_000)
    out = []
    for name in SCORES:
        scores = made(name, q).fit(pool[:1000]).score_samples(pool)
        for sizes in ((10, 10), (30, 30), (100, 100), (5, 100), (10, 100), (30, 300)):
            pvalues = np.array(list(tests(rng, scores, sizes, draws)))
            out.append({"score": name, "texts": sizes} | {
                f"{alpha:g}": float((pvalues <= alpha).mean()) for alpha in RATES
            })  # fmt: skip
    return out


def tests(
    rng: np.random.Generator, scores: Any, sizes: tuple[int, int], draws: int
) -> Iterator[float]:
    """p-values of two random corpora."""
    for _ in range(draws):
        both = rng.choice(scores, sum(sizes), replace=False)
        yield welch(both[: sizes[0]], both[sizes[0] :], 0.01, 0.95, "score", rng).pvalue


def blind(draws: int) -> list[dict[str, Any]]:
    """How often the check without a model raises a false alarm on a random split."""
    rng = np.random.default_rng(5)
    out = []
    for size in (50, 200, 700):
        told = []
        for _ in range(draws):
            pool = texts(rng, 2 * size, (32, 96))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                told.append(im.llm.audit_split(pool[:size], pool[size:]))
        verdicts = [r.diagnostics["verdict"] for r in told]
        out.append({
            "texts": size, "area": float(np.mean([r.value for r in told])),
            "holds": float(np.mean([r.ci.low <= 0.5 <= r.ci.high for r in told])),
            "alarms": verdicts.count("told apart") / draws,
            "undecided": verdicts.count("undecided") / draws,
        })  # fmt: skip
    return out


# --- tables ---------------------------------------------------------------------------------------


def table(heads: list[str], rows: list[list[str]]) -> str:
    """Markdown; the first column is words."""
    rule = ["--", *["--:"] * (len(heads) - 1)]
    return "\n".join(f"| {' | '.join(line)} |" for line in [heads, rule, *rows]) + "\n"


def write(found: dict[str, list[dict[str, Any]]]) -> None:
    """The tables of the page."""
    flagged = found["false_positives"]
    sizes = sorted({r["n"] for r in flagged})
    rows = []
    for name in dict.fromkeys(r["score"] for r in flagged):
        cells = [
            next(r["mean"] for r in flagged if (r["score"], r["n"], r["rate"]) == (name, n, rate))
            for n in sizes
            for rate in RATES
        ]
        rows.append([name, *(f"{v:.4f}" for v in cells)])
    heads = ["score", *(f"{rate:g}, n = {n:,}" for n in sizes for rate in RATES)]
    put("calibration-membership-rates", table(heads, rows))
    heads = ["area", "members + others", "area covers", "difference covers", "equal areas rejected"]
    rows = [
        [f"{r['area']:g}", f"{r['members']} + {r['non_members']}",
         *(f"{r[k]:.3f}" for k in ("covers", "difference_covers", "difference_rejects"))]
        for r in found["areas"]
    ]  # fmt: skip
    put("calibration-membership-areas", table(heads, rows))
    noise = found["token_noise"]
    lengths = sorted({r["tokens"] for r in noise})
    rows = [
        [f"{name}, {tails}",
         *(f"{r['covers']:.3f}" for r in noise if (r["score"], r["tails"]) == (name, tails))]
        for tails in dict.fromkeys(r["tails"] for r in noise)
        for name in dict.fromkeys(r["score"] for r in noise)
    ]  # fmt: skip
    heads = ["score, law of a token", *(f"{n} tokens" for n in lengths)]
    put("calibration-membership-tokens", table(heads, rows))
    by_size = {tuple(r["texts"]): [] for r in found["corpora"]}
    for r in found["corpora"]:
        by_size[tuple(r["texts"])].append(r)
    rows = [
        [f"{a} + {b}", f"{alpha:g}", *(f"{r[f'{alpha:g}']:.4f}" for r in lines)]
        for (a, b), lines in by_size.items()
        for alpha in RATES
    ]
    heads = ["suspect + reference", "size", *dict.fromkeys(r["score"] for r in found["corpora"])]
    put("calibration-membership-corpora", table(heads, rows))
    rows = [
        [str(r["texts"]), *(f"{r[k]:.3f}" for k in ("area", "holds", "alarms", "undecided"))]
        for r in found["blind"]
    ]
    heads = ["texts a side", "mean area", "interval holds .5", "told apart", "undecided"]
    put("calibration-membership-blind", table(heads, rows))


def put(name: str, text: str) -> None:
    write_text(DATA / f"{name}.inc", text)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--splits", type=int, default=200)
    parser.add_argument("--only", help="make one part anew: corpora, say")
    parser.add_argument("--quick", action="store_true", help="a smoke test; writes nothing")
    options = parser.parse_args()
    few = 3 if options.quick else None
    parts = {
        "false_positives": lambda: false_positives(few or options.splits),
        "areas": lambda: areas(few or 8000),
        "token_noise": lambda: token_noise(50 if few else 4000),
        "corpora": lambda: corpora(few or 1000),
        "blind": lambda: blind(few or 200),
    }
    path = DATA / "calibration_membership.json"
    found = json.loads(path.read_text()) if options.only else {}
    found |= {name: made() for name, made in parts.items() if options.only in (None, name)}
    if options.quick:
        print(json.dumps(found, indent=1))
        return
    text = json.dumps({"splits": options.splits} | found, indent=1, allow_nan=False)
    write_text(path, text + "\n")
    write(found)


if __name__ == "__main__":
    main()
