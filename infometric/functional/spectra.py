r"""Entropies of the spectrum of similarities, and their sums.

With similarities :math:`G_{ij}` of rows, degrees :math:`g_i = \sum_j G_{ij}`, density power
:math:`\alpha`, :math:`K = G / (g_i g_j)^\alpha` and :math:`q_i = \sum_j K_{ij}`, the diffusion
operator :math:`S_{ij} = K_{ij} / \sqrt{q_i q_j}` has the eigenvalues :math:`\lambda` of the random
walk :math:`D^{-1} K`. Diffusion spectral entropy is

.. math:: H = -\sum_i p_i \log p_i, \qquad p_i = \lambda_i^t / \sum_j \lambda_j^t .

With the Gram matrix in place of S it is von Neumann's entropy, with Rényi's form
:math:`\log(\sum_i p_i^a) / (1 - a)` the matrix-based entropies, with singular values
(:math:`t = 1/2`) the effective rank. Several variables together have the product of their
similarities, entry by entry, and

.. math:: H(A|B) = H(A, B) - H(B), \qquad I(A; B) = H(A) + H(B) - H(A, B) .

Entropies of samples grow with the number of rows: all of them are read at that number.

References
----------
Liao, D. et al. (2023). Assessing neural network representations during training using
noise-resilient diffusion spectral entropy. arXiv:2312.04823
Coifman, R. R., Lafon, S. (2006). Diffusion maps. Appl. Comput. Harmon. Anal. 21, 5-30.
doi:10.1016/j.acha.2006.04.006
Sanchez Giraldo, L. G., Rao, M., Principe, J. C. (2015). Measures of entropy from data using
infinitely divisible kernels. IEEE Trans. Inf. Theory 61, 535-548. doi:10.1109/TIT.2014.2370058
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np

from infometric.exceptions import DataError, UnsupportedError
from infometric.functional.base import Caution, Functional, Increasing
from infometric.functional.sensitivity import (
    influence_of_features,
    influence_of_matrix,
    influence_of_median,
)
from infometric.state.arrays import digits, namespace, to_numpy, traced
from infometric.state.blocks import DiffusionBlocks, GramBlocks
from infometric.state.kernels import median_distance
from infometric.state.lanczos import influence, trace_entropy
from infometric.state.spectrum import (
    Spectrum,
    as_they_come,
    squared_singular_values,
    symmetric_eigenvalues,
)
from infometric.typing import Array, Units

Form = Literal["diffusion", "gram"]
Margins = tuple[tuple[float, tuple[int, ...]], ...]
LONG = 4.0  # diffusion time after which little is left of any spectrum
SAME_ORDER = 1e-9  # distance of an order from one that is rounding
NEAR_ONE = 0.1  # distance of an order from one within which its formula is another
SATURATED = 0.9  # share of log n above which an entropy counts rows
FLAT = 0.05  # and below which all rows are alike to the kernel
COUNTS_ROWS = (
    "the entropy is {:.0%} of log n, the most that n rows can have: it counts the rows, and grows "
    "with them; use {}, or compare at equal n alone"
)
SEES_NOTHING = (
    "the entropy is {:.1%} of log n: to so wide a kernel, or after so long a time, all rows are "
    "alike; use {}"
)
WIDER = dict.fromkeys(("adaptive", "knn"), "more neighbours, n_neighbors=30")
NARROWER = dict.fromkeys(("adaptive", "knn"), "fewer neighbours, n_neighbors=5")
FEW = 2_000  # rows up to which groups of them are left out in turn
DIRECT = 4_000  # rows up to which influence is found of all eigenvectors
DIVISIONS = 12  # random divisions of the rows into halves
LEAST_DIVIDED = 12  # rows that are worth dividing
STEP = 0.05  # of the logarithm of a bandwidth, for its slope
SEED = 20260402
ALONE, ALONE_OF = 0.05, 5.0  # share of the trace, or rows' worth, above which a row decides
ONE_GROUP = 0.75  # share of the scatter of the jackknife above which one group decides
ROUNDING = 1e-24  # squared deviations that are no scatter
FEW_ROWS = (
    "one row holds {:.0%} of the trace of the spectrum, for hardly another is like it: tails are "
    "heavy, and the interval is too short where a sample has missed such rows; bring the columns "
    "to a scale without outliers, np.arcsinh(X / np.median(abs(X))), or use a wider bandwidth"
)
FEW_GROUPS = (
    "leaving out one group of rows makes {:.0%} of the variance, so that few rows decide, and the "
    "interval may be too short; look for outliers and rare classes"
)
ALL_ALIKE = "all rows are alike: the entropy is zero, an effective number one"


# --- mathematics of matrices: numpy or torch, with gradients where they are asked for -------------


def diffusion_operator(similarities: Any, alpha: float = 0.0) -> Any:
    """Symmetric operator with the eigenvalues of the random walk; in place without gradients.

    Parameters
    ----------
    similarities : array of shape (n, n)
        Symmetric, not negative, of numpy or torch.
    alpha : float
        Density power, 0 to 1.

    Returns
    -------
    array of shape (n, n)
        Its greatest eigenvalue is one.

    Examples
    --------
    >>> diffusion_operator(np.array([[1.0, 1.0], [1.0, 1.0]]))
    array([[0.5, 0.5],
           [0.5, 0.5]])
    """
    found = similarities
    for power in (alpha, 0.5) if alpha else (0.5,):
        found = both_sides(found, refuse_isolated(found.sum(0)) ** -power)
    return found


def refuse_isolated(degrees: Any) -> Any:
    """Degrees, all above zero.

    Raises
    ------
    DataError
        Where one is not: no walk leaves that row.
    """
    if not bool((degrees > 0).all()):
        bad = to_numpy(~(degrees > 0))
        raise DataError(
            "A walk needs similarities that are not negative, and none of a row with nothing.",
            got={"row": int(np.flatnonzero(bad)[0]), "sum": float(to_numpy(degrees)[bad][0])},
            hint="K.clip(0), and ones on its diagonal; or MatrixEntropy, which walks not",
        )
    return degrees


def both_sides(matrix: Any, factor: Any) -> Any:
    """Rows and columns of a matrix times a factor each."""
    if traced(matrix):
        return matrix * factor[:, None] * factor
    matrix *= factor[:, None]
    matrix *= factor
    return matrix


def spectral_entropy(
    eigenvalues: Any, order: float = 1.0, power: float = 1.0, noise: float | None = None
) -> Any:
    """Rényi entropy of eigenvalues raised to a power, in nats; Shannon's at order one.

    Parameters
    ----------
    eigenvalues : array of shape (n,)
        Not negative but for rounding, of numpy or torch.
    order : float
        Order of the entropy, zero to infinity.
    power : float
        Diffusion time; one half makes singular values of squared ones.
    noise : float, optional
        Eigenvalues below so much of the greatest are taken for zeros. By default ``4 sqrt(n)``
        roundings where the order or the power is below one: ranks and roots make much of them.

    Returns
    -------
    float or array of shape ()
        The entropy; a tensor where the eigenvalues are one.

    Examples
    --------
    >>> float(spectral_entropy(np.array([0.5, 0.25, 0.25])) / np.log(2))
    1.5
    """
    xp = namespace(eigenvalues)
    most = eigenvalues.max()
    if noise is None:
        noise = spectral_noise(eigenvalues) if min(order, power) < 1 else 0.0
    positive = eigenvalues[eigenvalues > noise * most]
    if len(positive) == 0:
        return 0.0 * most
    weights = (positive / most) ** power
    p = weights / weights.sum()
    p = p[p > 0]  # a high power of a small number is none
    if order == 1:
        return -(p * xp.log(p)).sum()
    if math.isinf(order):
        return -xp.log(p.max())
    if order == 0:
        return 0.0 * most + math.log(len(p))
    if abs(order - 1) < NEAR_ONE:  # the difference of nearly one and one would be divided by none
        return xp.log1p((p * xp.expm1((order - 1) * xp.log(p))).sum()) / (1 - order)
    largest = p.max()  # powers of shares may be below all numbers
    return (order * xp.log(largest) + xp.log(((p / largest) ** order).sum())) / (1 - order)


def spectral_noise(eigenvalues: Any) -> float:
    """Rounding of eigenvalues, as a share of the greatest."""
    return 4 * math.sqrt(len(eigenvalues)) * digits(eigenvalues)


def operator_of(s: Spectrum, at: tuple[int, ...], form: Form, alpha: float) -> Any:
    """Operator of some variables together, a fresh matrix."""
    gram = s.gram(*at)
    return diffusion_operator(gram, alpha) if form == "diffusion" else gram


def eigenvalues_of(
    s: Spectrum, at: tuple[int, ...], form: Form = "gram", alpha: float = 0.0
) -> Any:
    """All eigenvalues of the operator of some variables, ascending; kept with the state."""

    def find() -> Any:
        features = s.features(at[0]) if form == "gram" and len(at) == 1 else None
        if features is not None:
            return squared_singular_values(features)
        return symmetric_eigenvalues(operator_of(s, at, form, alpha))

    return s.kept(("eigenvalues", at, form, alpha), find)


# --- functionals -----------------------------------------------------------------------------


@dataclass(frozen=True)
class SpectralFunctional(Functional):
    """Base of the functionals of `Spectrum`; a new measure defines `value`."""

    scattered: ClassVar[bool] = True
    tested_by: ClassVar[str] = "permutation"
    variables: ClassVar[int] = 0  # how many variables a row has; zero: any number
    least: ClassVar[bool] = False  # whether zero is "nothing there", and can be tested
    of_terms: ClassVar[tuple[str, ...]] = ()

    def favoured(self, s: Any) -> str:
        """Groups of rows left out in turn; of many rows their influence, at less of a cost."""
        many = s.size > max(FEW, 2 * self.enough_rows(s))
        return "delta" if many and self.has_influence(s) else "jackknife"

    def has_influence(self, s: Spectrum) -> bool:
        """Whether the influence of single rows is known."""
        return False

    def enough_rows(self, s: Spectrum) -> int:
        """Rows of a part that tells how much pairs of rows add to the variance."""
        return 600

    def check(self, s: Spectrum) -> None:
        """Error where the data do not fit the measure."""

    def doubts(self, s: Spectrum) -> tuple[str, ...]:
        """Why no interval is known to hold; none where one is."""
        return (ALL_ALIKE,) if all_alike(s) else ()

    def hesitations(self, s: Spectrum, values: Array) -> tuple[str, ...]:
        """Why the interval, which is given, may not hold; `values` are of the jackknife, if any."""
        return ()

    def needless(self, s: Spectrum) -> bool:
        """Whether an entropy near zero says nothing against the bandwidth."""
        return False

    def most(self, s: Spectrum) -> float:
        """Greatest value that so many rows can have."""
        return math.inf

    def statistic(self, s: Spectrum) -> Array:
        """What a permutation test compares: the value, or what it depends on."""
        return self.value(s)

    def reordered(self, s: Spectrum, order: Array) -> Array:
        """The statistic with the first variable in another order."""
        rows = (s.variables[0][order], *s.variables[1:])
        return self.statistic(s.with_groups([rows]))

    def without(self, s: Spectrum, groups: Array) -> Array:
        """Values with each group of rows left out, shape (n_groups,).

        Parameters
        ----------
        groups : ndarray of shape (n_rows,)
            Number of the group of each row.
        """
        parts = (s.take(np.flatnonzero(groups != g)).relearned() for g in np.unique(groups))
        return np.array([float(self.value(part)) for part in parts])

    def sensitivity(self, s: Spectrum) -> tuple[Array, float]:
        """Influence of each row, shape (n,), and the mean variance of the noise in it.

        Raises
        ------
        UnsupportedError
            Where none is known.
        """
        raise UnsupportedError(
            f"{self.name} has no influence of single rows.", hint="uncertainty='jackknife'"
        )

    def influence(self, s: Spectrum) -> Array:
        """Influence of each row on the value, shape (n,)."""
        return self.sensitivity(s)[0]

    def variance(self, s: Spectrum) -> Array:
        """Variance of the value, from the influence of rows."""
        values, noise = self.sensitivity(s)
        return np.asarray(max(float(values.var()) - noise, 0.0) / len(values))

    def numerical(self, s: Spectrum) -> tuple[float, float]:
        """Standard error of the computation itself, and greatest error that it cannot exclude."""
        return 0.0, 0.0

    def dealt(self, s: Spectrum, count: int, rng: np.random.Generator) -> Array:
        """Number of the random group of each row, of which one at a time is left out."""
        return rng.permutation(np.arange(s.size) % count)

    def halves(self, s: Spectrum, rng: np.random.Generator) -> Array:
        """Mean of the values of two halves of the rows, for each of some random divisions."""
        if s.size < LEAST_DIVIDED or not s.exact:
            return np.empty(0)
        divisions = (s.split(2, rng) for _ in range(DIVISIONS))
        return np.array(
            [np.mean([float(self.value(half.relearned())) for half in two]) for two in divisions]
        )

    def trend(self, theta: float, halves: Array) -> dict[str, Any]:
        """How the value moves with the number of rows."""
        return {}


@dataclass(frozen=True)
class SpectralSum(SpectralFunctional):
    """A signed sum of spectral entropies of the variables, alone and together.

    Parameters
    ----------
    order : float
        Order of Rényi's form; one is Shannon's.
    power : float
        Power of the eigenvalues: the diffusion time, or one half for singular values.
    form : {"gram", "diffusion"}
        Matrix whose spectrum is taken.
    alpha : float
        Density power of the diffusion, 0 to 1.
    """

    order: float = 1.0
    power: float = 1.0
    form: Form = "gram"
    alpha: float = 0.0

    def __post_init__(self) -> None:
        if abs(self.order - 1) < SAME_ORDER:  # 0.1 added ten times is meant to be one
            object.__setattr__(self, "order", 1.0)

    def margins(self, ndim: int) -> Margins:
        """Pairs (sign, variables taken together) of the sum for so many variables."""
        raise NotImplementedError

    def entropy_of(self, s: Spectrum, at: tuple[int, ...]) -> float:
        """Entropy of some variables together, in nats."""
        key = ("entropy", at, self.form, self.alpha, self.order, self.power)
        return s.kept(key, lambda: float(self._entropy(s, at)))

    def _entropy(self, s: Spectrum, at: tuple[int, ...]) -> float:
        if all(is_one_place(s.variables[i]) for i in at):
            return 0.0
        if not self.is_exact(s, at):
            return self.bracketed(s, at).value  # type: ignore[no-any-return]
        found, noise = eigenvalues_of(s, at, self.form, self.alpha), None
        if self.form == "gram" and len(at) == 1 and s.features(at[0]) is not None:
            noise = spectral_noise(found) ** 2  # squares of singular values
        return spectral_entropy(found, self.order, self.power, noise)  # type: ignore[no-any-return]

    def value(self, s: Spectrum) -> Array:
        """The sum, in nats."""
        return np.asarray(
            sum(sign * self.entropy_of(s, at) for sign, at in self.margins(len(s.variables)))
        )

    @staticmethod
    def is_exact(s: Spectrum, at: tuple[int, ...]) -> bool:
        """Whether all eigenvalues are found: always where rows are their own features."""
        return s.exact or (len(at) == 1 and s.features(at[0]) is not None)

    def operator(self, s: Spectrum, at: tuple[int, ...]) -> Any:
        """Operator of some variables together, of which products are taken block by block.

        It is made anew each time: it may hold hundreds of megabytes, and the state stays.
        """
        rows, kernel = s.together(at)
        if self.form == "diffusion":
            return DiffusionBlocks(rows, kernel, self.alpha)
        return GramBlocks(rows, kernel)

    def bracketed(self, s: Spectrum, at: tuple[int, ...]) -> Any:
        """Entropy of some variables together, between bounds; the same probes each time."""

        def find() -> Any:
            operator = self.operator(s, at)
            return trace_entropy(
                operator, self.power, self.order, diagonal=True, rng=SEED, progress=s.progress
            )

        return s.kept(("lanczos", at, self.form, self.alpha, self.order, self.power), find)

    def numerical(self, s: Spectrum) -> tuple[float, float]:
        """Noise of the probes, and half the width of the brackets."""
        found = self.brackets(s).values()
        return math.hypot(*(f.se for f in found)), sum((f.high - f.low) / 2 for f in found)

    def brackets(self, s: Spectrum) -> dict[str, Any]:
        """Entropies that are bracketed and not exact, by the variables taken together."""
        parts = (at for _, at in self.margins(len(s.variables)) if not self.is_exact(s, at))
        return {named(at): self.bracketed(s, at) for at in parts}

    def has_influence(self, s: Spectrum) -> bool:
        """Of kernels of two rows alone, unless columns are centred."""
        return all(k.scale_free and not k.centred for k in s.kernels)

    def influence_of(self, s: Spectrum, at: tuple[int, ...]) -> tuple[Array, float]:
        """Influence of each row on the entropy of some variables, and the noise in it."""
        if not self.has_influence(s):
            raise UnsupportedError(
                "A kernel that depends on all rows has no influence of single rows.",
                got=[k.kind for k in s.kernels],
                hint="uncertainty='jackknife'",
            )
        features = s.features(at[0]) if len(at) == 1 and self.form == "gram" else None
        if features is not None:
            return influence_of_features(features, self.order, self.power), 0.0
        if s.exact and s.size <= DIRECT:
            walk = self.form == "diffusion"
            found = influence_of_matrix(
                s.gram(*at), self.order, self.power, walk=walk, alpha=self.alpha
            )
            return found, 0.0
        return influence(self.operator(s, at), self.bracketed(s, at))

    def sensitivity(self, s: Spectrum) -> tuple[Array, float]:
        """Influence of each row, that on learned bandwidths included, and its noise."""
        values, noise = np.zeros(s.size), 0.0
        for sign, at in self.margins(len(s.variables)):
            found, own = self.influence_of(s, at)
            values, noise = values + sign * found, noise + own
        return values + self.of_bandwidths(s), noise

    def of_bandwidths(self, s: Spectrum) -> Array:
        """Influence of each row by way of the bandwidths that were learned of them.

        Of many rows the slope is that of some, which differs little and costs little.
        """
        total, some = np.zeros(s.size), s
        if s.size > FEW and any(k.learned for k in s.kernels):
            some = s.take(np.sort(np.random.default_rng(SEED).permutation(s.size)[:FEW]))
        for i, kernel in enumerate(s.kernels):
            if kernel.learned:
                total += self.slope_of(some, i) * influence_of_median(s.variables[i], s.drawn)
        return total

    def slope_of(self, s: Spectrum, i: int) -> float:
        """Derivative of the value by the logarithm of a bandwidth."""
        ends = []
        for step in (STEP, -STEP):
            width = s.kernels[i].sigma * math.exp(step)
            ends.append(float(self.value(s.with_kernel(i, replace(s.kernels[i], sigma=width)))))
        return (ends[0] - ends[1]) / (2 * STEP)

    def hesitations(self, s: Spectrum, values: Array) -> tuple[str, ...]:
        """Say where a row or a group of them decides: other samples have none of that kind."""
        found = []
        share = max((self.greatest_share(s, at) for at in self.looked_at(s)), default=0.0)
        if share > max(ALONE, ALONE_OF / s.size):
            found.append(FEW_ROWS.format(share))
        scatter = (values - values.mean()) ** 2 if len(values) else np.zeros(1)
        if scatter.max() > max(ONE_GROUP * scatter.sum(), ROUNDING):
            found.append(FEW_GROUPS.format(scatter.max() / scatter.sum()))
        return tuple(found)

    def looked_at(self, s: Spectrum) -> list[tuple[int, ...]]:
        """Variables taken together, of whose spectrum a row may hold too much."""
        return [at for _, at in self.margins(len(s.variables))]

    def greatest_share(self, s: Spectrum, at: tuple[int, ...]) -> float:
        """Greatest share of the trace that one row has alone: it has few that are like it."""

        def find() -> float:
            own = to_numpy(self.diagonal(s, at))
            return float(own.max() / total) if (total := own.sum()) > 0 else 0.0

        return s.kept(("greatest share", at, self.form, self.alpha), find)

    def diagonal(self, s: Spectrum, at: tuple[int, ...]) -> Any:
        """Diagonal of the operator of some variables, shape (n,)."""
        features = s.features(at[0]) if len(at) == 1 and self.form == "gram" else None
        if features is not None:
            return (features * features).sum(1)
        if s.size > DIRECT and self.has_influence(s):
            return self.operator(s, at).diagonal()
        return operator_of(s, at, self.form, self.alpha).diagonal()

    def shares(self, s: Spectrum) -> dict[str, float]:
        """Each entropy as a share of the most that so many rows can have."""
        return {
            named(at): self.entropy_of(s, at) / math.log(s.size)
            for _, at in self.margins(len(s.variables))
        }

    def facts(self, s: Spectrum) -> dict[str, Any]:
        """Kernels, bandwidths, and whether the entropy counts rows."""
        shares = self.shares(s)
        bounded = s.features(0) is None
        return {
            "kernel": [k.kind for k in s.kernels] if len(s.kernels) > 1 else s.kernels[0].kind,
            **bandwidths(s),
            "units_of_diagnostics": "nats",
            "order": self.order,
            "power": self.power,
            **({"alpha": self.alpha} if self.form == "diffusion" else {}),
            "share_of_log_n": shares if len(shares) > 1 else next(iter(shares.values())),
            "saturated": bounded and max(shares.values()) > SATURATED,
            "flat": bounded and min(shares.values()) < FLAT,
            **self.of_solver(s),
        }

    def of_solver(self, s: Spectrum) -> dict[str, Any]:
        """How the entropies were found, and the interval of the computation itself."""
        told = {
            name: {
                "low": f.interval()[0],
                "high": f.interval()[1],
                "se": f.se,
                "bracket": f.high - f.low,
                "certified": f.certified,
                "converged": f.converged,
                "steps": f.steps,
                "probes": f.probes,
            }
            for name, f in self.brackets(s).items()
        }
        if not told:
            return {"solver": "exact"}
        return {
            "solver": "lanczos",
            "lanczos": told if len(told) > 1 else next(iter(told.values())),
        }

    def cautions(self, s: Spectrum) -> tuple[Caution, ...]:
        """Say where the bandwidth decides, and not the data."""
        if s.features(0) is not None:
            return (Caution("ReliabilityWarning", ALL_ALIKE),) if all_alike(s) else ()
        shares = self.shares(s)
        wide, narrow = max(shares.values()), min(shares.values())
        out = []
        if wide > SATURATED and self.order > 0:  # order zero counts eigenvalues, by definition
            out.append(
                Caution("ReliabilityWarning", COUNTS_ROWS.format(wide, wider(s, self.power)))
            )
        if all_alike(s):
            out.append(Caution("ReliabilityWarning", ALL_ALIKE))
        elif narrow < FLAT and not self.needless(s):
            out.append(
                Caution(
                    "ReliabilityWarning",
                    SEES_NOTHING.format(max(narrow, 0.0), narrower(s, self.power)),
                )
            )
        return tuple(out)

    def trend(self, theta: float, halves: Array) -> dict[str, Any]:
        """Mean over halves of the rows, and what the value tends to if its bias falls as 1 / n."""
        if not len(halves):
            return {}
        half = float(halves.mean())
        return {"value_of_half": half, "richardson": 2 * theta - half}


def named(at: tuple[int, ...]) -> str:
    """Name of some variables together."""
    return "".join("xyzuvw"[i] for i in at)


def wider(s: Spectrum, power: float) -> str:
    """What makes unlike rows alike."""
    kernel = s.kernels[0]
    time = ", or more time, t=1" if power < 1 else ""
    if kernel.kind != "gaussian":
        return WIDER.get(kernel.kind, "a kernel of wider reach") + time
    sigma = max(2 * kernel.sigma, median_distance(s.variables[0], s.drawn))
    return f"a wider bandwidth, sigma={sigma:.3g}{time}"


def narrower(s: Spectrum, power: float) -> str:
    """What tells rows apart."""
    kernel = s.kernels[0]
    if power > LONG:
        return "less time, t=1"
    if kernel.kind != "gaussian":
        return NARROWER.get(kernel.kind, "a kernel of narrower reach")
    sigma = min(kernel.sigma / 2, median_distance(s.variables[0], s.drawn))
    return f"a narrower bandwidth, sigma={sigma:.3g}"


def bandwidths(s: Spectrum) -> dict[str, Any]:
    """Bandwidths of the Gaussian kernels of a state."""
    found = [k.sigma for k in s.kernels if k.kind == "gaussian"]
    if not found:
        return {}
    return {"sigma": found[0] if len(found) == 1 else found}


def all_alike(s: Spectrum) -> bool:
    """Whether no row of the first variable differs from the first."""
    return is_one_place(s.variables[0])


def is_one_place(x: Any) -> bool:
    """Whether all rows are the same."""
    return bool((x[-1] == x[0]).all()) and bool((x == x[:1]).all())


@dataclass(frozen=True)
class MatrixEntropy(SpectralSum):
    """Entropy of the spectrum of the Gram matrix: von Neumann's at order one; joint of several.

    Parameters
    ----------
    order, power, form, alpha
        As of `SpectralSum`.

    Examples
    --------
    >>> from infometric.state.kernels import Kernel
    >>> x = np.array([[0.0], [0.0], [9.0], [9.0]])  # two places far apart
    >>> s = Spectrum.of(x, kernels=[Kernel(sigma=1.0)])
    >>> round(float(MatrixEntropy().value(s) / np.log(2)), 12)
    1.0
    """

    name: ClassVar[str] = "matrix_entropy"

    def margins(self, ndim: int) -> Margins:
        """All variables together."""
        return ((1.0, tuple(range(ndim))),)

    def most(self, s: Spectrum) -> float:
        """Logarithm of the rows, or of the columns where they are all there is."""
        features = s.features(0) if len(s.variables) == 1 and self.form == "gram" else None
        return math.log(s.size if features is None else min(s.size, features.shape[1]))


@dataclass(frozen=True)
class DiffusionSpectralEntropy(MatrixEntropy):
    """Entropy of the spectrum of diffusion (Liao et al. 2023).

    Parameters
    ----------
    order, power, form, alpha
        As of `SpectralSum`; `power` is the diffusion time t.
    """

    name: ClassVar[str] = "diffusion_spectral_entropy"
    form: Form = "diffusion"


@dataclass(frozen=True)
class EffectiveNumber(Increasing):
    """Exponential of a spectral entropy: the even eigenvalues that would have as much.

    Vendi scores, effective rank, participation ratio and stable rank are of this form.

    Parameters
    ----------
    order, power, form, alpha
        As of `SpectralSum`.
    measure : str
        Name of the number.

    Examples
    --------
    >>> from infometric.state.kernels import Kernel
    >>> s = Spectrum.of(np.eye(3), kernels=[Kernel("linear")])
    >>> round(float(EffectiveNumber().value(s)), 12)
    3.0
    """

    units: ClassVar[Units] = "dimensionless"
    bounds: ClassVar[tuple[float, float]] = (1.0, np.inf)
    scattered: ClassVar[bool] = True
    tested_by: ClassVar[str] = "permutation"
    variables: ClassVar[int] = 0
    least: ClassVar[bool] = False
    order: float = 1.0
    power: float = 1.0
    form: Form = "gram"
    alpha: float = 0.0
    measure: str = "effective_number"

    @property
    def name(self) -> str:  # type: ignore[override]
        """Name of the number."""
        return self.measure

    @property
    def inner(self) -> Any:
        """Its logarithm."""
        return MatrixEntropy(self.order, self.power, self.form, self.alpha)

    def forward(self, x: Array) -> Array:
        """``e^x``."""
        return np.exp(x)

    def slope(self, x: Array) -> Array:
        """``e^x``."""
        return np.exp(x)

    def check(self, s: Spectrum) -> None:
        """As of the entropy."""
        self.inner.check(s)

    def facts(self, s: Spectrum) -> dict[str, Any]:
        """As of the entropy; of products of columns, the share of the greatest rank there is."""
        features = s.features(0)
        if features is None:
            return self.inner.facts(s)
        share = float(self.value(s)) / min(features.shape)
        return self.inner.facts(s) | {"share_of_full_rank": share}


@dataclass(frozen=True)
class ConditionalMatrixEntropy(SpectralSum):
    """Entropy of the first variable given the second: that of both less that of the second.

    Parameters
    ----------
    order, power, form, alpha
        As of `SpectralSum`.
    """

    name: ClassVar[str] = "conditional_matrix_entropy"
    variables: ClassVar[int] = 2
    bounds: ClassVar[tuple[float, float]] = (-np.inf, np.inf)

    def check(self, s: Spectrum) -> None:
        """Error where nearly every row has a class of its own."""
        if s.kinds[-1] == "discrete":
            refuse_lone_classes(s)

    def margins(self, ndim: int) -> Margins:
        """Both, less the second."""
        return ((1.0, (0, 1)), (-1.0, (1,)))


@dataclass(frozen=True)
class MatrixInformation(SpectralSum):
    """What two variables share: their entropies less that of both together.

    Without correction: positive between independent samples. `DiffusionInformation` corrects it.

    Parameters
    ----------
    order, power, form, alpha
        As of `SpectralSum`.
    """

    name: ClassVar[str] = "matrix_mutual_information"
    variables: ClassVar[int] = 2
    least: ClassVar[bool] = True
    bounds: ClassVar[tuple[float, float]] = (-np.inf, np.inf)

    def check(self, s: Spectrum) -> None:
        """Error where nearly every row has a class of its own."""
        if s.kinds[-1] == "discrete":
            refuse_lone_classes(s)

    def margins(self, ndim: int) -> Margins:
        """Each, less both together."""
        return ((1.0, (0,)), (1.0, (1,)), (-1.0, (0, 1)))

    def statistic(self, s: Spectrum) -> Array:
        """Less the entropy of both together: the rest is the same in every order."""
        return np.asarray(-self.entropy_of(s, (0, 1)))

    def reordered(self, s: Spectrum, order: Array) -> Array:
        """The same with the first variable in another order."""
        return np.asarray(-entropy_of_both(s, order, self))


HELD = 4_000  # rows up to which the Gram matrix of all is kept while classes are taken from it


def whole_gram(s: Spectrum, at: int) -> Any:
    """Gram matrix of a variable, to take parts of; None where it is large, or not of pairs."""
    if s.size > HELD or not s.kernels[at].scale_free:
        return None
    return s.kept(("gram", at), lambda: s.gram(at))


def entropy_of_matrix(similarities: Any, f: SpectralSum) -> float:
    """Entropy of a matrix of similarities, which is overwritten."""
    matrix = diffusion_operator(similarities, f.alpha) if f.form == "diffusion" else similarities
    return float(spectral_entropy(symmetric_eigenvalues(matrix), f.order, f.power))


def entropy_of_both(s: Spectrum, order: Array, f: SpectralSum) -> float:
    """Entropy of two variables together, the first in another order."""
    if not s.exact:
        rows = (s.variables[0][order], *s.variables[1:])
        return float(f.bracketed(s.with_groups([rows]), (0, 1)).value)
    held = [whole_gram(s, at) for at in (0, 1)]
    a, b = (s.gram(at) if g is None else g for at, g in zip((0, 1), held, strict=True))
    a = a[order][:, order]
    a *= b
    return entropy_of_matrix(a, f)


LONE = 0.9  # classes a row, above which classes tell nothing


def refuse_lone_classes(s: Spectrum) -> None:
    """Error where hardly a class has two rows."""
    sizes = np.unique(class_numbers(s), return_counts=True)[1]
    if len(sizes) > LONE * s.size:
        raise DataError(
            "Nearly every row has a class of its own, so that no class tells anything.",
            got={"rows": s.size, "classes": len(sizes)},
            hint="y.astype(float) where the labels are numbers, or fewer classes",
        )


def class_numbers(s: Spectrum) -> Array:
    """Number of the class of each row, from zero in the order in which they come."""
    return s.kept("classes", lambda: as_they_come(to_numpy(s.variables[1])[:, 0]))


def rows_by_class(codes: Array) -> list[Array]:
    """Row numbers of each class, ascending."""
    order = np.argsort(codes, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(codes[order])) + 1)
