"""Coverage and error of MIST: families left out, families that were seen, and laws of none.

    python benchmarks/calibration_mist.py [--only TEXT ...] [--missing] [--draw]

Families left out are read from the card of the weights, which the training wrote. Beside them stand
new tasks of the families that were trained on, and data sets of new laws (`mist_laws.FRESH`), each
with parameters and rows of its own. Writes docs/_data/calibration_mist.json,
tables of docs/_data and docs/_static/mist-calibration-*.svg.
"""

from __future__ import annotations

import json
import math
import statistics
from typing import Any

from mist import PRETRAINED, Cell, Study, options_of, rows_of
from run import OUT

SAVED = OUT / "calibration_mist.json"
STATIC = OUT.parent / "_static"
LEVELS = {"0.5": 3, "0.8": 2, "0.9": 1, "0.95": 0}  # place of the lower quantile
LAWS = (
    "Plackett pairs, mixed",
    "powers of waves, mixed",
    "order statistics, mixed",
    "shares of a whole",
    "half wave of a sum",
    "length of a vector",
    "Lissajous figures",
    "rolled up",
    "columns and an event",
)
TASKS = 100  # of a law
RIVALS = {"ksg": "KSG", "rank_gaussian": "rank-Gaussian", "blend": "blend"}
LEAST = 0.85  # coverage at .9 below which a family is told
SHORT = 0.05  # below a level, likewise
CELLS: tuple[Cell, ...] = (
    *({"kind": "fresh", "key": f"fresh-{name}", "name": name, "tasks": TASKS} for name in LAWS),
    {"kind": "known", "key": "known", "tasks": 1024, "shards": 3, "seed": 20270401},
)
# mean squared error, nats squared, in the bins of n: figure of arXiv:2511.18945
PUBLISHED = {
    "MIST, families it was trained on": ("3.1", ".34", ".28"),
    "MIST-QR, families it was trained on": ("3.1", ".31", ".12"),
    "MIST, other families": ("8.0", "7.3", "8.8"),
    "MIST-QR, other families": ("9.5", "9.9", "10"),
}
BINS = ([10, 100], [100, 300], [300, 500])


def card() -> dict[str, Any]:
    """Metrics of the card; none where the weights have none."""
    found = json.loads((PRETRAINED / "mist.json").read_text(encoding="utf-8"))
    return dict(found.get("metrics", {"rows": [], "families": []}))


def settled() -> list[dict[str, Any]]:
    """Families and bins of rows of the card; what was asked again of fresh tasks in place."""
    from infometric.amortised import examination

    metrics = card()
    return examination.settled(metrics["families"], metrics.get("examination", []))


def span(row: dict[str, Any]) -> str:
    """Rows of a bin."""
    low, high = row["rows"]
    return f"{low:,}–{high - 1:,}"


def share(value: float) -> str:
    """A share with three digits."""
    return f"{value:.3f}".removeprefix("0")


def left_out_table(cells: dict[str, Any]) -> str:
    """Coverage of families left out, by rows, and the worst family of each bin."""
    metrics, rows = card(), []
    for row in metrics["rows"]:
        here = [f for f in settled() if f["rows"] == row["rows"]]
        worst = min(here, key=lambda f: f["coverage"]["0.9"])
        told = f"{worst['family'].replace('_', ' ')} ({share(worst['flagged'])} flagged)"
        covers = [share(row["coverage"][level]) for level in LEVELS]
        last = [share(row["flagged"]), share(worst["coverage"]["0.9"]), told]
        rows.append([span(row), f"{row['tasks']:,}", *covers, *last])
    head = ["rows", "tasks", *percent(), "flagged", "worst family at 90 %", "which"]
    return rows_of(head, rows)


def percent() -> list[str]:
    """Levels as heads of columns."""
    return [f"{100 * float(level):g} %" for level in LEVELS]


