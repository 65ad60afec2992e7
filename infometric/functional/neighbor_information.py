r"""Mutual information by nearest neighbours.

With :math:`\epsilon_i` the distance of row i to its k-th neighbour in the maximum norm of the joint
space and :math:`n_x, n_y` the numbers of rows nearer than that in x and in y alone,

.. math:: I = \psi(k) + \psi(N) - \langle \psi(n_x + 1) + \psi(n_y + 1) \rangle .

Where :math:`\epsilon_i = 0` the neighbours are copies: k becomes their number, and rows count that
are equal in x or in y, so that atoms are taken for what they are (Gao et al. 2017).

References
----------
Kraskov, A., Stögbauer, H., Grassberger, P. (2004). Estimating mutual information. Phys. Rev. E 69,
066138. doi:10.1103/PhysRevE.69.066138
Ross, B. C. (2014). Mutual information between discrete and continuous data sets. PLoS ONE 9(2),
e87357. doi:10.1371/journal.pone.0087357
Gao, W., Kannan, S., Oh, S., Viswanath, P. (2017). Estimating mutual information for
discrete-continuous mixtures. NeurIPS 30. arXiv:1709.06212
Gao, S., Ver Steeg, G., Galstyan, A. (2015). Efficient estimation of mutual information for strongly
dependent variables. AISTATS 38. arXiv:1411.2003
Frenzel, S., Pompe, B. (2007). Partial mutual information for coupling analysis of multivariate time
series. Phys. Rev. Lett. 99, 204101. doi:10.1103/PhysRevLett.99.204101
Mesner, O. C., Shalizi, C. R. (2021). Conditional mutual information estimation for mixed, discrete
and continuous data. IEEE Trans. Inf. Theory 67(1), 464-484. doi:10.1109/TIT.2020.3024886
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
from scipy.special import digamma

from infometric.exceptions import DataError, InvalidParameterError
from infometric.functional.sample import (
    SHARED,
    SampleFunctional,
    Scale,
    Ties,
    blocks_of,
    has_atoms,
    require_rows,
    tied_share,
)
from infometric.state.sample import Rows, Sample
from infometric.state.search import Neighborhoods, count_within, nearest, neighborhoods
from infometric.typing import Array

# standard errors a nat, and at most: a bias of normal pairs that no part of the rows shows
HIDDEN, MOST_HIDDEN = 0.4, 0.5
CONDITIONED = 0.4  # the same, of a variable that is given: parts show nine tenths of the error


MANY_COLUMNS = (
    "in more than three columns a bias may not show: the interval held 70 times in 100 where four "
    "columns depend in their tails alone (Student's t, four degrees of freedom, 1,000 rows)"
)
ATOMS = (
    "a column holds some values often and others once: the value is too high, so that the test "
    "rejects 15 to 37 times in 100 where nothing is there (30 % zeros; half the values on a tenth "
    "of the others' grid); method='permutation' holds its level"
)
ONE_VALUE = "a variable has one value, so there is nothing to share, and no interval"


@dataclass(frozen=True)
class NeighborInformation(SampleFunctional):
    """Base: information of two or more variables from the neighbours of each row.

    Parameters
    ----------
    n_neighbors : int
        Number of neighbours k.
    scale : {"rank", "standard", "none"}
        How columns are brought to one scale. Information does not change with increasing maps of
        a column; with "rank" the estimate does not either.
    ties : {"auto", "mixed", "jitter", "raise"}
        What equal values are: rounded numbers, but for those of 5 % of the rows in a column with
        many values that come once, which are atoms; atoms all; rounded numbers all; or an error.
        Rounded numbers are spread over their cells reproducibly, which neither adds nor takes
        information.
    n_jobs : int
        Number of threads; used where the sample is large enough for them.
    """

    name: ClassVar[str] = "mutual_information"
    bounds: ClassVar[tuple[float, float]] = (0.0, np.inf)
    variables: ClassVar[int] = 2
    least: ClassVar[bool] = True
    of_terms: ClassVar[tuple[str, ...]] = (SHARED,)
    instead: ClassVar[str] = (
        "estimator='gaussian_copula' has one where the dependence is monotone; more rows or fewer "
        "columns help; method='permutation' tests independent rows whatever the bias"
    )
    n_neighbors: int = 3
    scale: Scale = "rank"
    ties: Ties = "auto"
    n_jobs: int = 1

    def check(self, s: Sample) -> None:
        """Error where a row has no k-th neighbour, or every row has a class of its own."""
        require_rows(s, self.n_neighbors + 2, f"n_neighbors={self.n_neighbors}")
        refuse_lone_classes(s)

    def decided(self, s: Sample) -> SampleFunctional:
        """With ties decided on all rows: parts of them must not decide otherwise."""
        return replace(self, ties="jitter") if self.ties == "auto" and not has_atoms(s) else self

    def doubts(self, s: Sample) -> tuple[str, ...]:
        """Copied rows, and variables with one value."""
        told = (
            s.variables[:2] if self.exchange == "within" else s.variables
        )  # a condition may be one
        one = [bool((v == v[:1]).all()) for v in told]
        return (*super().doubts(s), *((ONE_VALUE,) if any(one) else ()))

    def hesitations(self, s: Sample) -> tuple[str, ...]:
        """Beyond three columns dependence in the tails alone is missed, and parts miss it too."""
        many = (MANY_COLUMNS,) if sum(s.dims) > 3 else ()
        atoms = "discrete" not in s.kinds and has_atoms(s)
        return (*many, *((ATOMS,) if atoms else ()))

    def hidden(self, theta: float, se: float) -> float:
        """A small positive bias of strongly dependent variables, which hardly falls with n."""
        return min(HIDDEN * max(theta, 0.0), MOST_HIDDEN) * se

    def allowance(self, s: Sample, theta: float, se: float) -> float:
        """As wide as the hidden bias, which not every law has."""
        return self.hidden(theta, se)

    def facts(self, s: Sample) -> dict[str, Any]:
        """Neighbours, scale, and the share of tied rows where there is any."""
        tied = {
            f"tied_{name}": share
            for name, x, kind in zip("xyzuvw", s.variables, s.kinds, strict=False)
            if kind == "continuous" and (share := tied_share(x)) > 0
        }
        return {
            "estimator": self.slug,
            "n_neighbors": self.n_neighbors,
            "scale": self.scale,
            "ties": self.ties,
        } | tied

    def _blocks(self, s: Sample) -> Rows:
        self.check(s)
        return blocks_of(s, self.scale, self.ties)

    def _search(self, blocks: Rows, subspaces: Any, **options: Any) -> Neighborhoods:
        return neighborhoods(blocks, self.n_neighbors, subspaces, n_jobs=self.n_jobs, **options)

    def _multiplicity(self, blocks: Rows, found: Neighborhoods) -> Array:
        """K of each row; the number of its copies where the k-th neighbour is one."""
        k = np.full(len(found.radius), float(self.n_neighbors))
        if not found.radius.all():
            copied = np.flatnonzero(found.radius == 0)
            rows = np.hstack(blocks)
            here = count_within(rows[copied], rows, np.zeros(len(copied)), closed=True)
            k[copied] = here  # the row itself among them
        return k


def refuse_lone_classes(s: Sample) -> None:
    """Error where hardly a class has two rows, so that classes tell nothing.

    Raises
    ------
    DataError
        With the number of classes.
    """
    for x, kind in zip(s.variables, s.kinds, strict=True):
        classes = len(np.unique(x[:, 0])) if kind == "discrete" else 1
        if classes > LONE * len(x):
            raise DataError(
                "Nearly every row has a class of its own, so that no class tells anything.",
                got={"rows": len(x), "classes": classes},
                hint="x.astype(float) where the text is numbers",
            )


LONE = 0.9  # classes a row
ROUNDING = 1e-9  # relative; far above the noise of differences, far below any that means something


@dataclass(frozen=True)
class KSG1(NeighborInformation):
    """The first estimator of Kraskov, Stögbauer and Grassberger, of two or more variables.

    Parameters
    ----------
    n_neighbors, scale, ties, n_jobs
        As in `NeighborInformation`.

    Examples
    --------
    >>> import numpy as np
    >>> from infometric import Sample
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=2000)
    >>> s = Sample.of(x, 0.6 * x + 0.8 * rng.normal(size=2000))
    >>> round(float(KSG1().value(s)), 2)  # -log(0.8) = 0.22
    0.21
    """

    slug: ClassVar[str] = "ksg1"

    def local(self, s: Sample) -> Array:
        """Terms of the rows."""
        blocks = self._blocks(s)
        every = range(len(blocks))
        whole = [tuple(every)] if self.ties == "mixed" else []
        found = self._search(blocks, [*((b,) for b in every), *whole])
        if whole and self.scale == "standard":
            found = self._clear_of_rounding(blocks, found)
        k = self._multiplicity(blocks, found)
        if whole:  # rows at the very distance of the k-th neighbour are in no count: nor in k
            k = np.where(found.radius > 0, found.counts[:, -1] + 1.0, k)
        terms = digamma(k) + (len(blocks) - 1) * digamma(len(blocks[0]))
        return terms - digamma_of(found.counts[:, : len(blocks)] + 1).sum(axis=1)

    def _clear_of_rounding(self, blocks: Rows, found: Neighborhoods) -> Neighborhoods:
        """Counts below the radius by more than rounding: on a lattice many rows are at it."""
        limit = found.radius * (1 - ROUNDING)
        counts = [
            count_within(None, rows, limit, closed=True, n_jobs=self.n_jobs)
            for rows in (*blocks, np.hstack(blocks))
        ]
        return found._replace(counts=np.column_stack(counts))


@dataclass(frozen=True)
class KSG2(NeighborInformation):
    """The second estimator: a rectangle around the k neighbours instead of a cube.

    Parameters
    ----------
    n_neighbors, scale, ties, n_jobs
        As in `NeighborInformation`.
    """

    slug: ClassVar[str] = "ksg2"

    def check(self, s: Sample) -> None:
        """Error where a rectangle has no side: classes, and variables with one value."""
        super().check(s)
        flat = [k == "discrete" or bool((v == v[:1]).all())
                for v, k in zip(s.variables, s.kinds, strict=True)]  # fmt: skip
        if any(flat):
            raise DataError(
                "Rectangles around neighbours need continuous variables.",
                got={"classes or constants": [i for i, f in enumerate(flat) if f]},
                hint="estimator='auto'",
            )

    def local(self, s: Sample) -> Array:
        """Terms of the rows."""
        blocks = self._blocks(s)
        k, free = self.n_neighbors, len(blocks) - 1
        found = self._search(blocks, [(b,) for b in range(len(blocks))], rectangle=True)
        terms = digamma(k) + free * (digamma(len(blocks[0])) - 1 / k)
        return terms - digamma_of(found.counts).sum(axis=1)


@dataclass(frozen=True)
class TotalCorrelation(KSG1):
    """Sum of the variables' entropies less their joint entropy, one variable a block.

    Parameters
    ----------
    n_neighbors, scale, ties, n_jobs
        As in `NeighborInformation`.
    """

    name: ClassVar[str] = "total_correlation"
    variables: ClassVar[int] = 0


@dataclass(frozen=True)
class TotalCorrelation2(KSG2):
    """Total correlation by rectangles around the neighbours.

    Parameters
    ----------
    n_neighbors, scale, ties, n_jobs
        As in `NeighborInformation`.
    """

    name: ClassVar[str] = "total_correlation"
    variables: ClassVar[int] = 0


@dataclass(frozen=True)
class MixedKSG(KSG1):
    """KSG of variables with atoms, on the scale of the numbers (Gao et al. 2017).

    Parameters
    ----------
    n_neighbors, scale, ties, n_jobs
        As in `NeighborInformation`.
    """

    slug: ClassVar[str] = "mixed"
    n_neighbors: int = 5
    scale: Scale = "standard"
    ties: Ties = "mixed"


@dataclass(frozen=True)
class LNC(KSG1):
    """KSG with the correction for local non-uniformity: neighbours that lie along a line.

    Where the box of the k neighbours along their principal axes is much smaller than the one along
    the columns, the logarithm of the ratio is added.

    Parameters
    ----------
    n_neighbors : int
        Number of neighbours, more than there are dimensions in all.
    scale, ties, n_jobs
        As in `NeighborInformation`.
    """

    slug: ClassVar[str] = "lnc"
    n_neighbors: int = 12
    scale: Scale = "standard"

    def check(self, s: Sample) -> None:
        """Error where neighbours are too few for principal axes, or dimensions too many."""
        require_rows(s, self.n_neighbors + 2, f"n_neighbors={self.n_neighbors}")
        if sum(s.dims) > LNC_DIMENSIONS:
            raise DataError(
                f"The local correction is good in {LNC_DIMENSIONS} dimensions at most: beyond, it "
                "finds .1 nats between independent normal vectors of three columns each.",
                got={"dimensions": sum(s.dims)},
                hint="estimator='ksg1'",
            )
        if self.n_neighbors <= sum(s.dims):
            raise InvalidParameterError(
                f"The local correction needs more neighbours than the {sum(s.dims)} dimensions.",
                got=self.n_neighbors,
                hint=f"n_neighbors={sum(s.dims) + 10}",
            )

    def local(self, s: Sample) -> Array:
        """Terms of the rows, with their corrections."""
        rows = np.hstack(self._blocks(s))
        k, d = self.n_neighbors, rows.shape[1]
        _, index = nearest(rows, rows, k, indices=True, n_jobs=self.n_jobs)
        ratio = np.concatenate(
            [log_box_ratio(rows[part], rows[index[part]])
             for part in np.array_split(np.arange(len(rows)), max(1, len(rows) * k // 200_000))]
        )  # fmt: skip
        return super().local(s) + np.where(ratio > -log_alpha(k, d), ratio, 0.0)


def log_box_ratio(rows: Array, neighbors: Array) -> Array:
    """Log volume of the box of neighbours along the columns over that along principal axes."""
    around = neighbors - rows[:, None, :]
    axes = np.linalg.svd(around, full_matrices=False)[2]
    turned = np.abs(around @ np.swapaxes(axes, 1, 2)).max(axis=1)
    straight = np.abs(around).max(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = (np.log(straight) - np.log(turned)).sum(axis=1)
    return np.where(np.isfinite(ratio), ratio, 0.0)


@lru_cache(maxsize=64)
def log_alpha(k: int, d: int, draws: int = 2000, share: float = 0.005) -> float:
    """Log of the ratio of boxes that neighbours in a uniform cube fall below once in 200 times."""
    rng = np.random.default_rng(_ALPHA_SEED)
    points = rng.uniform(-1, 1, (draws, k, d))
    return float(np.quantile(-log_box_ratio(np.zeros((draws, d)), points), share))


_ALPHA_SEED = 11
LNC_DIMENSIONS = 4


@dataclass(frozen=True)
class Ross(NeighborInformation):
    """Information of a class and a continuous variable: neighbours within the class.

    A class of fewer than k + 1 rows takes as many neighbours as it has; a class of one row has
    none and is left out.

    Parameters
    ----------
    n_neighbors, scale, ties, n_jobs
        As in `NeighborInformation`.
    """

    slug: ClassVar[str] = "ross"

    def check(self, s: Sample) -> None:
        """Error where there is no class and a number, or no class has two rows."""
        if sorted(s.kinds) != ["continuous", "discrete"]:
            raise DataError(
                "Ross' estimator is of a class and a continuous variable.",
                got={"kinds": s.kinds},
                hint="estimator='auto', or text for the class: labels.astype(str)",
            )
        require_rows(s, 4, "information of classes")
        refuse_lone_classes(s)

    def _sizes(self, s: Sample) -> Array:
        """Rows of each class."""
        return np.unique(s.variables[s.kinds.index("discrete")][:, 0], return_counts=True)[1]

    def least_rows(self, s: Sample) -> int:
        """So many rows that the classes have some each."""
        return max(super().least_rows(s), 3 * len(self._sizes(s)))

    def local(self, s: Sample) -> Array:
        """Terms of the rows whose class has another."""
        self.check(s)
        label, x = self._sides(s)
        codes, sizes = np.unique(label[:, 0], return_inverse=True, return_counts=True)[1:]
        kept = sizes[codes] > 1
        x, codes = x[kept], codes[kept]
        out = np.empty(len(x))
        for c in np.flatnonzero(sizes > 1):
            mine = np.flatnonzero(codes == c)
            out[mine] = self._of_class(x[mine], x)
        return digamma(len(x)) + out

    def hidden(self, theta: float, se: float) -> float:
        """None: neighbours within a class do not lie along a line."""
        return 0.0

    def _of_class(self, own: Array, x: Array) -> Array:
        k = min(self.n_neighbors, len(own) - 1)
        radius = nearest(own, own, k, n_jobs=self.n_jobs)[:, -1]
        near = count_within(own, x, radius, n_jobs=self.n_jobs)  # itself among them
        within = np.full(len(own), float(k))
        tied = radius == 0
        if tied.any():
            at = np.zeros(int(tied.sum()))
            near[tied] = count_within(own[tied], x, at, closed=True)
            within[tied] = count_within(own[tied], own, at, closed=True)
        return digamma(within) - digamma(len(own)) - digamma_of(near)

    def _sides(self, s: Sample) -> tuple[Array, Array]:
        """Label and scaled continuous variable."""
        at = s.kinds.index("discrete")
        blocks = blocks_of(s, self.scale, self.ties)
        return s.variables[at], blocks[1 - at]

    def facts(self, s: Sample) -> dict[str, Any]:
        """Classes, and rows left out."""
        sizes = self._sizes(s)
        lone = int((sizes == 1).sum())
        return (
            super().facts(s) | {"classes": len(sizes)} | ({"rows_left_out": lone} if lone else {})
        )


@dataclass(frozen=True)
class Conditional(NeighborInformation):
    """Base: information of two variables given a third.

    Parameters
    ----------
    n_neighbors, scale, ties, n_jobs
        As in `NeighborInformation`.
    """

    name: ClassVar[str] = "conditional_mutual_information"
    variables: ClassVar[int] = 3
    exchange: ClassVar[str] = "within"

    def allowance(self, s: Sample, theta: float, se: float) -> float:
        """Noise of three counts, of which parts show less where nothing is shared."""
        return max(CONDITIONED * se, super().allowance(s, theta, se))


@dataclass(frozen=True)
class FrenzelPompe(Conditional):
    """Information of x and y given z, of continuous variables.

    Parameters
    ----------
    n_neighbors, scale, ties, n_jobs
        As in `NeighborInformation`.
    """

    slug: ClassVar[str] = "frenzel_pompe"

    def local(self, s: Sample) -> Array:
        """Terms of the rows."""
        blocks = self._blocks(s)
        found = self._search(blocks, GIVEN)
        xz, yz, z = digamma_of(found.counts + 1).T
        return digamma(self._multiplicity(blocks, found)) - xz - yz + z


@dataclass(frozen=True)
class MesnerShalizi(Conditional):
    """Information of x and y given z, of continuous, discrete and mixed variables.

    Parameters
    ----------
    n_neighbors, scale, ties, n_jobs
        As in `NeighborInformation`.
    clip : bool
        Whether a negative value becomes zero, as in the paper.
    """

    slug: ClassVar[str] = "mesner_shalizi"
    clip: bool = False

    def local(self, s: Sample) -> Array:
        """Terms of the rows."""
        blocks = self._blocks(s)
        found = self._search(blocks, (*GIVEN, (0, 1, 2)), closed=True)
        xz, yz, z, joint = digamma_of(found.counts).T
        return joint - xz - yz + z

    def value(self, s: Sample) -> Array:
        """Mean of the terms."""
        mean = super().value(s)
        return np.maximum(mean, 0.0) if self.clip else mean


GIVEN = ((0, 2), (1, 2), (2,))


def digamma_of(counts: Array) -> Array:
    """Digamma of whole numbers, by a table."""
    most = int(counts.max(initial=1))
    if most > 4 * counts.size + 1000:
        return digamma(counts.astype(float))
    return digamma(np.arange(most + 1, dtype=float))[counts]
