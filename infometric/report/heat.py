"""The map of all pairs of columns as a table of the HTML report, coloured by strength."""

from __future__ import annotations

import math
from html import escape

import numpy as np

from infometric.pairwise import PairwiseResult
from infometric.result import format_pvalue

_MOST = 50  # columns that a page can show
_NUMBERED = 14  # columns up to which the values are written into the cells
_DEEP = 55  # per cent of colour from which the text must be light


def heat_table(found: PairwiseResult) -> str:
    """Table of the pairs, with those columns that know most of any other where there are many."""
    values = np.where(np.eye(len(found.names), dtype=bool), -np.inf, found.corrected)
    shown = np.sort(np.argsort(-values.max(1), kind="stable")[:_MOST])
    most = max(float(values[np.ix_(shown, shown)].max()), 1e-300)
    heads = "".join(f'<th scope="col"><span>{escape(found.names[j])}</span></th>' for j in shown)
    rows = "\n".join(
        f'<tr><th scope="row">{escape(found.names[i])}</th>'
        + "".join(_cell(found, int(i), int(j), most, len(shown) <= _NUMBERED) for j in shown)
        + "</tr>"
        for i in shown
    )
    return (
        f'<p class="soft">{escape(_caption(found, len(shown)))}</p>\n<div class="scroll">'
        f'<table class="heat"><thead><tr><td></td>{heads}</tr></thead><tbody>\n{rows}\n'
        "</tbody></table></div>"
    )


def _caption(found: PairwiseResult, shown: int) -> str:
    rejected = int((found.pairs["pvalue_bh"] <= 0.05).sum())
    text = (
        f"{rejected:,} of {len(found):,} pairs know of each other "
        "(p ≤ 0.05, Benjamini-Hochberg). Colour goes with the square root of the value less its "
        "bias, which would favour columns with many levels."
    )
    if shown < len(found.names):
        text += f" The {shown} of {len(found.names)} columns that know most of any other."
    return text


def _cell(found: PairwiseResult, i: int, j: int, most: float, numbered: bool) -> str:
    if i == j:
        title = f"entropy of {found.names[i]}: {found.entropy[i]:.4g} {found.units}"
        return f'<td class="self" title="{escape(title)}"></td>'
    value, pvalue = float(found.value[i, j]), float(found.pvalue_bh[i, j])
    less_bias = max(float(found.corrected[i, j]), 0.0)
    share = round(100 * math.sqrt(min(less_bias / most, 1.0)))
    title = (
        f"{found.names[i]} and {found.names[j]}: {value:.4g} {found.units}, "
        f"{less_bias:.4g} less bias, p {format_pvalue(pvalue)} (Benjamini-Hochberg)"
    )
    text = f"{less_bias:.2f}".removeprefix("0") if numbered else ""
    deep = ' class="deep"' if share >= _DEEP else ""
    return f'<td{deep} style="--share:{share}%" title="{escape(title)}">{text}</td>'
