"""Ranks of representations, what two of them share, and how alike they are.

Thin shells on the `Spectrum` state, as in `infometric.estimators.spectral`.
"""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral, Real
from typing import Any, ClassVar

from infometric.base import UNCERTAINTY
from infometric.estimators.spectral import SIGMA, SPECTRAL, SpectralEstimator
from infometric.exceptions import InvalidParameterError
from infometric.functional import representation, spectra
from infometric.validation import Constraint, Having, OneOf, Span

FLAG: tuple[Constraint, ...] = (OneOf((False, True)),)
_FUNCTION = Having(Callable, "a function of two arrays of rows")  # type: ignore[arg-type]
UNIT: tuple[Constraint, ...] = (OneOf(("gaussian", "adaptive", "cosine", "precomputed")), _FUNCTION)
ALIGNED: tuple[Constraint, ...] = (
    OneOf(("linear", "gaussian", "cosine", "precomputed")),
    _FUNCTION,
)
SAME = OneOf(("same",))
TARGET: tuple[Constraint, ...] = (OneOf(("auto", "classes", "representation")),)


class Rank(SpectralEstimator):
    """Base of the ranks: of the rows themselves, or of the rows less their mean."""

    _constraints: ClassVar[dict[str, tuple[Constraint, ...]]] = {
        "centred": FLAG,
        "uncertainty": UNCERTAINTY,
    }
    kernel = "linear"


class RankMe(Rank):
    r"""Effective rank: exponential of the entropy of the singular values (Roy and Vetterli 2007).

    Parameters
    ----------
    centred : bool
        Whether the mean row is taken off first. Neither rows nor columns are scaled.
    uncertainty : str or Uncertainty
        "auto" is the jackknife of groups of rows.

    Notes
    -----
    With singular values :math:`s_i` of X and :math:`p_i = s_i / \sum_j s_j`, the value is
    :math:`\exp(-\sum_i p_i \log p_i)`, from one to min(n, d). No constant is added to
    :math:`p_i`. In `diagnostics` are its share of min(n, d) and that of its logarithm of log n.

    References
    ----------
    Roy, O., Vetterli, M. (2007). The effective rank: a measure of effective dimensionality.
    EUSIPCO, 606-610.
    Garrido, Q., Balestriero, R., Najman, L., LeCun, Y. (2023). RankMe: assessing the downstream
    performance of pretrained self-supervised representations by their rank. ICML. arXiv:2210.02885

    Examples
    --------
    >>> import numpy as np
    >>> from infometric import RankMe
    >>> round(RankMe().fit(np.eye(5)).estimate().value, 9)
    5.0
    """

    def __init__(self, *, centred: bool = False, uncertainty: Any = "auto") -> None:
        self.centred = centred
        self.uncertainty = uncertainty

    def _functional(self) -> Any:
        return spectra.EffectiveNumber(1.0, 0.5, measure="rank_me")


class ParticipationRatio(Rank):
    r"""Participation ratio of the variances along principal axes, :math:`(\sum l)^2 / \sum l^2`.

    Parameters
    ----------
    centred : bool
        Whether the mean row is taken off first, so that :math:`l_i` are eigenvalues of the
        covariance. Neither rows nor columns are scaled.
    uncertainty : str or Uncertainty
        "auto" is the jackknife of groups of rows.

    References
    ----------
    Gao, P. et al. (2017). A theory of multineuronal dimensionality, dynamics and measurement.
    bioRxiv. doi:10.1101/214262

    Examples
    --------
    >>> import numpy as np
    >>> from infometric import ParticipationRatio
    >>> x = np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])  # a square
    >>> round(ParticipationRatio().fit(x).estimate().value, 9)
    2.0
    """

    def __init__(self, *, centred: bool = True, uncertainty: Any = "auto") -> None:
        self.centred = centred
        self.uncertainty = uncertainty

    def _functional(self) -> Any:
        return spectra.EffectiveNumber(2.0, 1.0, measure="participation_ratio")


