"""Diffusion spectral entropy beside dse-dsmi: CPU seconds, peak memory and error, in one run.

    python benchmarks/spectral.py [--peer-python PATH] [--only KEY ...] [--repeats N] [--threads N]

Every row is a fresh process; the programs of a task take turns. CPU seconds are user and system
time of the call, after imports and data; peak memory is that of the whole process. All have the
same number of threads, by default one: two that wait for each other on a busy machine count as
work. The error is the difference from the peer's value, which comes of all eigenvalues in double
precision; where the peer does not run it is that from our exact value. Tasks that are not run
keep what they gave before. Writes docs/_data/spectral.json and docs/_data/spectral-speed.inc.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
from dataclasses import dataclass
from typing import Any

from run import OUT, listed, machine, measure, missing, versions

DATA = """
import json, time
import numpy as np
rng = np.random.default_rng(0)
centres = 3 * rng.normal(size=(10, {d}))
X = centres[rng.integers(0, 10, {n})] + rng.normal(size=({n}, {d})) / 2
"""
OURS = """
import infometric as im
model = im.DiffusionSpectralEntropy(sigma={s}, solver="{solver}", units="bits", uncertainty="none")
model.fit(X[:100]).estimate()  # imports
start = time.process_time()
found = model.fit(X).estimate()
cpu = time.process_time() - start
told = found.diagnostics.get("lanczos") or {}
bounds = [told[k] for k in ("low", "high")] if told else None  # in bits, as the value
facts = {k: told[k] for k in ("steps", "probes", "certified", "converged")} if told else {}
print(json.dumps({"cpu": cpu, "value": found.value, "interval": bounds} | facts))
"""
PEER = """
from dse_dsmi import diffusion_spectral_entropy
start = time.process_time()
value = diffusion_spectral_entropy(X, gaussian_kernel_sigma={s}, t=1)
print(json.dumps({"cpu": time.process_time() - start, "value": float(value)}))
"""
NAMES = {"exact": "infometric, exact", "lanczos": "infometric, Lanczos", "peer": "dse-dsmi"}


@dataclass(frozen=True)
class Case:
    """Rows, dimensions, bandwidth, the programs that run, and what is aimed at."""

    n: int
    d: int
    s: float
    programs: tuple[str, ...] = ("exact", "lanczos", "peer")
    aims: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Short name."""
        return f"{self.n}-{self.d}-{self.s:g}"

    @property
    def title(self) -> str:
        """What is measured."""
        return f"{self.n:,} rows, {self.d} dimensions, bandwidth {self.s:g}"

    def code(self, program: str) -> str:
        """Script of one program."""
        body = DATA + (PEER if program == "peer" else OURS)
        values = {"n": self.n, "d": self.d, "s": self.s, "solver": program}
        for name, value in values.items():
            body = body.replace("{" + name + "}", str(value))
        return body


CASES = (
    Case(3_000, 64, 2),
    Case(3_000, 512, 5),
    Case(10_000, 64, 5, aims=("ratio", "exact-memory", "seconds", "error")),
    Case(10_000, 64, 10, programs=("exact", "lanczos")),
    Case(100_000, 64, 5, programs=("lanczos",), aims=("memory",)),
)


def turns(case: Case, repeats: int, peer_python: str) -> list[dict[str, Any]]:
    """Rows of a task; programs take turns, long ones run once."""
    runs: dict[str, list[dict[str, Any]]] = {p: [] for p in case.programs}
    if "peer" in runs and missing(peer_python, "dse_dsmi"):
        del runs["peer"]
    for turn in range(repeats if case.n < 10_000 else 1):
        for program, mine in runs.items():
            python = peer_python if program == "peer" else sys.executable
            mine.append(measure(python, case.code(program)))
            shown = {k: mine[-1].get(k) for k in ("cpu", "wall", "mb", "value")}
            print(case.key, turn, program, shown, flush=True)
    return [
        runs[p][0] | {"program": p, "cpu": statistics.median(r["cpu"] for r in runs[p])}
        for p in runs
    ]


