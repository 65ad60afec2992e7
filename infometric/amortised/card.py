"""Card of the weights: what they were trained on, and how far off they were; JSON, and a table."""

from __future__ import annotations

import datetime
import platform
import subprocess
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from infometric.amortised.config import Config
from infometric.amortised.evaluation import RIVALS, by_rows, scores, worse
from infometric.amortised.stream import Stream
from infometric.amortised.table import Table
from infometric.typing import Array

_MSE = ("mist", *RIVALS)
_LEVELS = ("0.5", "0.8", "0.9", "0.95")


def card(
    config: Config,
    stream: Stream,
    table: Table,
    quantiles: Array,
    flagged: Array | None = None,
    *,
    seconds: float | None = None,
) -> dict[str, Any]:
    """Facts of a run, JSON-ready.

    Parameters
    ----------
    config, stream : Config, Stream
        What was asked for, and what drew the tasks.
    table : Table
        Tasks.
    quantiles : array of shape (tasks, levels)
        Of members that never saw the family, after calibration, nats.
    flagged : array of shape (tasks,), bool, optional
        Which are out of support.
    seconds : float, optional
        CPU time of drawing the tasks; None where it is not known.
    """
    found = scores(table, quantiles, flagged)
    rows = by_rows(found)
    return {
        "data": {
            "tasks": len(table),
            "families": _families(table),
            "rows": [int(table.n.min()), int(table.n.max())],
            "columns": [int(min(table.dx.min(), table.dy.min())), int(table.dx.max())],
            "truth": {"most": float(table.truth.max()), "nought": float((table.truth == 0).mean())},
            "stream": stream.key,
        },
        "config": {"key": config.key, **config.content},
        "run": {
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "commit": commit(),
            "device": stream.device,
            "drawing_cpu_seconds": None if seconds is None else round(seconds),
            "versions": {name: version(name) for name in ("numpy", "scipy", "torch")}
            | {"python": platform.python_version()},
        },
        "metrics": {"rows": rows, "worse": worse(rows), "families": found},
    }


def _families(table: Table) -> dict[str, int]:
    counts = np.bincount(table.family, minlength=len(table.families))
    return {name: int(n) for name, n in zip(table.families, counts, strict=True)}


def commit() -> str | None:
    """Commit of the source, with a mark where it was changed since; None where there is none."""
    here = Path(__file__).parent
    ask = ["git", "-C", str(here), "describe", "--always", "--abbrev=12", "--dirty", "--exclude=*"]
    try:
        done = subprocess.run(ask, capture_output=True, text=True, check=True, timeout=20)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None


# --- as a page ----------------------------------------------------------------------------------


def rendered(facts: Mapping[str, Any]) -> str:
    """Card as MyST: what the weights are, errors by n, and errors and coverage by family.

    Parameters
    ----------
    facts : mapping
        As `card` makes it, with the checksum and the size of the weights.
    """
    data, run = facts["data"], facts["run"]
    about = [
        ("tasks", f"{data['tasks']:,} of {len(data['families'])} families"),
        ("rows", "{:,} to {:,}".format(*data["rows"])),
        ("columns a side", "{} to {}".format(*data["columns"])),
        ("seed", facts["config"]["seed"]),
        ("configuration", facts["config"]["key"]),
        ("commit", run["commit"] or "none"),
        ("date", run["date"]),
        ("device", run["device"]),
        ("versions", ", ".join(f"{k} {v}" for k, v in run["versions"].items())),
    ]
    if "sha256" in facts:
        about.append(("weights", f"{facts['bytes']:,} bytes, SHA-256 {facts['sha256'][:16]}…"))
    metrics = facts["metrics"]
    return "\n".join(
        [
            "**Weights**\n",
            *_table(["", ""], about),
            *_worse(metrics.get("worse")),
            "\n**Families left out, mean squared error (nats²) and coverage, by rows**\n",
            *_table(["rows", *_head()], [(_span(r), *_numbers(r)) for r in metrics["rows"]]),
            *_relatives(metrics.get("relatives")),
            *_examination(metrics.get("examination")),
            "\n**Each family**\n",
            *_families_table(metrics["families"]),
            "",
        ]
    )


def _worse(bins: Any) -> list[str]:
    """What a reader must know of weights that were written with ``--keep-worse``."""
    if not bins:
        return []
    title = "\n**Worse than a classical estimator** on families left out, and kept in spite of it: "
    return [title + "; ".join(bins) + "."]


def _relatives(rows: Any) -> list[str]:
    if not rows:
        return []
    title = "\n**Families left out together with all their relatives**\n"
    return [title, *_table(["rows", *_head()], [(_span(r), *_numbers(r)) for r in rows])]


def _examination(rows: Any) -> list[str]:
    if not rows:
        return []
    title = "\n**Families that were covered least, asked again of fresh tasks: these count**\n"
    return [title, *_families_table(rows)]


def _families_table(rows: Any) -> list[str]:
    return _table(
        ["family", "rows", "tasks", *_head()],
        [(r["family"].replace("_", " "), _span(r), f"{r['tasks']:,}", *_numbers(r)) for r in rows],
    )


def _head() -> list[str]:
    covers = [f"{100 * float(level):g} %" for level in _LEVELS]
    return ["MIST", "KSG", "rank-Gaussian", "blend", "best blend", *covers, "flagged"]


def _numbers(row: Mapping[str, Any]) -> list[str]:
    errors = [row["mse"][name] for name in _MSE]
    best = min(errors)
    texts = [f"**{e:.3g}**" if e == best else f"{e:.3g}" for e in errors]
    covers = [f"{100 * row['coverage'][level]:.0f}" for level in _LEVELS]
    return [*texts, *covers, f"{100 * row['flagged']:.0f} %"]


def _span(row: Mapping[str, Any]) -> str:
    low, high = row["rows"]
    return f"{low:,}–{high - 1:,}"


def _table(head: list[str], rows: list[Any]) -> list[str]:
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return ["| " + " | ".join(str(cell) for cell in line) + " |" for line in lines]
