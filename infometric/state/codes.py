"""Small codes: whole numbers and categories as codes of as few bytes as their levels need.

A column of a wide table is coded once and counted with every other, so this pass must cost little
beside the counting: no sorting where the numbers lie close together, and a table of integers is
read in blocks of rows, whatever its order in memory.
"""

from __future__ import annotations

import numpy as np

from infometric.state.encoders import Column
from infometric.typing import Array

BLOCK = 2**19  # bytes that stay in the second cache while they are transposed
LEVELS = 255  # levels of one byte, and one more for missing values
CLOSE = 2**20  # range of integers up to which a histogram costs less than sorting
PROBE = 2**12  # rows that most often show every level


def integer_codes(values: Array) -> tuple[Array, Array]:
    """Codes of the columns of a table of integers, and how many levels their range has.

    Parameters
    ----------
    values : ndarray of shape (n_rows, n_columns)
        Integers or truth values.

    Returns
    -------
    codes : ndarray of uint8, shape (n_columns, n_rows)
        Distance from the least value of the column.
    sizes : ndarray of int, shape (n_columns,)
        Levels between the least and the greatest value; zero where they do not fit, and the codes
        are no codes.

    Examples
    --------
    >>> codes, sizes = integer_codes(np.array([[-1, 5], [2, 1000], [0, 7]]))
    >>> codes[0].tolist(), sizes.tolist()
    ([0, 3, 1], [4, 0])
    """
    values = values.view(np.uint8) if values.dtype.kind == "b" else values
    n, width = values.shape
    codes = np.empty((width, n), dtype=np.uint8)
    low, high = values[0].copy(), values[0].copy()
    step = max(1, BLOCK // (max(1, width) * values.itemsize))
    for start in range(0, n, step):
        block = values[start : start + step]
        np.minimum(low, block.min(0), out=low)
        np.maximum(high, block.max(0), out=high)
        if not (_span(low, high) < LEVELS).any():
            break
        codes[:, start : start + step] = block.T  # modulo 256: differences stay what they are
    span = _span(low, high)
    codes -= low.astype(np.uint8)[:, None]
    return codes, np.where(span < LEVELS, span + 1, 0)


def _span(low: Array, high: Array) -> Array:
    """Difference of integers, exact also where it is no int64; at most 2^62."""
    span = np.subtract(high, low, dtype=np.uint64, casting="unsafe")
    return np.minimum(span, np.uint64(2**62)).astype(np.int64)


def number_codes(column: Column) -> tuple[Array, int] | None:
    """Codes of a column of whole numbers that lie close together, and their range.

    Missing values are the last code. None where a number is not whole or infinite, or where they
    lie too far apart.
    """
    values = column.values
    gone = column.missing
    if values.dtype == np.float16:
        values = values.astype(np.float32)  # whose limits lie beyond those of exact integers
    if values.dtype.kind == "f":
        nan = np.isnan(values)
        gone = nan if gone is None else gone | nan
    if gone is not None:
        if gone.all():
            return np.zeros(len(values), dtype=np.uint8), 1
        values = np.where(gone, values[~gone].min(), values) if gone.any() else values
    if values.dtype.kind == "f":
        whole = _whole(values)
        if whole is None:
            return None
        values = whole
    codes, sizes = integer_codes(values[:, None])
    found, size = codes[0], int(sizes[0])
    if not size:
        low = values.min()
        size = int(_span(low, values.max())) + 1
        if size > CLOSE:
            return None
        wide = values if values.dtype.itemsize == 8 else values.astype(np.int64)
        found = (wide - wide.dtype.type(low)).astype(np.int32)
    if gone is not None and gone.any():
        found[gone] = size
        size += 1
    return compacted(found, size)


def _whole(values: Array) -> Array | None:
    """Floats as integers; None where one is not whole, or beyond what float holds exactly."""
    if not (np.abs(values[:PROBE]) <= 2**53).all() or not (np.abs(values) <= 2**53).all():
        return None
    for part in (values[:PROBE], values):  # most continuous columns show themselves at once
        whole = part.astype(np.int64)
        if (whole != part).any():
            return None
    return whole


def compacted(codes: Array, size: int) -> tuple[Array, int]:
    """Codes without the levels that nobody has, in the least type that holds them.

    Examples
    --------
    >>> codes, size = compacted(np.array([7, 0, 7, 3]), 9)
    >>> codes.tolist(), size
    ([2, 0, 2, 1], 3)
    """
    if not np.bincount(codes[:PROBE], minlength=size).all():
        seen = np.bincount(codes, minlength=size) > 0
        if not seen.all():
            left = int(seen.sum())
            onto: Array = (np.cumsum(seen) - 1).astype(_least(left))
            return onto[codes], left
    return codes.astype(_least(size), copy=False), size


def _least(size: int) -> type:
    return np.uint8 if size <= LEVELS + 1 else np.uint16 if size <= 2**16 else np.uint32
