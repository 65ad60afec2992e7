"""Neural mutual information beside torch-mist: accuracy, small samples and speed, in one file.

    python benchmarks/neural.py [--peer-python PATH] [--only TEXT ...] [--missing] [--draw]

Every cell is a fresh process of one thread, and is written when it is done: an interrupted run
loses one cell, and ``--missing`` goes on from there. ``--only`` takes the cells whose key holds the
text, ``--draw`` writes tables and picture anew and runs nothing. CPU seconds are user and system
time after imports. Both programs get the same rows of a seed; where the peer is not installed in
``--peer-python`` its cells are left as they are, and the tables say so.

Writes docs/_data/neural.json, docs/_data/neural-*.inc and docs/_static/staircase-*.svg.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from run import OUT, listed, machine, versions

HERE = Path(__file__).parent
STATIC = OUT.parent / "_static"
SAVED = OUT / "neural.json"
LEVELS = (2, 4, 6, 8, 10)
SEEDS, TRUTH, CLOSE = 10, 1.5, 0.15
REPEATS = 5
PEER = "torch-mist"
Cell = dict[str, Any]


# --- what is run ----------------------------------------------------------------------------------


def stair(program: str, read: dict[str, str], critic: str = "separable", **more: Any) -> Cell:
    """A staircase: bounds read off one critic that the first trains, and names of their rows."""
    bound = next(iter(read))
    tag = "-".join([critic, *(f"{k}{v}" for k, v in more.items() if k != "steps")])
    told = {"key": f"staircase-{program}-{bound}-{tag}", "kind": "staircase", "read": read}
    sizes = {"batch": 64, "steps": 4000, "seed": 0}
    return told | {"program": program, "bound": bound, "critic": critic} | sizes | more


SHORT = 1500  # steps of a level where one takes ten times as long
RATIO = ("smile", "js", "dv", "dv_debiased")  # all read off the critic that tells pairs apart


def told_apart(title: str, names: tuple[str, ...] = RATIO) -> dict[str, str]:
    """Names of what is read off one critic that is trained to tell pairs apart."""
    return {b: f"{b}{title}" if b in ("smile", "js") else f"js, read as {b}{title}" for b in names}


STAIRS = (
    *(stair("ours", {bound: bound}) for bound in ("infonce", "nwj", "tuba", "interpolated")),
    stair("ours", {"nwj": "nwj, gradients clipped at 5"}, clip=5.0),
    stair("ours", {"dv": "dv", "dv_debiased": "dv_debiased"}),
    stair("ours", {"mine": "mine"}),
    stair("ours", told_apart("")),
    stair("ours", told_apart(f", concatenated critic, {SHORT} steps"), "concat", steps=SHORT),
    stair("ours", told_apart("; rate falls within a level"), decay=1),
    stair("ours", told_apart("; rank 64"), rank=64),
    stair("ours", told_apart("; from a Gaussian ratio"), anchor=1),
    stair("ours", {b: f"{b}, Gaussian densities" for b in ("doe", "l1out", "club")}, "gaussian"),
    *(stair("peer", {bound: bound}) for bound in ("infonce", "nwj", "mine", "smile")),
)


def small(program: str, key: str, title: str, **more: Any) -> Cell:
    """Ten estimates of the small sample."""
    told = {"key": f"sample-{program}-{key}", "title": title, "kind": "sample", "seeds": SEEDS}
    return told | {"program": program} | more


def neural(key: str, title: str, **options: Any) -> Cell:
    """Ours, on the small sample."""
    return small("ours", key, title, estimator="NeuralMI", options=options)


SAMPLES = (
    small("ours", "reliable", "`ReliableMI()`", estimator="ReliableMI", options={}),
    neural("default", "`NeuralMI()`"),
    neural("unstopped", "`patience=None`", patience=None),
    neural("plain", "`anchor=None`", anchor=None),
    neural("plain-unstopped", "`anchor=None, patience=None`", anchor=None, patience=None),
    *(
        neural(b, f'`bound="{b}"`', bound=b)
        for b in ("dv", "mine", "nwj", "tuba", "js", "smile", "interpolated")
    ),
    *(neural(b, f'`bound="{b}"`', bound=b) for b in ("doe", "l1out", "club")),
    *(
        neural(f"{b}-plain", f'`bound="{b}", anchor=None`', bound=b, anchor=None)
        for b in ("dv", "js", "smile")
    ),
    *(
        small(
            "ours",
            e,
            f'`MutualInformation(estimator="{e}")`',
            estimator="MutualInformation",
            options={"estimator": e},
        )
        for e in ("ksg1", "gaussian_copula")
    ),
    *(
        small("peer", f"{b}{tag}", f"{b}, {name}", bound=b, options=options)
        for b in ("smile", "infonce", "nwj", "mine", "js")
        for tag, name, options in (
            ("", "its early stopping", {}),
            ("-unstopped", "without stopping", {"early_stopping": False}),
        )
    ),
)


def properties(program: str, key: str, title: str, **more: Any) -> Cell:
    """The three properties, of three seeds."""
    told = {"key": f"triple-{program}-{key}", "title": title, "kind": "triple", "seeds": 3}
    return told | {"program": program} | more


TRIPLES = (
    properties("ours", "reliable", "`ReliableMI()`", estimator="ReliableMI", options={}),
    properties("ours", "default", "`NeuralMI()`", estimator="NeuralMI", options={}),
    properties(
        "ours", "plain", "`NeuralMI(anchor=None)`", estimator="NeuralMI", options={"anchor": None}
    ),
    properties("peer", "smile", "smile, its early stopping", bound="smile", options={}),
    properties(
        "peer",
        "smile-unstopped",
        "smile, without stopping",
        bound="smile",
        options={"early_stopping": False},
    ),
)


def race(bound: str, critic: str, batch: int, **more: Any) -> tuple[Cell, ...]:
    """Speed of both at equal model and batch; the peer also as it is by default."""
    same = {"bound": bound, "critic": critic, "batch": batch, "kind": "speed", "seconds": 1.5}
    tag = f"speed-{bound}-{critic}-{batch}" + "-loop" * bool(more.get("loop"))
    found = [
        same | more | {"key": tag, "program": "ours", "title": "infometric"},
        same
        | more
        | {"key": f"{tag}-peer", "program": "peer", "title": PEER, "activation": "silu"},
    ]
    if not more:
        plain = same | {"key": f"{tag}-relu", "program": "peer", "title": f"{PEER}, ReLU"}
        one = same | {"key": f"{tag}-one", "program": "peer", "negatives": 1}
        found += [plain, one | {"title": f"{PEER}, ReLU, one negative a row"}]
    return tuple(found)


RACES = (
    race("smile", "separable", 64),
    race("infonce", "separable", 64),
    race("smile", "separable", 128),
    race("smile", "concat", 64),
    race("smile", "separable", 64, loop=True, steps=900),
)
CELLS = (*STAIRS, *SAMPLES, *TRIPLES)


def command(cell: Cell, peer_python: str) -> list[str]:
    """The process of a cell."""
    if cell["program"] == "ours":
        return [sys.executable, str(HERE / "neural_ours.py"), json.dumps(cell)]
    if cell.get("critic") == "concat":
        cell = cell | {"critic": "joint"}  # its name
    return [peer_python, str(HERE / "neural_peers.py"), json.dumps(cell)]


def computed(cell: Cell, peer_python: str) -> dict[str, Any]:
    """What the process of a cell says."""
    run = command(cell, peer_python)
    done = subprocess.run(run, stdout=subprocess.PIPE, check=True, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def raced(cells: list[Cell], peer_python: str) -> list[list[float]]:
    """Rates of programs that take turns, so that they share whatever else the machine does."""
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    runs = [subprocess.Popen(command(cell, peer_python), **pipes) for cell in cells]
    rates: list[list[float]] = [[] for _ in cells]
    for _ in range(REPEATS):
        for run, mine in zip(runs, rates, strict=True):
            run.stdin.write("again\n")
            run.stdin.flush()
            mine.append(float(run.stdout.readline()))
    for run in runs:
        run.communicate()
    return rates


# --- tables ---------------------------------------------------------------------------------------


def staircase_table(saved: dict[str, Any]) -> str:
    """Bias of every level, the two programs one below the other."""
    lines = [
        "| bound | " + " | ".join(f"{i} nats" for i in LEVELS) + " | at 10, 2,000 fresh rows |"
    ]
    lines += ["|---" * 7 + "|"]
    for cell in STAIRS:
        for bound, levels in saved.get(cell["key"], {"read": {}})["read"].items():
            name = cell["read"][bound] + (f" ({PEER})" if cell["program"] == "peer" else "")
            cells = [f"{told(v['bias'])} ({told(v['sd'], '')})" for v in levels]
            lines.append(f"| {name} | {' | '.join(cells)} | {told(levels[-1]['fresh'])} |")
    return "\n".join(lines) + "\n"


def told(value: float, sign: str = "+") -> str:
    """A number, or that there is none."""
    if value != value or abs(value) == float("inf"):
        return "not finite"
    return f"{value:{sign}.2f}" if abs(value) < 1000 else f"{value:{sign}.0e}"


def sample_table(saved: dict[str, Any]) -> str:
    """Small sample: how many of ten are close."""
    lines = ["| program | within .15 | mean | sd | interval holds 1.5 | CPU s |", "|---" * 6 + "|"]
    for cell in SAMPLES:
        if cell["key"] not in saved:
            continue
        runs = saved[cell["key"]]["runs"]
        values = [r["value"] for r in runs]
        close = sum(abs(v - TRUTH) <= CLOSE for v in values)
        protocol = cell.get("estimator") == "ReliableMI"
        lines.append(
            f"| {named(cell)} | {close} of {len(runs)} | {statistics.mean(values):.2f} | "
            f"{statistics.stdev(values):.2f} | {held(runs, protocol)} | "
            f"{statistics.median(r['cpu'] for r in runs):.2f} |"
        )
    return "\n".join(lines) + "\n"


def named(cell: Cell) -> str:
    """Program and options."""
    return f"{PEER}: {cell['title']}" if cell["program"] == "peer" else cell["title"]


def held(runs: list[dict[str, Any]], protocol: bool) -> str:
    """In how many the interval, where there is one, holds the truth."""
    with_one = [r["ci"] for r in runs if r.get("ci")]
    if not with_one:
        return "no interval"
    text = f"{sum(low <= TRUTH <= high for low, high in with_one)} of {len(with_one)}"
    if protocol:
        text += f", {sum(bool(r.get('reliable')) for r in runs)} reliable"
    return text


def triple_table(saved: dict[str, Any]) -> str:
    """Properties: means and the range of the seeds."""
    lines = ["| program | no information: 0 | with abs(y): 1 | two copies: 2 |", "|---" * 4 + "|"]
    for cell in TRIPLES:
        if cell["key"] not in saved:
            continue
        runs = saved[cell["key"]]["runs"]
        columns = (
            [r["nothing"] for r in runs],
            [r["processed"] / r["pair"] for r in runs],
            [r["copies"] / r["pair"] for r in runs],
        )
        cells = [f"{statistics.mean(c):.3f} ({min(c):.3f} to {max(c):.3f})" for c in columns]
        lines.append(f"| {named(cell)} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def speed_table(saved: dict[str, Any]) -> str:
    """Steps per CPU second; median and range of the ratios of one turn."""
    lines = ["| bound, critic, batch | program | steps per CPU s | ours / it, of a turn | range |"]
    lines += ["|---" * 5 + "|"]
    for cells in RACES:
        if cells[0]["key"] not in saved:
            continue
        ours = saved[cells[0]["key"]]["rates"]
        what = f"{cells[0]['bound']}, {cells[0]['critic']}, {cells[0]['batch']}"
        what += ", whole training loop" if cells[0].get("loop") else ""
        for cell in cells:
            if cell["key"] not in saved:
                continue
            rates = saved[cell["key"]]["rates"]
            each = [a / b for a, b in zip(ours, rates, strict=True)]
            more = f"| {statistics.median(each):.2f} | {min(each):.2f} to {max(each):.2f} |"
            more = "| | |" if cell is cells[0] else more
            lines.append(f"| {what} | {cell['title']} | {statistics.median(rates):.0f} {more}")
            what = ""
    return "\n".join(lines) + "\n"


TABLES = {
    "staircase": staircase_table,
    "sample": sample_table,
    "triple": triple_table,
    "speed": speed_table,
}


def write(saved: dict[str, Any]) -> None:
    """The file of results and the tables."""
    cells = saved["cells"]
    rows = [
        f"{json.dumps(k)}: {json.dumps(cells[k], separators=(',', ':'))}" for k in sorted(cells)
    ]
    about = json.dumps(saved["machine"])
    text = '{"machine": ' + about + ',\n"cells": {\n' + ",\n".join(rows) + "\n}}\n"
    SAVED.write_text(text, encoding="utf-8")
    for name, table in TABLES.items():
        text = table(cells)
        if text.endswith("---|\n"):  # a head without rows
            text = "Not run yet.\n"
        foot = "\n" + listed(saved["machine"]) + ".\n" if name == "speed" else ""
        (OUT / f"neural-{name}.inc").write_text(text + foot, encoding="utf-8")


# --- picture --------------------------------------------------------------------------------------

PANELS = (
    ("infonce", {}),
    ("nwj", {}),
    ("mine", {}),
    ("js", {}),
    ("smile", {}),
    ("smile", {"critic": "concat"}),
    ("smile", {"anchor": 1}),
    ("doe", {"critic": "gaussian"}),
)
INK = {"light": ("#1c1c1c", "#1f77b4"), "dark": ("#e6e6e6", "#4a90d9")}
SHOWN = (-1.5, 14.5)  # nats


def draw(saved: dict[str, Any]) -> None:
    """The staircase of the main bounds, as the literature draws it."""
    import matplotlib as mpl

    mpl.use("svg")
    import matplotlib.pyplot as plt

    mpl.rcParams["svg.hashsalt"] = "staircase"
    found = [(bound, asked) for bound, asked in PANELS if course(saved, bound, asked)]
    for mode, (ink, line) in INK.items():
        figure, axes = plt.subplots(
            2,
            -(-len(found) // 2),
            figsize=(10, 5.4),
            sharex=True,
            sharey=True,
            squeeze=False,
            layout="constrained",
        )
        for ax, (bound, asked) in zip(axes.flat, found, strict=False):
            panel(ax, *course(saved, bound, asked), ink, line)
        for ax in axes.flat[len(found) :]:
            ax.set_visible(False)
        for ax in axes.flat[max(len(found) - axes.shape[1], 0) : len(found)]:  # none below
            ax.set_xlabel("step", color=ink, fontsize=8)
            ax.tick_params(labelbottom=True)
        for ax in axes[:, 0]:
            ax.set_ylabel("nats", color=ink, fontsize=8)
        legend(figure, ink, line)
        figure.savefig(STATIC / f"staircase-{mode}.svg", transparent=True, metadata={"Date": None})
        plt.close(figure)


def course(saved: dict[str, Any], bound: str, asked: Cell) -> tuple[str, Any]:
    """Title and levels of the plain staircase of a bound, or of one with what is asked."""
    plain = {"program": "ours", "critic": "separable", "rank": 32, "anchor": 0, "decay": 0}
    plain["clip"] = None
    for cell in STAIRS:
        own = {k: cell.get(k, plain[k]) for k in plain}
        levels = saved.get(cell["key"], {"read": {}})["read"].get(bound)
        if own == plain | asked and levels:
            return cell["read"][bound], levels
    return ()  # type: ignore[return-value]


def panel(ax: Any, title: str, levels: list[dict[str, Any]], ink: str, line: str) -> None:
    """One bound: the truth as steps, the values as a line with their spread."""
    width = 50
    at = 0
    floor, top = SHOWN
    for level in levels:
        shown = {k: [min(max(v, floor), top) for v in c] for k, c in level["course"].items()}
        steps = [at + width * (i + 0.5) for i in range(len(shown["mean"]))]
        inside = [v if v > floor else float("nan") for v in shown["mean"]]
        below = [s for s, v in zip(steps, shown["mean"], strict=True) if v <= floor]
        ax.fill_between(steps, shown["low"], shown["high"], color=line, alpha=0.35, lw=0)
        ax.plot(steps, inside, color=line, lw=1.2)
        ax.plot(below, [floor + 0.4] * len(below), "v", color=line, ms=3)
        end = at + width * len(steps)
        ax.plot([at, end], [level["truth"]] * 2, color=ink, lw=1.6, zorder=3)
        at = end
    ax.set_title(title.replace(", ", ",\n", 1).replace("; ", ";\n"), color=ink, fontsize=9)
    ax.set_ylim(*SHOWN)
    ax.set_xticks(range(0, at + 1, at // len(levels)))
    ax.tick_params(colors=ink, labelsize=7)
    for side, spine in ax.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(ink)


def legend(figure: Any, ink: str, line: str) -> None:
    """What lines, bands and marks are."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    figure.legend(
        handles=[
            Line2D([], [], color=ink, lw=1.6, label="truth"),
            Line2D([], [], color=line, lw=1.2, label="mean of 50 batches"),
            Patch(color=line, alpha=0.35, lw=0, label="four fifths of them"),
            Line2D([], [], color=line, marker="v", ls="", ms=3, label="mean below the picture"),
        ],
        loc="outside upper center",
        ncols=4,
        frameon=False,
        fontsize=8,
        labelcolor=ink,
    )


