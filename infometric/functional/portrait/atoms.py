"""Atoms: values that a column often has, and the rows without them."""

from __future__ import annotations

from typing import Any

from scipy.special import ndtr, ndtri

from infometric.functional.portrait.arrays import (
    Features,
    ascending,
    contiguous,
    largest,
    of_float,
)
from infometric.functional.portrait.correlations import information_of_rows
from infometric.functional.portrait.scores import position
from infometric.functional.portrait.tables import CLEAR, matched
from infometric.state.arrays import is_tensor, namespace

LAST = 1e-5  # of scores that are one value
ATOM = 0.15  # share of the rows from which a value is one that a column often has


def _at_atoms(x: Any) -> Any:
    """Where columns have the value that they have most often, and often: 1, else 0."""
    columns = contiguous((x.detach() if is_tensor(x) else x).swapaxes(-1, -2))
    ordered = ascending(columns)
    equal = position(ordered, columns, "right") - position(ordered, columns, "left")
    most = largest(equal)[..., None]
    often = (equal == most) & (most > max(ATOM * x.shape[-2], 1.5))
    return of_float(often, x).swapaxes(-1, -2)


def of_atoms(x: Any, y: Any, out: Features) -> None:
    """What values that come often tell, and what the rows without them tell beside.

    Where X and Y are independent but for rows without them, their information is that of the
    indicators and, weighed by its share, that of the other rows.
    """
    xp = namespace(x)
    n, dx = x.shape[-2], x.shape[-1]
    ties = out["ties:x"] + out["ties:y"]
    found: Features = {}
    if bool((ties > 0).any()):
        a, b = _at_atoms(x), _at_atoms(y)
        found["atoms, share:x"], found["atoms, share:y"] = a.mean((-1, -2)), b.mean((-1, -2))
        tables = _of_two_by_two(a.swapaxes(-1, -2) @ b / n, a.mean(-2), b.mean(-2))
        matched(tables - 0.5 / n, CLEAR / n, found, "atoms, tables")
        x, y = _without(x, a), _without(y, b)
        matched(_of_living(x, y, 1.0 - a, 1.0 - b), 0.5 * CLEAR**2 / n, found, "atoms, others")
        gone_x, gone_y = (of_float(v.sum(-1) == v.shape[-1], x) for v in (a, b))
        both = (gone_x * gone_y).mean(-1)[..., None, None]
        table = _of_two_by_two(both, gone_x.mean(-1)[..., None], gone_y.mean(-1)[..., None])
        found["atoms, rows"] = table[..., 0, 0]
        living = (1.0 - gone_x) * (1.0 - gone_y)
        found["atoms, rows, share"] = living.mean(-1)
        z = xp.concatenate([x, y], -1)
        found["atoms, rows, others"] = of_float(information_of_rows(z, living, dx), x)
        found["atoms, information"] = found["atoms, rows"] + found["atoms, rows, others"]
    for key in ATOMS:
        # of tasks without ties nothing, whatever other tasks there are
        out[key] = xp.where(ties > 0, of_float(found[key], x), ties * 0.0) if found else ties * 0.0


_MATCHED = ("sum", "largest", "matched:x", "matched:y")
ATOMS = (
    *("atoms, share:x", "atoms, share:y"),
    *(f"atoms, tables, {part}" for part in _MATCHED),
    *(f"atoms, others, {part}" for part in _MATCHED),
    *("atoms, rows", "atoms, rows, share", "atoms, rows, others", "atoms, information"),
)


def _without(x: Any, atoms: Any) -> Any:
    """Scores that the values of each column have among themselves, without its atom."""
    xp = namespace(x)
    n, share = x.shape[-2], atoms.mean(-2)[..., None, :]
    place = (atoms * x).sum(-2)[..., None, :] / (share * n).clip(1.0)
    beside = x - place
    half = of_float(beside > -LAST, x) + of_float(beside > LAST, x)
    over = 0.5 * half * share  # half of an atom is above itself, so that a mirror changes nothing
    level = ((xp.special.ndtr(x) if is_tensor(x) else ndtr(x)) - over) / (1.0 - share).clip(1.0 / n)
    level = level.clip(0.5 / n, 1.0 - 0.5 / n)
    return xp.special.ndtri(level) if is_tensor(x) else ndtri(level)


def _of_two_by_two(both: Any, px: Any, py: Any) -> Any:
    """Information of indicators, from the share of rows with both, (..., dx, dy), and with each."""
    xp = namespace(both)
    px, py = px[..., :, None], py[..., None, :]
    total: Any = 0.0
    for joint, one, other in (
        (both, px, py),
        (px - both, px, 1.0 - py),
        (py - both, 1.0 - px, py),
        (1.0 - px - py + both, 1.0 - px, 1.0 - py),
    ):
        product = (one * other).clip(1e-9)
        total = total + joint.clip(0.0) * xp.log(joint.clip(1e-9) / product)
    return total


def _of_living(x: Any, y: Any, a: Any, b: Any) -> Any:
    """Normal information of pairs of columns in the rows where both live, times their share."""
    xp = namespace(x)
    n = x.shape[-2]
    at, xt = a.swapaxes(-1, -2), (a * x).swapaxes(-1, -2)
    share = at @ b / n
    rows = share.clip(1.0 / n)
    mx, my = xt @ b / n / rows, at @ (b * y) / n / rows
    vx = (a * x * x).swapaxes(-1, -2) @ b / n / rows - mx * mx
    vy = at @ (b * y * y) / n / rows - my * my
    cross = xt @ (b * y) / n / rows - mx * my
    square = (cross * cross / (vx.clip(1e-3) * vy.clip(1e-3))).clip(0.0, 0.9999)
    few = of_float(share * n > 5.0, x)
    return -0.5 * few * share * xp.log(1.0 - square)