class StableRank(Rank):
    r"""Stable rank: squared Frobenius norm over the squared greatest singular value.

    Parameters
    ----------
    centred : bool
        Whether the mean row is taken off first. Neither rows nor columns are scaled.
    uncertainty : str or Uncertainty
        "auto" is the jackknife of groups of rows.

    References
    ----------
    Rudelson, M., Vershynin, R. (2007). Sampling from large matrices: an approach through geometric
    functional analysis. Journal of the ACM 54(4), 21. doi:10.1145/1255443.1255449

    Examples
    --------
    >>> import numpy as np
    >>> from infometric import StableRank
    >>> round(StableRank().fit(np.diag([2.0, 1.0, 1.0])).estimate().value, 9)  # 6 / 4
    1.5
    """

    def __init__(self, *, centred: bool = False, uncertainty: Any = "auto") -> None:
        self.centred = centred
        self.uncertainty = uncertainty

    def _functional(self) -> Any:
        return spectra.EffectiveNumber(float("inf"), 1.0, measure="stable_rank")


class AlphaReQ(Rank):
    r"""Decay of the spectrum: :math:`\alpha` of :math:`\lambda_i \sim i^{-\alpha}`.

    Parameters
    ----------
    ranks : tuple of two int, optional
        First and last rank of the line, from one; by default all whose eigenvalue is above
        rounding. The published measure leaves out the first few and those in the noise, as
        ``ranks=(5, 50)`` does.
    centred : bool
        Whether the mean row is taken off first, so that eigenvalues are those of the covariance.
        Neither rows nor columns are scaled.
    uncertainty : str or Uncertainty
        "auto" is the jackknife of groups of rows.

    Notes
    -----
    Minus the slope of the logarithm of the eigenvalue on that of the rank, each rank weighted by
    its inverse. Eigenvalues beyond what n rows resolve are too small, and alpha with them too
    great: compare at equal n.

    References
    ----------
    Agrawal, K. K., Mondal, A. K., Ghosh, A., Richards, B. A. (2022). alpha-ReQ: assessing
    representation quality in self-supervised learning by measuring eigenspectrum decay. NeurIPS 35.
    Stringer, C., Pachitariu, M., Steinmetz, N., Carandini, M., Harris, K. D. (2019).
    High-dimensional geometry of population responses in visual cortex. Nature 571, 361-365.
    doi:10.1038/s41586-019-1346-5

    Examples
    --------
    >>> import numpy as np
    >>> from infometric import AlphaReQ
    >>> x = np.random.default_rng(0).normal(size=(4000, 20)) * np.arange(1, 21) ** -0.5
    >>> round(AlphaReQ().fit(x).estimate(rng=0).value, 1)
    1.0
    """

    _constraints = Rank._constraints | {
        "ranks": (OneOf((None,)), Having(tuple | list, "a first and a last rank"))
    }

    def __init__(
        self, *, ranks: Any = None, centred: bool = True, uncertainty: Any = "auto"
    ) -> None:
        self.ranks = ranks
        self.centred = centred
        self.uncertainty = uncertainty

    def _check(self) -> None:
        super()._check()
        if self.ranks is None:
            return
        whole = all(isinstance(r, Integral) and not isinstance(r, bool) for r in self.ranks)
        if len(self.ranks) != 2 or not whole or not 1 <= self.ranks[0] < self.ranks[1]:
            raise InvalidParameterError(
                "ranks must be a first and a last rank, the first one or more.",
                got=self.ranks,
                hint="ranks=(5, 50)",
            )

    def _functional(self) -> Any:
        ranks = None if self.ranks is None else (int(self.ranks[0]), int(self.ranks[1]))
        return representation.EigenvalueDecay(ranks)

    def _measure(self) -> str:
        return "alpha_req"


class LiDAR(SpectralEstimator):
    r"""Effective rank of a linear discriminant analysis of samples and their views.

    Parameters
    ----------
    delta : float
        Ridge of the covariance within classes.
    absolute : bool
        Whether `delta` is in squared units of X, as published; by default it is a share of the
        mean variance within classes, and nothing changes where X is multiplied by a number.
    uncertainty : str or Uncertainty
        "auto" is the jackknife: of 20 classes or more, which are samples, whole classes are left
        out in turn; of fewer groups of rows.

    Notes
    -----
    The exponential of the entropy of :math:`\lambda / \sum \lambda`, with the eigenvalues of
    :math:`\Sigma_w^{-1/2} \Sigma_b \Sigma_w^{-1/2}`; classes weigh by their rows. No constant is
    added to the shares. From one to min(d, classes - 1). It is high, too, where classes differ by
    chance alone: it is a rank, and no test of a difference.

    References
    ----------
    Thilak, V. et al. (2023). LiDAR: sensing linear probing performance in joint embedding SSL
    architectures. arXiv:2312.04000

    Examples
    --------
    >>> import numpy as np
    >>> from infometric import LiDAR
    >>> sample = np.repeat(np.arange(40), 5)  # five views of each of 40 samples
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(40, 3))[sample] + 0.1 * rng.normal(size=(200, 3))
    >>> 2.7 < LiDAR().fit(x, sample).estimate(rng=0).value < 3
    True
    """

    _paired: ClassVar[bool] = True
    _constraints: ClassVar[dict[str, tuple[Constraint, ...]]] = {
        "delta": (Span(Real, 0, closed="neither"),),
        "absolute": FLAG,
        "uncertainty": UNCERTAINTY,
    }
    kernel = "linear"
    target = "classes"

    def __init__(
        self, *, delta: float = 1e-4, absolute: bool = False, uncertainty: Any = "auto"
    ) -> None:
        self.delta = delta
        self.absolute = absolute
        self.uncertainty = uncertainty

    def _functional(self) -> Any:
        return representation.DiscriminantRank(
            delta=float(self.delta), absolute=bool(self.absolute)
        )


