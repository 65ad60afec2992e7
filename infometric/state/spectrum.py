"""Spectrum: rows with the kernels under which they are alike, and the spectra found so far.

Gram matrices and eigenvalues are found on demand and kept; what resampling needs is the rows and
the kernels. Rows left out take their share of the spectrum along, which no table of eigenvalues
could tell: this state joins and divides by rows, like a `Sample`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self, TypeVar

import numpy as np
from scipy.linalg import eigvalsh, svdvals

from infometric.exceptions import DataError, InvalidParameterError, MergeError, UnsupportedError
from infometric.state import banded
from infometric.state.arrays import is_tensor, like, namespace, of_one_library, to_numpy
from infometric.state.kernels import Kernel, lots
from infometric.state.sample import CONTINUOUS, Kind, Sample, as_rows, refuse_not_finite
from infometric.typing import Array

EXACT = 10_000  # rows up to which all eigenvalues are found
DOUBLE = 4_000  # rows up to which they are found in double precision
LEAST = 3  # rows of which a spectrum says something
APART = 9.0  # of rows of unlike classes, in bandwidths: their similarity is below 1e-35
SOLVERS = ("auto", "exact", "lanczos")
SHIFTED = frozenset({"gaussian", "adaptive", "knn"})  # kernels to which the origin is nothing
NUMBERED = frozenset({"delta", "precomputed"})  # kernels of numbers that stand for something
Found = TypeVar("Found")


@dataclass(frozen=True, eq=False)
class Spectrum(Sample):
    """Rows of one or more paired variables, each with a kernel.

    Parameters
    ----------
    groups, kinds, key
        As of a `Sample`, of one group.
    kernels : tuple of Kernel
        Similarity of the rows of each variable.
    solver : {"auto", "exact", "lanczos"}
        How entropies of the spectrum are found; "auto" is exact up to 10,000 rows.
    progress : callable, optional
        Called with the products done and to be done, where a spectrum is bracketed.

    Examples
    --------
    >>> import numpy as np
    >>> from infometric.state.kernels import Kernel
    >>> s = Spectrum.of(np.array([[0.0], [1.0], [5.0]]), kernels=[Kernel(sigma=1.0)])
    >>> s.gram(0).round(2)
    array([[1.  , 0.61, 0.  ],
           [0.61, 1.  , 0.  ],
           [0.  , 0.  , 1.  ]])
    """

    kernels: tuple[Kernel, ...] = ()
    solver: str = "auto"
    capabilities: ClassVar[frozenset[str]] = frozenset({"leave_out", "permute", "influence"})
    reason: ClassVar[str] = ""
    reasons: ClassVar[Mapping[str, str]] = {
        "resample": ": a copied row adds no place, and the entropy of fewer places is smaller",
        "subsample": ": an entropy of similarities grows with the number of rows, and a part has "
        "fewer",
    }
    _found: dict[Any, Any] = field(default_factory=dict, repr=False)
    _drawn: Array | None = field(default=None, repr=False)
    progress: Callable[[int, int], None] | None = field(default=None, repr=False)

    @classmethod
    def of(  # type: ignore[override]
        cls,
        *variables: Any,
        kernels: Sequence[Kernel],
        kinds: Sequence[Kind] | None = None,
        key: str = "",
        solver: str = "auto",
    ) -> Self:
        """Paired variables, shape (n_rows,) or (n_rows, n_dimensions) each, of numpy or torch.

        Raises
        ------
        DataError
            Where there are fewer than three rows, lengths differ, or a value is not finite.
        """
        if solver not in SOLVERS:
            raise InvalidParameterError(
                f"solver must be one of {', '.join(map(repr, SOLVERS))}.",
                got=solver,
                hint="solver='auto'",
            )
        rows = of_one_library(as_points(v, f"variable {i}") for i, v in enumerate(variables))
        lengths = [len(v) for v in rows]
        if len(set(lengths)) > 1:
            raise DataError(
                "The variables must have the same number of rows.",
                got=lengths,
                hint="pair the rows before you compare them",
            )
        if not lengths or lengths[0] < LEAST:
            raise DataError(
                f"A spectrum needs at least {LEAST} rows; n_samples={(lengths or [0])[0]}.",
                got={"rows": (lengths or [0])[0]},
                hint="more rows: one row is one point of the representation",
            )
        named = tuple(kinds or (CONTINUOUS,) * len(rows))
        told = ";".join(f"{k.key}:{v.shape[1]}" for k, v in zip(kernels, rows, strict=True))
        return cls((rows,), named, f"{told}/{key}" if key else told, tuple(kernels), solver=solver)

    @property
    def size(self) -> int:
        """Number of rows."""
        return len(self.groups[0][0])

    @property
    def exact(self) -> bool:
        """Whether all eigenvalues are found, and not a few moments of them."""
        return self.solver == "exact" or (self.solver == "auto" and self.size <= EXACT)

    @property
    def drawn(self) -> Array:
        """Numbers that tell which of many rows a bandwidth is learned of; parts keep their own.

        Were they drawn anew for each part, the bandwidth would scatter by that alone.
        """
        return lots(self.size) if self._drawn is None else self._drawn

    def take(self, *rows: Array) -> Self:
        """Some rows."""
        return replace(Sample.take(self, *rows), _drawn=self.drawn[rows[0]])

    def with_groups(self, groups: Sequence[tuple[Array, ...]]) -> Self:
        """The same variables with other rows, of which no spectrum is known yet."""
        return replace(self, groups=tuple(groups), _found={}, _drawn=None)

    def __add__(self, other: Sample) -> Sample:
        """Rows of both, with the bandwidths as they are: they were learned of a part."""
        if not isinstance(other, Spectrum):
            return NotImplemented
        if self.dims == other.dims and self.key != other.key:
            raise MergeError(
                "Spectra of unlike kernels cannot be joined: their bandwidths differ.",
                got=(self.key, other.key),
                hint="fit both parts with one bandwidth, sigma=5.0 say, or fit all rows at once",
            )
        fixed = tuple(replace(k, learned=False) for k in self.kernels)
        return Sample.__add__(replace(self, kernels=fixed), other)

    def relearned(self) -> Self:
        """The same rows, with the bandwidths that are learned of them."""
        pairs = zip(self.kernels, self.variables, strict=True)
        kernels = [k.relearned(v, self.drawn) for k, v in pairs]
        return replace(self, kernels=tuple(kernels), _found={})

    def with_kernel(self, at: int, kernel: Kernel) -> Self:
        """The same rows with another kernel of one variable."""
        kernels = [kernel if i == at else k for i, k in enumerate(self.kernels)]
        return replace(self, kernels=tuple(kernels), _found={})

    def together(self, at: Sequence[int]) -> tuple[Any, Kernel]:
        """Rows and one kernel whose similarities are the products of those of some variables.

        Raises
        ------
        UnsupportedError
            Where the kernels of several variables are not Gaussian, or of classes.
        """
        if len(at) == 1:
            return self.points(at[0]), self.kernels[at[0]]
        kinds = {self.kernels[i].kind for i in at}
        if not kinds <= {"gaussian", "delta"}:
            raise UnsupportedError(
                "Products of similarities are found block by block of Gaussian kernels alone.",
                got=sorted(kinds),
                hint="kernel='gaussian', or fewer rows and solver='exact'",
            )
        return side_by_side([self._scaled(i) for i in at]), Kernel(sigma=1.0)

    def _scaled(self, at: int) -> Any:
        """Rows over their bandwidth; of classes, places far apart."""
        x, kernel = self.points(at), self.kernels[at]
        if kernel.kind == "gaussian":
            return (x - x.mean(0)) / kernel.sigma
        codes = as_they_come(to_numpy(x)[:, 0])
        return like(APART * np.eye(int(codes.max()) + 1)[codes], self.points(0))

    def of_variables(self, at: Sequence[int]) -> Self:
        """Some of the variables."""
        return replace(
            self,
            groups=(tuple(self.variables[i] for i in at),),
            kinds=tuple(self.kinds[i] for i in at),
            kernels=tuple(self.kernels[i] for i in at),
            _found={},
        )

    def kept(self, name: Any, make: Callable[[], Found]) -> Found:
        """What was found before under a name, or is made now."""
        if name not in self._found:
            self._found[name] = make()
        return self._found[name]  # type: ignore[no-any-return]

    def points(self, at: int) -> Any:
        """Rows of a variable in the precision of the work.

        Double up to `DOUBLE` rows, single beyond; as they came where "exact" is asked for.
        """
        x: Any = self.variables[at]
        kind = self.kernels[at].kind
        single = x.dtype in (np.float32, getattr(namespace(x), "float32", None))
        if self.size <= DOUBLE and single:
            return x.double() if is_tensor(x) else x.astype(np.float64)
        if single or kind in NUMBERED or self.size <= DOUBLE or self.solver == "exact":
            return x
        if kind in SHIFTED:
            x = x - x.mean(0)  # an origin far away would eat the digits
        return x.float() if is_tensor(x) else x.astype(np.float32)

    def gram(self, *at: int) -> Any:
        """Similarities of all pairs of rows, of several variables their products; a fresh array."""
        found = self.kernels[at[0]].gram(self.points(at[0]))
        for other in at[1:]:
            found *= self.kernels[other].gram(self.points(other))
        return found

    def features(self, at: int) -> Any:
        """Rows whose products are the similarities; None where there are none of that kind."""
        return self.kernels[at].features(self.variables[at])

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready representation, read back by `from_dict`."""
        if any(k.kind in ("callable", "precomputed") for k in self.kernels):
            raise DataError(
                "A kernel that is a function or a matrix cannot be written.",
                got=[k.kind for k in self.kernels],
                hint="kernel='gaussian'",
            )
        plain = replace(self, groups=(tuple(map(to_numpy, self.variables)),))
        return Sample.to_dict(plain) | {
            "state": "spectrum",
            "dtypes": ",".join(str(to_numpy(v).dtype) for v in self.variables),
            "kernels": ",".join(
                f"{k.kind}:{k.sigma!r}:{k.n_neighbors}:{int(k.learned)}:{int(k.centred)}"
                for k in self.kernels
            ),
            "solver": self.solver,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Inverse of `to_dict`."""
        if not isinstance(data, dict) or data.get("state") != "spectrum":
            raise DataError(
                "This is not a spectrum.",
                got=sorted(data) if isinstance(data, dict) else data,
                hint="write it again with this version: spectrum.to_dict()",
            )
        rows = Sample.from_dict({**data, "state": "sample"})
        kernels = []
        for told in data["kernels"].split(","):
            kind, sigma, neighbors, *flags = told.split(":")
            learned, centred = (flag == "1" for flag in flags)
            kernels.append(Kernel(kind, float(sigma), int(neighbors), learned, centred=centred))
        typed = tuple(
            v.astype(t) for v, t in zip(rows.variables, data["dtypes"].split(","), strict=True)
        )
        return cls((typed,), rows.kinds, data["key"], tuple(kernels), solver=data["solver"])


def as_they_come(classes: Array) -> Array:
    """Number of the class of each row, from zero in the order in which classes come.

    What stands for a class follows from its name. Where sums over classes went by that order, names
    would change their last digits.

    Examples
    --------
    >>> as_they_come(np.array([7.0, 7.0, 2.0, 9.0, 2.0]))
    array([0, 0, 1, 2, 1])
    """
    _, first, found = np.unique(classes, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[found.reshape(-1)]  # type: ignore[no-any-return]


def side_by_side(blocks: Sequence[Any]) -> Any:
    """Columns of several arrays, in the least precision among them."""
    least = min(blocks, key=lambda b: b.dtype.itemsize)
    return namespace(least).concatenate([like(b, least) for b in blocks], axis=1)


def as_points(values: Any, name: str = "x") -> Any:
    """Finite rows of shape (n_rows, n_dimensions), in single or double precision as they came."""
    if len(getattr(values, "shape", ())) == 2 and values.shape[1] == 0:
        raise DataError(
            f"{name} has no columns: 0 feature(s) (shape={tuple(values.shape)}) while a minimum of "
            "1 is required.",
            got={"shape": tuple(values.shape)},
            hint="an array of shape (n_rows, n_dimensions)",
        )
    if is_tensor(values):
        x = _dense(values, name)
    elif getattr(values, "dtype", None) in (np.float32, np.float64) and (
        np.ndim(values) in (1, 2) and values.size
    ):
        x = np.ascontiguousarray(values).reshape(len(values), -1)
    else:
        x = as_rows(values, name, "which are no places", "")
    if not bool(namespace(x).isfinite(x).all()):
        refuse_not_finite(to_numpy(x), name, "which are no places", "")
    refuse_out_of_range(x, name)
    return x


def _dense(tensor: Any, name: str) -> Any:
    """Rows of a tensor of real numbers, in single or double precision."""
    sparse = tensor.layout != namespace(tensor).strided
    if sparse or tensor.is_complex() or not tensor.numel():
        raise DataError(
            f"{name} must be a dense tensor of real numbers, and one or more of them.",
            got={"shape": tuple(tensor.shape), "dtype": str(tensor.dtype)},
            hint="x.to_dense(), or torch.view_as_real(x).flatten(1) of complex numbers",
        )
    x = tensor.detach()
    x = x if x.is_floating_point() and x.element_size() >= 4 else x.double()
    return x.reshape(len(x), -1) if x.ndim else x.reshape(1, 1)


def refuse_out_of_range(x: Any, name: str) -> None:
    """Error where squared distances would be beyond the numbers, or below all of them.

    Raises
    ------
    DataError
        With the greatest distance from the centre, in a column.
    """
    if not len(x):
        return
    away = float(abs(x - x[:1]).max())
    least, most = (
        float(getattr(namespace(x).finfo(x.dtype), end)) ** 0.45 for end in ("tiny", "max")
    )
    if away and not least < away < most:
        raise DataError(
            f"{name} is out of the range whose squares are numbers of {x.dtype}.",
            got=away,
            hint=f"{name} / abs({name}).max(): the scale does not matter to sigma='median'",
        )


def symmetric_eigenvalues(matrix: Any) -> Any:
    """All eigenvalues of a symmetric matrix, ascending; the matrix is overwritten."""
    if is_tensor(matrix):
        return namespace(matrix).linalg.eigvalsh(matrix)
    if len(matrix) > DOUBLE and matrix.flags.writeable:
        return banded.eigenvalues(matrix)
    # the transpose of a C matrix is a Fortran one: LAPACK works in place
    return eigvalsh(matrix.T, overwrite_a=True, check_finite=False, driver="evd")


def squared_singular_values(x: Any) -> Any:
    """Eigenvalues of the products of rows that are not zero by shape, ascending."""
    if is_tensor(x):
        return namespace(x).linalg.svdvals(x).flip(0) ** 2
    return svdvals(x, check_finite=False)[::-1] ** 2
