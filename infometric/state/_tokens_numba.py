"""Compiled kernels over the tokens of texts; imported on use, as numba is optional."""

from __future__ import annotations

import math
from collections.abc import Callable

import numba
import numpy as np

from infometric.typing import Array


def compiled(signature: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Compile for one signature, from the cache on disk where there is a place for one."""

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        try:
            return numba.njit(signature, nogil=True, cache=True, error_model="numpy")(function)
        except (RuntimeError, OSError):
            return numba.njit(signature, nogil=True, error_model="numpy")(function)

    return decorate


@compiled(
    "void(int32[::1], float32[::1], int64[::1], float64[::1], float32[::1], float64, boolean, "
    "float64[::1])"
)
def capped_means(
    ids: Array,
    logprob: Array,
    offsets: Array,
    log_q: Array,
    capped_from: Array,
    cap: float,
    first: bool,
    out: Array,
) -> None:  # pragma: no cover - compiled
    """Mean of min(-exp(logprob) log q, cap) over the tokens of each text, or their first places.

    A token is a first occurrence where its stamp is not that of the text (one pass, no sorting).
    Most tokens reach the cap; `capped_from`, the log-probability from which each kind does, saves
    them their exponential.
    """
    stamp = np.full(log_q.shape[0], -1, np.int32)
    for text in range(offsets.shape[0] - 1):
        total = 0.0
        capped = 0
        count = 0
        for i in range(offsets[text], offsets[text + 1]):
            kind = ids[i]
            if first:
                if stamp[kind] == text:
                    continue
                stamp[kind] = text
            count += 1
            if logprob[i] >= capped_from[kind]:
                capped += 1
            else:
                total -= math.exp(np.float64(logprob[i])) * log_q[kind]
        out[text] = (total + cap * capped) / count if count else np.nan
