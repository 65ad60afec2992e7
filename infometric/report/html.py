"""The report as one self-contained HTML page: no external address, no raw rows."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from importlib.resources import files
from typing import Any

from infometric.report import course
from infometric.report.course import TAGS
from infometric.report.document import Report, Section
from infometric.report.heat import heat_table
from infometric.result import DIMENSIONLESS, Result, format_size

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"
_TAGS = TAGS | {
    "within budget": "stable",
    "fair": "stable",
    "four fifths kept": "stable",
    "above budget": "shifted",
    "unfair": "shifted",
    "four fifths broken": "shifted",
    "scores higher": "shifted",
    "not shown to score higher": "undecided",
    "told apart": "shifted",
    "not told apart": "stable",
}
_MOST_CELLS = 100  # in the detail of one result; the JSON twin holds all


def page(report: Report) -> str:
    """HTML text of a report."""
    sections = "\n".join(_section(s) for s in report.sections)
    sources = " · ".join(f"{escape(k)}: {escape(v)}" for k, v in report.sources.items())
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<title>{escape(report.title)}</title>
<link rel="icon" href="data:,">
<style>
{_asset("report.css")}</style>
</head>
<body>
<main>
<header>
<div>
<h1>{escape(report.title)}</h1>
<p class="meta">{escape(_moment(report.created))} · infometric {escape(report.version)}</p>
<p class="meta">{sources}</p>
</div>
<button id="theme" type="button" aria-label="Switch between light and dark">Dark</button>
</header>
{sections}
</main>
<script>
{_asset("report.js")}</script>
</body>
</html>
"""


def _asset(name: str) -> str:
    return (files("infometric.report") / "assets" / name).read_text(encoding="utf-8")


def _section(section: Section) -> str:
    results = list(section.table.values())
    axis = _axis(results)
    heading, pvalues = section.table.shown_pvalues
    rows = "\n".join(
        _row(name, r, axis, pvalues[i]) for i, (name, r) in enumerate(section.table.items())
    )
    verdicts = any("verdict" in r.diagnostics for r in results)
    heads = [
        ("Name", True),
        (_value_head(results), True),
        (_interval_head(results), False),
        ("", False),
        (heading, True),
        (_counted(results), True),
    ]
    heads += [("Verdict", True)] if verdicts else []
    head = "".join(
        f'<th scope="col"><button type="button">{escape(text)}</button></th>'
        if sortable
        else f'<th scope="col">{escape(text)}</th>'
        for text, sortable in heads
    )
    return f"""<section>
<h2>{escape(section.name)}</h2>
<p class="soft">{escape(section.note)}</p>
{_tiles(section)}
{_picture(section)}
<div class="scroll">
<table class="results">
<thead><tr>{head}</tr></thead>
<tbody>
{rows}
</tbody>
</table>
</div>
{_method(section)}
</section>"""


def _picture(section: Section) -> str:
    """What stands above the table: a map of all pairs, or a course over time."""
    if section.matrix is not None:
        return heat_table(section.matrix)
    if section.timeline is not None:
        return course.picture(section.timeline)
    if course.is_course(section.table):
        return course.chart(section.table) + course.legend()
    return ""


def _value_head(results: Sequence[Result]) -> str:
    if not results:
        return "Value"
    unit = "" if results[0].units == DIMENSIONLESS else f", {results[0].units}"
    if len({r.measure for r in results}) > 1:  # each is named in its row
        return f"Value{unit}"
    return _SHORT.get(results[0].measure, results[0].measure.replace("_", " ")) + unit


def _counted(results: Sequence[Result]) -> str:
    """What the sizes of a section count."""
    return str(results[0].diagnostics.get("n_of", "records")).capitalize() if results else "Records"


def _interval_head(results: Sequence[Result]) -> str:
    return f"{100 * results[0].level:g} % interval" if results else "Interval"


_SHORT = {
    "psi": "PSI", "information_value": "IV", "weight_of_evidence": "WoE", "csi": "CSI, points",
    "protected_information_value": "Protected IV", "fairness_iv": "Fairness IV",
    "adverse_impact_ratio": "AIR", "rank_me": "effective rank",
}  # fmt: skip


