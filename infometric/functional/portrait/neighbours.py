"""Neighbours: local information by distances (Kraskov et al. 2004), in several coordinates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.special import digamma

from infometric.functional.portrait.arrays import (
    Features,
    ascending,
    contiguous,
    digamma_of,
    of_float,
    rows_of,
    spread_of,
)
from infometric.functional.portrait.correlations import LEADING
from infometric.state.arrays import digits, is_tensor, namespace, traced

NEIGHBOURS = (1, 3, 10)
REFERENCE = 3
CHUNK = 60_000  # distances held at a time: they stay in the cache
FEWEST = 64  # rows looked at together all the same
QUERIES = 512  # rows whose neighbours are looked for: evenly spread over the norms
ROUNDING = 1e-7  # relative, of squared distances: no difference; or sixteen last digits
DIRECT = 2  # columns up to which distances are differences, not products
METRICS = ("scores", "white", "canonical", "polynomial")
COINCIDENT = 1e-14  # squared distance, likewise


def _distances(a: Any, b: Any) -> Any:
    """Squared distances of the rows of a (batch, q, d) to those of b (batch, n, d)."""
    xp = namespace(a)
    if a.shape[-1] <= DIRECT:
        total: Any = None
        for j in range(a.shape[-1]):
            step = contiguous(a[..., j])[..., :, None] - contiguous(b[..., j])[..., None, :]
            if traced(step):
                total = step * step if total is None else total + step * step
                continue
            step *= step
            total = step if total is None else xp.add(total, step, out=total)
        return total
    both = (a * a).sum(-1)[..., :, None] + (b * b).sum(-1)[..., None, :]
    least = 32 * digits(a)  # of the norms: what rounding leaves of nothing
    turned = b.swapaxes(-1, -2)
    if is_tensor(a):
        square = both - 2.0 * (a @ turned)
        return xp.where(square < least * both, square * 0.0, square)
    square = (-2.0 * a) @ turned  # the same in place: most of the time is that of memory
    square += both
    both *= least
    square *= square >= both
    return square


def of_neighbours(x: Any, y: Any, normal: dict[str, Any], queries: int, out: Features) -> None:
    """Features of neighbours in all coordinates, of some rows evenly spread over the norms."""
    n, dx, dy = x.shape[-2], x.shape[-1], y.shape[-1]
    asked = min(n, queries)
    at = np.unique(np.linspace(0, n - 1, asked).round().astype(int))
    index = normal["order"][..., at]
    tied = out["ties:x"] + out["ties:y"] > 0
    local: Any = None
    for metric in METRICS:
        if _same(metric, dx, dy):  # as the metric before, up to a rotation or a scale
            before = METRICS[METRICS.index(metric) - 1]
            out |= {
                k.replace(before, metric): v for k, v in out.items() if k.startswith(f"{before},")
            }
        else:
            a, b = normal[metric]
            local = _of_metric(metric, a, b, index, tied, out)
        if metric == "white":
            normal_law = _picked(normal["local"], index)
            out["departure from the normal law"] = spread_of(local - normal_law)
    _of_norms(normal, index, tied, out)


def _of_norms(normal: dict[str, Any], index: Any, tied: Any, out: Features) -> None:
    """What the norm of one tells of the norm that is left of the other; of a normal law nothing.

    Where rows have a scale in common this is all that they share beside their correlations.
    """
    for name in "xy":
        a, b = normal[f"norms:{name}"]
        n = a.shape[-2]
        ((_, ca, cb, top),) = _looked(a, b, index, [min(REFERENCE, (n - 1) // 2)], tied)
        local = digamma_of(top) + float(digamma(n)) - digamma_of(ca) - digamma_of(cb)
        out[f"norms left, information:{name}"] = local.mean(-1)
    found = 0.5 * (out["norms left, information:x"] + out["norms left, information:y"])
    line = of_float(out["normal, corrected"], found).clip(0.0)
    out["normal, with norms"] = line + found.clip(0.0)


def _same(metric: str, dx: int, dy: int) -> bool:
    if metric == "white":
        return dx == dy == 1
    return metric == "canonical" and dx == dy <= LEADING


def _joined(parts: Sequence[Any], x: Any, axis: int) -> Any:
    return parts[0] if len(parts) == 1 else namespace(x).concatenate(parts, axis)


def _picked(values: Any, index: Any) -> Any:
    if is_tensor(values):
        return values.gather(-1, index)
    return np.take_along_axis(values, index, -1)


def _of_metric(metric: str, x: Any, y: Any, index: Any, tied: Any, out: Features) -> Any:
    """Local information by neighbours of the rows asked for, at every size; that of reference."""
    xp = namespace(x)
    n = x.shape[-2]
    sizes = [min(k, (n - 1) // 2) for k in NEIGHBOURS]
    reference: Any = None
    for k, found in zip(NEIGHBOURS, _looked(x, y, index, sizes, tied), strict=True):
        eps, cx, cy, top = found
        px, py = digamma_of(cx), digamma_of(cy)
        local = digamma_of(top) + float(digamma(n)) - px - py
        log_eps = 0.5 * xp.log(eps + 1e-8)
        stem = f"{metric}, {k}"
        ordered = ascending(local)
        m = ordered.shape[-1]
        out[f"{stem}, information"] = local.mean(-1)
        out[f"{stem}, spread"] = spread_of(local)
        out[f"{stem}, low"] = ordered[..., m // 10]
        out[f"{stem}, high"] = ordered[..., m - 1 - m // 10]
        out[f"{stem}, count:x"] = px.mean(-1) - float(digamma(n))
        out[f"{stem}, count:y"] = py.mean(-1) - float(digamma(n))
        out[f"{stem}, distance"] = log_eps.mean(-1)
        out[f"{stem}, distances, spread"] = spread_of(log_eps)
        if k == REFERENCE:
            reference = local
    return reference


def _looked(x: Any, y: Any, index: Any, sizes: list[int], tied: Any) -> list[tuple[Any, ...]]:
    """Of the rows asked for, a few at a time, at every size: see `_near`; (batch, asked) each."""
    batch, n, asked = x.shape[0], x.shape[1], index.shape[1]
    rows = min(asked, max(FEWEST, CHUNK // n))
    tasks = max(1, CHUNK // (rows * n))
    parts = []
    for i in range(0, batch, tasks):
        here = slice(i, i + tasks)
        found = [
            _near(x[here], y[here], index[here, j : j + rows], sizes, tied[here])
            for j in range(0, asked, rows)
        ]
        parts.append([_joined(part, x, -1) for part in zip(*found, strict=True)])
    joined = [_joined(part, x, 0) for part in zip(*parts, strict=True)]
    return [tuple(joined[i : i + 4]) for i in range(0, len(joined), 4)]


def _near(x: Any, y: Any, index: Any, sizes: list[int], tied: Any) -> list[Any]:
    """Squared distance of the neighbour, rows nearer in x and in y, neighbours; of every size."""
    xp = namespace(x)
    dx, dy = (_distances(rows_of(v, index), v) for v in (x, y))
    ties = bool(tied.any())
    joint = xp.maximum(dx, dy)
    near = _smallest(joint, sizes[-1] + 1, ties)  # a row itself is the first
    tiny = float(xp.finfo(x.dtype).tiny) ** 0.5
    rounding = max(ROUNDING, 16 * digits(x))
    out: list[Any] = []
    for size in sizes:
        eps = near[..., size]
        # among few rows many distances are equal but for their last digits
        radius = xp.maximum(eps * (1.0 - rounding), eps * 0.0 + tiny)[..., None]
        top = eps * 0.0 + float(size)
        if ties:
            limit = (eps * (1.0 + rounding))[..., None]
            equal = of_float(_count(joint <= limit) - 1, x)
            # of rows that coincide, a row is one of its own neighbours: the plug-in of a table
            top = xp.where(tied[:, None], xp.where(eps > 0, equal, equal + 1.0), top)
        out += [eps, _within(dx, radius), _within(dy, radius), top]
    return out


def _smallest(x: Any, k: int, kept: bool) -> Any:
    """The k smallest along the last axis, ascending; of numpy in place, unless x must be kept."""
    if is_tensor(x):
        return namespace(x).topk(x, k, dim=-1, largest=False, sorted=True).values
    if kept:
        x = x.copy()
    x.partition(k - 1, axis=-1)
    return np.sort(x[..., :k], axis=-1)


def _count(mask: Any) -> Any:
    if is_tensor(mask):
        return mask.sum(-1, dtype=namespace(mask).int32)
    # half the time of count_nonzero along an axis
    return np.bitwise_count(np.packbits(mask, axis=-1)).sum(-1, dtype=np.int32)


def _within(distances: Any, radius: Any) -> Any:
    """Rows nearer than a radius, itself among them; with a gradient where one is asked for."""
    xp = namespace(distances)
    hard = of_float(_count(distances < radius), distances)
    if not traced(distances):
        return hard
    clear = radius.detach() > COINCIDENT  # rows that coincide with their neighbours stay there
    width = xp.where(clear, radius, 1.0)
    soft = xp.where(clear, xp.sigmoid((width - distances) / (0.5 * width)), 0.0).sum(-1)
    return hard + soft - soft.detach()
