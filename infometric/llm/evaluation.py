"""How well membership scores tell members from non-members, where that is known.

Areas under the curve with DeLong's interval, their paired differences, and the share of members
found at a small false positive rate with its exact interval given the threshold.

References
----------
Carlini, N. et al. (2022). Membership inference attacks from first principles. IEEE S&P.
doi:10.1109/SP46214.2022.9833649 (why the rate at few false positives counts).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
from scipy.special import betaincinv

from infometric.credit.discrimination import auc_difference, ranked_counts
from infometric.detection import MembershipEvaluation
from infometric.exceptions import DataError, InvalidParameterError
from infometric.functional.proportion import EventRate
from infometric.functional.ranking import AreaUnderCurve
from infometric.inference import check_level, infer
from infometric.llm.membership import membership_labels
from infometric.llm.table import MembershipTable
from infometric.result import Result, ResultTable
from infometric.state.counts import Counts
from infometric.typing import Array

RATES = (0.001, 0.01, 0.05, 0.1)
_POINTS = 512  # of a curve that is kept


def evaluate(
    scores: Any,
    labels: Any,
    *,
    fpr: Sequence[float] | float | None = None,
    level: float = 0.95,
) -> MembershipEvaluation:
    """Areas under the curve, their paired differences, and members found at few false positives.

    Parameters
    ----------
    scores : array-like, table of scores, or mapping of them by name, or frame
        Scores that are larger for members, one per text. NaN is no score: such texts are left out
        and counted.
    labels : array-like of shape (n_texts,)
        1 for members, 0 for non-members.
    fpr : float or sequence of float, optional
        False positive rates; 0.001, 0.01, 0.05 and 0.1 by default, as far as there are
        non-members enough.
    level : float
        Nominal coverage of the intervals.

    Returns
    -------
    MembershipEvaluation

    Raises
    ------
    DataError
        Where labels are not of two kinds, or shapes differ.
    InvalidParameterError
        Where a false positive rate is below what so many non-members can show.

    References
    ----------
    DeLong, E. R., DeLong, D. M., Clarke-Pearson, D. L. (1988). doi:10.2307/2531595

    Examples
    --------
    >>> import infometric as im
    >>> labels = [1, 1, 1, 1, 1, 0, 0, 0, 0]
    >>> found = im.llm.evaluate([3, 1, 4, 2, 2, 0, 1, 2, 0.5], labels, fpr=0.25)
    >>> round(found.auc["score"].value, 4), round(found.auc["score"].se, 4)
    (0.875, 0.1168)
    """
    check_level(level)
    named = _by_name(scores)
    first = next(iter(named.values()))
    members = membership_labels(labels, len(first))
    _refuse_one_kind(members)
    for name, values in named.items():
        if values.shape != members.shape:
            raise DataError(
                f"The score {name!r} and the labels differ in length.",
                got={"scores": values.shape, "labels": members.shape},
                hint="one score and one label per text",
            )
    rates = _rates(fpr, int((~members).sum()))
    areas: dict[str, Result] = {}
    found: dict[str, Result] = {}
    curves = {}
    for name, values in named.items():
        y, s = _known(name, values, members)
        areas[name] = infer(AreaUnderCurve(), ranked_counts(y, s), level=level)
        found |= {f"{name} at {rate:g}": _tpr(y, s, rate, level) for rate in rates}
        curves[name] = curve(y, s)
    differences = {
        f"{a} - {b}": _difference(named[a], named[b], members, level)
        for a, b in combinations(named, 2)
    }
    missing = {name: int(np.isnan(values).sum()) for name, values in named.items()}
    return MembershipEvaluation(
        ResultTable(areas), ResultTable(differences).adjust() if differences else ResultTable({}),
        ResultTable(found), curves, int(members.sum()), int((~members).sum()),
        {k: v for k, v in missing.items() if v},
    )  # fmt: skip


def _by_name(scores: Any) -> dict[str, Array]:
    """Arrays by name."""
    if isinstance(scores, MembershipTable):
        return {scores.facts["measure"]: scores.columns.value}
    if hasattr(scores, "columns") and hasattr(scores, "__getitem__"):
        columns = getattr(scores, "column_names", scores.columns)
        return _distinct([(str(name), _plain(name, scores[name])) for name in columns])
    if isinstance(scores, Mapping) and not isinstance(scores, ResultTable):
        if not scores:
            raise DataError("There is no score to evaluate.", got={}, hint="{'loss': scores}")
        return _distinct([
            (str(n), v.columns.value if isinstance(v, MembershipTable) else _plain(n, v))
            for n, v in scores.items()
        ])  # fmt: skip
    return {"score": _plain("score", scores)}


def _distinct(pairs: list[tuple[str, Array]]) -> dict[str, Array]:
    """Mapping of pairs, none of which may be lost."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise DataError(
            "Two scores have one name.",
            got=[name for name, _ in pairs],
            hint="{'loss': scores, 'min_k': others}",
        )
    return found


