"""Probe: the portrait of one fixed sample, by which weights know how samples were read in training.

Features that mean something else at the same place would be taken for what they were. Weights keep
the probe beside them, and those whose probe differs are refused.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NoReturn

import numpy as np

from infometric.exceptions import DataError
from infometric.functional.portrait import names, normal_scores, portrait
from infometric.typing import Array

ROWS = 24
STEPS = (0.8191725133961645, 0.6710436067037893, 0.5497004779019703)  # 1/g, 1/g^2, 1/g^3: g^4 = g+1
VALUES = 4  # of the column with ties
TOLERANCE = 1e-3  # relative, and absolute below one: far above rounding, far below another meaning


def sample() -> tuple[Array, Array]:
    """Two columns, one with ties, and one that depends on both; no randomness."""
    u = np.outer(np.arange(1, ROWS + 1), STEPS) % 1.0
    tied = np.floor(VALUES * u[:, 1])
    return np.column_stack([u[:, 0], tied]), (u[:, :1] + 0.2 * tied[:, None] + u[:, 2:]) ** 2


@cache
def probe() -> Array:
    """Portrait of the sample as this version reads it, in the order of `names`.

    Examples
    --------
    >>> len(probe()) == len(names())
    True
    """
    x, y = (normal_scores(v[None]) for v in sample())
    found: Array = portrait(x, y)[0].astype(np.float32)
    found.flags.writeable = False
    return found


def require_same(stored: Array, hint: str) -> None:
    """Error where weights were trained on portraits that this version does not draw.

    Raises
    ------
    DataError
        Where the numbers of features differ, or their values.
    """
    now = probe()
    if stored.shape != now.shape:
        refuse({"inputs": stored.size, "portrait": now.size}, hint)
    near = np.abs(stored - now) <= TOLERANCE * np.maximum(np.abs(now), 1.0)
    if not near.all():
        first = int(np.argmin(near))
        values = {"trained": float(stored[first]), "now": float(now[first])}
        refuse({"feature": names()[first]} | values, hint)


def refuse(got: Any, hint: str) -> NoReturn:
    """Say that samples are read in another way than in training.

    Raises
    ------
    DataError
        Always.
    """
    raise DataError(
        "The weights are for samples that are read in another way: of another version.",
        got=got,
        hint=hint,
    )