def compared(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows with their difference from the reference, if there is one."""
    by = {row["program"]: row["value"] for row in rows}
    reference = by.get("peer", by.get("exact"))
    for row in rows:
        if reference is not None and row["value"] != reference:
            row["error"] = row["value"] - reference
        if row.get("interval") and reference is not None:
            row["inside"] = row["interval"][0] <= reference <= row["interval"][1]
    return rows


def verdicts(case: Case, rows: list[dict[str, Any]]) -> list[str]:
    """Targets of a task and what came out."""
    by = {row["program"]: row for row in rows}
    found = []

    def told(aim: str, text: str, fine: bool) -> None:
        found.append(f"{text}: {'met' if fine else 'missed'}") if aim in case.aims else None

    if "exact" in by:
        mb = by["exact"]["mb"]
        told("exact-memory", f"exact in at most 850 MB ({mb:.0f})", mb <= 850)
        if "peer" in by:
            ratio = by["peer"]["cpu"] / by["exact"]["cpu"]
            text = f"exact in 1/3.5 of the peer's CPU time (1/{ratio:.1f})"
            told("ratio", text, ratio >= 3.5)
    mine = by["lanczos"]
    told("seconds", f"Lanczos in at most 8 CPU s ({mine['cpu']:.1f})", mine["cpu"] <= 8)
    told("memory", f"below 1,000 MB ({mine['mb']:.0f})", mine["mb"] < 1000)
    if "error" in mine:
        fine = abs(mine["error"]) <= 0.005 and mine["inside"]
        text = f"Lanczos within .005 bits ({mine['error']:+.4f}) and inside its interval"
        told("error", text, fine)
    return found


def markdown(found: list[dict[str, Any]]) -> str:
    """Tables of all tasks."""
    lines = []
    for task in found:
        aims = f" Targets: {'; '.join(task['aims'])}." if task["aims"] else ""
        lines += [f"**{task['title']}.**{aims}", ""]
        lines += ["| program | CPU s | peak MB | bits | error | 95 % interval of the computation |"]
        lines += ["|---|---|---|---|---|---|"]
        for row in task["rows"]:
            low, high = row.get("interval") or (None, None)
            bounds = "" if low is None else f"{low:.4f} to {high:.4f}"
            error = f"{row['error']:+.1e}" if "error" in row else ""
            lines.append(
                f"| {NAMES[row['program']]} | {row['cpu']:.1f} | {row['mb']:.0f} | "
                f"{row['value']:.6f} | {error} | {bounds} |"
            )
        lines.append("")
    return "\n".join([*lines, listed(found[-1]["machine"]) + "."]) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description="Diffusion spectral entropy beside its peer.")
    parser.add_argument("--repeats", type=int, default=3, help="of the tasks of 3,000 rows")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--peer-python", default=sys.executable)
    parser.add_argument("--only", nargs="*", choices=[c.key for c in CASES], default=None)
    options = parser.parse_args()
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(options.threads)
    about = machine() | {"threads": options.threads}
    if not missing(options.peer_python, "dse_dsmi"):
        about |= versions(options.peer_python, ("dse-dsmi",))
    path = OUT / "spectral.json"
    saved = {task["key"]: task for task in json.loads(path.read_text())} if path.exists() else {}
    for case in CASES:
        if options.only is not None and case.key not in options.only:
            continue
        rows = compared(turns(case, options.repeats, options.peer_python))
        task = {"key": case.key, "title": case.title, "aims": verdicts(case, rows), "rows": rows}
        saved[case.key] = task | {"machine": about}
        found = [saved[c.key] for c in CASES if c.key in saved]
        path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        (OUT / "spectral-speed.inc").write_text(markdown(found), encoding="utf-8")


if __name__ == "__main__":
    main()