# --- run ------------------------------------------------------------------------------------------


def main() -> None:
    parser = argparse.ArgumentParser(description="Neural mutual information beside its peer.")
    parser.add_argument("--peer-python", default=sys.executable)
    parser.add_argument("--only", nargs="*", default=None, help="parts of the keys of cells")
    parser.add_argument("--missing", action="store_true", help="only cells without a result")
    parser.add_argument("--draw", action="store_true", help="tables and picture alone")
    options = parser.parse_args()
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
    if not options.draw:
        runner = Runner(options)
        runner.cells()
        runner.races()
    saved = read()
    write(saved)
    draw(saved["cells"])


def read() -> dict[str, Any]:
    """What is there."""
    return json.loads(SAVED.read_text()) if SAVED.exists() else {"machine": {}, "cells": {}}


class Runner:
    """Runs the cells that are asked for, and keeps each when it is done."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options, self.python = options, options.peer_python
        about = versions(self.python, (PEER,))
        self.without_peer = PEER not in about
        self.about = machine() | versions(sys.executable, ("torch",)) | about

    def wanted(self, cell: Cell) -> bool:
        """Whether a cell is asked for and can run."""
        only, key = self.options.only, cell["key"]
        asked = only is None or any(text in key for text in only)
        runs = not (cell["program"] == "peer" and self.without_peer)
        return asked and runs and not (self.options.missing and key in read()["cells"])

    def keep(self, key: str, result: dict[str, Any]) -> None:
        """Write a result."""
        saved = read()
        saved["cells"][key] = result
        saved["machine"] = self.about
        write(saved)
        print(key, flush=True)

    def cells(self) -> None:
        """One after the other."""
        for cell in filter(self.wanted, CELLS):
            try:
                self.keep(cell["key"], computed(cell, self.python))
            except subprocess.CalledProcessError:
                print(cell["key"], "failed: see above", flush=True)

    def races(self) -> None:
        """The programs of a race take turns."""
        for cells in RACES:
            chosen = [cell for cell in cells if self.wanted(cell)]
            for cell, rates in zip(chosen, raced(chosen, self.python), strict=True):
                self.keep(cell["key"], {"rates": rates})


if __name__ == "__main__":
    main()
