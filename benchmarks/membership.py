"""Ground truth on membership: train a small language model, and ask every score what it was fed.

    python benchmarks/membership.py [--folder build/membership] [--seeds 0 1 2] [--table]

Trains a model of 1.1 million parameters for each seed (some minutes; what is there is not trained
again), scores members and non-members of one corpus before the first exposure and after each, and
writes docs/_data/membership.json with the tables that docs/membership_evidence.md includes. Before
the first exposure nothing is a member, and every area must be one half.
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

import infometric as im
from infometric.files import write_text
from infometric.llm.audit import welch
from infometric.result import jsonable

DATA = Path(__file__).parents[1] / "docs" / "_data"
FILE = DATA / "membership.json"
EXPOSURES = range(5)
SIZES = (10, 30, 100)  # texts a side of a test of a corpus
DRAWS = 300
ALPHA = 0.01
LEAD, RIVALS = "DC-PDD, adaptive cap", ("loss", "Min-K% .2")

# name in the table: method and its options
SCORES: dict[str, tuple[str, dict[str, Any]]] = {
    "loss": ("loss", {}),
    "zlib": ("zlib", {}),
    "lower case": ("lowercase", {}),
    "reference model": ("reference", {}),
    "neighbours": ("neighbor", {}),
    "Min-K% .1": ("min_k", {"k": 0.1}),
    "Min-K% .2": ("min_k", {"k": 0.2}),
    "Min-K%++ .2": ("min_k_plus_plus", {"k": 0.2}),
    "ReCaLL": ("recall", {}),
    "Con-ReCall": ("con_recall", {}),
    "SURP": ("surp", {}),
    "PMI": ("pmi", {}),
    LEAD: ("dc_pdd", {"cap": "adaptive"}),
    "DC-PDD, cap .001": ("dc_pdd", {"cap": 0.001}),
    "DC-PDD, cap .01": ("dc_pdd", {"cap": 0.01}),
    "DC-PDD, cap .1": ("dc_pdd", {"cap": 0.1}),
    "DC-PDD, no cap": ("dc_pdd", {"cap": None}),
    "DC-PDD, uniform frequencies": ("dc_pdd", {"cap": "adaptive"}),
}


class Exposure:
    """Scores of every token of a seed after so many exposures."""

    def __init__(self, folder: Path, seed: int, exposure: int) -> None:
        with np.load(folder / f"seed{seed}_exposure{exposure}.npz", allow_pickle=False) as file:
            self.arrays = {name: file[name] for name in file.files}
        label = self.arrays["label"]
        self.texts = self.arrays["texts"].tolist()
        self.frequency = im.TokenFrequency.from_counts(self.arrays["counts"])
        self.labels = label[label >= 0]
        self.evaluated = self.tokens(np.flatnonzero(label >= 0), neighbors=True)
        self.calibration = self.tokens(np.flatnonzero(label < 0), neighbors=False)

    def tokens(self, at: Any, neighbors: bool) -> im.TokenScores:
        """Token scores of some of the texts; calibration texts have no perturbed copies."""
        a = self.arrays
        aligned = ("mu", "var", "reference", "nonmember_prefix", "member_prefix")
        lower = [a["lower"][s:e] for s, e in pairwise(a["lower_offsets"])]
        plain = im.TokenScores.from_flat(
            ids=a["ids"], logprob=a["logprob"], offsets=a["offsets"], lower=lower, zlib=a["zlib"],
            bytes=a["bytes"], vocabulary_size=len(a["counts"]), context="bos",
            **{name: a[name] for name in aligned},
        )[at]  # fmt: skip
        if not neighbors:
            return plain
        copies = im.TokenScores.from_lists(logprob=[[-1.0]] * len(at), neighbors=a["neighbors"][at])
        columns = {**plain.columns, "neighbors": copies.columns["neighbors"]}
        return replace(plain, columns=columns)

    def scores(self) -> dict[str, Any]:
        """Score of each evaluated text, by the name in the table."""
        found = {}
        for name, (method, options) in SCORES.items():
            reference = self.frequency
            if "uniform" in name:
                reference = im.TokenFrequency.uniform(len(self.frequency.counts))
            score = im.llm.scores.named_score(method, reference, **options)
            if method == "neighbor":  # learns nothing
                found[name] = score._score({}).value(self.evaluated)
            else:
                found[name] = score.fit(self.calibration).score_samples(self.evaluated)
        return found


def one(folder: Path, seed: int, exposure: int) -> dict[str, Any]:
    """Everything that is asked of one seed after so many exposures."""
    it = Exposure(folder, seed, exposure)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # before the first exposure the reference is the model
        scores = it.scores()
        found = im.llm.evaluate(scores, it.labels, fpr=[0.01, 0.05])
        told = {"seed": seed, "exposure": exposure, "scores": {}, "differences": {}}
        for name, r in found.auc.items():
            rates = {f"tpr at {f:g}": found.tpr[f"{name} at {f:g}"].value for f in (0.01, 0.05)}
            told["scores"][name] = of(r) | rates
        for rival in RIVALS:
            told["differences"][rival] = of(found.differences[f"{rival} - {LEAD}"], sign=-1)
        published = found.differences["loss - DC-PDD, cap .01"]
        told["differences"]["loss, of cap .01"] = of(published, sign=-1)
        told["combined"] = combined(it)
        told["conformal"] = conformal(it)
        told["corpus"] = corpus(scores, it.labels, seed)
        told["caps"] = im.DCPDD(it.frequency).fit(it.calibration).cap_
        told["noise"] = noise(it)
    if exposure == 0:
        told["blind"] = blind(it)
    return jsonable(told)


def of(r: im.Result, sign: int = 1) -> dict[str, float]:
    """Value, error, interval and p-value; of a difference the other way round."""
    low, high = sorted((sign * r.ci.low, sign * r.ci.high))
    return {"value": sign * r.value, "se": r.se, "low": low, "high": high, "p": r.pvalue}


def combined(it: Exposure) -> dict[str, Any]:
    """Area of a combination learned from half of the texts, on the other half."""
    names = ["loss", "zlib", "min_k", "min_k_plus_plus", "surp", "dc_pdd", "pmi"]
    rng = np.random.default_rng(0)
    half = np.zeros(len(it.labels), bool)
    for kind in (0, 1):
        at = rng.permutation(np.flatnonzero(it.labels == kind))
        half[at[: len(at) // 2]] = True
    score = im.CombinedScore(names, reference=it.frequency, random_state=0)
    score.fit(it.evaluated[half], it.labels[half])
    others = im.DCPDD(it.frequency).fit(it.calibration).score_samples(it.evaluated[~half])
    scores = {"combined": score.score_samples(it.evaluated[~half]), LEAD: others}
    found = im.llm.evaluate(scores, it.labels[~half], fpr=[])
    return {name: of(r) for name, r in found.auc.items()}


def conformal(it: Exposure) -> dict[str, Any]:
    """Share of non-members and of members with a small conformal p-value."""
    table = im.DCPDD(it.frequency).fit(it.calibration).estimate(it.evaluated, uncertainty="none")
    return {
        f"{rate:g}": {
            "false": float((table.pvalues[it.labels == 0] <= rate).mean()),
            "true": float((table.pvalues[it.labels == 1] <= rate).mean()),
        }
        for rate in (0.01, 0.05, 0.1)
    }


def noise(it: Exposure) -> dict[str, float]:
    """Share of the variance of each score that is noise of its tokens."""
    kinds = {LEAD: im.DCPDD(it.frequency), "loss": im.LossScore(), "Min-K% .2": im.MinK()}
    return {name: k.fit(it.calibration).state_.noise_share for name, k in kinds.items()}


def corpus(scores: dict[str, Any], labels: Any, seed: int) -> dict[str, Any]:
    """How often a test of a corpus of so many texts finds it, of members and of non-members."""
    rng = np.random.default_rng([seed, 9])
    out: dict[str, Any] = {}
    for name in ("loss", "Min-K% .2", "Min-K%++ .2", LEAD):
        values = scores[name]
        members, others = values[labels == 1], values[labels == 0]
        for size in SIZES:
            power = np.mean([p <= ALPHA for p in draws(rng, members, others, size)])
            false = np.mean([p <= ALPHA for p in draws(rng, others, others, size)])
            out.setdefault(name, {})[str(size)] = {"power": float(power), "false": float(false)}
    return out


def draws(rng: np.random.Generator, suspect: Any, others: Any, size: int) -> Iterator[float]:
    """p-values of random corpora that share no text."""
    for _ in range(DRAWS):
        if suspect is others:
            a, b = rng.choice(others, (2, size), replace=False)
        else:
            a, b = (rng.choice(s, size, replace=False) for s in (suspect, others))
        yield welch(a, b, ALPHA, 0.95, "score", rng).pvalue


def blind(it: Exposure) -> dict[str, Any]:
    """The check without the model: of the random split, and of a split by source."""
    members = [t for t, k in zip(it.texts, it.arrays["label"], strict=True) if k == 1]
    others = [t for t, k in zip(it.texts, it.arrays["label"], strict=True) if k == 0]
    short = sorted(it.texts, key=lambda text: "torch" in text or "tensor" in text.lower())
    by_topic = sum("torch" in t or "tensor" in t.lower() for t in it.texts)
    apart = im.llm.audit_split(short[-by_topic:], short[: len(short) - by_topic][:by_topic])
    return {"random split": of(im.llm.audit_split(members, others)), "by topic": of(apart)}


# --- what is bundled ------------------------------------------------------------------------------


def bundle(folder: Path, path: Path) -> None:
    """Some texts of the first seed after two exposures, as `datasets.load_membership` reads them.

    Members are as likely as non-members to be among them; the texts are not kept.
    """
    with np.load(folder / "seed0_exposure2.npz", allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    rng, label = np.random.default_rng(0), arrays["label"]
    wanted = {1: 300, 0: 300, -1: 400}
    chosen = [rng.choice(np.flatnonzero(label == k), n, replace=False) for k, n in wanted.items()]
    at = np.concatenate([np.sort(part) for part in chosen])
    length = int(arrays["offsets"][1])
    kept = {n: arrays[n].reshape(-1, length)[at] for n in ("ids", "logprob", "mu", "var")}
    kept |= {n: kept[n].astype(np.float16) for n in ("logprob", "mu", "var")}
    kept["ids"] = kept["ids"].astype(np.uint16)
    kept |= {n: arrays[n][at] for n in ("label", "zlib", "bytes")} | {"counts": arrays["counts"]}
    np.savez_compressed(path, **kept)


# --- tables ---------------------------------------------------------------------------------------


def table(heads: list[str], rows: list[list[str]]) -> str:
    """Markdown; the first column is words."""
    rule = ["--", *["--:"] * (len(heads) - 1)]
    return "\n".join(f"| {' | '.join(line)} |" for line in [heads, rule, *rows]) + "\n"


def write(found: dict[str, Any]) -> None:
    """The tables of the page."""
    results = found["results"]

    def at(exposure: int) -> list[dict[str, Any]]:
        return [r for r in results if r["exposure"] == exposure]

    def cell(values: list[float]) -> str:
        numbers = [np.mean(values), *([np.std(values, ddof=1)] if len(values) > 1 else [])]
        # short, and with spaces that do not break: five of them stand beside a name
        return "\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}".join(f"{v:.3f}".lstrip("0") for v in numbers)

    rows = [
        [name, *(cell([r["scores"][name]["value"] for r in at(e)]) for e in EXPOSURES)]
        for name in SCORES
    ]
    rows.append(
        [
            "combined",
            *(cell([r["combined"]["combined"]["value"] for r in at(e)]) for e in EXPOSURES),
        ]
    )
    put("membership-areas", table(["score", *map(str, EXPOSURES)], rows))
    for e in EXPOSURES:
        put(f"membership-intervals-{e}", interval_table(at(e)))
    rows = [
        difference_row(rival, e, [r["differences"][rival] for r in at(e)])
        for rival in results[0]["differences"]
        for e in EXPOSURES[1:]
    ]
    seeds = [f"seed {r['seed']}" for r in at(0)]
    heads = ["compared with", "exposures", *seeds, "all seeds", "95 % interval"]
    put("membership-differences", table(heads, rows))
    names = list(results[0]["corpus"])
    rows = [
        [f"{name}, {size} texts",
         *(f"{np.mean([r['corpus'][name][str(size)]['power'] for r in at(e)]):.2f}"
           for e in EXPOSURES),
         f"{np.mean([r['corpus'][name][str(size)]['false'] for r in results]):.3f}"]
        for name in names for size in SIZES
    ]  # fmt: skip
    put("membership-corpora", table(["corpus", *map(str, EXPOSURES), "false, all"], rows))
    rows = [
        [name, *(cell([r["scores"][name]["tpr at 0.01"] for r in at(e)]) for e in EXPOSURES)]
        for name in (LEAD, "DC-PDD, cap .01", "Min-K% .1", "Min-K% .2", "Min-K%++ .2", "loss",
                     "reference model")
    ]  # fmt: skip
    put("membership-rates", table(["score", *map(str, EXPOSURES)], rows))
    put("membership-noise", noise_text(results))
    put("membership-null-count", null_count(at(0)))
    rows = [
        [f"p at most {rate}",
         *(f"{np.mean([r['conformal'][rate]['true'] for r in at(e)]):.3f}" for e in EXPOSURES),
         f"{np.mean([r['conformal'][rate]['false'] for r in results]):.4f}"]
        for rate in results[0]["conformal"]
    ]  # fmt: skip
    put("membership-conformal", table(["members with", *map(str, EXPOSURES), "non-members"], rows))


def difference_row(rival: str, exposures: int, found: list[dict[str, float]]) -> list[str]:
    """Differences of the seeds, and of their mean: seeds are independent."""
    values = [d["value"] for d in found]
    mean, se = np.mean(values), np.sqrt(sum(d["se"] ** 2 for d in found)) / len(found)
    ends = f"{mean - 1.96 * se:+.3f} to {mean + 1.96 * se:+.3f}"
    seeds = [f"{d['value']:+.3f}{'' if d['p'] < 0.05 else ' (n.s.)'}" for d in found]
    return [rival, str(exposures), *seeds, f"{mean:+.3f}", ends]


def interval_table(found: list[dict[str, Any]]) -> str:
    """Areas with their intervals, by seed; bold where one should be one half and is not."""
    rows = []
    for name in SCORES:
        cells = []
        for r in found:
            s = r["scores"][name]
            known = s["low"] is not None and s["se"]
            text = f"{s['value']:.3f}, {s['low']:.3f} to {s['high']:.3f}" if known else "the model"
            outside = known and not r["exposure"] and not s["low"] <= 0.5 <= s["high"]
            cells.append(f"**{text}**" if outside else text)
        rows.append([name, *cells])
    return table(["score", *(f"seed {r['seed']}" for r in found)], rows)


def null_count(found: list[dict[str, Any]]) -> str:
    """How many of the areas are where they should be."""
    known = [s for r in found for s in r["scores"].values() if s["low"] is not None and s["se"]]
    holds = sum(s["low"] <= 0.5 <= s["high"] for s in known)
    far = max(abs(s["value"] - 0.5) / s["se"] for s in known)
    blind = ", ".join(f"{r['blind']['random split']['value']:.3f}" for r in found)
    topic = ", ".join(f"{r['blind']['by topic']['value']:.3f}" for r in found)
    return (
        f"{holds} of {len(known)} intervals hold one half; at 95 %, {0.95 * len(known):.0f} are "
        f"expected to, and scores of one seed are of the same texts, so that they stray together. "
        f"The farthest area is {far:.1f} standard errors away. The check without the model has "
        f"areas of {blind}; of the split by topic {topic}.\n"
    )


def noise_text(results: list[dict[str, Any]]) -> str:
    """Share of token noise of three scores."""
    names = list(results[0]["noise"])
    means = {n: np.mean([r["noise"][n] for r in results]) for n in names}
    told = ", ".join(f"{100 * v:.0f} % ({n})" for n, v in means.items())
    return (
        "Of the variance of a score between calibration texts, the noise of the 64 tokens of a "
        f"text explains {told}: two texts with different scores may differ by little else.\n"
    )


def put(name: str, text: str) -> None:
    write_text(DATA / f"{name}.inc", text)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--folder", type=Path, default=Path("build/membership"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--corpora", action="store_true", help="only ask of corpora anew")
    parser.add_argument("--table", action="store_true", help="only write the tables anew")
    parser.add_argument("--bundle", type=Path, help="write the bundled data set there, and no more")
    options = parser.parse_args()
    if options.bundle:
        bundle(options.folder, options.bundle)
        return
    if options.corpora:
        found = json.loads(FILE.read_text())
        for told in found["results"]:
            it = Exposure(options.folder, told["seed"], told["exposure"])
            told["corpus"] = corpus(it.scores(), it.labels, told["seed"])
        write_text(FILE, json.dumps(found, indent=1, allow_nan=False) + "\n")
    elif not options.table:
        from membership_model import run  # torch, where there is something to train

        results, facts = [], []
        for seed in options.seeds:
            run(seed, options.folder)
            facts.append(json.loads((options.folder / f"seed{seed}.json").read_text()))
            for exposure in EXPOSURES:
                results.append(one(options.folder, seed, exposure))
                print(seed, exposure, results[-1]["scores"][LEAD]["value"], flush=True)
        found = {"facts": facts, "results": results}
        write_text(FILE, json.dumps(found, indent=1, allow_nan=False) + "\n")
    write(json.loads(FILE.read_text()))


if __name__ == "__main__":
    main()
