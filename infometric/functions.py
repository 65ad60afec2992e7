"""The facade: one function per measure. Each has its estimator class behind it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import Any

from infometric.amortised.estimator import MIST
from infometric.credit import CSI, PSI, InformationValue, WeightOfEvidence
from infometric.estimators import (
    AdjustedMutualInformation,
    AlphaDivergence,
    ConditionalMutualInformation,
    DifferentialEntropy,
    DifferentialRenyiEntropy,
    DifferentialTsallisEntropy,
    DiffusionSpectralEntropy,
    DiffusionSpectralMI,
    DualTotalCorrelation,
    Entropy,
    HellingerDistance,
    HillNumber,
    InteractionInformation,
    JeffreysDivergence,
    JensenShannonDistance,
    JensenShannonDivergence,
    KLDivergence,
    MutualInformation,
    NormalizedMutualInformation,
    RenyiDivergence,
    RenyiEntropy,
    TotalCorrelation,
    TotalVariation,
    TransferEntropy,
    TsallisDivergence,
    TsallisEntropy,
)
from infometric.estimators.continuous import from_neighbors, raw_columns
from infometric.estimators.discrete import shared_encoders
from infometric.estimators.matrix import pairwise_information, scored_columns
from infometric.exceptions import DataError, InvalidParameterError
from infometric.llm.scores import scored_texts
from infometric.llm.table import MembershipTable
from infometric.neural.estimator import NeuralMI
from infometric.neural.reliable import ReliableMI
from infometric.pairwise import PairwiseResult
from infometric.result import Result, ResultTable
from infometric.sources import open_table
from infometric.sources.progress import followed, following
from infometric.state.counts import Counts
from infometric.state.pairs import Engine, Progress
from infometric.typing import RNG


def entropy(
    x: Any,
    *,
    bias: Any = "auto",
    alphabet_size: int | None = None,
    bins: Any = None,
    method: Any = "auto",
    level: float = 0.95,
    units: str = "nats",
    sample_weight: Any = None,
    rng: RNG = None,
) -> Result | ResultTable:
    """Shannon entropy of a discrete variable, or of a continuous one in `bins`.

    Parameters
    ----------
    x : array-like, frame, path or Counts
        Sample of one variable, a table of several, or counts.
    bias : str or Unseen
        Estimator; "auto" chooses by sample size and by the share of the distribution that was
        seen. The names are those of `Entropy`.
    alphabet_size : int, optional
        Number of possible symbols, seen or not.
    bins : int, list of float or Encoder, optional
        Cells of a continuous variable.
    method : str or Uncertainty
        Strategy of the interval; "auto" is the one that held in simulations of such a sample.
    level : float
        Nominal coverage of the interval.
    units : {"nats", "bits", "bans"}
        Units of the result.
    sample_weight : array-like of shape (n_rows,), optional
        Positive record weights.
    rng : int, Generator or None
        Source of randomness of resampling.

    Returns
    -------
    Result or ResultTable
        Estimate with interval; one per column where the data are a table.

    Raises
    ------
    DataError
        Where the data have no rows, or are not one variable.
    UnsupportedError
        Where x is continuous and no bins are given.

    References
    ----------
    Shannon, C. E. (1948). doi:10.1002/j.1538-7305.1948.tb01338.x

    Examples
    --------
    >>> import infometric as im
    >>> im.entropy(["a", "b", "c", "d"] * 25, units="bits", bias="plug_in").value
    2.0
    """
    estimator = Entropy(
        bias=bias, alphabet_size=alphabet_size, bins=bins, units=units, uncertainty=method
    )
    fitted = estimator.fit(x, sample_weight=sample_weight)
    return fitted.estimate(level=level, rng=rng)  # type: ignore[no-any-return]


def renyi_entropy(
    x: Any,
    order: float = 2.0,
    *,
    bias: Any = "plug_in",
    bins: Any = None,
    method: Any = "auto",
    level: float = 0.95,
    units: str = "nats",
    sample_weight: Any = None,
    rng: RNG = None,
) -> Result | ResultTable:
    """Rényi entropy of a discrete variable; Shannon's at order 1.

    Parameters
    ----------
    x : array-like, frame, path or Counts
        Sample of one variable, a table of several, or counts.
    order : float
        Order, not negative; infinity is the min-entropy.
    bias : {"plug_in", "unbiased"}
        Whether the sum of powers is estimated without bias, for whole orders of two or more.
    bins : int, list of float or Encoder, optional
        Cells of a continuous variable.
    method : str or Uncertainty
        Strategy of the interval, or its name; "auto" is the noncentral chi-square interval.
    level : float
        Nominal coverage of the interval.
    units : {"nats", "bits", "bans"}
        Units of the result.
    sample_weight : array-like of shape (n_rows,), optional
        Positive record weights.
    rng : int, Generator or None
        Source of randomness of resampling.

    Returns
    -------
    Result or ResultTable
        Estimate with interval; one per column where the data are a table.

    Raises
    ------
    DataError
        Where the data have no rows, or do not fit the measure.
    UnsupportedError
        Where x is continuous and no bins are given.

    References
    ----------
    Rényi, A. (1961). On measures of entropy and information. Proc. Fourth Berkeley Symp. 1.

    Examples
    --------
    >>> import infometric as im
    >>> round(im.renyi_entropy(["a", "b", "c", "d"] * 25, 2, units="bits").value, 6)
    2.0
    """
    estimator = RenyiEntropy(order, bias=bias, bins=bins, units=units, uncertainty=method)
    fitted = estimator.fit(x, sample_weight=sample_weight)
    return fitted.estimate(level=level, rng=rng)  # type: ignore[no-any-return]


def tsallis_entropy(
    x: Any,
    q: float = 2.0,
    *,
    bias: Any = "plug_in",
    bins: Any = None,
    method: Any = "auto",
    level: float = 0.95,
    sample_weight: Any = None,
    rng: RNG = None,
) -> Result | ResultTable:
    """Tsallis entropy of a discrete variable, dimensionless; Shannon's in nats at q = 1.

    Parameters
    ----------
    x : array-like, frame, path or Counts
        Sample of one variable, a table of several, or counts.
    q : float
        Order, not negative.
    bias : {"plug_in", "unbiased"}
        Whether the sum of powers is estimated without bias, for whole orders of two or more.
    bins : int, list of float or Encoder, optional
        Cells of a continuous variable.
    method : str or Uncertainty
        Strategy of the interval, or its name; "auto" is the noncentral chi-square interval.
    level : float
        Nominal coverage of the interval.
    sample_weight : array-like of shape (n_rows,), optional
        Positive record weights.
    rng : int, Generator or None
        Source of randomness of resampling.

    Returns
    -------
    Result or ResultTable
        Estimate with interval; one per column where the data are a table.

    Raises
    ------
    DataError
        Where the data have no rows, or do not fit the measure.
    UnsupportedError
        Where x is continuous and no bins are given.

    References
    ----------
    Tsallis, C. (1988). doi:10.1007/BF01016429

    Examples
    --------
    >>> import infometric as im
    >>> im.tsallis_entropy(["a", "b"] * 25, 2).value
    0.5
    """
    estimator = TsallisEntropy(q, bias=bias, bins=bins, uncertainty=method)
    fitted = estimator.fit(x, sample_weight=sample_weight)
    return fitted.estimate(level=level, rng=rng)  # type: ignore[no-any-return]


def hill_number(
    x: Any,
    q: float = 2.0,
    *,
    bias: Any = "plug_in",
    bins: Any = None,
    method: Any = "auto",
    level: float = 0.95,
    sample_weight: Any = None,
    rng: RNG = None,
) -> Result | ResultTable:
    """Hill number: cells with equal shares that would have the same entropy of order q.

    Parameters
    ----------
    x : array-like, frame, path or Counts
        Sample of one variable, a table of several, or counts.
    q : float
        Order, not negative.
    bias : {"plug_in", "unbiased"}
        Whether the sum of powers is estimated without bias, for whole orders of two or more.
    bins : int, list of float or Encoder, optional
        Cells of a continuous variable.
    method : str or Uncertainty
        Strategy of the interval, or its name; "auto" is the noncentral chi-square interval.
    level : float
        Nominal coverage of the interval.
    sample_weight : array-like of shape (n_rows,), optional
        Positive record weights.
    rng : int, Generator or None
        Source of randomness of resampling.

    Returns
    -------
    Result or ResultTable
        Estimate with interval; one per column where the data are a table.

    Raises
    ------
    DataError
        Where the data have no rows, or do not fit the measure.
    UnsupportedError
        Where x is continuous and no bins are given.

    References
    ----------
    Hill, M. O. (1973). doi:10.2307/1934352

    Examples
    --------
    >>> import infometric as im
    >>> round(im.hill_number(["a", "b", "c"] * 25, 1).value, 6)
    3.0
    """
    estimator = HillNumber(q, bias=bias, bins=bins, uncertainty=method)
    fitted = estimator.fit(x, sample_weight=sample_weight)
    return fitted.estimate(level=level, rng=rng)  # type: ignore[no-any-return]


def differential_entropy(
    x: Any,
    *,
    estimator: Any = "auto",
    n_neighbors: int | None = None,
    method: Any = "auto",
    level: float = 0.95,
    units: str = "nats",
    rng: RNG = None,
) -> Result:
    """Shannon entropy of a continuous variable; several columns are one vector variable.

    Parameters
    ----------
    x : array-like of shape (n_rows,) or (n_rows, n_dimensions), frame or path
        Finite numbers.
    estimator : str or functional
        "auto" and "knn": Kozachenko and Leonenko's. "weighted": Berrett, Samworth and Yuan's, for
        four and more dimensions. "vasicek", "van_es", "ebrahimi", "correa": spacings of one
        dimension. "gaussian": of a normal law. "gaussian_copula": columns by neighbours, their
        dependence as in a normal law.
    n_neighbors : int, optional
        Number of neighbours; the estimator's own by default.
    method : str or Uncertainty
        Strategy of the interval, or its name; "auto" compares random parts of the rows, "none"
        gives the value alone.
    level : float
        Nominal coverage of the interval.
    units : {"nats", "bits", "bans"}
        Units of the result.
    rng : int, Generator or None
        Source of randomness of resampling.

    Returns
    -------
    Result
        Estimate with interval. It depends on the scale of x and may be negative.

    Raises
    ------
    DataError
        Where there are too few rows, a column is constant, values are missing, infinite or copies
        of each other.

    References
    ----------
    Kozachenko, L. F., Leonenko, N. N. (1987). Sample estimate of the entropy of a random vector.
    Probl. Inf. Transm. 23(2), 95-101.

    Examples
    --------
    >>> import infometric as im
    >>> import numpy as np
    >>> x = np.random.default_rng(0).uniform(0, 4, size=2000)
    >>> round(im.differential_entropy(x, rng=0, units="bits").value, 1)  # log2(4)
    2.0
    """
    made = DifferentialEntropy(
        estimator=estimator, n_neighbors=n_neighbors, units=units, uncertainty=method
    )
    return made.fit(x).estimate(level=level, rng=rng)  # type: ignore[no-any-return]


def differential_renyi_entropy(
    x: Any,
    order: float = 2.0,
    *,
    n_neighbors: int | None = None,
    method: Any = "auto",
    level: float = 0.95,
    units: str = "nats",
    rng: RNG = None,
) -> Result:
    """Rényi entropy of a continuous variable, from neighbours.

    Parameters
    ----------
    x : array-like of shape (n_rows,) or (n_rows, n_dimensions), frame or path
        Finite numbers.
    order : float
        Positive order, below ``n_neighbors + 1``; 1 is Shannon's entropy.
    n_neighbors : int, optional
        Number of neighbours, five by default.
    method, level, units, rng
        As in `differential_entropy`.

    Returns
    -------
    Result
        Estimate with interval.

    Raises
    ------
    DataError
        As in `differential_entropy`.
    InvalidParameterError
        Where the order is not positive, or too large for the number of neighbours.

    References
    ----------
    Leonenko, N., Pronzato, L., Savani, V. (2008). A class of Rényi information estimators for
    multidimensional densities. Ann. Statist. 36(5), 2153-2182. doi:10.1214/07-AOS539

    Examples
    --------
    >>> import infometric as im
    >>> import numpy as np
    >>> x = np.random.default_rng(0).uniform(0, 4, size=2000)
    >>> round(im.differential_renyi_entropy(x, 2, rng=0, units="bits").value, 1)  # log2(4)
    2.0
    """
    made = DifferentialRenyiEntropy(order, n_neighbors=n_neighbors, units=units, uncertainty=method)
    return made.fit(x).estimate(level=level, rng=rng)  # type: ignore[no-any-return]


def differential_tsallis_entropy(
    x: Any,
    q: float = 2.0,
    *,
    n_neighbors: int | None = None,
    method: Any = "auto",
    level: float = 0.95,
    rng: RNG = None,
) -> Result:
    """Tsallis entropy of a continuous variable, from neighbours; dimensionless.

    Parameters
    ----------
    x : array-like of shape (n_rows,) or (n_rows, n_dimensions), frame or path
        Finite numbers.
    q : float
        Positive order, below ``n_neighbors + 1``; 1 is Shannon's entropy in nats.
    n_neighbors : int, optional
        Number of neighbours, five by default.
    method, level, rng
        As in `differential_entropy`.

    Returns
    -------
    Result
        Estimate with interval.

    Raises
    ------
    DataError
        As in `differential_entropy`.
    InvalidParameterError
        Where the order is not positive, or too large for the number of neighbours.

    References
    ----------
    Leonenko, N., Pronzato, L., Savani, V. (2008). A class of Rényi information estimators for
    multidimensional densities. Ann. Statist. 36(5), 2153-2182. doi:10.1214/07-AOS539

    Examples
    --------
    >>> import infometric as im
    >>> import numpy as np
    >>> x = np.random.default_rng(0).uniform(0, 4, size=2000)
    >>> round(im.differential_tsallis_entropy(x, 2, rng=0).value, 1)  # 1 - 1 / 4
    0.7
    """
    made = DifferentialTsallisEntropy(q, n_neighbors=n_neighbors, uncertainty=method)
    return made.fit(x).estimate(level=level, rng=rng)  # type: ignore[no-any-return]


def diffusion_spectral_entropy(
    X: Any,
    *,
    sigma: Any = "median",
    t: float = 1.0,
    alpha: float = 0.0,
    kernel: Any = "gaussian",
    order: float = 1.0,
    n_neighbors: int = 10,
    solver: str = "auto",
    parity: bool = False,
    method: Any = "auto",
    level: float = 0.95,
    units: str = "nats",
    progress: bool | Progress | None = None,
    rng: RNG = None,
) -> Result:
    """Entropy of the spectrum of diffusion on the rows of a representation.

    Parameters
    ----------
    X : array-like of shape (n_rows, n_dimensions), tensor, frame or path
        One row for each example.
    sigma : "median" or float
        Bandwidth; the median distance of two rows, or a number in the units of X.
    t : float
        Diffusion time.
    alpha : float
        Density power, 0 to 1.
    kernel : {"gaussian", "adaptive", "knn", "precomputed"} or callable
        Similarity of two rows.
    order : float
        Order of Rényi's entropy of the spectrum; one is Shannon's.
    n_neighbors : int
        Neighbours of "adaptive" and "knn".
    solver : {"auto", "exact", "lanczos"}
        "auto" finds all eigenvalues of up to 10,000 rows, and brackets the entropy of more.
    parity : bool
        The settings of the published package.
    method : str or Uncertainty
        Strategy of the interval, or its name; "auto" leaves out groups of rows in turn, and of more
        than 2,000 rows takes the influence of each; "none" gives the value alone.
    level : float
        Nominal coverage of the interval.
    units : {"nats", "bits", "bans"}
        Units of the result.
    progress : bool or callable, optional
        A bar on the terminal (True), or a function of what is done and what there is, while a
        spectrum of many rows is bracketed.
    rng : int, Generator or None
        Source of randomness of resampling.

    Returns
    -------
    Result
        Estimate, with an interval of its mean over samples of as many rows.

    Raises
    ------
    DataError
        Where there are fewer than three rows, or values are missing or infinite.

    References
    ----------
    Liao, D. et al. (2023). Assessing neural network representations during training using
    noise-resilient diffusion spectral entropy. arXiv:2312.04823

    Examples
    --------
    >>> import infometric as im
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(200, 8))
    >>> small, large = (im.diffusion_spectral_entropy(c * x, rng=0).value for c in (0.1, 10))
    >>> abs(small - large) < 1e-10
    True
    """
    made = DiffusionSpectralEntropy(
        sigma=sigma, t=t, alpha=alpha, kernel=kernel, order=order, n_neighbors=n_neighbors,
        solver=solver, parity=parity, units=units, uncertainty=method,
    )  # fmt: skip
    with followed(progress, "spectrum"):
        return made.fit(X).estimate(level=level, rng=rng)  # type: ignore[no-any-return]


def diffusion_spectral_mi(
    X: Any,
    y: Any,
    *,
    sigma: Any = "median",
    t: float = 1.0,
    alpha: float = 0.0,
    kernel: Any = "gaussian",
    order: float = 1.0,
    sigma_y: Any = "median",
    target: str = "auto",
    n_orders: int = 10,
    n_neighbors: int = 10,
    solver: str = "auto",
    parity: bool = False,
    method: Any = "auto",
    level: float = 0.95,
    units: str = "nats",
    progress: bool | Progress | None = None,
    rng: RNG = None,
) -> Result:
    """What a representation tells of a class, a number or another representation.

    Parameters
    ----------
    X : array-like of shape (n_rows, n_dimensions), tensor, frame or path
        One row for each example.
    y : array-like of shape (n_rows,) or (n_rows, n_dimensions), tensor, or str
        Classes, numbers or rows of another representation; the name of a column of X where that is
        a frame or a path.
    sigma, t, alpha, kernel, order, n_neighbors, solver
        As in `diffusion_spectral_entropy`.
    sigma_y : "median" or float
        Bandwidth of y, where it holds numbers.
    target : {"auto", "classes", "representation"}
        Whether y holds classes.
    n_orders : int
        Random orders whose mean is what chance alone would show.
    parity : bool
        The settings of the published package.
    method : str or Uncertainty
        Strategy of the interval; "permutation" gives a p-value.
    level, units, progress, rng
        As in `diffusion_spectral_entropy`.

    Returns
    -------
    Result
        Estimate, zero in the mean where the two are independent.

    Raises
    ------
    DataError
        Where lengths differ, nearly every row has a class of its own, or values are missing.

    References
    ----------
    Liao, D. et al. (2023). arXiv:2312.04823

    Examples
    --------
    >>> import infometric as im
    >>> import numpy as np
    >>> y = np.repeat([0, 1, 2], 40)
    >>> x = np.random.default_rng(0).normal(size=(120, 4)) + 4 * np.eye(4)[y]
    >>> im.diffusion_spectral_mi(x, y, method="permutation", rng=0).pvalue
    0.005
    """
    made = DiffusionSpectralMI(
        sigma=sigma, t=t, alpha=alpha, kernel=kernel, order=order, sigma_y=sigma_y, target=target,
        n_orders=n_orders, n_neighbors=n_neighbors, solver=solver, parity=parity, units=units,
        uncertainty=method,
    )  # fmt: skip
    with followed(progress, "spectrum"):
        return made.fit(X, y).estimate(level=level, rng=rng)  # type: ignore[no-any-return]


def kl_divergence(
    p: Any,
    q: Any = None,
    *,
    zeros: Any = "half",
    bias: Any = "plug_in",
    bins: Any = None,
    estimator: Any = "auto",
    n_neighbors: int | None = None,
    method: Any = "auto",
    level: float = 0.95,
    units: str = "nats",
    sample_weight: Any = None,
    rng: RNG = None,
) -> Result | ResultTable:
    """Kullback-Leibler divergence of p from q.

    Parameters
    ----------
    p, q : array-like, frame, path or Counts
        Two samples with the same columns, or their counts; `p` alone where it holds both groups.
    zeros : {"half", "keep"}
        Whether 0.5 is added to every cell where one is empty, or the value may be infinite.
    bias : {"plug_in", "second_order", "zhang_grabchak"}
        Whether the second-order bias is taken off the value, or Zhang and Grabchak's estimator
        stands for it, finite whatever is empty. The interval allows for the bias in any case.
    bins : int, list of float or Encoder, optional
        Cells of a continuous variable.
    estimator : str or functional
        "auto" counts discrete columns, and those with `bins`, one result a column; where one is
        continuous it finds neighbours, and rows are one vector. By name: "counts", "weighted",
        "knn", "adaptive".
    n_neighbors : int, optional
        Number of neighbours; the estimator's own by default.
    method : str or Uncertainty
        Strategy of the interval, or its name; "auto" is the noncentral chi-square interval.
    level : float
        Nominal coverage of the interval.
    units : {"nats", "bits", "bans"}
        Units of the result.
    sample_weight : pair of array-like, optional
        Positive record weights.
    rng : int, Generator or None
        Source of randomness of resampling.

    Returns
    -------
    Result or ResultTable
        Estimate with interval; one per column where the data are a table.

    Raises
    ------
    DataError
        Where the data have no rows, or do not fit the measure.
    UnsupportedError
        Where p or q is continuous, no bins are given and estimator='counts'.

    References
    ----------
    Kullback, S., Leibler, R. A. (1951). doi:10.1214/aoms/1177729694

    Examples
    --------
    >>> import infometric as im
    >>> c = im.Counts.from_counts([[30, 50, 20], [20, 50, 30]])
    >>> round(im.kl_divergence(c).value, 6)
    0.040547
    """
    made = KLDivergence(
        zeros=zeros,
        bias=bias,
        bins=bins,
        units=units,
        uncertainty=method,
        estimator=estimator,
        n_neighbors=n_neighbors,
    )
    return _between(made, p, q, level, rng, sample_weight)


def jeffreys_divergence(
    p: Any,
    q: Any = None,
    *,
    zeros: Any = "half",
    bias: Any = "plug_in",
    bins: Any = None,
    estimator: Any = "auto",
    n_neighbors: int | None = None,
    method: Any = "auto",
    level: float = 0.95,
    units: str = "nats",
    sample_weight: Any = None,
    rng: RNG = None,
) -> Result | ResultTable:
    """Jeffreys divergence: KL in both directions. PSI and IV are this number.

    Parameters
    ----------
    p, q : array-like, frame, path or Counts
        Two samples with the same columns, or their counts; `p` alone where it holds both groups.
    zeros : {"half", "keep"}
        Whether 0.5 is added to every cell where one is empty, or the value may be infinite.
    bias : {"plug_in", "second_order"}
        Whether the second-order bias is taken off the value; the interval allows for it anyway.
    bins : int, list of float or Encoder, optional
        Cells of a continuous variable.
    estimator : str or functional
        "auto" counts discrete columns, and those with `bins`, one result a column; where one is
        continuous it finds neighbours, and rows are one vector. By name: "counts", "knn".
    n_neighbors : int, optional
        Number of neighbours; the estimator's own by default.
    method : str or Uncertainty
        Strategy of the interval, or its name; "auto" is the noncentral chi-square interval.
    level : float
        Nominal coverage of the interval.
    units : {"nats", "bits", "bans"}
        Units of the result.
    sample_weight : pair of array-like, optional
        Positive record weights.
    rng : int, Generator or None
        Source of randomness of resampling.

    Returns
    -------
    Result or ResultTable
        Estimate with interval; one per column where the data are a table.

    Raises
    ------
    DataError
        Where the data have no rows, or do not fit the measure.
    UnsupportedError
        Where p or q is continuous, no bins are given and estimator='counts'.

    References
    ----------
    Jeffreys, H. (1946). doi:10.1098/rspa.1946.0056

    Examples
    --------
    >>> import infometric as im
    >>> c = im.Counts.from_counts([[30, 50, 20], [20, 50, 30]])
    >>> round(im.jeffreys_divergence(c).value, 6)
    0.081093
    """
    made = JeffreysDivergence(
        zeros=zeros,
        bias=bias,
        bins=bins,
        units=units,
        uncertainty=method,
        estimator=estimator,
        n_neighbors=n_neighbors,
    )
    return _between(made, p, q, level, rng, sample_weight)


def jensen_shannon_divergence(
    p: Any,
    q: Any = None,
    *,
    weight: float = 0.5,
    bias: Any = "plug_in",
    bins: Any = None,
    estimator: Any = "auto",
    n_neighbors: int | None = None,
    method: Any = "auto",
    level: float = 0.95,
    units: str = "nats",
    sample_weight: Any = None,
    rng: RNG = None,
) -> Result | ResultTable:
    """Jensen-Shannon divergence of p and q; at most log 2.

    Parameters
    ----------
    p, q : array-like, frame, path or Counts
        Two samples with the same columns, or their counts; `p` alone where it holds both groups.
    weight : float
        Weight of p in the mixture.
    bias : {"plug_in", "second_order"}
        Whether the second-order bias is taken off the value; the interval allows for it anyway.
    bins : int, list of float or Encoder, optional
        Cells of a continuous variable.
    estimator : str or functional
        "auto" counts discrete columns, and those with `bins`, one result a column; where one is
        continuous it finds neighbours, and rows are one vector. By name: "counts", "knn".
    n_neighbors : int, optional
        Number of neighbours; the estimator's own by default.
    method : str or Uncertainty
        Strategy of the interval, or its name; "auto" is the noncentral chi-square interval.
    level : float
        Nominal coverage of the interval.
    units : {"nats", "bits", "bans"}
        Units of the result.
    sample_weight : pair of array-like, optional
        Positive record weights.
    rng : int, Generator or None
        Source of randomness of resampling.

    Returns
    -------
    Result or ResultTable
        Estimate with interval; one per column where the data are a table.

    Raises
    ------
    DataError
        Where the data have no rows, or do not fit the measure.
    UnsupportedError
        Where p or q is continuous, no bins are given and estimator='counts'.

    References
    ----------
    Lin, J. (1991). doi:10.1109/18.61115

    Examples
    --------
    >>> import infometric as im
    >>> c = im.Counts.from_counts([[30, 50, 20], [20, 50, 30]])
    >>> round(im.jensen_shannon_divergence(c).value, 6)
    0.010068
    """
    made = JensenShannonDivergence(
        weight=weight,
        bias=bias,
        bins=bins,
        units=units,
        uncertainty=method,
        estimator=estimator,
        n_neighbors=n_neighbors,
    )
    return _between(made, p, q, level, rng, sample_weight)


def renyi_divergence(
    p: Any,
    q: Any = None,
    order: float = 2.0,
    *,
    zeros: Any = "half",
    bias: Any = "plug_in",
    bins: Any = None,
    estimator: Any = "auto",
    n_neighbors: int | None = None,
    method: Any = "auto",
    level: float = 0.95,
    units: str = "nats",
    sample_weight: Any = None,
    rng: RNG = None,
) -> Result | ResultTable:
    """Rényi divergence of p from q.

    Parameters
    ----------
    p, q : array-like, frame, path or Counts
        Two samples with the same columns, or their counts; `p` alone where it holds both groups.
    order : float
        Order, positive; 1 is the Kullback-Leibler divergence.
    zeros : {"half", "keep"}
        Whether 0.5 is added to every cell where one is empty, or the value may be infinite. Orders
        between 0 and 1 are finite either way: "keep" suits cells that are empty for good.
    bias : {"plug_in", "second_order"}
        Whether the second-order bias is taken off the value; the interval allows for it anyway.
    bins : int, list of float or Encoder, optional
        Cells of a continuous variable.
    estimator : str or functional
        "auto" counts discrete columns, and those with `bins`, one result a column; where one is
        continuous it finds neighbours, and rows are one vector. By name: "counts", "knn".
    n_neighbors : int, optional
        Number of neighbours; the estimator's own by default.
    method : str or Uncertainty
        Strategy of the interval, or its name; "auto" is the noncentral chi-square interval.
    level : float
        Nominal coverage of the interval.
    units : {"nats", "bits", "bans"}
        Units of the result.
    sample_weight : pair of array-like, optional
        Positive record weights.
    rng : int, Generator or None
        Source of randomness of resampling.

    Returns
    -------
    Result or ResultTable
        Estimate with interval; one per column where the data are a table.

    Raises
    ------
    DataError
        Where the data have no rows, or do not fit the measure.
    UnsupportedError
        Where p or q is continuous, no bins are given and estimator='counts'.

    References
    ----------
    Rényi, A. (1961). On measures of entropy and information. Proc. Fourth Berkeley Symp. 1.

    Examples
    --------
    >>> import infometric as im
    >>> c = im.Counts.from_counts([[30, 50, 20], [20, 50, 30]])
    >>> round(im.renyi_divergence(c, order=1).value, 6)
    0.040547
    """
    made = RenyiDivergence(
        order,
        zeros=zeros,
        bias=bias,
        bins=bins,
        units=units,
        uncertainty=method,
        estimator=estimator,
        n_neighbors=n_neighbors,
    )
    return _between(made, p, q, level, rng, sample_weight)


def tsallis_divergence(
    p: Any,
    q: Any = None,
    order: float = 2.0,
    *,
    zeros: Any = "half",
    bias: Any = "plug_in",
    bins: Any = None,
    estimator: Any = "auto",
    n_neighbors: int | None = None,
    method: Any = "auto",
    level: float = 0.95,
    sample_weight: Any = None,
    rng: RNG = None,
) -> Result | ResultTable:
    """Tsallis divergence of p from q, dimensionless.

    Parameters
    ----------
    p, q : array-like, frame, path or Counts
        Two samples with the same columns, or their counts; `p` alone where it holds both groups.
    order : float
        Order, positive; 1 is the Kullback-Leibler divergence.
    zeros : {"half", "keep"}
        Whether 0.5 is added to every cell where one is empty, or the value may be infinite. Orders
        between 0 and 1 are finite either way: "keep" suits cells that are empty for good.
    bias : {"plug_in", "second_order"}
        Whether the second-order bias is taken off the value; the interval allows for it anyway.
    bins : int, list of float or Encoder, optional
        Cells of a continuous variable.
    estimator : str or functional
        "auto" counts discrete columns, and those with `bins`, one result a column; where one is
        continuous it finds neighbours, and rows are one vector. By name: "counts", "knn".
    n_neighbors : int, optional
        Number of neighbours; the estimator's own by default.
    method : str or Uncertainty
        Strategy of the interval, or its name; "auto" is the noncentral chi-square interval.
    level : float
        Nominal coverage of the interval.
    sample_weight : pair of array-like, optional
        Positive record weights.
    rng : int, Generator or None
        Source of randomness of resampling.

    Returns
    -------
    Result or ResultTable
        Estimate with interval; one per column where the data are a table.

    Raises
    ------
    DataError
        Where the data have no rows, or do not fit the measure.
    UnsupportedError
        Where p or q is continuous, no bins are given and estimator='counts'.

    References
    ----------
    Tsallis, C. (1998). Generalized entropy-based criterion for consistent testing. Phys. Rev. E
    58, 1442-1445. doi:10.1103/PhysRevE.58.1442

    Examples
    --------
    >>> import infometric as im
    >>> c = im.Counts.from_counts([[30, 50, 20], [20, 50, 30]])
    >>> round(im.tsallis_divergence(c, order=2).value, 6)
    0.083333
    """
    made = TsallisDivergence(
        order,
        zeros=zeros,
        bias=bias,
        bins=bins,
        uncertainty=method,
        estimator=estimator,
        n_neighbors=n_neighbors,
    )
    return _between(made, p, q, level, rng, sample_weight)


def alpha_divergence(
    p: Any,
    q: Any = None,
    order: float = 0.5,
    *,
    zeros: Any = "half",
    bias: Any = "plug_in",
    bins: Any = None,
    estimator: Any = "auto",
    n_neighbors: int | None = None,
    method: Any = "auto",
    level: float = 0.95,
    sample_weight: Any = None,
    rng: RNG = None,
) -> Result | ResultTable:
    """Amari's alpha divergence of p from q; dimensionless.

    Parameters
    ----------
    p, q : array-like, frame, path or Counts
        Two samples with the same columns, or their counts; `p` alone where it holds both groups.
    order : float
        Any number; 1 is KL, 0 is KL the other way.
    zeros : {"half", "keep"}
        Whether 0.5 is added to every cell where one is empty, or the value may be infinite. Orders
        between 0 and 1 are finite either way: "keep" suits cells that are empty for good.
    bias : {"plug_in", "second_order"}
        Whether the second-order bias is taken off the value; the interval allows for it anyway.
    bins : int, list of float or Encoder, optional
        Cells of a continuous variable.
    estimator : str or functional
        "auto" counts discrete columns, and those with `bins`, one result a column; where one is
        continuous it finds neighbours, and rows are one vector. By name: "counts", "knn".
    n_neighbors : int, optional
        Number of neighbours; the estimator's own by default.
    method : str or Uncertainty
        Strategy of the interval, or its name; "auto" is the noncentral chi-square interval.
    level : float
        Nominal coverage of the interval.
    sample_weight : pair of array-like, optional
        Positive record weights.
    rng : int, Generator or None
        Source of randomness of resampling.

    Returns
    -------
    Result or ResultTable
        Estimate with interval; one per column where the data are a table.

    Raises
    ------
    DataError
        Where the data have no rows, or do not fit the measure.
    UnsupportedError
        Where p or q is continuous, no bins are given and estimator='counts'.

    References
    ----------
    Amari, S. (1985). Differential-geometrical methods in statistics. Springer.
    doi:10.1007/978-1-4612-5056-2

    Examples
    --------
    >>> import infometric as im
    >>> c = im.Counts.from_counts([[30, 50, 20], [20, 50, 30]])
    >>> round(im.alpha_divergence(c, order=0.5).value, 6)
    0.040408
    """
    made = AlphaDivergence(
        order,
        zeros=zeros,
        bias=bias,
        bins=bins,
        uncertainty=method,
        estimator=estimator,
        n_neighbors=n_neighbors,
    )
    return _between(made, p, q, level, rng, sample_weight)


def hellinger_distance(
    p: Any,
    q: Any = None,
    *,
    bias: Any = "plug_in",
    bins: Any = None,
    method: Any = "auto",
    level: float = 0.95,
    sample_weight: Any = None,
    rng: RNG = None,
) -> Result | ResultTable:
    """Hellinger distance of p and q, from 0 to 1.

    Parameters
    ----------
    p, q : array-like, frame, path or Counts
        Two samples with the same columns, or their counts; `p` alone where it holds both groups.
    bias : {"plug_in", "second_order"}
        Whether the second-order bias is taken off the square; the interval allows for it anyway.
    bins : int, list of float or Encoder, optional
        Cells of a continuous variable.
    method : str or Uncertainty
        Strategy of the interval, or its name; "auto" is the noncentral chi-square interval of the
        square.
    level : float
        Nominal coverage of the interval.
    sample_weight : pair of array-like, optional
        Positive record weights.
    rng : int, Generator or None
        Source of randomness of resampling.

    Returns
    -------
    Result or ResultTable
        Estimate with interval; one per column where the data are a table.

    Raises
    ------
    DataError
        Where the data have no rows, or do not fit the measure.
    UnsupportedError
        Where p or q is continuous, no bins are given and estimator='counts'.

    References
    ----------
    Hellinger, E. (1909). Neue Begründung der Theorie quadratischer Formen. J. reine angew. Math.
    136, 210-271. doi:10.1515/crll.1909.136.210

    Examples
    --------
    >>> import infometric as im
    >>> c = im.Counts.from_counts([[30, 50, 20], [20, 50, 30]])
    >>> round(im.hellinger_distance(c).value, 6)
    0.100509
    """
    estimator = HellingerDistance(bias=bias, bins=bins, uncertainty=method)
    return _between(estimator, p, q, level, rng, sample_weight)


def total_variation(
    p: Any,
    q: Any = None,
    *,
    bias: Any = "plug_in",
    bins: Any = None,
    method: Any = "auto",
    level: float = 0.95,
    sample_weight: Any = None,
    rng: RNG = None,
) -> Result | ResultTable:
    """Total variation distance of p and q: half the sum of absolute differences of shares.

    Parameters
    ----------
    p, q : array-like, frame, path or Counts
        Two samples with the same columns, or their counts; `p` alone where it holds both groups.
    bias : {"plug_in", "second_order"}
        Whether the second-order bias is taken off the square; the interval allows for it anyway.
    bins : int, list of float or Encoder, optional
        Cells of a continuous variable.
    method : str or Uncertainty
        Strategy of the interval, or its name; "auto" is the noncentral chi-square interval of the
        square.
    level : float
        Nominal coverage of the interval.
    sample_weight : pair of array-like, optional
        Positive record weights.
    rng : int, Generator or None
        Source of randomness of resampling.

    Returns
    -------
    Result or ResultTable
        Estimate with interval; one per column where the data are a table.

    Raises
    ------
    DataError
        Where the data have no rows, or do not fit the measure.
    UnsupportedError
        Where p or q is continuous, no bins are given and estimator='counts'.

    References
    ----------
    Leone, F. C., Nelson, L. S., Nottingham, R. B. (1961). doi:10.1080/00401706.1961.10489974

    Examples
    --------
    >>> import infometric as im
    >>> c = im.Counts.from_counts([[30, 50, 20], [20, 50, 30]])
    >>> round(im.total_variation(c).value, 6)
    0.1
    """
    estimator = TotalVariation(bias=bias, bins=bins, uncertainty=method)
    return _between(estimator, p, q, level, rng, sample_weight)


def jensen_shannon_distance(
    p: Any,
    q: Any = None,
    *,
    weight: float = 0.5,
    bias: Any = "plug_in",
    bins: Any = None,
    method: Any = "auto",
    level: float = 0.95,
    sample_weight: Any = None,
    rng: RNG = None,
) -> Result | ResultTable:
    """Root of the Jensen-Shannon divergence in nats, a metric where the weights are equal.

    Parameters
    ----------
    p, q : array-like, frame, path or Counts
        Two samples with the same columns, or their counts; `p` alone where it holds both groups.
    weight : float
        Weight of p in the mixture.
    bias : {"plug_in", "second_order"}
        Whether the second-order bias is taken off the square; the interval allows for it anyway.
    bins : int, list of float or Encoder, optional
        Cells of a continuous variable.
    method : str or Uncertainty
        Strategy of the interval, or its name; "auto" is the noncentral chi-square interval of the
        square.
    level : float
        Nominal coverage of the interval.
    sample_weight : pair of array-like, optional
        Positive record weights.
    rng : int, Generator or None
        Source of randomness of resampling.

    Returns
    -------
    Result or ResultTable
        Estimate with interval; one per column where the data are a table.

    Raises
    ------
    DataError
        Where the data have no rows, or do not fit the measure.
    UnsupportedError
        Where p or q is continuous, no bins are given and estimator='counts'.

    References
    ----------
    Endres, D. M., Schindelin, J. E. (2003). doi:10.1109/TIT.2003.813506

    Examples
    --------
    >>> import infometric as im
    >>> c = im.Counts.from_counts([[30, 50, 20], [20, 50, 30]])
    >>> round(im.jensen_shannon_distance(c).value, 6)
    0.100338
    """
    estimator = JensenShannonDistance(weight=weight, bias=bias, bins=bins, uncertainty=method)
    return _between(estimator, p, q, level, rng, sample_weight)


def mutual_information(
    x: Any,
    y: Any = None,
    *,
    bias: str = "plug_in",
    bins: Any = None,
    estimator: Any = "auto",
    n_neighbors: int | None = None,
    method: Any = "auto",
    level: float = 0.95,
    units: str = "nats",
    sample_weight: Any = None,
    rng: RNG = None,
) -> Result:
    """Mutual information of two discrete variables, or of continuous ones in `bins`.

    Parameters
    ----------
    x, y : array-like of shape (n_rows,) or (n_rows, n_columns), or frame
        Two variables of one sample, several columns being one vector variable; or x alone,
        `Counts` of their joint table.
    bias : str
        "plug_in"; "second_order" takes the leading bias off; or the name of an estimator of
        entropy for each table. The interval allows for the bias anyway.
    bins : int, list of float or Encoder, optional
        Cells of continuous variables.
    estimator : str or functional
        "auto" counts discrete variables, and those with `bins`; of a continuous one it finds
        neighbours. By name: "counts", "ksg1", "ksg2", "ross", "mixed", "lnc", "gaussian_copula".
    n_neighbors : int, optional
        Number of neighbours; the estimator's own by default.
    method : str or Uncertainty
        Strategy of the interval, or its name; "auto" is the noncentral chi-square interval of
        counts, and compares random parts of the rows for neighbours; "none" gives the value alone.
    level : float
        Nominal coverage of the interval.
    units : {"nats", "bits", "bans"}
        Units of the result.
    sample_weight : array-like of shape (n_rows,), optional
        Positive record weights.
    rng : int, Generator or None
        Source of randomness of resampling.

    Returns
    -------
    Result
        Estimate with interval and p-value.

    Raises
    ------
    DataError
        Where the data have no rows, or do not fit the measure.
    UnsupportedError
        Where a variable is continuous, no bins are given and estimator='counts'.

    References
    ----------
    Shannon, C. E. (1948). doi:10.1002/j.1538-7305.1948.tb01338.x

    Examples
    --------
    >>> import infometric as im
    >>> table = im.Counts.from_counts([[30, 10], [10, 30]], joint=True)
    >>> round(im.mutual_information(table).value, 6)
    0.130812
    """
    made = MutualInformation(
        bias=bias,
        bins=bins,
        units=units,
        uncertainty=method,
        estimator=estimator,
        n_neighbors=n_neighbors,
    )
    fitted = made.fit(x, y, sample_weight=sample_weight)
    return fitted.estimate(level=level, rng=rng)  # type: ignore[no-any-return]


def neural_mutual_information(
    x: Any,
    y: Any,
    *,
    reliable: bool = True,
    level: float = 0.95,
    units: str = "nats",
    random_state: RNG = None,
    progress: bool | Progress = False,
    **options: Any,
) -> Result:
    """Mutual information of variables of many columns, by trained critics.

    Parameters
    ----------
    x : array-like of shape (n_rows,) or (n_rows, n_columns), tensor, frame or path
        One row for each example.
    y : array-like, tensor, str or list of str
        The other variable; or the names of columns of x where that is a frame or a path.
    reliable : bool
        `ReliableMI`: extrapolated to infinitely many rows and checked, with an interval of the
        information where every check holds. False is `NeuralMI`: one critic for each fold, an
        interval of the bound, and a p-value of independence; about a quarter of the time.
    level : float
        Nominal coverage of the interval.
    units : {"nats", "bits", "bans"}
        Units of the result.
    random_state : int, Generator or None
        Source of weights, order and folds.
    progress : bool or callable
        A bar, or a function told (epochs done, epochs in all).
    **options
        Of `ReliableMI` or `NeuralMI`: critic, encoder_x, max_epochs, device ...

    Returns
    -------
    Result
        Estimate; ``diagnostics["reliable"]`` and ``["checks"]`` where `reliable`.

    Raises
    ------
    DataError
        Where rows are too few, or values are missing.
    InvalidParameterError
        Where an option is none of the class.
    MissingExtraError
        Where torch is not installed.

    References
    ----------
    Abdelaleem, E., Martini, K. M., Nemenman, I. (2025). Accurate estimation of mutual information
    in high dimensional data. arXiv:2506.00330

    Examples
    --------
    >>> import infometric as im
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(300, 2))
    >>> y = 0.8 * x + 0.6 * rng.normal(size=(300, 2))  # 1.02 nats
    >>> r = im.neural_mutual_information(x, y, reliable=False, max_epochs=10, random_state=0)
    >>> bool(0.8 < r.value < 1.2), r.pvalue < 1e-6
    (True, True)
    """
    kind, other = (ReliableMI, NeuralMI) if reliable else (NeuralMI, ReliableMI)
    caller = "neural_mutual_information"
    for name in options:
        if name in other._get_param_names() and name not in kind._get_param_names():
            raise InvalidParameterError(
                f"{name} belongs to {other.__name__}, and {kind.__name__} has none.",
                got=options[name],
                hint=f"{caller}(x, y, reliable={not reliable}, {name}=...)",
            )
    given = {"units": units, "random_state": random_state, "progress": progress}
    made = _made(kind, caller, options, ("reliable", "level"), **given)
    return made.fit(x, y).estimate(level=level)  # type: ignore[no-any-return]


def mist(
    x: Any,
    y: Any,
    *,
    method: Any = "auto",
    level: float = 0.95,
    units: str = "nats",
    weights: Any = None,
    rng: RNG = None,
) -> Result:
    """Mutual information of continuous variables by a network trained once, in one pass.

    Parameters
    ----------
    x : array-like of shape (n_rows,) or (n_rows, n_columns), tensor, frame or path
        Ten rows or more of numbers, 32 columns at most.
    y : array-like, tensor, str or list of str
        The other variable; or the names of columns of x where that is a frame or a path.
    method : str or Uncertainty
        "auto" is "learned": calibrated quantiles of the network; "subsampling" compares parts of
        the rows, "permutation" tests independence, "none" gives the value alone.
    level : float
        Nominal coverage of the interval, from .5 to .99.
    units : {"nats", "bits", "bans"}
        Units of the result.
    weights : None, path or Weights
        None are those of the package; else a folder that `MIST.save` wrote.
    rng : int, Generator or None
        Source of randomness of resampling; a pass has none.

    Returns
    -------
    Result
        Median, with an interval; ``diagnostics`` has the flag "out_of_support" and the estimate of
        a classical estimator, "anchor".

    Raises
    ------
    DataError
        Where rows are fewer than ten, columns more than 32, or values are missing.

    References
    ----------
    Gritsai, G., et al. (2025). MIST: Mutual Information Via Supervised Training. arXiv:2511.18945

    Examples
    --------
    >>> import infometric as im
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(300, 2))
    >>> y = 0.8 * x + 0.6 * rng.normal(size=(300, 2))  # 1.02 nats
    >>> r = im.mist(x, y)
    >>> bool(r.ci.low < 1.02 < r.ci.high)
    True
    """
    made = MIST(weights=weights, units=units, uncertainty=method)
    return made.fit(x, y).estimate(level=level, rng=rng)  # type: ignore[no-any-return]


def membership_scores(
    tokens: Any,
    *,
    method: Any = "dc_pdd",
    reference: Any = None,
    calibration: Any = None,
    level: float = 0.95,
    uncertainty: Any = "auto",
    **options: Any,
) -> MembershipTable:
    """Scores of how like training data texts are to a language model, with evidence.

    Parameters
    ----------
    tokens : TokenScores, path, frame or sequence of sequences of float
        Log-probabilities of the tokens of each text.
    method : str or MembershipScore
        "dc_pdd", "loss", "zlib", "lowercase", "reference", "neighbor", "min_k", "min_k_plus_plus",
        "recall", "con_recall", "surp" or "pmi"; or an estimator.
    reference : TokenFrequency, counts or path, optional
        How often each token occurs in a reference corpus; "dc_pdd" and "pmi" need it.
    calibration : TokenScores, path, frame or sequence, optional
        Texts of the same kind that are no members. Without them there are scores and intervals, but
        no p-values and no decision.
    level : float
        Nominal coverage of the intervals, which are of the noise of the tokens of a text.
    uncertainty : str or TokenBlocks
        "auto" is ``TokenBlocks(block=8)``; "none" gives no intervals.
    **options
        Parameters of the score: `cap`, `k`, `gamma` and so on. The cap of "dc_pdd" is adaptive
        where there is a calibration to learn it from, else 0.01.

    Returns
    -------
    MembershipTable
        One result per text; `decision`, `evaluate` and `adjust` are its methods.

    Raises
    ------
    InvalidParameterError
        Where there is no such score or parameter, or a reference is needed.
    DataError
        Where a column is absent that the score is made of.

    References
    ----------
    Zhang, W. et al. (2024). Pretraining data detection for large language models: a
    divergence-based calibration method. EMNLP. arXiv:2409.14781

    Examples
    --------
    >>> import infometric as im
    >>> texts = im.TokenScores.from_lists(
    ...     ids=[[0, 1, 2], [3, 1, 0]], logprob=[[-0.1, -0.3, -0.2], [-5.0, -2.0, -7.0]]
    ... )
    >>> found = im.membership_scores(texts, reference=[90, 60, 40, 10], cap=0.01)
    >>> found.to_frame()["value"].round(4).tolist()
    [0.01, 0.0069]
    """
    return scored_texts(method, tokens, reference, calibration, level, uncertainty, options)


def normalized_mutual_information(
    x: Any,
    y: Any = None,
    *,
    normalization: Any = "arithmetic",
    bias: str = "plug_in",
    bins: Any = None,
    method: Any = "auto",
    level: float = 0.95,
    sample_weight: Any = None,
    rng: RNG = None,
) -> Result:
    """Mutual information over an entropy of the two variables, from 0 to 1.

    Parameters
    ----------
    x, y : array-like of shape (n_rows,) or (n_rows, n_columns), or frame
        Two variables of one sample, several columns being one vector variable; or x alone,
        `Counts` of their joint table.
    normalization : {"arithmetic", "min", "max", "geometric", "joint"}
        Mean, minimum or maximum of the two entropies, or the joint entropy.
    bias : str
        "plug_in"; "second_order" takes the leading bias off; or the name of an estimator of
        entropy for each table. The interval allows for the bias anyway.
    bins : int, list of float or Encoder, optional
        Cells of continuous variables.
    method : str or Uncertainty
        Strategy of the interval, or its name; "auto" is the noncentral chi-square interval.
    level : float
        Nominal coverage of the interval.
    sample_weight : array-like of shape (n_rows,), optional
        Positive record weights.
    rng : int, Generator or None
        Source of randomness of resampling.

    Returns
    -------
    Result
        Estimate with interval and p-value.

    Raises
    ------
    DataError
        Where the data have no rows, or do not fit the measure.
    UnsupportedError
        Where a variable is continuous and no bins are given.

    References
    ----------
    Strehl, A., Ghosh, J. (2002). Cluster ensembles. J. Mach. Learn. Res. 3, 583-617.

    Examples
    --------
    >>> import infometric as im
    >>> table = im.Counts.from_counts([[30, 10], [10, 30]], joint=True)
    >>> round(im.normalized_mutual_information(table).value, 6)
    0.188722
    """
    estimator = NormalizedMutualInformation(
        normalization=normalization, bias=bias, bins=bins, uncertainty=method
    )
    fitted = estimator.fit(x, y, sample_weight=sample_weight)
    return fitted.estimate(level=level, rng=rng)  # type: ignore[no-any-return]


def adjusted_mutual_information(
    x: Any,
    y: Any = None,
    *,
    normalization: Any = "arithmetic",
    bins: Any = None,
    method: Any = "auto",
    level: float = 0.95,
    sample_weight: Any = None,
    rng: RNG = None,
) -> Result:
    """Normalised mutual information less what chance gives with these margins.

    Parameters
    ----------
    x, y : array-like of shape (n_rows,) or (n_rows, n_columns), or frame
        Two variables of one sample, several columns being one vector variable; or x alone,
        `Counts` of their joint table.
    normalization : {"arithmetic", "min", "max", "geometric", "joint"}
        Mean, minimum or maximum of the two entropies, or the joint entropy.
    bins : int, list of float or Encoder, optional
        Cells of continuous variables.
    method : str or Uncertainty
        Strategy of the interval, or its name; "auto" is the noncentral chi-square interval.
    level : float
        Nominal coverage of the interval.
    sample_weight : array-like of shape (n_rows,), optional
        Positive record weights.
    rng : int, Generator or None
        Source of randomness of resampling.

    Returns
    -------
    Result
        Estimate with interval and p-value.

    Raises
    ------
    DataError
        Where the data have no rows, or do not fit the measure.
    UnsupportedError
        Where a variable is continuous and no bins are given.

    References
    ----------
    Vinh, N. X., Epps, J., Bailey, J. (2010). Information theoretic measures for clusterings
    comparison. J. Mach. Learn. Res. 11, 2837-2854.

    Examples
    --------
    >>> import infometric as im
    >>> table = im.Counts.from_counts([[30, 10], [10, 30]], joint=True)
    >>> round(im.adjusted_mutual_information(table).value, 6)
    0.181197
    """
    estimator = AdjustedMutualInformation(
        normalization=normalization, bins=bins, uncertainty=method
    )
    fitted = estimator.fit(x, y, sample_weight=sample_weight)
    return fitted.estimate(level=level, rng=rng)  # type: ignore[no-any-return]


def conditional_mutual_information(
    x: Any,
    y: Any = None,
    z: Any = None,
    *,
    bias: str = "plug_in",
    bins: Any = None,
    estimator: Any = "auto",
    n_neighbors: int | None = None,
    method: Any = "auto",
    level: float = 0.95,
    units: str = "nats",
    sample_weight: Any = None,
    rng: RNG = None,
) -> Result:
    """Mutual information of two variables given a third.

    Parameters
    ----------
    x, y, z : array-like of shape (n_rows,) or (n_rows, n_columns), or frame
        Three variables of one sample, of which z is given; or x alone, `Counts` of their joint
        table with z last.
    bias : str
        "plug_in"; "second_order" takes the leading bias off; or the name of an estimator of
        entropy for each table. The interval allows for the bias anyway.
    bins : int, list of float or Encoder, optional
        Cells of continuous variables.
    estimator : str or functional
        "auto" counts discrete variables, and those with `bins`; of a continuous one it finds
        neighbours. By name: "counts", "frenzel_pompe", "mesner_shalizi".
    n_neighbors : int, optional
        Number of neighbours; the estimator's own by default.
    method : str or Uncertainty
        Strategy of the interval, or its name; "auto" is the noncentral chi-square interval of
        counts, and compares random parts of the rows for neighbours; "none" gives the value alone.
    level : float
        Nominal coverage of the interval.
    units : {"nats", "bits", "bans"}
        Units of the result.
    sample_weight : array-like of shape (n_rows,), optional
        Positive record weights.
    rng : int, Generator or None
        Source of randomness of resampling.

    Returns
    -------
    Result
        Estimate with interval and p-value.

    Raises
    ------
    DataError
        Where the data have no rows, or do not fit the measure.
    UnsupportedError
        Where a variable is continuous, no bins are given and estimator='counts'.

    References
    ----------
    Cover, T. M., Thomas, J. A. (2006). Elements of information theory. Wiley.
    doi:10.1002/047174882X

    Examples
    --------
    >>> import infometric as im
    >>> x, y, z = [0, 0, 1, 1] * 50, [0, 1, 0, 1] * 50, [0, 1, 1, 0] * 50
    >>> round(im.conditional_mutual_information(x, y, z, units="bits").value, 6)
    1.0
    """
    if y is not None and z is None and not isinstance(x, Counts):
        raise DataError(
            "Conditional mutual information needs the variable that is given; z is None.",
            hint="conditional_mutual_information(x, y, z), or mutual_information(x, y)",
        )
    made = ConditionalMutualInformation(
        bias=bias,
        bins=bins,
        units=units,
        uncertainty=method,
        estimator=estimator,
        n_neighbors=n_neighbors,
    )
    fitted = made.fit(x, y, z, sample_weight=sample_weight)
    return fitted.estimate(level=level, rng=rng)  # type: ignore[no-any-return]


def total_correlation(
    X: Any,
    *,
    bias: str = "plug_in",
    bins: Any = None,
    estimator: Any = "auto",
    n_neighbors: int | None = None,
    method: Any = "auto",
    level: float = 0.95,
    units: str = "nats",
    sample_weight: Any = None,
    rng: RNG = None,
) -> Result:
    """Sum of the columns' entropies less their joint entropy: zero where all are independent.

    Parameters
    ----------
    X : array-like of shape (n_rows, n_columns), frame or path
        Two or more columns, each a variable; or `Counts` of their joint table.
    bias : str
        "plug_in"; "second_order" takes the leading bias off; or the name of an estimator of
        entropy for each table. The interval allows for the bias anyway.
    bins : int, list of float or Encoder, optional
        Cells of continuous variables.
    estimator : str or functional
        "auto" counts discrete variables, and those with `bins`; of a continuous one it finds
        neighbours. By name: "counts", "ksg1", "ksg2".
    n_neighbors : int, optional
        Number of neighbours; the estimator's own by default.
    method : str or Uncertainty
        Strategy of the interval, or its name; "auto" is the noncentral chi-square interval of
        counts, and compares random parts of the rows for neighbours; "none" gives the value alone.
    level : float
        Nominal coverage of the interval.
    units : {"nats", "bits", "bans"}
        Units of the result.
    sample_weight : array-like of shape (n_rows,), optional
        Positive record weights.
    rng : int, Generator or None
        Source of randomness of resampling.

    Returns
    -------
    Result
        Estimate with interval and p-value.

    Raises
    ------
    DataError
        Where the data have no rows, or do not fit the measure.
    UnsupportedError
        Where a variable is continuous, no bins are given and estimator='counts'.

    References
    ----------
    Watanabe, S. (1960). doi:10.1147/rd.41.0066

    Examples
    --------
    >>> import infometric as im
    >>> same = [[0, 0, 0], [1, 1, 1]] * 50
    >>> round(im.total_correlation(same, units="bits").value, 6)
    2.0
    """
    made = TotalCorrelation(
        bias=bias,
        bins=bins,
        units=units,
        uncertainty=method,
        estimator=estimator,
        n_neighbors=n_neighbors,
    )
    fitted = made.fit(X, sample_weight=sample_weight)
    return fitted.estimate(level=level, rng=rng)  # type: ignore[no-any-return]


def dual_total_correlation(
    X: Any,
    *,
    bias: str = "plug_in",
    bins: Any = None,
    method: Any = "auto",
    level: float = 0.95,
    units: str = "nats",
    sample_weight: Any = None,
    rng: RNG = None,
) -> Result:
    """Joint entropy of the columns less each one's entropy given all others.

    Parameters
    ----------
    X : array-like of shape (n_rows, n_columns), frame or path
        Two or more columns, each a variable; or `Counts` of their joint table.
    bias : str
        "plug_in"; "second_order" takes the leading bias off; or the name of an estimator of
        entropy for each table. The interval allows for the bias anyway.
    bins : int, list of float or Encoder, optional
        Cells of continuous variables.
    method : str or Uncertainty
        Strategy of the interval, or its name; "auto" is the noncentral chi-square interval.
    level : float
        Nominal coverage of the interval.
    units : {"nats", "bits", "bans"}
        Units of the result.
    sample_weight : array-like of shape (n_rows,), optional
        Positive record weights.
    rng : int, Generator or None
        Source of randomness of resampling.

    Returns
    -------
    Result
        Estimate with interval and p-value.

    Raises
    ------
    DataError
        Where the data have no rows, or do not fit the measure.
    UnsupportedError
        Where a variable is continuous and no bins are given.

    References
    ----------
    Han, T. S. (1978). doi:10.1016/S0019-9958(78)90275-9

    Examples
    --------
    >>> import infometric as im
    >>> same = [[0, 0, 0], [1, 1, 1]] * 50
    >>> round(im.dual_total_correlation(same, units="bits").value, 6)
    1.0
    """
    estimator = DualTotalCorrelation(bias=bias, bins=bins, units=units, uncertainty=method)
    fitted = estimator.fit(X, sample_weight=sample_weight)
    return fitted.estimate(level=level, rng=rng)  # type: ignore[no-any-return]


def interaction_information(
    X: Any,
    *,
    bias: str = "plug_in",
    bins: Any = None,
    method: Any = "auto",
    level: float = 0.95,
    units: str = "nats",
    sample_weight: Any = None,
    rng: RNG = None,
) -> Result:
    """``I(X; Y) - I(X; Y | Z)`` of three columns: positive redundancy, negative synergy.

    Parameters
    ----------
    X : array-like of shape (n_rows, n_columns), frame or path
        Three columns, each a variable; or `Counts` of their joint table.
    bias : str
        "plug_in"; "second_order" takes the leading bias off; or the name of an estimator of
        entropy for each table. The interval allows for the bias anyway.
    bins : int, list of float or Encoder, optional
        Cells of continuous variables.
    method : str or Uncertainty
        Strategy of the interval, or its name; "auto" is Wald's interval.
    level : float
        Nominal coverage of the interval.
    units : {"nats", "bits", "bans"}
        Units of the result.
    sample_weight : array-like of shape (n_rows,), optional
        Positive record weights.
    rng : int, Generator or None
        Source of randomness of resampling.

    Returns
    -------
    Result
        Estimate with interval and p-value.

    Raises
    ------
    DataError
        Where the data have no rows, or do not fit the measure.
    UnsupportedError
        Where a variable is continuous and no bins are given.

    References
    ----------
    McGill, W. J. (1954). doi:10.1007/BF02289159

    Examples
    --------
    >>> import infometric as im
    >>> xor = [[0, 0, 0], [0, 1, 1], [1, 0, 1], [1, 1, 0]] * 50
    >>> round(im.interaction_information(xor, units="bits").value, 6)
    -1.0
    """
    estimator = InteractionInformation(bias=bias, bins=bins, units=units, uncertainty=method)
    fitted = estimator.fit(X, sample_weight=sample_weight)
    return fitted.estimate(level=level, rng=rng)  # type: ignore[no-any-return]


def transfer_entropy(
    x: Any,
    y: Any = None,
    *,
    source_history: int = 1,
    target_history: int = 1,
    lag: int = 1,
    bias: str = "plug_in",
    bins: Any = None,
    estimator: Any = "auto",
    n_neighbors: int | None = None,
    method: Any = "auto",
    level: float = 0.95,
    units: str = "nats",
    sample_weight: Any = None,
    rng: RNG = None,
) -> Result:
    """Transfer entropy from the series x to the series y.

    Parameters
    ----------
    x, y : array-like of shape (n_steps,)
        Source and target, in order of time; or x alone, `Counts` of the joint table of the
        target's present, the source's past and the target's past.
    source_history, target_history : int
        Number of past values of source and target.
    lag : int
        Steps from the latest past value of the source to the present of the target.
    bias : str
        "plug_in"; "second_order" takes the leading bias off; or the name of an estimator of
        entropy for each table. The interval allows for the bias anyway.
    bins : int, list of float or Encoder, optional
        Cells of continuous variables.
    estimator : str or functional
        "auto" counts discrete variables, and those with `bins`; of a continuous one it finds
        neighbours. By name: "counts", "frenzel_pompe", "mesner_shalizi".
    n_neighbors : int, optional
        Number of neighbours; the estimator's own by default.
    method : str or Uncertainty
        Strategy of the interval, or its name; "auto" is the noncentral chi-square interval of
        counts, and compares random parts of the rows for neighbours; "none" gives the value alone.
    level : float
        Nominal coverage of the interval.
    units : {"nats", "bits", "bans"}
        Units of the result.
    sample_weight : array-like of shape (n_rows,), optional
        Positive record weights.
    rng : int, Generator or None
        Source of randomness of resampling.

    Returns
    -------
    Result
        Estimate with interval and p-value.

    Raises
    ------
    DataError
        Where the data have no rows, or do not fit the measure.
    UnsupportedError
        Where a variable is continuous, no bins are given and estimator='counts'.

    References
    ----------
    Schreiber, T. (2000). doi:10.1103/PhysRevLett.85.461

    Examples
    --------
    >>> import infometric as im
    >>> import numpy as np
    >>> x = np.random.default_rng(0).integers(0, 2, 2000)
    >>> round(im.transfer_entropy(x, np.roll(x, 1), units="bits").value, 2)
    1.0
    """
    made = TransferEntropy(
        source_history=source_history,
        target_history=target_history,
        lag=lag,
        bias=bias,
        bins=bins,
        units=units,
        uncertainty=method,
        estimator=estimator,
        n_neighbors=n_neighbors,
    )
    fitted = made.fit(x, y, sample_weight=sample_weight)
    return fitted.estimate(level=level, rng=rng)  # type: ignore[no-any-return]


def mutual_information_matrix(
    frame: Any,
    *,
    bins: Any = None,
    columns: Sequence[str] | None = None,
    exclude: Sequence[str] = (),
    level: float = 0.95,
    units: str = "nats",
    engine: Engine = "auto",
    progress: bool | Callable[[int, int], None] = False,
) -> PairwiseResult:
    """Mutual information of every pair of columns of a table, with intervals and p-values.

    Each pair gets what `mutual_information` gives it. The codes of all columns are held in
    memory: a byte a value where a column has 256 levels or fewer.

    Parameters
    ----------
    frame : array-like of shape (n_rows, n_columns), frame or path
        Discrete columns, or continuous ones with `bins`. Missing values are a cell of their own.
    bins : int, list of float, Encoder or mapping, optional
        Cells of continuous columns.
    columns : sequence of str, optional
        Columns to use; all by default.
    exclude : sequence of str
        Columns to leave out.
    level : float
        Nominal coverage of each interval.
    units : {"nats", "bits", "bans"}
        Units of the result.
    engine : {"auto", "numba", "numpy"}
        How pairs are counted; "auto" takes numba where it is installed and worth its start. The
        counts are the same.
    progress : bool or callable
        True for a bar in the terminal or notebook (needs the extra ``cli``); a function is called
        now and then as ``progress(done, total)``, both in pairs.

    Returns
    -------
    PairwiseResult
        Symmetric arrays of estimates, with p-values adjusted for the number of pairs.

    Raises
    ------
    DataError
        Where there are no rows, fewer than two columns, or too many cells in a pair.
    UnsupportedError
        Where a column is continuous and no bins are given.
    MissingExtraError
        Where numba was asked for and is not installed.

    References
    ----------
    Shannon, C. E. (1948). doi:10.1002/j.1538-7305.1948.tb01338.x

    Examples
    --------
    >>> import infometric as im
    >>> from infometric.datasets import load_german_credit
    >>> german = load_german_credit()[["housing", "property", "job", "creditability"]]
    >>> found = im.mutual_information_matrix(german)
    >>> print(found.top(2).summary())
    housing and property  mutual_information = 0.2241 nats, 95% CI [0.1841, 0.2625], p < 1e-16, ...
    property and job      mutual_information = 0.05558 nats, 95% CI [0.03354, 0.0733], p ...
    """
    with following(progress, "counting pairs") as listener:
        return pairwise_information(
            frame,
            bins=bins,
            columns=columns,
            exclude=exclude,
            level=level,
            units=units,
            engine=engine,
            progress=listener,
        )


def score_features(
    X: Any,
    y: Any,
    *,
    bins: Any = None,
    estimator: Any = "auto",
    n_neighbors: int | None = None,
    method: Any = "auto",
    level: float = 0.95,
    units: str = "nats",
    rng: RNG = None,
) -> ResultTable:
    """Mutual information of each column of X with y, the strongest first.

    Parameters
    ----------
    X : array-like of shape (n_rows, n_columns), frame or path
        Columns of any kind.
    y : array-like of shape (n_rows,) or str
        Target: classes, or numbers; or the name of its column in X.
    bins : int, list of float, Encoder or mapping, optional
        Cells of continuous columns, and of a continuous target; without them neighbours are found.
    estimator, n_neighbors, method
        As in `mutual_information`.
    level : float
        Nominal coverage of each interval.
    units : {"nats", "bits", "bans"}
        Units of the results.
    rng : int, Generator or None
        Source of randomness of resampling.

    Returns
    -------
    ResultTable
        One result per column, with p-values adjusted for their number (Holm, Benjamini-Hochberg).

    Raises
    ------
    DataError
        Where X and y differ in length, or there are no rows.
    UnsupportedError
        Where a column is continuous, no bins are given and estimator='counts'.

    Notes
    -----
    ``SelectKBest(im.score_features, k=5)`` of scikit-learn takes it as it is: the values are read
    in the order of the columns. Selectors by p-value take
    ``lambda X, y: im.score_features(X, y).scores()``.

    Examples
    --------
    >>> import infometric as im
    >>> from infometric.datasets import load_german_credit
    >>> german = load_german_credit()[["housing", "property", "job", "creditability"]]
    >>> found = im.score_features(german, "creditability", units="bits")
    >>> {name: round(r.value, 4) for name, r in found.items()}
    {'property': 0.017, 'housing': 0.0128, 'job': 0.0013}
    """
    return scored_columns(
        X,
        y,
        bins=bins,
        estimator=estimator,
        n_neighbors=n_neighbors,
        method=method,
        level=level,
        units=units,
        rng=rng,
    )


def psi(
    reference: Any,
    current: Any,
    *,
    bins: Any = 10,
    by: str | None = None,
    method: Any = "auto",
    level: float = 0.95,
    units: str = "nats",
    sample_weight: Any = None,
    rng: RNG = None,
    **options: Any,
) -> Result | ResultTable:
    """Population stability index of each column of `current` against `reference`.

    Parameters
    ----------
    reference, current : array-like, frame or path
        Two samples with the same columns; CSV or Parquet files are read through DuckDB. A
        one-dimensional sample is one characteristic.
    bins : int, list of float, Encoder or mapping
        Number of quantile bins of the reference, inner edges, a fitted encoder, or one per
        column.
    by : str, optional
        Column of `current` whose values split it into slices, compared one by one.
    method : str or Uncertainty
        "auto" is the noncentral chi-square interval; "paper" the published formula.
    level : float
        Nominal coverage of the interval.
    units : {"nats", "bits", "bans"}
        Units of the result.
    sample_weight : str or pair of array-like, optional
        Positive record weights of both samples, or the name of their column in both.
    rng : int, Generator or None
        Source of randomness of resampling.
    **options
        Further parameters of `PSI`: columns, exclude, special, categorical, out_of_range,
        constant, empty, binning, thresholds, cluster.

    Returns
    -------
    Result or ResultTable
        One result for one-dimensional samples, else one per column, with p-values adjusted for
        their number (Holm, Benjamini-Hochberg).

    Raises
    ------
    DataError
        Where a sample is empty, or a column constant, all missing or infinite.
    ColumnError
        Where `current` lacks a column of the reference.
    InvalidParameterError
        Where a parameter is unknown or outside its constraint.

    References
    ----------
    Yurdakul, B., Naranjo, J. (2020). doi:10.21314/JRMV.2020.227

    Examples
    --------
    >>> import numpy as np, infometric as im
    >>> rng = np.random.default_rng(0)
    >>> print(im.psi(rng.normal(size=5000), rng.normal(0.3, 1, size=5000)).summary())
    psi = 0.1075 nats, 95% CI [0.08023, 0.1314], p < 1e-16, n = 5000 + 5000
    """
    estimator = _made(PSI, "psi", options, bins=bins, units=units, uncertainty=method)
    one = isinstance(sample_weight, str)
    w_reference, w_current = (sample_weight,) * 2 if one else two_weights(sample_weight)
    estimator.fit(_without(reference, by), sample_weight=w_reference)
    return estimator.estimate(  # type: ignore[no-any-return]
        current, by=by, level=level, rng=rng, sample_weight=w_current
    )


def csi(
    reference: Any,
    current: Any,
    *,
    points: Any,
    bins: Any = 10,
    by: str | None = None,
    method: Any = "auto",
    level: float = 0.95,
    sample_weight: Any = None,
    rng: RNG = None,
    **options: Any,
) -> Result | ResultTable:
    """Characteristic stability index: points that the population gained through each column.

    Parameters
    ----------
    reference, current : array-like, frame or path
        Two samples with the same columns.
    points : mapping of str to array-like or mapping
        Points of each characteristic, by cell in the order of its labels, or by label.
    bins : int, list of float, Encoder or mapping
        Cells that the points belong to: a scorecard's encoders.
    by : str, optional
        Column of `current` whose values split it into slices, compared one by one.
    method : str or Uncertainty
        "auto" is Wald's interval, whose variance is exact: the index is linear in the shares.
    level : float
        Nominal coverage of the interval.
    sample_weight : str or pair of array-like, optional
        Positive record weights of both samples, or the name of their column in both.
    rng : int, Generator or None
        Source of randomness of resampling.
    **options
        Further parameters of `CSI`: columns, exclude, special, categorical, out_of_range, constant,
        binning, cluster.

    Returns
    -------
    Result or ResultTable
        One result for one-dimensional samples, else one per column with points. They add up to the
        shift of the mean score.

    Raises
    ------
    DataError
        Where points do not fit the cells, or a cell with records has none.
    ColumnError
        Where there are points for a column that is not there.

    References
    ----------
    Siddiqi, N. (2017). Intelligent credit scoring. Wiley. doi:10.1002/9781119282396

    Examples
    --------
    >>> import numpy as np, infometric as im
    >>> rng = np.random.default_rng(0)
    >>> age = rng.normal(40, 10, 5000)
    >>> print(im.csi(age, age - 2, points={"x": [10, 25, 40, 0]}, bins=[30, 50]).summary())
    csi = -1.395, 95% CI [-1.729, -1.061], p = 2.53e-16, n = 5000 + 5000
    """
    estimator = _made(CSI, "csi", options, points=points, bins=bins, uncertainty=method)
    one = isinstance(sample_weight, str)
    w_reference, w_current = (sample_weight,) * 2 if one else two_weights(sample_weight)
    estimator.fit(_without(reference, by), sample_weight=w_reference)
    return estimator.estimate(  # type: ignore[no-any-return]
        current, by=by, level=level, rng=rng, sample_weight=w_current
    )


def information_value(
    X: Any,
    y: Any,
    *,
    bins: Any = 10,
    by: str | None = None,
    method: Any = "auto",
    level: float = 0.95,
    units: str = "nats",
    sample_weight: Any = None,
    rng: RNG = None,
    **options: Any,
) -> Result | ResultTable:
    """Information value of each column of X about a binary target.

    Parameters
    ----------
    X : array-like, frame or path
        Characteristics; a one-dimensional array is one of them.
    y : array-like of shape (n_rows,) or str
        Target with two classes, or the name of its column in X.
    bins : int, list of float, Encoder, mapping or binning
        Number of quantile bins, inner edges, a fitted encoder, or one per column. An unfitted
        `OptimalBinning` or `StumpBinning` chooses bins with the target, and is cross-fitted.
    by : str, optional
        Column of X whose values split it into slices (of time, say), with the same bins in all.
    method : str or Uncertainty
        "auto" is the noncentral chi-square interval; "paper" the published formula.
    level : float
        Nominal coverage of the interval.
    units : {"nats", "bits", "bans"}
        Units of the result.
    sample_weight : array-like or str, optional
        Positive record weights, or the name of their column in X.
    rng : int, Generator or None
        Source of randomness of resampling.
    **options
        Further parameters of `InformationValue`: columns, exclude, special, categorical, empty,
        event and others.

    Returns
    -------
    Result or ResultTable
        One result for a one-dimensional X, else one per column (and slice), with p-values
        adjusted for their number (Holm, Benjamini-Hochberg).

    Raises
    ------
    DataError
        Where the target has not exactly two classes, or a column is constant, all missing or
        infinite.

    References
    ----------
    Sudjianto, A., Burakov, D. (2025). arXiv:2509.09855

    Examples
    --------
    >>> import infometric as im
    >>> r = im.information_value(["a", "a", "b", "b"] * 50, [0, 0, 1, 0, 1, 0, 1, 0] * 25)
    >>> r.measure, round(r.value, 3)
    ('information_value', 0.293)
    """
    estimator = _made(
        InformationValue, "information_value", options, bins=bins, units=units, uncertainty=method
    )
    table = _without(X, by)
    fitted = estimator.fit(table, y, sample_weight=sample_weight)
    if by is None:
        return fitted.estimate(level=level, rng=rng)  # type: ignore[no-any-return]
    return fitted.estimate(  # type: ignore[no-any-return]
        X, y, by=by, level=level, rng=rng, sample_weight=sample_weight
    )


def weight_of_evidence(
    x: Any,
    y: Any,
    *,
    bins: Any = 10,
    level: float = 0.95,
    units: str = "nats",
    sample_weight: Any = None,
    **options: Any,
) -> ResultTable:
    """Weight of evidence of each bin: log share of non-events over share of events.

    Parameters
    ----------
    x : array-like, frame or path
        One characteristic, or several.
    y : array-like of shape (n_rows,) or str
        Target with two classes, or the name of its column.
    bins : int, list of float, Encoder or mapping
        Number of quantile bins, inner edges, a fitted encoder, or one per column.
    level : float
        Nominal coverage of the interval.
    units : {"nats", "bits", "bans"}
        Units of the result.
    sample_weight : array-like or str, optional
        Positive record weights.
    **options
        Further parameters of `WeightOfEvidence`.

    Returns
    -------
    ResultTable
        One result per bin that holds a record: value, standard error, Wald interval, p-value.

    Raises
    ------
    DataError
        Where the target has not exactly two classes.

    References
    ----------
    Good, I. J. (1950). Probability and the weighing of evidence. Griffin.

    Examples
    --------
    >>> import infometric as im
    >>> woe = im.weight_of_evidence([1, 2, 1, 2, 1, 2, 2, 2] * 9, [0, 1, 0, 0, 1, 1, 0, 1] * 9)
    >>> {name: round(r.value, 3) for name, r in woe.items()}
    {'(-inf, 2)': 0.693, '[2, inf)': -0.405}
    """
    estimator = _made(WeightOfEvidence, "weight_of_evidence", options, bins=bins, units=units)
    table = estimator.fit(x, y, sample_weight=sample_weight).estimate(level=level)
    return table  # type: ignore[no-any-return]


def _between(
    estimator: Any, p: Any, q: Any, level: float, rng: RNG, sample_weight: Any
) -> Result | ResultTable:
    """Divergence of p from q, with cells learned from both."""
    if isinstance(p, Counts) and q is None:
        if p.n_groups != 2:
            raise DataError(
                "A divergence compares two samples.",
                got={"groups": p.n_groups},
                hint="Counts.from_counts([sample, reference])",
            )
        p, q = p.group(0), p.group(1)
    if q is None:
        raise DataError("A divergence compares two samples; q is None.", hint="pass p and q")
    if isinstance(p, Counts) != isinstance(q, Counts):
        sample = q if isinstance(p, Counts) else p
        raise DataError(
            "Counts can be compared with counts alone.",
            got=list(open_table(sample).names),
            hint="pass two samples, or Counts of both over the same cells",
        )
    if not isinstance(p, Counts) and not by_neighbors(estimator, p, q):
        estimator.set_params(bins=shared_encoders(p, q, estimator.bins))
    w_p, w_q = two_weights(sample_weight)
    fitted = estimator.fit(q, sample_weight=w_q)
    return fitted.estimate(p, level=level, rng=rng, sample_weight=w_p)  # type: ignore[no-any-return]


def by_neighbors(estimator: Any, p: Any, q: Any) -> bool:
    """Whether two samples are compared by neighbours, as one of them is continuous."""
    chosen = getattr(estimator, "estimator", "counts")
    found = from_neighbors(chosen, estimator.bins, [raw_columns(p), raw_columns(q)])
    if found and chosen == "auto":  # the reference alone may hold whole numbers only
        estimator.set_params(estimator=estimator._registry["auto"]())
    return found


def _made(
    kind: type[Any],
    caller: str,
    options: dict[str, Any],
    own: Sequence[str] = ("by", "level", "method", "rng", "sample_weight"),
    **given: Any,
) -> Any:
    """Estimator with the named parameters and further ones; an unknown name is refused."""
    known = [n for n in kind._get_param_names() if n not in given]
    for name in options:
        if name not in known:
            every = sorted({*known, *given, *own})
            near = get_close_matches(name, every, n=1, cutoff=0.5)
            raise InvalidParameterError(
                f"{caller}() has no parameter {name!r}.",
                got=options[name],
                hint=f"{near[0]}=..., the nearest name there is"
                if near
                else f"one of {', '.join(every)}",
            )
    return kind(**options, **given)


def two_weights(weights: Any) -> tuple[Any, Any]:
    """Weights of two samples.

    Raises
    ------
    DataError
        Where they are not a pair.
    """
    if weights is None:
        return None, None
    if not isinstance(weights, list | tuple) or len(weights) != 2:
        raise DataError(
            "Two samples need the weights of both, or none.",
            got=getattr(weights, "shape", weights),
            hint="sample_weight=(weights_first, weights_second)",
        )
    return weights[0], weights[1]


def _without(reference: Any, by: str | None) -> Any:
    """The reference without the slicing column, which is no characteristic."""
    if by is None:
        return reference
    table = open_table(reference)
    return table.without(by) if by in table.names else table