def _tiles(section: Section) -> str:
    results = section.table.values()
    verdicts = Counter(r.diagnostics["verdict"] for r in results if "verdict" in r.diagnostics)
    tiles = [
        f'<li class="tag {tag}"><b>{verdicts[verdict]}</b>{verdict}</li>'
        for verdict, tag in _TAGS.items()
        if verdicts[verdict]
    ]
    looks = section.table.adjusted.get("pvalue_sequential")
    if looks:
        tiles += _tiles_of_looks(section)
    pvalues = section.table.adjusted.get("pvalue_holm")
    if pvalues and not looks:
        found = sum(p <= 0.05 for p in pvalues)
        what = "differ" if verdicts else _FOUND.get(_first(results), "carry information")
        tiles.append(f"<li><b>{found}</b>of {len(pvalues)} {what} (Holm, 5 %)</li>")
    warned = sum(bool(r.warnings) for r in results)
    tiles += [f"<li><b>{warned}</b>with a warning</li>"] if warned else []
    return f'<ul class="tiles">{"".join(tiles)}</ul>' if tiles else ""


def _first(results: Iterable[Result]) -> str:
    """Measure of a section."""
    return next((r.measure for r in results), "")


_FOUND = {
    "csi": "moved the mean score",
    "statistical_parity_difference": "differ",
    "equal_opportunity_difference": "differ",
    "predictive_parity_difference": "differ",
    "standardized_mean_difference": "differ",
    "auc_between_groups": "differ",
}


def _tiles_of_looks(section: Section) -> list[str]:
    """How many shifts were seen, and how many of them are alarms."""
    found = [r.diagnostics for r in section.table.values()]
    alarms = sum(bool(d.get("alarm")) for d in found)
    seen = sum(bool(d.get("shift_seen")) for d in found)
    mark = ' class="tag shifted"' if alarms else ""
    return [
        f"<li{mark}><b>{alarms}</b>alarm{'' if alarms == 1 else 's'}</li>",
        f"<li><b>{seen}</b>of {len(found)} shifts seen</li>",
    ]


def _axis(results: Sequence[Result]) -> tuple[float, float, list[float]]:
    """Ends of the common axis of a section, and the limits drawn on it."""
    ends = [v for r in results for v in (r.value, r.ci.low, r.ci.high) if math.isfinite(v)]
    limits = results[0].diagnostics.get("thresholds", []) if results else []
    low, high = min([0.0, *ends]), max([0.0, *ends])
    high = max([high, *(v for v in limits if v <= 1.6 * high or v == min(limits))])
    return low, (high if high > low else low + 1.0), list(limits)


def _row(name: str, r: Result, axis: tuple[float, float, list[float]], pvalue: float) -> str:
    cells = [
        f'<td class="name" data-key="{escape(name)}">'
        f'<button type="button" aria-expanded="false"><span>{_breakable(name)}</span></button>'
        "</td>",
        f'<td data-key="{_key(r.value)}">{_digits(r.value, r)}</td>',
        f'<td class="ends">{_ends(r)}</td>',
        f'<td class="plot">{_drawing(r, axis)}</td>',
        f'<td data-key="{_key(pvalue)}">{_pvalue(pvalue)}</td>',
        f'<td class="n" data-key="{_key(sum(r.n))}">{_records(r)}</td>',
    ]
    if r.diagnostics.get("verdict"):
        cells.append(_verdict(r))
    return (
        f'<tr class="row">{"".join(cells)}</tr>\n'
        f'<tr class="detail" hidden><td colspan="{len(cells)}">{_detail(r)}</td></tr>'
    )


def _verdict(r: Result) -> str:
    """Cell of the verdict, the alarm of a monitored column, and the rule of thumb."""
    verdict = r.diagnostics["verdict"]
    alarm = ' <span class="tag shifted">▲ alarm</span>' if r.diagnostics.get("alarm") else ""
    thumb = r.diagnostics.get("rule_of_thumb")
    spoken = f'<span class="thumb">rule of thumb: {escape(thumb)}</span>' if thumb else ""
    return (
        f'<td data-key="{escape(verdict)}"><span class="tag {_TAGS[verdict]}">{escape(verdict)}'
        f"</span>{alarm}{spoken}</td>"
    )


def _drawing(r: Result, axis: tuple[float, float, list[float]]) -> str:
    low, high, limits = axis

    def x(value: float) -> str:
        return f"{1 + 98 * (min(max(value, low), high) - low) / (high - low):.2f}%"

    def upright(kind: str, value: float) -> str:
        return f'<line class="{kind}" x1="{x(value)}" x2="{x(value)}" y1="0" y2="26"/>'

    marks = [upright("zero", 0.0), *(upright("limit", v) for v in limits if v <= high)]
    if math.isfinite(r.ci.low):  # an infinite bound runs to the end of the axis
        ends = f'x1="{x(r.ci.low)}" x2="{"100%" if r.ci.high == math.inf else x(r.ci.high)}"'
        marks.append(f'<line class="bar" {ends} y1="13" y2="13"/>')
    if math.isfinite(r.value):
        marks.append(f'<circle class="dot" cx="{x(r.value)}" cy="13" r="4"/>')
    text = escape(r.summary())
    return f'<svg role="img" aria-label="{text}"><title>{text}</title>{"".join(marks)}</svg>'


