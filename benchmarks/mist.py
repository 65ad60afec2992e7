"""MIST beside other estimators: time, error on known problems, and where it fails.

    python benchmarks/mist.py [--peer-python PATH] [--only TEXT ...] [--missing] [--draw]

Each result is written when it is there: an interrupted run loses one, and ``--missing`` goes on
from there; results of other weights are then run anew. ``--only`` takes what holds the text,
``--draw`` writes the tables anew and runs nothing. CPU seconds are user and system time after
imports, of one thread. The peer's trained weights are not in its package: what is timed is its
forward pass with random ones.

Writes docs/_data/mist.json and docs/_data/mist-*.inc.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from run import OUT, listed, machine, versions

HERE = Path(__file__).parent
SAVED = OUT / "mist.json"
PEER = "mist-statinf"
SEEDS = 20
SIZES = tuple((n, d) for n in (100, 500, 2000) for d in (1, 5, 20))
CPU_GOAL = 0.05  # seconds a pair at 500 rows of five columns a side
PROGRAMS = {"mist": "MIST", "ksg": "KSG", "rank_gaussian": "rank-Gaussian"}
TIMED = {
    "mist": "MIST",
    "mist, 64 pairs": "of 64 at a time",
    "ksg, value alone": "KSG, value alone",
    "ksg": "KSG with interval",
    "neural": "`NeuralMI()`",
    PEER: f"{PEER}, value alone, random weights",
}
PROBLEMS = (
    "normal, 5 + 5 columns",
    "parabola, 1 + 1",
    "t, 3 degrees, 3 + 3",
    "spiral, 2 + 2",
    "independent, 10 + 10",
)
LIMITS = (
    *("waves", "oblique", "bands", "parity", "information", "close", "prior", "volatile", "ball"),
    *("wide", "levels", "rare", "series", "diluted", "doubled", "copies", "rows"),
)
Cell = dict[str, Any]
Table = Callable[[dict[str, Any]], str]


def timing(program: str, n: int, d: int) -> Cell:
    """Times of one program."""
    slow = program == "neural" or (n == 2000 and program.startswith(("ksg", PEER)))
    told = {"kind": "speed", "key": f"speed-{program}-{n}-{d}", "program": program, "n": n, "d": d}
    return told | {"repeats": 1 if slow or "64" in program else 5}


CELLS: tuple[Cell, ...] = (
    *(timing(p, n, d) for p in TIMED for n, d in SIZES if p != "neural" or (n, d) == (500, 5)),
    *(
        {
            "kind": "problem",
            "key": f"problem-{name}-{n}-{program}",
            "name": name,
            "n": n,
            "program": program,
            "seeds": SEEDS,
        }
        for name in PROBLEMS
        for n in (100, 500)
        for program in PROGRAMS
    ),
    *({"kind": "limit", "key": f"limit-{name}", "name": name} for name in LIMITS),
)


# --- tables ---------------------------------------------------------------------------------------


def rows_of(head: list[str], rows: list[list[str]]) -> str:
    """A table, or that nothing is there yet."""
    if not rows:
        return "Not run yet.\n"
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def speed_table(cells: dict[str, Any]) -> str:
    """CPU seconds of a pair, medians."""
    rows = []
    for n, d in SIZES:
        found = [cells.get(f"speed-{p}-{n}-{d}") for p in TIMED]
        if any(found):
            texts = [f"{statistics.median(f['seconds']):.3g}" if f else "–" for f in found]
            rows.append([f"{n:,}", f"{d} + {d}", *texts])
    text = rows_of(["rows", "columns", *TIMED.values()], rows)
    goal = cells.get("speed-mist-500-5")
    if goal:
        seconds = statistics.median(goal["seconds"])
        word = "met" if seconds <= CPU_GOAL else "missed"
        text += (
            f"\nGoal of {CPU_GOAL:g} CPU seconds a pair of 500 rows and 5 + 5 columns: {word}.\n"
        )
    return text


def problem_table(cells: dict[str, Any]) -> str:
    """Root mean square error, bias and coverage of every problem and program."""
    rows = []
    for name in PROBLEMS:
        for n in (100, 500):
            found = {p: cells.get(f"problem-{name}-{n}-{p}") for p in PROGRAMS}
            if all(found.values()):
                truth = found["mist"]["truth"]  # type: ignore[index]
                rows.append([name, str(n), f"{truth:.3f}", *marked(list(found.values()))])
    heads = [f"{title}: {what}" for title in PROGRAMS.values() for what in ("error (bias)", "90 %")]
    return rows_of(["law", "rows", "truth", *heads], rows)


def marked(found: list[Any]) -> list[str]:
    """Cells of one row, the least error bold."""
    errors = [rmse(cell) for cell in found]
    out = []
    for cell, error in zip(found, errors, strict=True):
        bias = statistics.mean(r["value"] for r in cell["runs"]) - cell["truth"]
        text = f"**{error:.3f}**" if error == min(errors) else f"{error:.3f}"
        out += [f"{text} ({bias:+.3f})", held([r | {"truth": cell["truth"]} for r in cell["runs"]])]
    return out


def rmse(cell: Any) -> float:
    """Root mean square error of the runs of a problem."""
    return statistics.fmean((r["value"] - cell["truth"]) ** 2 for r in cell["runs"]) ** 0.5


def held(runs: list[dict[str, Any]]) -> str:
    """How many of the intervals that are given hold the truth; ends that are NaN are none."""
    given = [r for r in runs if r["ci"] and not any(map(math.isnan, r["ci"]))]
    if not given:
        return "none given"
    inside = sum(r["ci"][0] - 1e-9 <= r["truth"] <= r["ci"][1] + 1e-9 for r in given)
    return f"{inside} of {len(given)}"


def limit_table(name: str) -> Table:
    """Table of one limit."""
    from mist_laws import LIMITS as asked

    def table(cells: dict[str, Any]) -> str:
        found = cells.get(f"limit-{name}", {"settings": {}})["settings"]
        rows = []
        for setting, runs in found.items():
            middle = [statistics.median(r["value"] for r in runs)]
            ends = [statistics.median(r["ci"][i] for r in runs) for i in (0, 1)]
            ksg = [r["ksg"] for r in runs if r["ksg"] is not None]
            rows.append(
                [
                    setting,
                    f"{runs[0]['truth']:.2f}",
                    f"{middle[0]:.2f}",
                    f"{ends[0]:.2f} to {ends[1]:.2f}",
                    held(runs),
                    f"{sum(r['flagged'] for r in runs)}, {sum(r['warned'] for r in runs)}",
                    f"{statistics.median(ksg):.2f}" if ksg else "–",
                ]
            )
        head = [asked[name].setting, "truth", "MIST", "90 % interval", "holds the truth"]
        return rows_of([*head, "flagged, warned", "KSG"], rows)

    return table


def tables() -> dict[str, Table]:
    """Tables by the names of their files."""
    return {
        "mist-speed": speed_table,
        "mist-problems": problem_table,
        **{f"mist-limit-{name}": limit_table(name) for name in LIMITS},
    }


# --- run ------------------------------------------------------------------------------------------


@dataclass
class Study:
    """Cells, the file that keeps their results, and tables that are made of it.

    Parameters
    ----------
    file : Path
        JSON of the results.
    cells : sequence of dict
        What is run, each with a key.
    tables : dict
        Functions of the results by names of files in docs/_data.
    """

    file: Path
    cells: tuple[Cell, ...]
    tables: dict[str, Table]

    def read(self) -> dict[str, Any]:
        """What is there."""
        if self.file.exists():
            return dict(json.loads(self.file.read_text(encoding="utf-8")))
        return {"machine": {}, "weights": None, "cells": {}}

    def write(self, saved: dict[str, Any]) -> None:
        """Results, one to a line."""
        lines = [
            f"{json.dumps(k)}: {json.dumps(rounded(v), separators=(',', ':'))}"
            for k, v in sorted(saved["cells"].items())
        ]
        about = ",\n".join(f'"{k}": {json.dumps(saved.get(k))}' for k in ("machine", "weights"))
        text = "{" + about + ',\n"cells": {\n' + ",\n".join(lines) + "\n}}\n"
        beside = self.file.with_suffix(".part")
        beside.write_text(text, encoding="utf-8")
        beside.replace(self.file)

    def draw(self) -> None:
        """Tables of what is there."""
        saved = self.read()
        for name, table in self.tables.items():
            text = table(saved["cells"])
            if name.endswith("speed") and saved["machine"]:
                text += "\n" + listed(saved["machine"]) + ".\n"
            (OUT / f"{name}.inc").write_text(text, encoding="utf-8")

    def run(self, options: argparse.Namespace) -> None:
        """Cells that are asked for, each kept when it is done."""
        found = self.read()
        about = versions(options.peer_python, (PEER,))
        digest = json.loads((PRETRAINED / "mist.json").read_text())["sha256"]
        if found["weights"] != digest:
            found["cells"] = {k: v for k, v in found["cells"].items() if not of_weights(k)}
        found |= {"weights": digest, "machine": machine() | versions(sys.executable, TORCH) | about}
        chosen = [c for c in self.cells if self.wanted(c, options, found["cells"])]
        ours = [c for c in chosen if c.get("program") != PEER]
        theirs = [c for c in chosen if c.get("program") == PEER and PEER in about]
        for python, script, cells in (
            (sys.executable, "mist_ours.py", ours),
            (options.peer_python, "mist_peer.py", theirs),
        ):
            for cell, result in zip(cells, results(python, script, cells), strict=False):
                found["cells"][cell["key"]] = result
                self.write(found)
                print(cell["key"], flush=True)

    def wanted(self, cell: Cell, options: argparse.Namespace, there: dict[str, Any]) -> bool:
        """Whether a cell is asked for."""
        asked = options.only is None or any(text in cell["key"] for text in options.only)
        return asked and not (options.missing and cell["key"] in there)


PRETRAINED = HERE.parent / "infometric" / "amortised" / "pretrained"
TORCH = ("torch",)


def of_weights(key: str) -> bool:
    """Whether a result is of MIST, and so of its weights: others are kept when these change."""
    others = key.startswith(("speed-", "problem-")) and not key.startswith("speed-mist")
    return not (others and not key.endswith("-mist")) and PEER not in key


def results(python: str, script: str, cells: list[Cell]) -> Any:
    """Results of cells as their one process tells them."""
    if not cells:
        return
    given = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([python, str(HERE / script)], **given) as process:  # type: ignore[call-overload]
        for cell in cells:
            process.stdin.write(json.dumps(cell) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
            if not line:
                print(cell["key"], "failed: see above", flush=True)
                return
            yield json.loads(line)
        process.stdin.close()


def rounded(value: Any) -> Any:
    """Numbers with five digits."""
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    if isinstance(value, list):
        return [rounded(v) for v in value]
    return float(f"{value:.5g}") if isinstance(value, float) else value


def options_of(text: str) -> argparse.Namespace:
    """Arguments of a study."""
    parser = argparse.ArgumentParser(description=text)
    parser.add_argument("--peer-python", default=sys.executable)
    parser.add_argument("--only", nargs="*", default=None, help="parts of the keys of cells")
    parser.add_argument("--missing", action="store_true", help="only cells without a result")
    parser.add_argument("--draw", action="store_true", help="tables alone")
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
    return parser.parse_args()


def main() -> None:
    options = options_of("MIST beside other estimators.")
    study = Study(SAVED, CELLS, tables())
    if not options.draw:
        study.run(options)
    study.draw()


if __name__ == "__main__":
    main()
