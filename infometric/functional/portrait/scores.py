"""Normal scores of ranks, which are all that a portrait sees of a sample."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import ndtri

from infometric.functional.portrait.arrays import ascending, of_float
from infometric.state.arrays import is_tensor, namespace, traced


def normal_scores(x: Any) -> Any:
    """Normal scores of the average ranks of every column.

    Parameters
    ----------
    x : array of shape (..., n_rows, n_columns)
        Numpy or torch.

    Returns
    -------
    array of the same shape
        Of a tensor that asks for gradients, the derivative of a score is the slope of the line
        between the values so many ranks below and above, half of the root of the number of rows:
        ranks alone have none, and next neighbours would make it noise.

    Examples
    --------
    >>> normal_scores(np.array([[1.0], [10.0], [100.0]])).round(3).ravel().tolist()
    [-0.967, 0.0, 0.967]
    """
    columns = x.swapaxes(-1, -2)
    plain = columns.detach() if is_tensor(x) else columns
    ordered = ascending(plain)
    n = x.shape[-2]
    twice = position(ordered, plain, "left") + position(ordered, plain, "right")  # 2 r - 1
    low = namespace(x).minimum(twice, 2 * n - twice)  # both tails by one formula: exact mirror
    if is_tensor(x):
        xp = namespace(x)
        tail = xp.special.ndtri(low.to(x.dtype) / (2 * n))
        scores = xp.where(twice <= n, tail, -tail)
        scores = _with_slope(scores, columns, ordered) if traced(x) else scores
    else:
        tail = ndtri(low / (2 * n))
        scores = np.where(twice <= n, tail, -tail).astype(x.dtype, copy=False)
    return scores.swapaxes(-1, -2)


def position(ordered: Any, values: Any, side: str) -> Any:
    """Places of values among ordered ones, before or after their equals."""
    if is_tensor(values):
        return namespace(values).searchsorted(ordered.contiguous(), values.contiguous(), side=side)
    flat = [
        np.searchsorted(o, v, side=side)  # type: ignore[call-overload]
        for o, v in zip(
            ordered.reshape(-1, ordered.shape[-1]),
            values.reshape(-1, values.shape[-1]),
            strict=True,
        )
    ]
    return np.array(flat).reshape(values.shape)


def _with_slope(scores: Any, values: Any, ordered: Any) -> Any:
    """Scores whose derivative is the slope between values some ranks below and above."""
    xp = namespace(values)
    n = values.shape[-1]
    at = xp.searchsorted(ordered.contiguous(), values.detach().contiguous())
    level = ascending(scores)
    reach = max(1, round(n**0.5 / 2))
    below, above = (at - reach).clamp(min=0), (at + reach).clamp(max=n - 1)
    rise = level.gather(-1, above) - level.gather(-1, below)
    run = ordered.gather(-1, above) - ordered.gather(-1, below)
    slope = xp.where(run > 0, rise / run.clamp(min=xp.finfo(run.dtype).tiny), 0.0)
    return scores + slope * (values - values.detach())


def tied_share(x: Any) -> Any:
    """Share of the values that have an equal in their column, mean over columns."""
    ordered = ascending((x.detach() if is_tensor(x) else x).swapaxes(-1, -2))
    same = of_float(ordered[..., 1:] == ordered[..., :-1], x)
    return same.mean(-1).mean(-1)