def _detail(r: Result) -> str:
    parts = [f"<p>{escape(r.explain())}</p>"]
    parts += [f'<p class="warn">{escape(text)}</p>' for text in r.warnings]
    found = r.diagnostics
    facts = [f"method {r.method}", f"standard error {_digits(r.se, r)}"]
    if found.get("bias"):
        facts.append(f"estimated bias {_digits(float(found['bias']))}, not subtracted")
    if _known(found.get("upper_bound")):
        facts.append(
            f"one-sided {100 * found['bound_level']:g} % bounds {_digits(found['lower_bound'])} "
            f"and {_digits(found['upper_bound'])} {found.get('bound_units', '')}".rstrip()
        )
    if found.get("key"):
        facts.append(_fingerprint(found))
    parts.append(f'<p class="facts">{escape(" · ".join(facts))}</p>')
    if found.get("checks"):
        parts.append(_checks(found["checks"]))
    if found.get("cells"):
        parts.append(_cells(found["cells"], found["groups"]))
    return "".join(parts)


def _fingerprint(found: dict[str, Any]) -> str:
    """What the numbers were made with: a kernel, critics, or bins."""
    if found.get("kernel"):
        return _similarity(found)
    return f"{'critics' if found.get('bound') else 'bins'} {found['key']}"


def _checks(rows: Sequence[dict[str, Any]]) -> str:
    """Conditions of a verdict: what was found, what passes, and what it means."""
    body = "".join(
        f"<tr><td>{escape(row['name'])}</td><td>{row['value']:.3g}</td><td>{row['limit']:g}</td>"
        f'<td><span class="tag {"stable" if row["passed"] else "shifted"}">'
        f"{'passed' if row['passed'] else 'failed'}</span></td>"
        f"<td>{escape(row.get('reason', ''))}</td></tr>"
        for row in rows
    )
    return (
        '<div class="scroll"><table class="cells checks"><thead><tr><th>Check</th><th>Found</th>'
        "<th>At most</th><th></th><th>What it is</th></tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
    )


def _similarity(found: dict[str, Any]) -> str:
    """Kernels of a spectrum, of one variable or of two, and their bandwidths."""
    kernels, sigma = found["kernel"], found.get("sigma")
    named = [kernels] if isinstance(kernels, str) else kernels
    widths = iter(sigma if isinstance(sigma, list | tuple) else [sigma])
    words = [_KERNELS.get(k, k).partition(":")[0] + _width(k, widths) for k in named]
    return f"kernel{'s' if len(words) > 1 else ''} {'; of the target '.join(words)}"


def _width(kernel: str, widths: Iterator[Any]) -> str:
    """Bandwidth of a kernel, the next of those that are told."""
    width = next(widths, None) if kernel == "gaussian" else None
    return f", bandwidth {width:.4g}" if _known(width) else ""


_KERNELS = {"delta": "the same class", "knn": "nearest neighbours"}


def _known(value: Any) -> bool:
    """Whether a bound is a number: JSON has None or "inf" where it is NaN or infinite."""
    return isinstance(value, int | float) and math.isfinite(value)


def _cells(rows: Sequence[dict[str, Any]], groups: Sequence[str]) -> str:
    every = len(rows)
    if every > _MOST_CELLS:  # those that matter, in their order
        most = sorted(rows, key=lambda row: -abs(row["contribution"]))[_MOST_CELLS - 1]
        rows = [r for r in rows if abs(r["contribution"]) >= abs(most["contribution"])]
        rows = rows[:_MOST_CELLS]
    top = max(max(row["share_a"], row["share_b"]) for row in rows) or 1.0
    a, b = (escape(g) for g in groups)
    body = "".join(
        f"<tr><td>{escape(str(row['cell']))}</td>"
        f"<td>{row['count_a']:,.6g}</td><td>{row['count_b']:,.6g}</td>"
        f"<td>{100 * row['share_a']:.1f} %</td><td>{100 * row['share_b']:.1f} %</td>"
        f'<td class="pair"><i class="a" style="width:{100 * row["share_a"] / top:.1f}%"></i>'
        f'<i class="b" style="width:{100 * row["share_b"] / top:.1f}%"></i></td>'
        f"<td>{_weight(row)}</td><td>{_digits(row['contribution'])}</td></tr>"
        for row in rows
    )
    return (
        '<div class="scroll"><table class="cells"><thead><tr><th>Cell</th>'
        f"<th>{a}</th><th>{b}</th><th>{a} share</th><th>{b} share</th>"
        f'<th class="key"><i class="a"></i>{a} <i class="b"></i>{b}</th>'
        f"<th>{'Points' if 'points' in rows[0] else f'log {a} / {b}'}</th>"
        "<th>Contribution</th></tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
        + (f"<p>The {len(rows)} largest of {every:,} cells.</p>" if every > len(rows) else "")
    )


