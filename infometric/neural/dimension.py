r"""How many dimensions two variables share, read off a trained critic.

The scores of all pairs, less the means of their rows and columns, have as many singular values
:math:`s_k` as there are directions in which x and y tell of each other. Their number, weighted, is
a participation ratio,

.. math:: \mathrm{PR}_1 = \frac{(\sum_k s_k)^2}{\sum_k s_k^2}, \qquad
   \mathrm{PR}_2 = \frac{(\sum_k s_k^2)^2}{\sum_k s_k^4} .

Equal values count one each; the second leaves out the weak ones. One trained critic of a generous
`embedding_dim` thus tells what a scan over many would.

References
----------
Abdelaleem, E., Martini, K. M., Nemenman, I. (2025). Accurate estimation of mutual information in
high dimensional data. arXiv:2506.00330
Gao, P. et al. (2017). A theory of multineuronal dimensionality, dynamics and measurement.
doi:10.1101/214262
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from infometric.exceptions import DataError, InvalidParameterError, UnsupportedError
from infometric.neural.estimator import require_torch
from infometric.typing import Array

ROWS = 1000  # rows scored against each other, at most


@dataclass(frozen=True)
class EffectiveDimension:
    """Participation ratios of singular values; as a number, the second one.

    Attributes
    ----------
    pr1, pr2 : float
        Participation ratios of the values and of their squares; 0 where all are zero.
    singular_values : ndarray of shape (k,)
        The greatest first.
    n : int
        Rows that were read.
    """

    pr1: float
    pr2: float
    singular_values: Array = field(repr=False, compare=False)
    n: int

    def __float__(self) -> float:
        return self.pr2


def effective_dimension(critic: Any, x: Any, y: Any, *, of: str = "scores") -> EffectiveDimension:
    """How many dimensions x and y share, as a trained critic tells it.

    Parameters
    ----------
    critic : NeuralMI, Model or torch.nn.Module
        A fitted estimator or what it holds (`critic_`, `models_[k]`), or a critic of your own.
    x, y : array or tensor of shape (n, ...)
        Rows that it has not been trained on; of more than 1,000, as many evenly spread.
    of : {"scores", "codes"}
        Singular values of the scores without the means of rows and columns, which any critic has
        and no change of its codes alters; or those of the covariance of the codes of x and y, each
        number in units of its standard deviation, for critics that take products of codes.

    Returns
    -------
    EffectiveDimension
        `pr1`, `pr2` and the singular values.

    Raises
    ------
    InvalidParameterError
        If `of` is neither.
    UnsupportedError
        If codes are asked for of a critic, or of several together, that have none.
    DataError
        If x and y differ in their number of rows, or have fewer than three.

    Notes
    -----
    On 2,000 rows of 10 columns that share 1, 3 or 5 normal dimensions of one strength, three seeds
    each, the scores of a separable critic of rank 16 without an anchor gave `pr1` 1.3-1.4, 3.2 and
    5.3-5.4, and `pr2` 1.0-1.1, 2.8-3.0 and 4.7-4.9; its codes gave 1.6-1.7, 3.7-3.8, 5.3-5.5 and
    1.2, 3.1-3.3, 4.1-4.7. Dimensions of unequal strength count for less than one.

    Examples
    --------
    >>> import torch
    >>> x = torch.randn(200, 6, generator=torch.Generator().manual_seed(0))
    >>> def critic(x, y):
    ...     return 3 * x[:, :2] @ y[:, :2].T  # two dimensions of the six
    >>> round(float(effective_dimension(critic, x, x)))
    2
    """
    if of not in ("scores", "codes"):
        raise InvalidParameterError("of must be 'scores' or 'codes'.", got=of, hint="of='scores'")
    if hasattr(critic, "fit"):
        check_is_fitted(critic, "state_")
        critic = critic.critic_
    a, b = _spread(critic, x, y)
    training = getattr(critic, "training", False)
    if training:
        critic.eval()
    try:
        values = _of_scores(critic, a, b) if of == "scores" else _of_codes(critic, a, b)
    finally:
        if training:
            critic.train()
    return EffectiveDimension(participation(values), participation(values**2), values, len(a))


def participation(values: Array) -> float:
    """Participation ratio of values that are not negative; 0 where all are zero.

    Examples
    --------
    >>> participation(np.array([2.0, 2.0, 2.0, 0.0]))
    3.0
    """
    squares = float((values**2).sum())
    return float(values.sum()) ** 2 / squares if squares > 0 else 0.0


def _spread(critic: Any, x: Any, y: Any) -> tuple[Any, Any]:
    """Rows as tensors where the critic is, in the precision that its layers have."""
    require_torch()
    import torch

    if len(x) != len(y) or len(x) < 3:
        raise DataError(
            "x and y must have as many rows as each other, and three or more.",
            got=(len(x), len(y)),
            hint="effective_dimension(critic, x_test, y_test)",
        )
    own = next(critic.parameters(), None) if isinstance(critic, torch.nn.Module) else None
    device = None if own is None else own.device
    kept = np.unique(np.linspace(0, len(x) - 1, min(len(x), ROWS)).round().astype(int))
    found = []
    for rows in (x, y):
        t = torch.as_tensor(rows if isinstance(rows, torch.Tensor) else np.asarray(rows))
        t = t[torch.as_tensor(kept, device=t.device)].to(device)
        t = t[:, None] if t.ndim == 1 else t
        scaled = any(hasattr(critic, name) for name in ("scale_x", "models"))
        found.append(t.double() if scaled else t.to(torch.float32 if own is None else own.dtype))
    return found[0], found[1]


def _of_scores(critic: Any, x: Any, y: Any) -> Array:
    import torch

    with torch.no_grad():
        f = critic(x, y).double().cpu().numpy()
    f = f - f.mean(0) - f.mean(1)[:, None] + f.mean()
    return _singular(f / len(f))


def _of_codes(critic: Any, x: Any, y: Any) -> Array:
    import torch

    models = getattr(critic, "models", None)
    if models is not None and len(models) == 1:
        critic = models[0]
    inner = getattr(critic, "critic", critic)
    if not hasattr(inner, "codes"):
        raise UnsupportedError(
            "Several critics together have no codes in common; nor has one that is a function."
            if models is not None
            else "This critic has no codes.",
            got=type(critic).__name__,
            hint="effective_dimension(estimator.models_[0], x, y, of='codes'), or of='scores'",
        )
    with torch.no_grad():
        if inner is not critic:
            x, y = critic.scale_x(x), critic.scale_y(y)
        z_x, z_y = (_in_deviations(z.double().cpu().numpy()) for z in inner.codes(x, y))
    return _singular(z_x.T @ z_y / len(z_x))


def _in_deviations(z: Array) -> Array:
    apart = z - z.mean(0)
    deviation = apart.std(0)
    return np.asarray(apart / np.where(deviation > 0, deviation, 1.0))


def _singular(matrix: Array) -> Array:
    """Singular values that are more than rounding."""
    values = np.linalg.svd(matrix, compute_uv=False)
    return np.asarray(values[values > 1e-7 * max(values[0], 1e-300)])