def short_table(cells: dict[str, Any]) -> str:
    """Every family and bin whose intervals of 90 % covered too little, at first or again."""
    first = card()["families"]
    short = [
        (a, b)
        for a, b in zip(first, settled(), strict=True)
        if min(a["coverage"]["0.9"], b["coverage"]["0.9"]) < LEAST
    ]
    rows = [
        [
            b["family"].replace("_", " "),
            span(b),
            f"{share(a['coverage']['0.9'])} of {a['tasks']:,}",
            f"{b['tasks']:,}",
            *(share(b["coverage"][level]) for level in LEVELS),
            share(b["flagged"]),
        ]
        for a, b in sorted(short, key=lambda pair: pair[1]["coverage"]["0.9"])
    ]
    if not rows and first:
        return "None.\n"
    head = ["family", "rows", "at first, 90 %", "fresh tasks", *percent(), "flagged"]
    return rows_of(head, rows)


def levels_table(cells: dict[str, Any]) -> str:
    """Of every level the mean over families and bins, the worst, and how many cover too little.

    The mean is of the first look: only what was low there was asked again.
    """
    first, families, rows = card()["families"], settled(), []
    for level, name in zip(LEVELS, percent(), strict=True):
        covers = {(f["family"].replace("_", " "), span(f)): f["coverage"][level] for f in families}
        if covers:
            worst = min(covers, key=covers.__getitem__)
            few = sum(c < float(level) - SHORT for c in covers.values())
            least = [share(covers[worst]), f"{worst[0]}, {worst[1]}"]
            mean = share(statistics.fmean(f["coverage"][level] for f in first))
            rows.append([name, mean, *least, f"{few} of {len(covers)}"])
    head = ["interval", "mean", "worst", "which", f"more than {100 * SHORT:g} points short"]
    return rows_of(head, rows)


def error_table(cells: dict[str, Any]) -> str:
    """Errors by rows: families left out, and new tasks of those that were seen."""
    found = [("left out", card()["rows"])]
    found.append(("seen", cells.get("known", {"rows": []})["rows"]))
    names = ("mist", *RIVALS, "best_blend")
    rows = []
    for what, bins in found:
        for row in bins:
            errors = [row["mse"][name] for name in names]
            texts = [f"**{e:.3g}**" if e == min(errors) else f"{e:.3g}" for e in errors]
            rows.append(
                [what, span(row), f"{row['tasks']:,}", *texts, share(row["coverage"]["0.9"])]
            )
    head = ["families", "rows", "tasks", "MIST", *RIVALS.values(), "best blend of each bin"]
    return rows_of([*head, "90 % covers"], rows)


def published_table(cells: dict[str, Any]) -> str:
    """Published errors beside ours, in the same bins of n."""
    rows = [[f"published {name}", *values] for name, values in PUBLISHED.items()]
    ours = {
        "ours, families it was trained on": cells.get("known", {"rows": []})["rows"],
        "ours, families left out": card()["rows"],
    }
    for name, bins in ours.items():
        found = {tuple(row["rows"]): row["mse"]["mist"] for row in bins}
        if found:
            rows.append([name, *(f"{found[tuple(b)]:.2g}" for b in BINS)])
    return rows_of(["", "10–99 rows", "100–299", "300–499"], rows)


def fresh_table(cells: dict[str, Any]) -> str:
    """Coverage and error on laws that are in no family."""
    found = {name: cells[f"fresh-{name}"]["runs"] for name in LAWS if f"fresh-{name}" in cells}
    rows = [fresh_row(name, runs) for name, runs in found.items()]
    if rows:
        every = [r for runs in found.values() for r in runs]
        rows.append(fresh_row("all", every))
        rows.append(fresh_row("all that are not flagged", [r for r in every if not r["flagged"]]))
    head = ["law", "data sets", *percent(), "flagged", "error: MIST", *RIVALS.values()]
    return rows_of(head, rows)


def fresh_row(name: str, runs: list[dict[str, Any]]) -> list[str]:
    """One law: coverage at each level, share flagged, root mean square errors."""
    covers = [share(coverage(runs, place)) for place in LEVELS.values()]
    flagged = share(statistics.fmean(bool(r["flagged"]) for r in runs))
    errors = [error([r["value"] for r in runs], runs)]
    errors += [error([r["classical"][rival] for r in runs], runs) for rival in RIVALS]
    texts = [f"**{e:.2f}**" if e == min(errors) else f"{e:.2f}" for e in errors]
    return [name, str(len(runs)), *covers, flagged, *texts]


