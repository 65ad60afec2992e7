"""Spectral information of representations: entropies of similarities, and what two share.

Thin shells: kernels are learned in `fit`, the mathematics is in `infometric.functional`.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np

from infometric.base import UNCERTAINTY, UNITS, Estimator
from infometric.estimators.continuous import (
    Advice,
    class_codes,
    is_class,
    numbers,
    raw_columns,
    without_weights,
)
from infometric.exceptions import ColumnError, DataError, UnsupportedError
from infometric.functional import diffusion_information, spectra
from infometric.result import NATS_PER, Result
from infometric.sources.arrays import is_array_file, open_array
from infometric.sources.progress import tell
from infometric.state.arrays import is_tensor, to_numpy
from infometric.state.encoders import Column
from infometric.state.kernels import Kernel, median_distance
from infometric.state.sample import Kind
from infometric.state.spectrum import SOLVERS, Spectrum, as_points
from infometric.typing import Array
from infometric.validation import Constraint, Having, OneOf, Span

PUBLISHED_SIGMA = 10.0  # bandwidth of the published package
PUBLISHED_ROWS = 10_000  # rows it looks at
CLASSES = "classes"
CODES = "target='classes' takes it as labels"
KNOWN = "keep = pd.notna(y), then X[keep], y[keep]; or pd.Series(y, dtype=object).fillna('missing')"
REPRESENTATION = "representation"
SIGNED = frozenset({"linear", "cosine"})  # kernels that may be negative, where no walk is defined
_POSITIVE = Span(Real, 0, closed="neither")
KERNELS: tuple[Constraint, ...] = (
    OneOf(("gaussian", "adaptive", "knn", "cosine", "linear", "precomputed")),
    Having(Callable, "a function of two arrays of rows"),  # type: ignore[arg-type]
)
WALKS: tuple[Constraint, ...] = (
    OneOf(("gaussian", "adaptive", "knn", "precomputed")),
    Having(Callable, "a function of two arrays of rows"),  # type: ignore[arg-type]
)
SIGMA: tuple[Constraint, ...] = (OneOf(("median",)), _POSITIVE)
SPECTRAL: dict[str, tuple[Constraint, ...]] = {
    "sigma": SIGMA,
    "n_neighbors": (Span(Integral, 1),),
    "order": (Span(Real, 0),),
    "solver": (OneOf(SOLVERS),),
    "units": UNITS,
    "uncertainty": UNCERTAINTY,
}
DIFFUSION: dict[str, tuple[Constraint, ...]] = SPECTRAL | {
    "kernel": WALKS,
    "t": (_POSITIVE,),
    "alpha": (Span(Real, 0, 1),),
    "parity": (OneOf((False, True)),),
}


class SpectralEstimator(Estimator):
    """Base: the rows of one representation, or of two, and their kernels.

    A subclass says what it takes beside X (`_paired`), and defines `_functional`.
    """

    _constraints: ClassVar[dict[str, tuple[Constraint, ...]]] = SPECTRAL
    _paired: ClassVar[bool] = False
    _expected_failures: ClassVar[dict[str, str]] = without_weights(
        "rows are points of a representation, and weights are refused"
    )
    kernel: Any = "gaussian"
    sigma: Any = "median"
    n_neighbors: int = 10
    solver: str = "auto"
    units: str = "nats"
    parity: bool = False
    centred: bool = False
    target: str = "auto"
    kernel_y: Any = "same"
    sigma_y: Any = "median"

    # -- data -------------------------------------------------------------------------------

    def _learn(self, X: Any, y: Any, sample_weight: Any) -> dict[str, Any]:
        names, x = self._rows(X, y, sample_weight)
        learned: dict[str, Any] = {
            "n_features_in_": len(names),
            "feature_names_in_": np.array(names, dtype=object),
        }
        variables, kernels, kinds = [x], [self._kernel(x)], ["continuous"]
        if self._paired:
            other, kind = self._other(X, y, self.target)
            variables.append(other)
            kinds.append(kind)
            kernels.append(Kernel("delta") if kind == "discrete" else self._kernel_of_other(other))
            learned["kind_"] = CLASSES if kind == "discrete" else REPRESENTATION
        return learned | {"state_": self._state(variables, kernels, kinds)}

    def _count(self, X: Any, y: Any, sample_weight: Any) -> Spectrum:
        names, x = self._rows(X, y, sample_weight)
        known = self.kernel == "precomputed"
        if len(names) != self.n_features_in_ and not known:
            raise DataError(
                f"X has {len(names)} features, but {type(self).__name__} is expecting "
                f"{self.n_features_in_} features as input.",
                got={"features": len(names)},
                hint="pass the columns seen in fit",
            )
        fitted = self.feature_names_in_.tolist()
        if names != fitted and set(names) == set(fitted):
            x = x[:, [names.index(name) for name in fitted]]
        variables = [x]
        if self._paired:
            variables.append(self._other(X, y, self.kind_)[0])
        kernels = [
            precomputed(v) if k.kind == "precomputed" else replace(k, learned=False)
            for k, v in zip(self.state_.kernels, variables, strict=True)
        ]
        return self._state(variables, kernels, self.state_.kinds)

    def _state(self, variables: Any, kernels: Any, kinds: Any) -> Spectrum:
        variables = [
            np.arange(float(len(v))) if k.kind == "precomputed" else v
            for k, v in zip(kernels, variables, strict=True)
        ]
        if self.parity:
            variables = published_rows(variables)
        state = Spectrum.of(*variables, kernels=kernels, kinds=kinds, solver=self.solver)
        state = replace(state, progress=tell)
        self._functional().check(state)
        return state

    def _rows(self, X: Any, y: Any, sample_weight: Any) -> tuple[list[str], Any]:
        """Names of the columns of X, and its rows; without a target that is one of its columns."""
        refuse_weights(self, sample_weight)
        if is_array_file(X):
            X = open_array(X)
        if is_array(X):
            x = as_points(refuse_cubes(X), "X")
            return [f"x{i}" for i in range(x.shape[1])], x
        columns = raw_columns(X)
        if self._paired and isinstance(y, str):
            if y not in columns:
                raise ColumnError.missing(y, columns, where="X")
            del columns[y]
        return list(columns), as_points(
            np.column_stack([numbers(c, self._advice(X)) for c in columns.values()]), "X"
        )

    def _advice(self, X: Any) -> Advice:
        """What to type where a column of X holds no numbers."""
        text = "leave the column out"
        if self._paired:
            text = "fit(frame, {name!r}) where it is the label; else leave the column out"
        return Advice("which are no places", missing_rows(X, "X"), text)

    def _other(self, X: Any, y: Any, kind: str) -> tuple[Any, Kind]:
        """Rows of the second variable, and whether they are classes."""
        return second_variable(type(self).__name__, X, y, kind)

    def _finish(self, name: str, result: Result, state: Any) -> Result:
        """Result whose diagnostics are in its units."""
        if result.units not in NATS_PER or "units_of_diagnostics" not in result.diagnostics:
            return result
        told = in_units(result.diagnostics, NATS_PER[result.units])
        return replace(result, diagnostics=told | {"units_of_diagnostics": result.units})

    # -- kernels ----------------------------------------------------------------------------

    def _kernel(self, x: Any) -> Kernel:
        return self._kernel_for(x, self.kernel, self.sigma)

    def _kernel_of_other(self, y: Any) -> Kernel:
        kernel = self.kernel if same(self.kernel_y) else self.kernel_y
        if same(self.kernel_y) and kernel == "precomputed" and y.shape[0] != y.shape[1]:
            kernel = "gaussian"  # numbers beside similarities that are known
        return self._kernel_for(y, kernel, self.sigma_y)

    def _kernel_for(self, x: Any, kernel: Any, sigma: Any) -> Kernel:
        if callable(kernel):
            return Kernel("callable", function=kernel)
        if kernel == "precomputed":
            return precomputed(x)
        if self.parity and sigma == "median":
            return Kernel("gaussian", PUBLISHED_SIGMA)
        learned = kernel == "gaussian" and sigma == "median"
        width = median_distance(x) if learned else 1.0 if sigma == "median" else float(sigma)
        return Kernel(kernel, width, int(self.n_neighbors), learned, centred=bool(self.centred))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = self._paired
        return tags


def same(kernel: Any) -> bool:
    """Whether the second variable has the kernel of the first."""
    return isinstance(kernel, str) and kernel == "same"


OF_ENTROPY = (  # diagnostics that have a unit
    *("value_of_half", "richardson", "null_mean", "null_sd"),
    *("numerical_se", "bracket", "low", "high", "se"),
)


def in_units(told: Mapping[str, Any], nats: float) -> dict[str, Any]:
    """Diagnostics whose entropies are in units of so many nats."""
    return {
        name: in_units(value, nats)
        if isinstance(value, dict)
        else value / nats
        if name in OF_ENTROPY
        else value
        for name, value in told.items()
    }


def is_array(data: Any) -> bool:
    """Whether data are rows of numbers as they stand, of numpy or torch."""
    if isinstance(data, np.ma.MaskedArray):
        return False  # what is masked is missing
    return is_tensor(data) or (isinstance(data, np.ndarray) and data.dtype.kind in "fiub")


def refuse_cubes(x: Any) -> Any:
    """Rows of one or two axes.

    Raises
    ------
    DataError
        Where an array has more: which of them are rows is not for us to guess.
    """
    if x.ndim > 2:
        raise DataError(
            "A representation has one row for each example.",
            got={"shape": tuple(x.shape)},
            hint="X.reshape(len(X), -1), or X.mean(axis=1) of a sequence of tokens",
        )
    return x


def refuse_weights(estimator: Estimator, sample_weight: Any) -> None:
    """Error where rows carry weights."""
    if sample_weight is not None:
        raise UnsupportedError(
            f"{type(estimator).__name__} has no weighted form: a row is a point of the "
            "representation.",
            got=type(sample_weight).__name__,
            hint="leave sample_weight out",
        )


def precomputed(matrix: Any) -> Kernel:
    """Kernel of similarities that are known.

    Raises
    ------
    DataError
        Where they are not square or not symmetric.
    """
    square = matrix.ndim == 2 and matrix.shape[0] == matrix.shape[1]
    if not square or abs(matrix - matrix.T).max() > 1e-6 * max(float(abs(matrix).max()), 1e-300):
        raise DataError(
            "kernel='precomputed' needs a symmetric matrix of similarities.",
            got={"shape": tuple(matrix.shape)},
            hint="fit(K) with K = (K + K.T) / 2, or kernel='gaussian' for rows",
        )
    return Kernel("precomputed", matrix=matrix)


def published_rows(variables: list[Any]) -> list[Any]:
    """At most so many rows as the published package looks at, those that it draws."""
    n = len(variables[0])
    if n <= PUBLISHED_ROWS:
        return variables
    drawn = np.array(random.Random(0).sample(range(n), k=PUBLISHED_ROWS))
    return [v[drawn] for v in variables]


def missing_rows(data: Any, name: str) -> str:
    """Next line to type where rows of data have missing values; `{name}` is their column."""
    if isinstance(data, str | os.PathLike):
        return "leave out the rows where {name} is missing, and write the file again"
    rows = "" if getattr(data, "ndim", 2) == 1 else ".all(axis=1)"
    found = f"np.isfinite({name}){rows}"
    if hasattr(data, "columns"):
        found = f"np.isfinite({name}[{{name!r}}])"
    elif isinstance(data, np.ma.MaskedArray):
        found = f"np.isfinite(np.ma.filled({name}, np.nan)){rows}"
    return f"keep = {found}, then {name}[keep], and the same rows of what it is paired with"


def second_variable(caller: str, X: Any, y: Any, kind: str) -> tuple[Any, Kind]:
    """Rows of what X is compared with: classes, or numbers.

    Raises
    ------
    DataError
        Where it is missing, of another length, or mixes text and numbers.
    """
    if y is None:
        raise DataError(
            f"{caller} is of two variables; requires y to be passed, but the target y is None.",
            hint="fit(X, y)",
        )
    if is_array_file(y):
        y = open_array(y)
    several = is_array(y) and y.ndim > 1 and y.shape[1] != 1
    if is_array(y) and (kind == REPRESENTATION or (kind == "auto" and several)):
        return as_points(refuse_cubes(y), "y"), "continuous"
    columns, named = _columns_of(X, y), isinstance(y, str)
    if kind == CLASSES or (kind == "auto" and holds_classes(columns)):
        codes = class_codes(columns) if named else class_codes(columns, KNOWN)
        return codes[:, None], "discrete"
    missing = missing_rows(X, "X") if named else missing_rows(y, "y")
    advice = Advice("which are no places", missing, CODES)
    return np.column_stack([numbers(c, advice) for c in columns.values()]), "continuous"


def holds_classes(columns: Mapping[str, Column]) -> bool:
    """Whether columns are taken for classes: text, or one column of numbers that come often.

    Several columns of numbers are a representation, one-hot codes among them.
    """
    if len(columns) == 1:
        return all(map(is_class, columns.values()))
    return all(not c.numeric and not set(c.levels or ()) <= {False, True} for c in columns.values())


def _columns_of(X: Any, y: Any) -> Mapping[str, Column]:
    if isinstance(y, str) and not is_array(X):
        columns = raw_columns(X)
        if y not in columns:
            raise ColumnError.missing(y, columns, where="X")
        return {y: columns[y]}
    return raw_columns(to_numpy(y) if is_tensor(y) else y, "y")


class DiffusionSpectralEntropy(SpectralEstimator):
    """Entropy of the spectrum of diffusion on the rows of a representation (Liao et al. 2023).

    Parameters
    ----------
    sigma : "median" or float
        Bandwidth of the Gaussian kernel; the median distance of two rows, or a number in the units
        of X.
    t : float
        Diffusion time: eigenvalues are raised to it.
    alpha : float
        Density power, 0 to 1: at one the density of the rows does not matter.
    kernel : {"gaussian", "adaptive", "knn", "precomputed"} or callable
        Similarity; "adaptive" has a bandwidth for each row, "knn" joins neighbours, a function
        takes two arrays of rows.
    order : float
        Order of Rényi's entropy of the spectrum; one is Shannon's.
    n_neighbors : int
        Neighbours of "adaptive" and "knn".
    solver : {"auto", "exact", "lanczos"}
        "auto" finds all eigenvalues of up to 10,000 rows, in single precision above 4,000, and
        brackets the entropy of more; "exact" keeps the precision of X.
    parity : bool
        The settings of the published package: sigma 10 where none is given, at most 10,000 rows.
    units : {"nats", "bits", "bans"}
        Units of the result.
    uncertainty : str or Uncertainty
        "auto" leaves out groups of rows in turn (jackknife); of more than 2,000 rows it takes the
        influence of each, at less of a cost.

    Notes
    -----
    The interval is of the mean of the value over samples of as many rows, not of a limit for ever
    more rows: the value grows with n where the bandwidth is narrow (see `diagnostics`, which are in
    the units of the result). `partial_fit` keeps the bandwidth of the first fit.

    References
    ----------
    Liao, D. et al. (2023). arXiv:2312.04823

    Examples
    --------
    >>> import numpy as np
    >>> from infometric import DiffusionSpectralEntropy
    >>> x = np.repeat(np.eye(4) * 100, 30, axis=0)  # four places
    >>> round(DiffusionSpectralEntropy(sigma=1.0, units="bits").fit(x).estimate().value, 6)
    2.0
    """

    _constraints = DIFFUSION

    def __init__(
        self,
        *,
        sigma: Any = "median",
        t: float = 1.0,
        alpha: float = 0.0,
        kernel: Any = "gaussian",
        order: float = 1.0,
        n_neighbors: int = 10,
        solver: str = "auto",
        parity: bool = False,
        units: str = "nats",
        uncertainty: Any = "auto",
    ) -> None:
        self.sigma = sigma
        self.t = t
        self.alpha = alpha
        self.kernel = kernel
        self.order = order
        self.n_neighbors = n_neighbors
        self.solver = solver
        self.parity = parity
        self.units = units
        self.uncertainty = uncertainty

    def _functional(self) -> Any:
        return spectra.DiffusionSpectralEntropy(
            float(self.order), float(self.t), alpha=float(self.alpha)
        )


class DiffusionSpectralMI(SpectralEstimator):
    """What a representation tells of a class, a number or another representation.

    Parameters
    ----------
    sigma, t, alpha, kernel, order, n_neighbors, solver
        As in `DiffusionSpectralEntropy`.
    sigma_y : "median" or float
        Bandwidth of the second variable, where it has one.
    target : {"auto", "classes", "representation"}
        Whether y holds classes; "auto" takes text, and one column of whole numbers that come often,
        for classes, and several columns of numbers for a representation.
    n_orders : int
        Random orders whose mean is what chance alone would show.
    parity : bool
        The settings of the published package, its random subsets included; a continuous y is cut
        into ten classes, several columns into ten clusters.
    units, uncertainty
        As in `DiffusionSpectralEntropy`.

    Notes
    -----
    With classes: the mean entropy within random classes of the same sizes less that within the
    classes. With numbers: the mean entropy of both together in random order less that in their own.
    Either is zero in the mean where the two are independent; ``test()`` permutes.

    References
    ----------
    Liao, D. et al. (2023). arXiv:2312.04823

    Examples
    --------
    >>> import numpy as np
    >>> from infometric import DiffusionSpectralMI
    >>> y = np.repeat([0, 1], 40)
    >>> x = np.random.default_rng(0).normal(size=(80, 2)) + 5 * y[:, None]
    >>> DiffusionSpectralMI().fit(x, y).test(rng=0).pvalue
    0.005
    """

    _paired: ClassVar[bool] = True
    _constraints = DIFFUSION | {
        "sigma_y": SIGMA,
        "target": (OneOf(("auto", CLASSES, REPRESENTATION)),),
        "n_orders": (Span(Integral, 2),),
    }

    def __init__(
        self,
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
        units: str = "nats",
        uncertainty: Any = "auto",
    ) -> None:
        self.sigma = sigma
        self.t = t
        self.alpha = alpha
        self.kernel = kernel
        self.order = order
        self.sigma_y = sigma_y
        self.target = target
        self.n_orders = n_orders
        self.n_neighbors = n_neighbors
        self.solver = solver
        self.parity = parity
        self.units = units
        self.uncertainty = uncertainty

    def _functional(self) -> Any:
        return diffusion_information.DiffusionInformation(
            float(self.order),
            float(self.t),
            alpha=float(self.alpha),
            n_orders=int(self.n_orders),
            parity=bool(self.parity),
        )

    def _other(self, X: Any, y: Any, kind: str) -> tuple[Any, Kind]:
        found, seen = super()._other(X, y, kind)
        if self.parity and seen == "continuous":
            return published_classes(to_numpy(found))[:, None], "discrete"
        return found, seen


class DiffusionConditionalEntropy(DiffusionSpectralMI):
    """Diffusion spectral entropy of X given y: what a class, or another representation, leaves.

    Parameters
    ----------
    sigma, t, alpha, kernel, order, sigma_y, target, n_neighbors, solver
        As in `DiffusionSpectralMI`.
    units, uncertainty
        As in `DiffusionSpectralEntropy`.

    Notes
    -----
    Given classes, the mean of the entropies within them, weighted by their rows; given numbers, the
    entropy of both together less that of the numbers. Classes have fewer rows than the whole, and
    an entropy grows with them: the difference to the entropy of X is not what they share, for which
    `DiffusionSpectralMI` compares at equal numbers of rows.

    References
    ----------
    Liao, D. et al. (2023). arXiv:2312.04823

    Examples
    --------
    >>> import numpy as np
    >>> from infometric import DiffusionConditionalEntropy
    >>> x, y = np.repeat(np.eye(4) * 100, 30, axis=0), np.repeat(["a", "b"], 60)
    >>> found = DiffusionConditionalEntropy(sigma=1.0, units="bits").fit(x, y).estimate(rng=0)
    >>> round(found.value, 6)  # two places in each class
    1.0
    """

    _constraints: ClassVar[dict[str, tuple[Constraint, ...]]] = {
        k: v for k, v in DiffusionSpectralMI._constraints.items() if k not in ("n_orders", "parity")
    }
    parity = False

    def __init__(
        self,
        *,
        sigma: Any = "median",
        t: float = 1.0,
        alpha: float = 0.0,
        kernel: Any = "gaussian",
        order: float = 1.0,
        sigma_y: Any = "median",
        target: str = "auto",
        n_neighbors: int = 10,
        solver: str = "auto",
        units: str = "nats",
        uncertainty: Any = "auto",
    ) -> None:
        self.sigma = sigma
        self.t = t
        self.alpha = alpha
        self.kernel = kernel
        self.order = order
        self.sigma_y = sigma_y
        self.target = target
        self.n_neighbors = n_neighbors
        self.solver = solver
        self.units = units
        self.uncertainty = uncertainty

    def _functional(self) -> Any:
        return diffusion_information.ConditionalDiffusionEntropy(
            float(self.order), float(self.t), alpha=float(self.alpha)
        )

    def _measure(self) -> str:
        return diffusion_information.ConditionalDiffusionEntropy.name


def published_classes(y: Array, classes: int = 10) -> Array:
    """Classes that the published package makes of numbers: even bins, or clusters of columns."""
    if y.shape[1] > 1:
        from sklearn.cluster import SpectralClustering

        made = SpectralClustering(
            classes, affinity="nearest_neighbors", assign_labels="cluster_qr", random_state=0
        )
        return made.fit(y).labels_.astype(float)
    width = float(y.max() - y.min())
    edges = np.linspace(0, 1, classes + 1)[:-1]
    return np.digitize((y[:, 0] - y.min()) / (width or 1.0), edges).astype(float)


class MatrixEntropy(SpectralEstimator):
    """Entropy of the spectrum of a Gram matrix: von Neumann's at order one, else Rényi's.

    Parameters
    ----------
    order : float
        Order, zero to infinity.
    kernel : {"gaussian", "adaptive", "knn", "cosine", "linear", "precomputed"} or callable
        Similarity.
    sigma, n_neighbors, solver, units, uncertainty
        As in `DiffusionSpectralEntropy`.

    References
    ----------
    Sanchez Giraldo, L. G., Rao, M., Principe, J. C. (2015). doi:10.1109/TIT.2014.2370058

    Examples
    --------
    >>> import numpy as np
    >>> from infometric import MatrixEntropy
    >>> round(MatrixEntropy(kernel="linear", units="bits").fit(np.eye(4)).estimate().value, 6)
    2.0
    """

    _constraints = SPECTRAL | {"kernel": KERNELS}

    def __init__(
        self,
        order: float = 1.0,
        *,
        kernel: Any = "gaussian",
        sigma: Any = "median",
        n_neighbors: int = 10,
        solver: str = "auto",
        units: str = "nats",
        uncertainty: Any = "auto",
    ) -> None:
        self.order = order
        self.kernel = kernel
        self.sigma = sigma
        self.n_neighbors = n_neighbors
        self.solver = solver
        self.units = units
        self.uncertainty = uncertainty

    def _functional(self) -> Any:
        return spectra.MatrixEntropy(float(self.order))


class VendiScore(SpectralEstimator):
    """Effective number of unlike rows: exponential of the entropy of similarities.

    Parameters
    ----------
    q : float
        Order, zero to infinity; at one Shannon's.
    kernel : {"cosine", "gaussian", "adaptive", "knn", "linear", "precomputed"} or callable
        Similarity, one of a row with itself.
    sigma, n_neighbors, solver, uncertainty
        As in `DiffusionSpectralEntropy`.

    Notes
    -----
    Eigenvalues are divided by their sum, which is the number of rows where each is alike to itself
    by one. Of the cosine kernel they are squared singular values of the rows at length one, and no
    similarities of pairs are made; at order zero the value is the numerical rank.

    References
    ----------
    Friedman, D., Dieng, A. B. (2023). The Vendi score: a diversity evaluation metric for machine
    learning. TMLR. arXiv:2210.02410
    Pasarkar, A. P., Dieng, A. B. (2024). Cousins of the Vendi score. AISTATS. arXiv:2310.12952

    Examples
    --------
    >>> import numpy as np
    >>> from infometric import VendiScore
    >>> round(VendiScore().fit(np.repeat(np.eye(3), 10, axis=0)).estimate().value, 6)
    3.0
    """

    units = "nats"
    _constraints = {k: v for k, v in SPECTRAL.items() if k not in ("units", "order")} | {
        "kernel": KERNELS,
        "q": (Span(Real, 0),),
    }

    def __init__(
        self,
        q: float = 1.0,
        *,
        kernel: Any = "cosine",
        sigma: Any = "median",
        n_neighbors: int = 10,
        solver: str = "auto",
        uncertainty: Any = "auto",
    ) -> None:
        self.q = q
        self.kernel = kernel
        self.sigma = sigma
        self.n_neighbors = n_neighbors
        self.solver = solver
        self.uncertainty = uncertainty

    def _functional(self) -> Any:
        return spectra.EffectiveNumber(float(self.q), measure="vendi_score")
