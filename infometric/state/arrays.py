"""One body for numpy and torch: what the two spell differently.

Mathematics on similarities calls these few functions, and operators that both libraries share;
torch is never imported here: an array of it brings it along.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

import numpy as np


def namespace(x: Any) -> Any:
    """Module that an array belongs to: numpy or torch.

    Examples
    --------
    >>> namespace(np.zeros(3)).__name__
    'numpy'
    """
    return sys.modules["torch"] if is_tensor(x) else np


def is_tensor(x: Any) -> bool:
    """Whether an array is torch's."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(x, torch.Tensor)


def traced(x: Any) -> bool:
    """Whether gradients are asked for, so that nothing may be overwritten."""
    return is_tensor(x) and bool(x.requires_grad)


def to_numpy(x: Any) -> Any:
    """A numpy array of the same values."""
    return x.detach().cpu().numpy() if is_tensor(x) else np.asarray(x)


def like(values: Any, x: Any) -> Any:
    """Values as an array of the library, the device and the precision of another."""
    if is_tensor(x):
        return namespace(x).as_tensor(values, dtype=x.dtype, device=x.device)
    return np.asarray(values, dtype=x.dtype)


def of_one_library(values: Iterable[Any]) -> tuple[Any, ...]:
    """Arrays in one library and on one device: those of the first tensor, if there is one."""
    found = tuple(values)
    first = next((v for v in found if is_tensor(v)), None)
    if first is None:
        return found
    return tuple(namespace(first).as_tensor(v, device=first.device) for v in found)


def empty(shape: tuple[int, ...], x: Any) -> Any:
    """An array not filled yet, of the library, the device and the precision of another."""
    return x.new_empty(shape) if is_tensor(x) else np.empty(shape, x.dtype)


def digits(x: Any) -> float:
    """Relative spacing of the numbers of an array."""
    return float(namespace(x).finfo(x.dtype).eps)


def exponential(x: Any) -> Any:
    """Exponential, in place unless gradients are asked for."""
    xp = namespace(x)
    return xp.exp(x) if traced(x) else xp.exp(x, out=x)


def at_most(x: Any, most: float) -> Any:
    """The lesser of each value and a number, in place unless gradients are asked for."""
    return (
        namespace(x).clip(x, None, most) if traced(x) else namespace(x).clip(x, None, most, out=x)
    )


def double(x: Any) -> Any:
    """The same values in double precision."""
    return x.double() if is_tensor(x) else np.asarray(x, dtype=np.float64)


def logsumexp(x: Any, axis: int | tuple[int, ...]) -> Any:
    """Log of a sum of exponentials along axes; entries of minus infinity count for nothing."""
    if is_tensor(x):
        return namespace(x).logsumexp(x, axis)
    top = x.max(axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0)
    with np.errstate(divide="ignore", over="ignore", under="ignore"):
        # scipy.special's takes every exponential twice
        scaled = x - top
        return np.log(np.exp(scaled, out=scaled).sum(axis)) + np.squeeze(top, axis)


def on_diagonal(x: Any) -> Any:
    """Mask, true on the diagonal of a square array, of its library and device."""
    if is_tensor(x):
        xp = namespace(x)
        return xp.eye(x.shape[0], dtype=xp.bool, device=x.device)
    return np.eye(x.shape[0], dtype=bool)


def floating(x: Any) -> Any:
    """An array of either library; values that are not floating become doubles."""
    if is_tensor(x):
        return x if x.is_floating_point() else x.double()
    found = np.asarray(x)
    return found if found.dtype.kind == "f" else found.astype(np.float64)


def detached(x: Any) -> Any:
    """The same values, through which no gradient flows."""
    return x.detach() if is_tensor(x) else x