def coverage(runs: list[dict[str, Any]], place: int) -> float:
    """Share of the runs whose interval holds the truth."""
    ends = ((r["quantiles"][place], r["quantiles"][-1 - place], r["truth"]) for r in runs)
    return statistics.fmean(low - 1e-6 <= truth <= high + 1e-6 for low, high, truth in ends)


def error(values: list[float], runs: list[dict[str, Any]]) -> float:
    """Root of the mean squared error."""
    pairs = zip(values, runs, strict=True)
    return math.sqrt(statistics.fmean((v - r["truth"]) ** 2 for v, r in pairs))


def card_table(cells: dict[str, Any]) -> str:
    """The card, where there is one."""
    found = json.loads((PRETRAINED / "mist.json").read_text(encoding="utf-8"))
    if "metrics" not in found:
        return "Not run yet.\n"
    from infometric.amortised.card import rendered

    return rendered(found)


TABLES = {
    "mist-card": card_table,
    "calibration-mist": left_out_table,
    "calibration-mist-short": short_table,
    "calibration-mist-levels": levels_table,
    "calibration-mist-fresh": fresh_table,
    "mist-errors": error_table,
    "mist-published": published_table,
}


# --- picture --------------------------------------------------------------------------------------

INK = {"light": ("#1c1c1c", "#1f77b4", "#d9730d"), "dark": ("#e6e6e6", "#4a90d9", "#f0a04b")}


def curves(cells: dict[str, Any]) -> dict[str, list[list[float]]]:
    """Shares that hold the truth, at every level: of each family and bin, and of each new law.

    Those of the first look, for their mean: only what was low there was asked again.
    """
    families = card()["families"]
    laws = [cells[f"fresh-{name}"]["runs"] for name in LAWS if f"fresh-{name}" in cells]
    return {
        "families left out, each in each bin of rows": [
            [f["coverage"][level] for level in LEVELS] for f in families
        ],
        "new laws": [[coverage(runs, place) for place in LEVELS.values()] for runs in laws],
    }


def draw(cells: dict[str, Any]) -> None:
    """Nominal level against what covers, in both colours of the page."""
    import matplotlib as mpl

    mpl.use("svg")
    import matplotlib.pyplot as plt

    mpl.rcParams["svg.hashsalt"] = "mist"
    found, levels = curves(cells), [float(level) for level in LEVELS]
    for mode, (ink, line, spot) in INK.items():
        figure, axes = plt.subplots(1, 2, figsize=(9, 4.2), sharey=True, layout="constrained")
        for ax, (title, lines), colour in zip(axes, found.items(), (line, spot), strict=True):
            for one in lines:
                ax.plot(levels, one, color=colour, alpha=0.3, lw=1)
            if lines:
                middle = [statistics.fmean(column) for column in zip(*lines, strict=True)]
                ax.plot(levels, middle, color=colour, lw=2.5, marker="o", label="mean")
            ax.plot([0.3, 1], [0.3, 1], color=ink, lw=1, ls="--", label="as promised")
            ax.set_title(title, color=ink, fontsize=10)
            ax.set_xlabel("level of the interval", color=ink, fontsize=9)
            ax.set_xlim(0.45, 1.0)
            ax.set_ylim(0.2, 1.02)
            ax.tick_params(colors=ink, labelsize=8)
            ax.legend(frameon=False, fontsize=8, labelcolor=ink, loc="lower right")
            for side, spine in ax.spines.items():
                spine.set_visible(side in ("left", "bottom"))
                spine.set_color(ink)
        axes[0].set_ylabel("share that holds the truth", color=ink, fontsize=9)
        place = STATIC / f"mist-calibration-{mode}.svg"
        figure.savefig(place, transparent=True, metadata={"Date": None})
        plt.close(figure)


def main() -> None:
    options = options_of("Coverage and error of MIST.")
    study = Study(SAVED, CELLS, TABLES)
    if not options.draw:
        study.run(options)
    study.draw()
    draw(study.read()["cells"])


if __name__ == "__main__":
    main()
