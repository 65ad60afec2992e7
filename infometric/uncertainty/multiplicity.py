"""p-values adjusted for their number, by the two methods that every table of results carries.

References
----------
Holm, S. (1979). A simple sequentially rejective multiple test procedure. Scand. J. Statist. 6,
65-70.
Benjamini, Y., Hochberg, Y. (1995). Controlling the false discovery rate. J. R. Statist. Soc. B 57,
289-300. doi:10.1111/j.2517-6161.1995.tb02031.x
"""

from __future__ import annotations

import numpy as np

from infometric.exceptions import InvalidParameterError
from infometric.typing import Array


def holm(pvalues: Array) -> Array:
    """The k-th smallest of m p-values times m - k + 1, made increasing: keeps any false rejection.

    Examples
    --------
    >>> holm(np.array([0.01, 0.04, 0.03])).tolist()
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(pvalues)
    raised = np.maximum.accumulate(pvalues[order] * np.arange(len(pvalues), 0, -1))
    return _back(np.minimum(raised, 1.0), order)


def benjamini_hochberg(pvalues: Array) -> Array:
    """The k-th smallest of m p-values times m / k, made increasing: keeps the share of false ones.

    Examples
    --------
    >>> benjamini_hochberg(np.array([0.01, 0.04, 0.25])).round(9).tolist()
    [0.03, 0.06, 0.25]
    """
    order = np.argsort(pvalues)
    share = np.arange(1, len(pvalues) + 1) / len(pvalues)
    raised = np.minimum.accumulate((pvalues[order] / share)[::-1])[::-1]
    return _back(np.minimum(raised, 1.0), order)


def _back(values: Array, order: Array) -> Array:
    """Values in the order they had before they were sorted."""
    out = np.empty_like(values)
    out[order] = values
    return out


METHODS = {"holm": holm, "fdr_bh": benjamini_hochberg}


def adjusted(pvalues: Array, method: str) -> Array:
    """Adjusted p-values; methods beyond the two are those of statsmodels.

    Raises
    ------
    InvalidParameterError
        Where there is no such method.
    """
    if method in METHODS:
        return METHODS[method](pvalues)
    from statsmodels.stats.multitest import multipletests, multitest_methods_names

    if method not in multitest_methods_names:
        raise InvalidParameterError(
            f"method must be one of {', '.join(map(repr, multitest_methods_names))}.",
            got=method,
            hint="adjust(('holm', 'fdr_bh'))",
        )
    found: Array = multipletests(pvalues, method=method)[1]
    return found