class MatrixPair(SpectralEstimator):
    """Base of the matrix-based entropies of two variables."""

    _paired: ClassVar[bool] = True
    _constraints: ClassVar[dict[str, tuple[Constraint, ...]]] = SPECTRAL | {
        "kernel": UNIT,
        "kernel_y": (SAME, *UNIT),
        "sigma_y": SIGMA,
        "target": TARGET,
    }

    def __init__(
        self,
        order: float = 1.0,
        *,
        kernel: Any = "gaussian",
        sigma: Any = "median",
        kernel_y: Any = "same",
        sigma_y: Any = "median",
        target: str = "auto",
        n_neighbors: int = 10,
        solver: str = "auto",
        units: str = "nats",
        uncertainty: Any = "auto",
    ) -> None:
        self.order = order
        self.kernel = kernel
        self.sigma = sigma
        self.kernel_y = kernel_y
        self.sigma_y = sigma_y
        self.target = target
        self.n_neighbors = n_neighbors
        self.solver = solver
        self.units = units
        self.uncertainty = uncertainty


class MatrixJointEntropy(MatrixPair):
    """Entropy of the spectrum of two variables' similarities, multiplied entry by entry.

    Parameters
    ----------
    order : float
        Order, zero to infinity; von Neumann's at one, else Rényi's.
    kernel, kernel_y : {"gaussian", "adaptive", "cosine", "precomputed"} or callable
        Similarity of X, and of y ("same": as that of X) where y holds no classes. Classes are alike
        or not.
    sigma, sigma_y : "median" or float
        Bandwidths.
    target : {"auto", "classes", "representation"}
        Whether y holds classes; "auto" takes text and whole numbers that come often for classes.
    n_neighbors, solver, units, uncertainty
        As in `DiffusionSpectralEntropy`.

    References
    ----------
    Sanchez Giraldo, L. G., Rao, M., Principe, J. C. (2015). doi:10.1109/TIT.2014.2370058

    Examples
    --------
    >>> import numpy as np
    >>> from infometric import MatrixJointEntropy
    >>> x, y = np.repeat([0.0, 9.0], 20), np.tile(["a", "b"], 20)  # two places, two classes
    >>> round(MatrixJointEntropy(sigma=1.0, units="bits").fit(x, y).estimate(rng=0).value, 9)
    2.0
    """

    def _functional(self) -> Any:
        return spectra.MatrixEntropy(float(self.order))

    def _measure(self) -> str:
        return "matrix_joint_entropy"


class MatrixConditionalEntropy(MatrixPair):
    """Matrix-based entropy of X given y: that of both less that of y.

    Parameters
    ----------
    order, kernel, kernel_y, sigma, sigma_y, target
        As in `MatrixJointEntropy`.
    n_neighbors, solver, units, uncertainty
        As in `DiffusionSpectralEntropy`.

    Notes
    -----
    At orders other than one it may be above the entropy of X alone.

    References
    ----------
    Sanchez Giraldo, L. G., Rao, M., Principe, J. C. (2015). doi:10.1109/TIT.2014.2370058

    Examples
    --------
    >>> import numpy as np
    >>> from infometric import MatrixConditionalEntropy
    >>> x, y = np.repeat([0.0, 9.0], 20), np.repeat(["a", "b"], 20)  # y tells the place
    >>> r = MatrixConditionalEntropy(sigma=1.0, units="bits").fit(x, y).estimate(rng=0)
    >>> abs(round(r.value, 9))
    0.0
    """

    def _functional(self) -> Any:
        return spectra.ConditionalMatrixEntropy(float(self.order))


