"""Stability over time as a report: its sections, and their pictures as inline SVG and tables."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from infometric.report.document import Report, Section
from infometric.result import Result, ResultTable
from infometric.timeline import Timeline

TAGS = {
    "stable": "stable",
    "at most moderate": "moderate",
    "shifted": "shifted",
    "undecided": "undecided",
}
_LABELS, _FEW_LABELS = 12, 4  # periods that a chart names, and a small one
_CROWDED = 18  # periods of a small chart from which marks are small too
_OPEN = 12  # columns up to which their charts are shown without asking
_NUMBERED = 18  # periods up to which the values are written into the calendar
_CHARTS = 60  # columns that get a chart of their own


def timeline_report(timeline: Timeline, title: str, sources: Mapping[str, str]) -> Report:
    """Report of a monitored model: the score, all columns by period, the last period, points."""
    latest, meta = timeline.latest, timeline.meta
    sections = []
    if timeline.score is not None:
        note = f"Population stability of {timeline.score}, period by period{_against(meta)}."
        sections.append(Section("The score over time", timeline.of(timeline.score), note))
    table = timeline[latest]
    note = (
        f"The table shows the last period, {latest}; the picture all of them{_against(meta)}. "
        f"{_rule(meta)}"
    )
    last = ResultTable(dict(table), adjusted=table.adjusted, meta=table.meta | _bins(meta))
    sections.append(Section("All columns", last, note, timeline=timeline))
    if latest in timeline.shifts:
        shifts = timeline.shifts[latest]
        note = (
            f"How many points of the score the population of {latest} has more (or less) than the "
            "reference through each characteristic: in all "
            f"{sum(r.value for r in shifts.values()):+.1f}."
        )
        ordered = sorted(shifts, key=lambda name: -abs(shifts[name].value))
        adjusted = {
            key: [values[list(shifts).index(name)] for name in ordered]
            for key, values in shifts.adjusted.items()
        }
        moved = ResultTable({n: shifts[n] for n in ordered}, adjusted=adjusted, meta=shifts.meta)
        sections.append(Section("Points gained and lost", moved, note))
    return Report(title, tuple(sections), dict(sources))


def _against(meta: Mapping[str, Any]) -> str:
    words = {
        "reference": ", against the reference",
        "previous": ", against the period before",
        "pooled": ", against all that came before",
    }
    return words.get(str(meta.get("parameters", {}).get("baseline")), "")


def _rule(meta: Mapping[str, Any]) -> str:
    policy = meta.get("parameters", {})
    if "alpha" not in policy:
        return ""
    over = (
        "in any column and any period, whenever one stops looking,"
        if policy.get("sequential") == "spending"
        else "in any column of one period"
    )
    if policy.get("multiplicity") == "bh":
        over = over.replace("in any column", "where nothing shifts, in any column")
    return (
        "An alarm is a shift that was seen and is not shown to be small; the chance of a false one "
        f"{over} is at most {100 * policy['alpha']:g} %."
    )


def _bins(meta: Mapping[str, Any]) -> dict[str, Any]:
    return {"encoders": meta["encoders"]} if "encoders" in meta else {}


# --- pictures ---------------------------------------------------------------------------------


def is_course(table: ResultTable) -> bool:
    """Whether the lines of a table are the periods of one column."""
    return len(table) > 1 and all(r.diagnostics.get("period") == n for n, r in table.items())


def chart(table: ResultTable, name: str = "", *, small: bool = False) -> str:
    """Values of one column over time with their intervals, limits and alarms."""
    periods, results = list(table), list(table.values())
    top, limits = _scale(results)
    crowded = small and len(results) > _CROWDED
    marks = "".join(_mark(r, _x(i, len(results)), top, crowded) for i, r in enumerate(results))
    lines = "".join(
        f'<line class="limit" x1="0" x2="100%" y1="{_y(v, top):.2f}%" y2="{_y(v, top):.2f}%"/>'
        for v in limits
    )
    ticks = "".join(
        f'<span style="top:{_y(v, top):.2f}%">{v:g}</span>' for v in dict.fromkeys([0.0, *limits])
    )
    labels = _labels(periods, _FEW_LABELS if small else _LABELS)
    text = escape(_spoken(name, table))
    heading = f"<h3>{escape(name)}</h3>" if small else ""
    return (
        f'<figure class="course{" small" if small else ""}">{heading}'
        f'<div class="ticks" aria-hidden="true">{ticks}</div>'
        f'<svg role="img" aria-label="{text}"><title>{text}</title>'
        f'<svg viewBox="0 0 100 100" preserveAspectRatio="none">{_band(results, top)}</svg>'
        f"{lines}{marks}</svg>"
        f'<div class="periods" aria-hidden="true">{labels}</div></figure>'
    )


def _scale(results: Sequence[Result]) -> tuple[float, list[float]]:
    """Top of the axis, and the limits that are on it."""
    ends = [v for r in results for v in (r.value, r.ci.high) if math.isfinite(v)]
    limits = list(results[0].diagnostics.get("thresholds", []))
    most = max(ends, default=0.0)
    shown = [v for v in limits if v <= 1.6 * most or v == min(limits)]
    return 1.08 * max([most, *shown]) or 1.0, shown


def _x(i: int, n: int) -> float:
    return 100 * (i + 0.5) / n


def _y(value: float, top: float) -> float:
    return 100 * (1 - min(max(value, 0.0), top) / top)


def _band(results: Sequence[Result], top: float) -> str:
    """Intervals as an area, and values as a line, in a square of 100."""
    n = len(results)
    known = [(i, r) for i, r in enumerate(results) if not math.isnan(r.ci.low)]
    upper = [f"{_x(i, n):.2f},{_y(r.ci.high, top):.2f}" for i, r in known]
    lower = [f"{_x(i, n):.2f},{_y(r.ci.low, top):.2f}" for i, r in reversed(known)]
    values = [f"{_x(i, n):.2f},{_y(r.value, top):.2f}" for i, r in enumerate(results)]
    return (
        f'<polygon class="band" points="{" ".join(upper + lower)}"/>'
        f'<polyline class="line" points="{" ".join(values)}"/>'
    )


def _mark(r: Result, x: float, top: float, crowded: bool = False) -> str:
    """Interval and value of one period, and its alarm."""
    y, tag = _y(r.value, top), TAGS.get(str(r.diagnostics.get("verdict")), "undecided")
    text = escape(f"{r.diagnostics.get('period')}: {r.summary()}, {_state(r)}")
    bar = ""
    if not (crowded or math.isnan(r.ci.low)):
        bar = (
            f'<line class="bar" x1="{x:.2f}%" x2="{x:.2f}%" y1="{_y(r.ci.high, top):.2f}%" '
            f'y2="{_y(r.ci.low, top):.2f}%"/>'
        )
    alarm = ""
    if r.diagnostics.get("alarm"):
        ring = f'<circle class="ring" cx="{x:.2f}%" cy="{y:.2f}%" r="8"/>'
        alarm = ("" if crowded else ring) + (
            f'<text class="alarm" x="{x:.2f}%" y="{y:.2f}%" dy="{-5 if crowded else -12}">▲</text>'
        )
    size = 2.2 if crowded else 4.5
    dot = f'<circle class="dot {tag}" cx="{x:.2f}%" cy="{y:.2f}%" r="{size}"/>'
    return f"<g><title>{text}</title>{bar}{dot}{alarm}</g>"


def _state(r: Result) -> str:
    verdict = str(r.diagnostics.get("verdict", ""))
    return f"{verdict}, alarm" if r.diagnostics.get("alarm") else verdict


def _spoken(name: str, table: ResultTable) -> str:
    periods, results = list(table), list(table.values())
    highest = max(range(len(results)), key=lambda i: results[i].value)
    alarms = [p for p, r in table.items() if r.diagnostics.get("alarm")]
    return (
        f"PSI{' of ' + name if name else ''} from {periods[0]} to {periods[-1]}; at most "
        f"{results[highest].value:.3f} in {periods[highest]}; "
        + (f"alarm in {', '.join(alarms)}" if alarms else "no alarm")
    )


def _labels(periods: Sequence[str], most: int) -> str:
    step = math.ceil(len(periods) / most)
    return "".join(
        f"<span{'' if (i // step) % 2 == 0 else ' class=more'} "
        f'style="left:{_x(i, len(periods)):.2f}%">{escape(period)}</span>'
        for i, period in enumerate(periods)
        if i % step == 0
    )


def legend() -> str:
    """What colours and marks say."""
    marks = "".join(f'<span><i class="{tag}"></i>{verdict}</span>' for verdict, tag in TAGS.items())
    return (
        f'<p class="legend">{marks}<span><b class="alarm">▲</b>alarm</span>'
        "<span>shaded: interval</span><span>dashed: limits</span></p>"
    )


def calendar(timeline: Timeline) -> str:
    """Table of columns by periods, coloured by verdict, with a mark for each alarm."""
    numbered = len(timeline) <= _NUMBERED
    heads = "".join(f'<th scope="col"><span>{escape(p)}</span></th>' for p in timeline)
    rows = "\n".join(
        f'<tr><th scope="row">{escape(name)}</th>'
        + "".join(_day(table.get(name), numbered) for table in timeline.values())
        + "</tr>"
        for name in timeline.names
    )
    kind = "calendar" if numbered else "calendar dense"
    return (
        f'<div class="scroll"><table class="{kind}"><thead><tr><td></td>{heads}</tr></thead>'
        f"<tbody>\n{rows}\n</tbody></table></div>"
    )


def _day(r: Result | None, numbered: bool) -> str:
    if r is None:
        return "<td></td>"
    tag = TAGS.get(str(r.diagnostics.get("verdict")), "undecided")
    title = escape(f"{r.diagnostics.get('period')}: {r.summary()}, {_state(r)}")
    alarm = '<b class="alarm">▲</b>' if r.diagnostics.get("alarm") else ""
    text = f"{r.value:.3f}" if numbered else ""
    spoken = f'<span class="spoken">{escape(_state(r))}</span>'
    return f'<td class="{tag}" title="{title}">{alarm}{text}{spoken}</td>'


def picture(timeline: Timeline) -> str:
    """Calendar of all columns, and a chart of each."""
    parts = [legend(), calendar(timeline)]
    if len(timeline) > 1:
        charts = "\n".join(
            chart(timeline.of(name), name, small=True) for name in timeline.names[:_CHARTS]
        )
        parts.append(
            f"<details{' open' if len(timeline.names) <= _OPEN else ''}>"
            "<summary>The course of each column</summary>"
            f'<div class="courses">\n{charts}\n</div></details>'
        )
    return "\n".join(parts)
