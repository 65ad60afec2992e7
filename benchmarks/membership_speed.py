"""Speed of the membership scores beside the usual loop over texts, in one run.

    python benchmarks/membership_speed.py [--texts 1000000] [--repeats 3]

A million texts of 144 tokens, token numbers by Zipf's law of 50,000. Each contestant is a process
of its own with one thread; CPU seconds are of the work after its data are in memory, the least of
the repeats. The loops run on a twentieth of the texts, and their time is multiplied. Writes
docs/_data/membership_speed.json and the table that docs/benchmarks.md includes.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from infometric.files import write_text

DATA = Path(__file__).parents[1] / "docs" / "_data"
LENGTH, VOCABULARY = 144, 50_000
PART = 20  # the loops run on one text in so many

SETUP = """
import json, resource, sys, time
import numpy as np
folder, n, length, vocabulary, part = "{folder}", {n}, {length}, {vocabulary}, {part}
ids, logprob = (np.load(folder + "/" + name + ".npy") for name in ("ids", "logprob"))
counts = np.load(folder + "/counts.npy")
def timed(work, times=1.0):
    start = time.process_time()
    found = work()
    cpu = times * (time.process_time() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({{"cpu": cpu, "peak_mib": peak, "check": float(found)}}))
"""
OURS = (
    SETUP
    + """
import infometric as im
from infometric.functional.membership import DCPDD, MinK
offsets = np.arange(n + 1) * length
tokens = im.TokenScores.from_flat(ids=ids, logprob=logprob, offsets=offsets)
frequency = im.TokenFrequency.from_counts(counts)
"""
)
LOOP = (
    SETUP
    + """
few = n // part
ids, logprob = ids.reshape(n, length)[:few], logprob.reshape(n, length)[:few].astype(np.float64)
q = (counts + 1) / (counts + 1).sum()
"""
)
FILE = """
import json, resource, time
import infometric as im
frequency = im.TokenFrequency.load("{folder}/frequency.npz")
score = im.DCPDD(frequency, cap=0.01).fit("{folder}/calibration.parquet")
start = time.process_time()
found = score.score_samples("{folder}/texts.parquet")
cpu = time.process_time() - start
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({{"cpu": cpu, "peak_mib": peak, "check": float(found[:1000].mean())}}))
"""
# what it is, and its program; a loop's time is multiplied
CONTESTANTS: dict[str, dict[str, str]] = {
    "DC-PDD": {
        "infometric, extra fast": OURS
        + """
functional = DCPDD(frequency.log_q, cap=0.01, engine="numba")
functional.value(tokens[:1000])
timed(lambda: functional.value(tokens)[:1000].mean())
""",
        "infometric, numpy": OURS
        + """
functional = DCPDD(frequency.log_q, cap=0.01, engine="numpy")
timed(lambda: functional.value(tokens)[:1000].mean())
""",
        "loop over texts, numpy inside": LOOP
        + """
def work():
    out = []
    for x, lp in zip(ids, logprob):
        first = np.sort(np.unique(x, return_index=True)[1])
        out.append(np.minimum(-np.exp(lp) * np.log(q[x]), 0.01)[first].mean())
    return np.mean(out[:1000])
timed(work, part)
""",
        "loop over texts and tokens": LOOP
        + """
import math
minus_log_q = (-np.log(q)).tolist()
def work():
    out = []
    for x, lp in zip(ids.tolist(), logprob.tolist()):
        seen, terms = [], []
        for token, value in zip(x, lp):
            if token not in seen:
                seen.append(token)
                terms.append(min(math.exp(value) * minus_log_q[token], 0.01))
        out.append(sum(terms) / len(terms))
    return np.mean(out[:1000])
timed(work, part)
""",
    },
    "DC-PDD out of a Parquet file": {"infometric": FILE},
    "DC-PDD, interval and p-value of each text": {
        "infometric": OURS
        + """
score = im.DCPDD(frequency, cap=0.01).fit(tokens[:1000])
timed(lambda: score.estimate(tokens).values_array[:1000].mean())
""",
    },
    "Min-K%": {
        "infometric": OURS
        + """
functional = MinK(0.2)
timed(lambda: functional.value(tokens)[:1000].mean())
""",
        "loop over texts, numpy inside": LOOP
        + """
def work():
    k = int(0.2 * length)
    out = [np.sort(lp)[:k].mean() for lp in logprob]
    return np.mean(out[:1000])
timed(work, part)
""",
    },
    "frequencies": {
        "infometric": OURS
        + """
timed(lambda: im.TokenFrequency().fit(tokens).counts[0])
""",
        "loop over tokens": LOOP
        + """
from collections import Counter
def work():
    found = Counter()
    for x in ids.tolist():
        found.update(x)
    return part * found[0]