def _weight(row: dict[str, Any]) -> str:
    """What the difference of the shares of a cell is multiplied by."""
    return f"{row['points']:g}" if "points" in row else f"{row['log_ratio']:+.3f}"


def _method(section: Section) -> str:
    meta = section.table.meta
    if not meta:
        return ""
    parameters = ", ".join(
        f"{k}={v!r}" for k, v in meta.get("parameters", {}).items() if v not in ((), [], None)
    )
    made = f"{meta.get('estimator', '')}({parameters})"
    return (
        "<details><summary>How these numbers were made</summary>"
        f"<p><code>{escape(made)}</code>, infometric {escape(str(meta.get('infometric', '')))}. "
        f"{_ACCOUNT.get(str(meta.get('estimator')), '')} The JSON twin of this page holds counts, "
        "bins and their fingerprints.</p></details>"
    )


_CHI = (
    "The interval inverts the noncentral chi-square law of the estimate; p tests that there is "
    "nothing to find, and is adjusted for the number of lines."
)
_ACCOUNT = {
    "PSI": _CHI + " A verdict of stability is an equivalence test: the one-sided 95 % upper bound "
    "lies below the limit (dashed lines: the customary limits).",
    "StabilityMonitor": "PSI: its interval inverts the noncentral chi-square law of the estimate, "
    "and a verdict of stability is an equivalence test: the one-sided 95 % upper bound lies below "
    "the limit (dashed lines). p (all looks) is adjusted for the columns of a period and, where "
    "the level is spent over time, multiplied by t (t + 1) in period t: the chance that it is ever "
    "below alpha without a shift is at most alpha. It is the larger one of Pearson's test and of "
    "the likelihood ratio, which together hold at small levels. CSI: points that the mean score "
    "moved by; its interval is Wald's, whose variance is exact.",
    "InformationValue": _CHI,
    "FairnessFrontier": "Sums over the characteristics that are kept, on records that chose no "
    "bins. The interval allows for their dependence and for the bias of the sum; a budget is "
    "claimed only where the one-sided 95 % upper bound is within it.",
    "adverse_impact": "Ratio and differences of rates: the score interval of Miettinen and "
    "Nurminen, and its test of equality. The four-fifths rule is claimed only where the one-sided "
    "95 % lower bound, corrected for continuity, is at least 0.8.",
    "WeightOfEvidence": "The interval is Wald's, from the covariance of the two multinomial "
    "samples; p tests that the bin carries no evidence.",
} | dict.fromkeys(
    (
        *("DCPDD", "LossScore", "ZlibScore", "LowercaseScore", "ReferenceScore", "NeighborScore"),
        *("MinK", "ReCaLL", "ConReCall", "SURP", "PMIScore", "CombinedScore"),
    ),
    "p is conformal: the rank of the score among those of the calibration texts, which are no "
    "members, adjusted for the number of texts by Benjamini and Hochberg. The interval is of the "
    "noise of the tokens of a text, by blocks of them; it says nothing of membership.",
)


def _breakable(name: str) -> str:
    """Name that a narrow page may break after an underscore or a full stop."""
    return escape(name).replace("_", "_<wbr>").replace(".", ".<wbr>")


def _moment(created: str) -> str:
    """Time stamp as a reader writes it."""
    return created.replace("T", " ").replace("+00:00", " UTC")


def _key(value: float) -> str:
    return repr(float(value)) if math.isfinite(value) else ""


def _ends(r: Result) -> str:
    """Bounds of the interval, or a dash where none is known."""
    if math.isnan(r.ci.low) and math.isnan(r.ci.high):
        return "–"
    return f"{_digits(r.ci.low, r)} to {_digits(r.ci.high, r)}"


def _digits(value: float, r: Result | None = None) -> str:
    """Four decimals; four significant digits of a result that counts something of its own."""
    if not math.isfinite(value):
        return "–" if math.isnan(value) else ("∞" if value > 0 else "−∞")
    if r is not None and "n_of" in r.diagnostics:
        return f"{value:.4g}"
    if value != 0 and abs(value) < 1e-4:
        return f"{value:.1e}"
    return f"{value:.4f}"


def _pvalue(value: float) -> str:
    if math.isnan(value):
        return "–"
    return "&lt;&nbsp;0.0001" if value < 1e-4 else f"{value:.4f}"


def _records(r: Result) -> str:
    return escape(" + ".join(format_size(n) for n in r.n))