def _plain(name: Any, values: Any) -> Array:
    try:
        found = np.asarray(values, dtype=float)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"The score {name!r} must hold numbers.", got=values, hint="one number per text"
        ) from error
    if found.ndim != 1:
        raise DataError(
            f"The score {name!r} must be one number per text.",
            got=found.shape,
            hint="evaluate({'loss': scores[:, 0], 'min_k': scores[:, 1]}, labels)",
        )
    return found


def _refuse_one_kind(members: Array) -> None:
    if members.all() or not members.any():
        raise DataError(
            "An evaluation needs members and non-members.",
            got={"members": int(members.sum()), "non_members": int((~members).sum())},
            hint="for texts of unknown membership: score.fit(non_members).estimate(texts)",
        )


def _rates(fpr: Any, n: int) -> list[float]:
    """False positive rates that so many non-members can show."""
    if fpr is None:
        return [rate for rate in RATES if rate >= 1 / n]
    given = [fpr] if np.ndim(fpr) == 0 else list(fpr)
    for rate in given:
        number = isinstance(rate, int | float | np.number) and not isinstance(rate, bool)
        if not number or not 0 < rate < 1:
            raise InvalidParameterError(
                "fpr must be shares of non-members between 0 and 1.", got=rate, hint="fpr=0.01"
            )
        if rate < 1 / n:
            raise InvalidParameterError(
                f"{n} non-members cannot show a false positive rate of {rate:g}.",
                got=rate,
                hint=f"fpr={math.ceil(1000 / n) / 1000:g}, or {math.ceil(1 / rate):,} non-members",
            )
    return [float(rate) for rate in given]


def _known(name: str, values: Array, members: Array) -> tuple[Array, Array]:
    """Labels and scores of the texts that have one."""
    keep = ~np.isnan(values)
    y, s = members[keep].astype(int), values[keep]
    if len(np.unique(y)) < 2:
        raise DataError(
            f"The score {name!r} is known of one kind of text only.",
            got={"members": int(y.sum()), "non_members": int((1 - y).sum())},
            hint="a score that is defined for both: LossScore()",
        )
    return y, s


def _difference(first: Array, second: Array, members: Array, level: float) -> Result:
    """Paired difference on the texts that have both; of equal scores it is zero for certain."""
    keep = ~(np.isnan(first) | np.isnan(second))
    y = members[keep].astype(int)
    if len(np.unique(y)) < 2:
        raise DataError(
            "Two scores have no texts of both kinds in common.",
            got={"texts": int(keep.sum())},
            hint="evaluate each alone",
        )
    found = auc_difference(y, first[keep], second[keep], level=level)
    if found.se > 0:
        return found
    return replace(found, pvalue=1.0 if found.value == 0 else 0.0)


def _tpr(y: Array, s: Array, rate: float, level: float) -> Result:
    """Share of members above the threshold, with Clopper and Pearson's interval given it."""
    others, members = np.sort(s[y == 0]), s[y == 1]
    n, k = len(others), math.floor(rate * len(others) * (1 + 1e-12)) + 1
    threshold = float(others[-k])
    hits = int((members > threshold).sum())
    counts = Counts.from_counts([len(members) - hits, hits])
    found = infer(EventRate(), counts, "clopper_pearson", level=level, measure="tpr")
    tail = (1 - level) / 2
    reach = [float(betaincinv(k, n + 1 - k, q)) for q in (tail, 1 - tail)]
    told = {"threshold": threshold, "fpr": rate, "fpr_low": reach[0], "fpr_high": reach[1]}
    told["fpr_seen"] = float((others > threshold).mean())
    return replace(found, diagnostics=found.diagnostics | told)


def curve(y: Array, s: Array) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """False and true positive rates at every distinct threshold, thinned to some hundred.

    Examples
    --------
    >>> curve(np.array([1, 0, 1]), np.array([3.0, 2.0, 1.0]))
    ((0.0, 0.0, 1.0, 1.0), (0.0, 0.5, 0.5, 1.0))
    """
    order = np.argsort(-s, kind="stable")
    hit, miss = (np.cumsum(y[order] == kind) for kind in (1, 0))
    sorted_ = s[order]
    ends = np.append(np.flatnonzero(sorted_[1:] != sorted_[:-1]), len(s) - 1)
    true, false = (np.append(0.0, c[ends] / c[-1]) for c in (hit, miss))
    if len(true) > _POINTS:
        at = np.unique(np.linspace(0, len(true) - 1, _POINTS).round().astype(int))
        true, false = true[at], false[at]
    return tuple(false.tolist()), tuple(true.tolist())
