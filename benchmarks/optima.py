"""Do optimal bins attain the optimum? Information values beside optbinning's, on the same pre-bins.

    python benchmarks/optima.py --peer-python PATH

Each numeric column of the card data and of the German credit data is cut into pre-bins by
quantiles; both programs get these edges, at most eight bins, at least five per cent of the rows in
a bin, and the same order of event rates. The value of either's cuts is computed by one formula.
Writes docs/_data/optima.inc.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import infometric as im
from infometric.state.encoders import quantile_edges

OUT = Path(__file__).parents[1] / "docs" / "_data"
TRENDS = {
    "auto": "auto_asc_desc", "ascending": "ascending", "descending": "descending",
    "peak": "peak", "valley": "valley", None: None,
}  # fmt: skip
CLOSE = 1e-9

PEER = """
import json, sys, time, warnings
warnings.simplefilter("ignore")
import numpy as np, pandas as pd
from optbinning import OptimalBinning
task = json.load(open(sys.argv[1]))
frame = pd.read_parquet(task["path"])
y = frame.pop("y").to_numpy()
out = []
for job in task["jobs"]:
    start = time.process_time()
    try:
        model = OptimalBinning(
            dtype="numerical", monotonic_trend=job["trend"], max_n_bins=8, min_bin_size=0.05,
            user_splits=np.array(job["edges"]), min_bin_n_event=1, min_bin_n_nonevent=1,
        ).fit(frame[job["column"]].to_numpy(), y)
        found = {"splits": list(map(float, model.splits)), "status": model.status}
    except Exception as error:
        found = {"splits": None, "status": type(error).__name__ + ": " + str(error)[:80]}
    out.append(found | {"cpu": time.process_time() - start})
json.dump(out, open(sys.argv[2], "w"))
"""


def data() -> dict[str, tuple[pd.DataFrame, np.ndarray]]:
    """Numeric columns and the target of both data sets."""
    card = im.datasets.load_credit_card()
    german = im.datasets.load_german_credit()
    found = {}
    for name, frame, target in (
        ("card", card, "default.payment.next.month"),
        ("german", german, next(c for c in german.columns if german[c].nunique() == 2
                                and c in ("creditability", "class", "target", "credit_risk"))),
    ):  # fmt: skip
        y = frame[target]
        event = (y == sorted(y.unique(), key=str)[-1]).to_numpy().astype(int)
        numbers = frame.drop(columns=[target, "ID"], errors="ignore").select_dtypes("number")
        found[name] = numbers, event
    return found


def value(x: np.ndarray, y: np.ndarray, edges: list[float]) -> float:
    """Information value of the cells between given edges, in nats."""
    cells = np.searchsorted(edges, x, side="right")
    g, b = (np.bincount(cells[y == k], minlength=len(edges) + 1) for k in (0, 1))
    p, q = g / g.sum(), b / b.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.nansum((p - q) * np.log(p / q)))


def check(x: np.ndarray, y: np.ndarray, edges: list[float], trend: Any) -> None:
    """Error where cuts break the rules: seen from the rows, by code of its own."""
    cells = np.searchsorted(edges, x, side="right")
    table = np.array([np.bincount(cells[y == k], minlength=len(edges) + 1) for k in (0, 1)])
    steps = np.sign(np.diff(table[1] / table.sum(0)))
    turns = {"ascending": (1,), "descending": (-1,), "peak": (1, -1), "valley": (-1, 1)}
    allowed = [turns[trend]] if trend in turns else [(1,), (-1,)] if trend == "auto" else []
    kept = [
        s for s, before in zip(steps, [0, *steps][: len(steps)], strict=True) if s and s != before
    ]
    ordered = not allowed or any(_within(kept, list(some)) for some in allowed)
    sized = table.sum(0).min() >= min(0.05 * len(x), len(x)) and (table >= 1).all()
    if len(edges) and not (ordered and sized and len(edges) < 8):
        raise SystemExit(f"These cuts break the rules: {edges}, {trend}, {table.tolist()}")


def _within(found: list[float], allowed: list[float]) -> bool:
    """Whether signs come in an order that is allowed, some left out."""
    for sign in found:
        if sign not in allowed:
            return False
        allowed = allowed[allowed.index(sign) :]
    return True


def ours(x: np.ndarray, y: np.ndarray, edges: list[float], trend: Any) -> tuple[Any, float]:
    """Our cuts, and the CPU seconds they took."""
    start = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        binning = im.OptimalBinning(
            prebins=edges, max_bins=8, min_bin_size=0.05, monotonic=trend, min_events=1
        ).fit(x, y)
    (encoder,) = binning.encoders_.values()
    return list(encoder.edges), time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description="Optimal bins beside optbinning's.")
    parser.add_argument("--peer-python", required=True)
    parser.add_argument("--prebins", type=int, nargs="*", default=[20, 50])
    options = parser.parse_args()
    lines = [
        "| data, pre-bins | order | columns | equal | greater | less | largest gain, nats "
        "| CPU s | optbinning |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, (frame, y) in data().items():
        for prebins in options.prebins:
            for trend, theirs in TRENDS.items():
                if prebins > 20 and trend in ("peak", "valley"):
                    continue  # a minute of the peer's time, each
                line = compare(name, frame, y, prebins, trend, theirs, options.peer_python)
                print(line, flush=True)
                lines.append(line)
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "optima.inc").write_text("\n".join(lines) + "\n")


def compare(
    name: str, frame: pd.DataFrame, y: np.ndarray, prebins: int, trend: Any, theirs: Any, peer: str
) -> str:
    """One row of the table."""
    jobs = []
    for column in frame:
        edges = list(quantile_edges(frame[column].to_numpy(float), prebins))
        if edges:
            jobs.append({"column": column, "edges": edges, "trend": theirs})
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/frame.parquet"
        frame.assign(y=y).to_parquet(path)
        Path(folder, "task.json").write_text(json.dumps({"path": path, "jobs": jobs}))
        command = [peer, "-c", PEER, f"{folder}/task.json", f"{folder}/out.json"]
        subprocess.run(command, check=True, capture_output=True)
        answers = json.loads(Path(folder, "out.json").read_text())
    ratios, failed, seconds = [], 0, 0.0
    for job, answer in zip(jobs, answers, strict=True):
        x = frame[job["column"]].to_numpy(float)
        mine, cpu = ours(x, y, job["edges"], trend)
        seconds += cpu
        check(x, y, mine, trend)
        if answer["splits"] is None:
            failed += 1
            continue
        ratios.append((value(x, y, mine), value(x, y, answer["splits"]), job, answer))
    equal = sum(abs(a - b) <= CLOSE for a, b, *_ in ratios)
    greater = sum(a > b + CLOSE for a, b, *_ in ratios)
    less = [r for r in ratios if r[0] < r[1] - CLOSE]
    for a, b, job, answer in less:
        print("less:", name, job["column"], trend, a, b, answer)
    gain = max((a - b for a, b, *_ in ratios), default=0.0)
    columns = f"{len(ratios)}" + (f" ({failed} failed there)" if failed else "")
    spent = sum(a["cpu"] for a in answers)
    return (
        f"| {name}, {prebins} | {trend or 'none'} | {columns} | {equal} | {greater} | {len(less)} "
        f"| {max(gain, 0.0):.2g} | {seconds:.2f} | {spent:.2f} |"
    )


if __name__ == "__main__":
    main()