timed(work, part)
""",
    },
}


def prepare(folder: Path, n: int) -> None:
    """Arrays and files of the texts."""
    import numpy as np

    rng = np.random.default_rng(0)
    share = 1 / np.arange(1, VOCABULARY + 1)
    share = np.cumsum(share / share.sum())
    ids = np.searchsorted(share, rng.random(n * LENGTH, dtype=np.float32)).astype(np.int32)
    np.minimum(ids, VOCABULARY - 1, out=ids)
    logprob = -rng.standard_exponential(n * LENGTH, dtype=np.float32) * 3
    counts = rng.poisson(1e7 * np.diff(share, prepend=0))
    for name, array in (("ids", ids), ("logprob", logprob), ("counts", counts)):
        np.save(folder / f"{name}.npy", array)
    files(folder, ids, logprob, counts)


def files(folder: Path, ids: Any, logprob: Any, counts: Any) -> None:
    """The same as Parquet, of row groups of 20,000 texts."""
    import pyarrow as pa
    from pyarrow import parquet

    import infometric as im

    def lists(values: Any) -> Any:
        return pa.FixedSizeListArray.from_arrays(values, LENGTH).cast(pa.list_(values.type))

    whole = pa.table({"ids": lists(pa.array(ids)), "logprob": lists(pa.array(logprob))})
    parquet.write_table(whole, folder / "texts.parquet", row_group_size=20_000)
    parquet.write_table(whole.slice(0, 1000), folder / "calibration.parquet")
    im.TokenFrequency.from_counts(counts).save(folder / "frequency.npz")


def ran(program: str, **values: Any) -> dict[str, float]:
    """What a contestant says, in a process of its own."""
    one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
    done = subprocess.run(
        [sys.executable, "-c", program.format(**values)], capture_output=True, text=True,
        check=True, env=os.environ | one,
    )  # fmt: skip
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def tokenized() -> dict[str, float]:
    """Seconds to tokenise some megabytes of text, and to count what came of it."""
    import time

    from membership_corpus import corpus

    import infometric as im

    texts = corpus(Path("build/membership"))
    documents = texts.texts * 3
    start = time.process_time()
    ids = [found.ids for found in texts.tokenizer.encode_batch(documents)]
    between = time.process_time()
    im.TokenFrequency().fit(ids)
    end = time.process_time()
    size = sum(len(text.encode()) for text in documents) / 1e6
    return {"megabytes": size, "tokenize": between - start, "count": end - between}


def write(found: dict[str, Any]) -> None:
    """Table of the page."""
    lines = [
        "| task | contestant | CPU seconds | beside ours | peak memory, MiB |",
        "|--|--|--:|--:|--:|",
    ]
    for task, contestants in found["tasks"].items():
        best = min(c["cpu"] for c in contestants.values())
        for name, c in contestants.items():
            beside = "1" if c["cpu"] == best else f"{c['cpu'] / best:.1f} ×"
            lines.append(f"| {task} | {name} | {c['cpu']:.2f} | {beside} | {c['peak_mib']:,.0f} |")
    write_text(DATA / "membership-speed.inc", "\n".join(lines) + "\n")
    t = found["tokenizer"]
    write_text(
        DATA / "membership-tokenizer.inc",
        f"{t['megabytes']:.1f} MB of text take {t['tokenize']:.2f} CPU seconds to tokenise, and "
        f"their tokens {t['count']:.3f} to count, from lists of Python.\n",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--texts", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--prepare", type=Path, help="write the data there, and no more")
    options = parser.parse_args()
    if options.prepare:
        prepare(options.prepare, options.texts)
        return
    tasks: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as folder:
        # in a process of its own: a child's peak memory starts at that of its parent
        given = ["--texts", str(options.texts), "--prepare", folder]
        subprocess.run([sys.executable, __file__, *given], check=True)
        values = {"folder": folder, "n": options.texts, "length": LENGTH, "part": PART}
        for _ in range(options.repeats):  # contestants take turns
            for task, contestants in CONTESTANTS.items():
                for name, program in contestants.items():
                    new = ran(program, vocabulary=VOCABULARY, **values)
                    old = tasks.setdefault(task, {}).get(name)
                    if old is None or new["cpu"] < old["cpu"]:
                        tasks[task][name] = new
                    print(task, name, new, flush=True)
    for task in ("DC-PDD", "Min-K%"):  # all contestants find the same
        checks = [c["check"] for c in tasks[task].values()]
        if max(checks) - min(checks) > 1e-7:
            raise SystemExit(f"{task}: contestants differ: {checks}")
    found = {
        "texts": options.texts, "length": LENGTH, "machine": platform.processor(),
        "tasks": tasks, "tokenizer": tokenized(),
    }  # fmt: skip
    write_text(DATA / "membership_speed.json", json.dumps(found, indent=1) + "\n")
    write(found)


if __name__ == "__main__":
    main()