class MatrixMutualInformation(MatrixPair):
    """Matrix-based information that X and y share: their entropies less that of both together.

    Parameters
    ----------
    order, kernel, kernel_y, sigma, sigma_y, target
        As in `MatrixJointEntropy`.
    n_neighbors, solver, units, uncertainty
        As in `DiffusionSpectralEntropy`.

    Notes
    -----
    Above zero between independent samples, too: ``test()`` permutes, and its ``null_mean`` is what
    chance shows. `DiffusionSpectralMI` takes that off.

    References
    ----------
    Sanchez Giraldo, L. G., Rao, M., Principe, J. C. (2015). doi:10.1109/TIT.2014.2370058
    Yu, S., Sanchez Giraldo, L. G., Jenssen, R., Principe, J. C. (2020). Multivariate extension of
    matrix-based Rényi's alpha-order entropy functional. IEEE Trans. Pattern Anal. Mach. Intell. 42,
    2960-2966. doi:10.1109/TPAMI.2019.2932976

    Examples
    --------
    >>> import numpy as np
    >>> from infometric import MatrixMutualInformation
    >>> x, y = np.repeat([0.0, 9.0], 20), np.repeat(["a", "b"], 20)
    >>> r = MatrixMutualInformation(sigma=1.0, units="bits").fit(x, y).estimate(rng=0)
    >>> round(r.value, 9)
    1.0
    """

    def _functional(self) -> Any:
        return spectra.MatrixInformation(float(self.order))


class KernelAlignment(SpectralEstimator):
    """Centred kernel alignment (CKA): how alike two representations of the same examples are.

    Parameters
    ----------
    kernel : {"linear", "gaussian", "cosine", "precomputed"} or callable
        Similarity of the rows of X.
    kernel_y : {"same", "linear", "gaussian", "cosine", "precomputed"} or callable
        Similarity of the rows of y, where it holds no classes.
    sigma, sigma_y : "median" or float
        Bandwidths of Gaussian kernels.
    debiased : bool
        Whether the value is zero in the mean where the two are independent. The biased one nears
        one where there are more columns than rows, whatever they hold; it is in `diagnostics`.
    target : {"auto", "classes", "representation"}
        Whether y holds classes; "auto" takes text and whole numbers that come often for classes.
    uncertainty : str or Uncertainty
        "auto" is the jackknife of groups of rows; ``test()`` permutes.

    Notes
    -----
    Rows are paired; columns need not be. Columns are centred, and not scaled. With linear kernels
    nothing changes where either is rotated, moved, or multiplied by a number.

    References
    ----------
    Kornblith, S., Norouzi, M., Lee, H., Hinton, G. (2019). Similarity of neural network
    representations revisited. ICML, 3519-3529. arXiv:1905.00414
    Nguyen, T., Raghu, M., Kornblith, S. (2021). Do wide and deep networks learn the same things?
    ICLR. arXiv:2010.15327
    Song, L., Smola, A., Gretton, A., Bedo, J., Borgwardt, K. (2012). Feature selection via
    dependence maximization. Journal of Machine Learning Research 13, 1393-1434.

    Examples
    --------
    >>> import numpy as np
    >>> from infometric import KernelAlignment
    >>> x, y = np.random.default_rng(0).normal(size=(2, 60, 400))  # independent, and wide
    >>> r = KernelAlignment().fit(x, y).estimate(rng=0)
    >>> abs(r.value) < 0.1, round(r.diagnostics["biased_value"], 1)
    (True, 0.9)
    """

    _paired: ClassVar[bool] = True
    _constraints: ClassVar[dict[str, tuple[Constraint, ...]]] = {
        "kernel": ALIGNED,
        "kernel_y": (SAME, *ALIGNED),
        "sigma": SIGMA,
        "sigma_y": SIGMA,
        "debiased": FLAG,
        "target": TARGET,
        "uncertainty": UNCERTAINTY,
    }

    def __init__(
        self,
        *,
        kernel: Any = "linear",
        kernel_y: Any = "same",
        sigma: Any = "median",
        sigma_y: Any = "median",
        debiased: bool = True,
        target: str = "auto",
        uncertainty: Any = "auto",
    ) -> None:
        self.kernel = kernel
        self.kernel_y = kernel_y
        self.sigma = sigma
        self.sigma_y = sigma_y
        self.debiased = debiased
        self.target = target
        self.uncertainty = uncertainty

    def _functional(self) -> Any:
        return representation.KernelAlignment(bool(self.debiased))
