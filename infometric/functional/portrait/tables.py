"""Tables of pairs of columns, and what pairs of columns tell beyond chance."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import ndtri

from infometric.functional.portrait.arrays import Features, largest, of_float
from infometric.state.arrays import is_tensor, like, namespace

LEVELS = (9, 7, 5, 3)  # of the tables of pairs: the most that leave five rows a cell
EDGE = 1e6  # over which a score passes from one level to the next
CLEAR = 3.0  # standard deviations above chance from which a pair of columns counts


def matched(pairs: Any, chance: float, out: Features, stem: str) -> None:
    """Information of pairs of columns beyond chance: of all, of the best for each column."""
    clear = (pairs - chance).clip(0.0)
    clear = clear + chance * of_float(clear > 0, pairs)
    out[f"{stem}, sum"] = clear.sum((-1, -2))
    out[f"{stem}, largest"] = largest(largest(pairs))
    out[f"{stem}, matched:x"] = largest(clear).sum(-1)
    out[f"{stem}, matched:y"] = largest(clear, -2).sum(-1)


def of_tables(x: Any, y: Any, out: Features) -> None:
    """Information of the tables of every pair of columns, less its mean under independence."""
    pairs, levels = pairs_of_tables(x, y)
    out["tables"] = pairs.mean((-1, -2))
    matched(pairs, CLEAR * (0.5**0.5) * (levels - 1) / x.shape[-2], out, "tables")


def pairs_of_tables(x: Any, y: Any) -> tuple[Any, int]:
    """Information of each pair of columns, (..., dx, dy), less its mean under independence.

    Columns are normal scores; returns the levels of a column too.
    """
    xp = namespace(x)
    n, dx, dy = x.shape[-2], x.shape[-1], y.shape[-1]
    levels = next((k for k in LEVELS if n >= 5 * k * k), LEVELS[-1])
    edges = like(ndtri(np.arange(1, levels) / levels), x)

    def indicators(z: Any) -> Any:
        z = z.detach() if is_tensor(z) else z
        # a score on an edge (of ties) lies half on either side, so that a mirror changes nothing
        above = ((z[..., None] - edges) * EDGE + 0.5).clip(0.0, 1.0)
        none = above[..., :1] * 0.0
        found = xp.concatenate([none + 1.0, above], -1) - xp.concatenate([above, none], -1)
        return found.reshape(*z.shape[:-1], z.shape[-1] * levels)

    hx, hy = indicators(x), indicators(y)
    joint = (hx.swapaxes(-1, -2) @ hy / n).reshape(*x.shape[:-2], dx, levels, dy, levels)

    def entropy(p: Any, axes: tuple[int, ...]) -> Any:
        return -(p * xp.log(p + 1e-12)).sum(axes)

    px, py = hx.mean(-2), hy.mean(-2)
    px = px.reshape(*px.shape[:-1], dx, levels)
    py = py.reshape(*py.shape[:-1], dy, levels)
    cells = of_float(px > 0, px).sum(-1), of_float(py > 0, py).sum(-1)
    bias = (cells[0][..., :, None] - 1.0) * (cells[1][..., None, :] - 1.0) / (2.0 * n)
    pairs = entropy(px, (-1,))[..., :, None] + entropy(py, (-1,))[..., None, :]
    return pairs - entropy(joint, (-3, -1)) - bias, levels
