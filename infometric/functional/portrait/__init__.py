r"""Portrait: what a sample of two vectors shows of their dependence, as a fixed list of numbers.

Columns are replaced by normal scores, :math:`\Phi^{-1}((r - 1/2) / n)` of their average ranks, so
that nothing in a portrait changes when a column is transformed by a strictly monotone map. Every
number is a mean over rows of quantities that know neither the order of the rows, nor that of the
columns, nor their signs. Most are estimates of the mutual information, in nats, each right for
another kind of law:

- correlations: of a normal law with the same ranks, under three degrees of shrinkage, and judged on
  rows that were left out; the largest canonical correlations, those that are beyond chance, and
  those of the leading principal components;
- Hermite polynomials of the scores up to the third, for dependence that is not linear;
- tables of every pair of columns; waves of one column along another; products of two columns of a
  variable, and waves along directions of two or three, for what no pair of columns shows;
- rows whose norms are alike, among which no scale is shared and a swirl is a rotation, and what a
  norm tells of the norm of what a line leaves;
- how far tails of pairs go together;
- values that a column often has, and the other rows apart from them;
- distances of neighbours (Kraskov et al. 2004) at three sizes, among the scores, the whitened
  scores, and the leading canonical coordinates of scores and of their polynomials.

References
----------
Bao, Z., Hu, J., Pan, G., Zhou, W. (2019). Canonical correlation coefficients of high-dimensional
Gaussian vectors: finite rank case. Ann. Stat. 47, 612-640. doi:10.1214/18-AOS1704
Johnstone, I. M. (2008). Multivariate analysis and Jacobi ensembles: largest eigenvalue,
Tracy-Widom limits and rates of convergence. Ann. Stat. 36, 2638-2716. doi:10.1214/08-AOS605
Kraskov, A., Stögbauer, H., Grassberger, P. (2004). Estimating mutual information. Physical Review E
69, 066138. doi:10.1103/PhysRevE.69.066138
Schäfer, J., Strimmer, K. (2005). A shrinkage approach to large-scale covariance matrix estimation.
Statistical Applications in Genetics and Molecular Biology 4(1), 32. doi:10.2202/1544-6115.1175
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from infometric.functional.portrait.arrays import Features, of_float
from infometric.functional.portrait.atoms import of_atoms
from infometric.functional.portrait.correlations import of_correlations, of_polynomials
from infometric.functional.portrait.neighbours import QUERIES, of_neighbours
from infometric.functional.portrait.norms import of_norms
from infometric.functional.portrait.scores import normal_scores, tied_share
from infometric.functional.portrait.tables import of_tables
from infometric.functional.portrait.waves import of_waves
from infometric.state.arrays import namespace

__all__ = ["QUERIES", "exchange", "features", "names", "normal_scores", "portrait"]


def portrait(x: Any, y: Any, queries: int = QUERIES) -> Any:
    """Numbers that tell of the dependence of x and y.

    Parameters
    ----------
    x, y : array of shape (n_tasks, n_rows, n_columns)
        Normal scores, of numpy or torch; ten rows or more.
    queries : int
        Rows whose neighbours are looked for, evenly spread over the norms, where there are more.

    Returns
    -------
    array of shape (n_tasks, n_features)
        In the order of `names`.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> z = normal_scores(rng.normal(size=(1, 200, 3)))
    >>> found = portrait(z[..., :1], z[..., 1:])
    >>> found.shape[-1] == len(names()), bool(np.isfinite(found).all())
    (True, True)
    """
    found = features(x, y, queries)
    return namespace(x).stack([of_float(value, x) for value in found.values()], -1)


@cache
def names() -> tuple[str, ...]:
    """Names of the features; ``:x`` and ``:y`` mark those of one variable."""
    z = normal_scores(np.random.default_rng(0).normal(size=(1, 16, 2)))
    return tuple(features(z[..., :1], z[..., 1:]))


@cache
def exchange() -> tuple[int, ...]:
    """Places of the features after x and y have changed places."""
    found = names()
    other = {"x": "y", "y": "x"}

    def swapped(name: str) -> str:
        stem, mark, end = name.rpartition(":")
        return stem + mark + other.get(end, end)

    return tuple(found.index(swapped(name)) for name in found)


def features(x: Any, y: Any, queries: int = QUERIES) -> Features:
    """The portrait by name; see `portrait`."""
    n, dx, dy = x.shape[-2], x.shape[-1], y.shape[-1]
    out: Features = {}
    full = x[..., 0, 0] * 0.0
    for name, value in (
        ("log n", np.log(n)),
        ("log columns:x", np.log(dx)),
        ("log columns:y", np.log(dy)),
        ("columns per row", (dx + dy) / n),
        ("log columns per row", np.log((dx + dy) / n)),
    ):
        out[name] = full + float(value)
    out["ties:x"], out["ties:y"] = tied_share(x), tied_share(y)
    normal = of_correlations(x, y, out)
    of_norms(x, y, normal, out)
    normal["polynomial"] = of_polynomials(x, y, out)
    of_tables(x, y, out)
    of_waves(x, y, out)
    of_atoms(x, y, out)
    of_neighbours(x, y, normal, queries, out)
    return out
