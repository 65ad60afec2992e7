"""MIST: mutual information by a network that was trained once, on many laws whose truth is known.

One forward pass gives quantiles: the median is the value, and calibrated quantiles are intervals.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from infometric.amortised.arrangement import arrangement
from infometric.amortised.columns import like_fitted, refuse_weights, sample_of, two_variables
from infometric.amortised.reading import QUERIES, TAIL, AmortisedInformation, Reader, median_of
from infometric.amortised.redundancy import most_information, needed
from infometric.amortised.weights import Weights, weights_of
from infometric.base import UNCERTAINTY, UNITS, Estimator, table_meta
from infometric.estimators.continuous import without_weights
from infometric.exceptions import DataError, InvalidParameterError, MergeError
from infometric.functional.portrait import normal_scores, portrait
from infometric.inference import STRATEGIES, check_level, infer
from infometric.result import NATS_PER, ResultTable
from infometric.state.arrays import is_tensor, like, namespace, to_numpy
from infometric.state.sample import Sample
from infometric.typing import RNG, Array
from infometric.validation import Constraint, Having, OneOf, check_parameters, repeated


class Strategies(OneOf):
    """Constraint: a strategy by name; others than those here are refused with their reason."""

    def __str__(self) -> str:
        return "one of 'auto', 'learned', 'subsampling', 'permutation', 'none'"


class MIST(Estimator):
    """Mutual information of two continuous variables, of one to 32 columns each, by one pass.

    A network was trained on samples of many laws with known information. It reads classical
    estimates and other numbers of a sample, all of ranks, and answers with quantiles. Nothing is
    fitted to the rows: ``fit`` keeps them, and ``estimate`` reads them.

    Parameters
    ----------
    weights : None, path or Weights
        None are those of the package; else a folder that `save` wrote.
    units : {"nats", "bits", "bans"}
        Units of the result.
    uncertainty : str or Uncertainty
        "auto" is "learned": the calibrated quantiles.

    Attributes
    ----------
    state_ : Sample
        Rows.
    n_features_in_, feature_names_in_
        Columns of X.

    Notes
    -----
    The value does not change with the order of rows or columns, with the exchange of x and y, nor
    with a strictly monotone map of any column, to the last bit.

    - From 10 rows on. Of more than 10,000 the mean of the quantiles of random disjoint parts, ten
      at most, is reported: the interval is then that of a part, wider than it need be.
    - Constant columns are left out; where all of a variable are, the information is zero, and there
      is no interval. So are columns whose ranks are those of another of the same variable, forwards
      or backwards, and those whose normal scores are linear functions of the others': they say
      nothing more. Columns nearer to such functions than any of training stay, and count as out of
      support.
    - Of a single column a side a value near log n, more than which n rows cannot tell, is not
      marked reliable.
    - No quantile exceeds the entropy of a variable that is discrete (fewer distinct rows than one
      in five): of the plug-in, with its bias and two standard errors.
    - Ties are allowed (average ranks); ``diagnostics["ties"]`` is their share.
    - Where a sample is unlike all of training, ``diagnostics["out_of_support"]`` is true, the
      interval is widened to hold a classical estimate too, the anchor, and the result is not
      marked reliable.

    ``diagnostics`` are in nats: ``quantiles``, ``anchor`` with ``anchor_name``, and ``classical``,
    all the estimates that it is blended of. Beside them ``reliable`` with ``reasons``,
    ``out_of_support`` with ``out_of_support_reasons``, ``ties``, ``constant_columns``,
    ``redundant_columns`` and ``parts``. Whether a column is a linear function of the other
    variable's is looked up in the values as they are: of what is not marked reliable for that
    alone a monotone map may be.

    References
    ----------
    Gritsai, G., et al. (2025). MIST: Mutual Information Via Supervised Training. arXiv:2511.18945
    Romano, Y., Patterson, E., Candès, E. (2019). Conformalized quantile regression.
    arXiv:1905.03222

    Examples
    --------
    >>> import numpy as np
    >>> from infometric import MIST
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(400, 2))
    >>> y = 0.8 * x + 0.6 * rng.normal(size=(400, 2))  # 1.02 nats
    >>> r = MIST().fit(x, y).estimate()
    >>> bool(r.ci.low < 1.02 < r.ci.high)
    True
    >>> MIST().fit(np.exp(x), -y[:, ::-1]).estimate().value == r.value
    True
    """

    _constraints: ClassVar[dict[str, tuple[Constraint, ...]]] = {
        "weights": (
            OneOf((None,)),
            Having(str | os.PathLike | Weights, "a folder that save wrote"),
        ),
        "units": UNITS,
        "uncertainty": (Strategies(("auto", *STRATEGIES)), *UNCERTAINTY[1:]),
    }
    _expected_failures: ClassVar[dict[str, str]] = without_weights(
        "the network was trained on rows that count alike, and weights are refused"
    )

    def __init__(
        self, *, weights: Any = None, units: str = "nats", uncertainty: Any = "auto"
    ) -> None:
        super().__init__(units=units, uncertainty=uncertainty)
        self.weights = weights

    def _functional(self) -> AmortisedInformation:
        return AmortisedInformation(self._reader())

    def _reader(self) -> Reader:
        given, reader = getattr(self, "_kept_reader", (self, None))
        if reader is None or given is not self.weights:
            reader = Reader(weights_of(self.weights))
            self._kept_reader = self.weights, reader
        found: Reader = reader
        return found

    # -- rows -------------------------------------------------------------------------------

    def _learn(self, X: Any, y: Any, sample_weight: Any) -> dict[str, Any]:
        refuse_weights(type(self).__name__, sample_weight)
        first, second = two_variables(type(self).__name__, X, y)
        return {
            "state_": self._checked(sample_of(first, second)),
            "n_features_in_": len(first),
            "feature_names_in_": np.array(list(first), dtype=object),
            "target_names_in_": np.array(list(second), dtype=object),
        }

    def _count(self, X: Any, y: Any, sample_weight: Any) -> Sample:
        name = type(self).__name__
        refuse_weights(name, sample_weight)
        first, second = two_variables(name, X, y)
        first = like_fitted(name, "X", first, self.feature_names_in_.tolist())
        second = like_fitted(name, "y", second, self.target_names_in_.tolist())
        return sample_of(first, second)

    def _count_new(self, X: Any, y: Any, sample_weight: Any) -> Sample:
        return self._checked(self._count(X, y, sample_weight))

    def merge(self, other: Self) -> Self:
        """Join the rows that another fit saw.

        Raises
        ------
        MergeError
            Where columns, weights or units differ.
        """
        if type(other) is type(self):
            if self.units != other.units:
                raise MergeError(
                    "The two report in other units.",
                    got=(self.units, other.units),
                    hint=f"other.set_params(units={self.units!r})",
                )
            mine, theirs = self._reader().weights, other._reader().weights
            if not mine.same(theirs):
                raise MergeError(
                    "The two have other weights: the rows would be read by one network alone.",
                    got=(mine, theirs),
                    hint="fit the other part with the same weights",
                )
        return super().merge(other)

    def _infer(self, state: Any, strategy: Any, level: float, rng: RNG) -> Any:
        named = {"uncertainty": strategy}
        check_parameters(
            type(self).__name__, named, {"uncertainty": self._constraints["uncertainty"]}
        )
        return super()._infer(state, strategy, level, rng)

    def _checked(self, state: Sample) -> Sample:
        self._functional().check(state)
        return state

    # -- quantiles, many pairs, gradients -------------------------------------------------------

    def quantile(self, q: Any, X: Any = None, y: Any = None) -> Any:
        """Calibrated quantiles of the mutual information.

        Parameters
        ----------
        q : float or array-like
            Levels from .01 to .99.
        X, y : array-like, frame or path, optional
            New rows; those of `fit` by default.

        Returns
        -------
        float or ndarray
            In `units`.

        Raises
        ------
        InvalidParameterError
            Where a level is outside.

        Examples
        --------
        >>> import numpy as np
        >>> from infometric import MIST
        >>> x, noise = np.random.default_rng(0).normal(size=(2, 100))
        >>> fitted = MIST().fit(x, x + noise)
        >>> float(fitted.quantile(0.5)) == fitted.estimate().value
        True
        """
        check_is_fitted(self, "state_")
        self._check()
        levels = _levels(q)
        state = self._state_for(X, y)
        found = self._functional().reading(state).at(levels) * (1.0 / NATS_PER[self.units])
        return float(found) if found.ndim == 0 else found

    def estimate_pairs(
        self, pairs: Mapping[str, Any] | Sequence[Any], *, level: float = 0.95
    ) -> ResultTable:
        """Estimates of many pairs, each read on its own: the others change nothing of it.

        Parameters
        ----------
        pairs : sequence or mapping of (x, y)
            Pairs, in a sequence or by name; each as in `fit`. Nothing need have been fitted.
        level : float
            Nominal coverage of each interval.

        Returns
        -------
        ResultTable
            One result a pair; of a sequence by its number.

        Raises
        ------
        DataError
            Where there is no pair, two have one name, or one is bad: the message names it.

        Examples
        --------
        >>> import numpy as np
        >>> from infometric import MIST
        >>> x, y, z = np.random.default_rng(0).normal(size=(3, 50))
        >>> sorted(MIST().estimate_pairs({"x, y": (x, y), "x, z": (x, z)}))
        ['x, y', 'x, z']
        """
        self._check()
        check_level(level)
        functional = self._functional()
        states = {name: self._state_of(name, pair) for name, pair in _named(pairs)}
        return ResultTable(
            {
                name: infer(
                    functional, s, self.uncertainty, level=level, units=self.units, column=name
                )
                for name, s in states.items()
            },
            meta=table_meta(self),
        )

    def _state_of(self, name: str, pair: Any) -> Sample:
        try:
            x, y = pair
            if isinstance(pair, str):
                raise TypeError(pair)
        except (TypeError, ValueError) as error:
            raise DataError(
                f"Pair {name}: two variables are wanted.",
                got=type(pair).__name__,
                hint="estimate_pairs([(x, y), (x, z)])",
            ) from error
        try:
            return self._checked(sample_of(*two_variables(type(self).__name__, x, y)))
        except DataError as error:
            raise DataError(f"Pair {name}: {error.what}", got=error.got, hint=error.hint) from error

    def value(self, X: Any, y: Any) -> Any:
        """Median as a tensor of torch, through which gradients flow.

        Ranks have no derivative; that of a score is the slope of the line between values some ranks
        below and above, and counts of neighbours are softened in the derivative alone. A step along
        it raises the information on average, not each time.

        Parameters
        ----------
        X, y : tensor of shape (n_rows, n_columns), (n_rows,) or (n_tasks, n_rows, n_columns)
            Ten to 10,000 rows of numbers, on one device.

        Returns
        -------
        tensor of shape () or (n_tasks,)
            In `units`, on the device of X and of the higher precision of both: the value of
            ``estimate``, up to the rounding of single precision, in which samples are read (more
            where y is x but for less). Columns that are left out there (constant, copies, linear
            functions of the others) have gradients of zero, and so has
            a value that meets the entropy of a discrete variable.

        Raises
        ------
        DataError
            Where they are no such tensors, or of half precision, or there is no task.
        """
        self._check()
        x, other = _tensors(X, y)
        single = x.ndim == 2
        x, other = (v[None] if v.ndim == 2 else v for v in (x, other))
        if x.shape[:2] != other.shape[:2]:
            raise DataError(
                "X and y must have the same rows.",
                got={"X": tuple(x.shape), "y": tuple(other.shape)},
                hint="value(x[:n], y[:n])",
            )
        _check_shape(x, other)
        found = self._medians(normal_scores(x), normal_scores(other)) / NATS_PER[self.units]
        return found[0] if single else found

    def _medians(self, x: Any, y: Any) -> Any:
        """Medians of tasks of scores: together where all columns are needed, else one by one."""
        xp = namespace(x)
        plain = [tuple(to_numpy(v[i]) for v in (x, y)) for i in range(len(x))]
        kept = [needed(*pair)[0] for pair in plain]
        if len(x) > 1 and not all(k.all() for pair in kept for k in pair):
            return xp.cat([self._medians(x[i : i + 1], y[i : i + 1]) for i in range(len(x))])
        a, b = (v[..., np.flatnonzero(k)] for v, k in zip((x, y), kept[0], strict=True))
        if not (a.shape[-1] and b.shape[-1]):
            return (x * 0.0).sum((-1, -2)) + (y * 0.0).sum((-1, -2))
        chosen = [
            tuple(v[:, k] for v, k in zip(pair, masks, strict=True))
            for pair, masks in zip(plain, kept, strict=True)
        ]
        a, b = _as_read(a, b, chosen)
        median = like(median_of(self._reader().weights, portrait(a, b, queries=QUERIES)), x)
        most = [most_information(*pair) for pair in chosen]
        return xp.minimum(median, like(most, median))

    # -- files ------------------------------------------------------------------------------

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Write the weights to a folder: npz and a card in JSON, never pickle; not the rows.

        Raises
        ------
        OutputError
            Where the folder cannot be written.
        """
        return self._reader().weights.save(folder)

    @classmethod
    def load(cls, folder: str | os.PathLike[str], *, units: str = "nats") -> Self:
        """Estimator with the weights of a folder that `save` wrote.

        Raises
        ------
        SourceError
            Where a file is missing.
        DataError
            Where a file was changed, or is of another version.
        """
        return cls(weights=Weights.load(folder), units=units)

    @classmethod
    def train(
        cls,
        generator: Any,
        *,
        tasks: int = 4000,
        rows: tuple[int, int] = (30, 300),
        columns: tuple[int, int] = (1, 5),
        steps: int = 2000,
        start: Any = "shipped",
        device: str = "cpu",
        progress: Any = False,
        random_state: int = 0,
        units: str = "nats",
    ) -> Self:
        """Estimator trained on laws of your own, from the weights of the package or from scratch.

        Parameters
        ----------
        generator : callable, Family, or a list or mapping of them
            ``generator(batch, n, dx, dy, rng)`` draws tasks, each with parameters of its own, and
            returns tensors x (batch, n, dx), y (batch, n, dy) and their true information, nats, of
            shape (batch,), or one number for all tasks of the batch; `rng` is a torch.Generator.
            Families are those of `infometric.amortised.families`, or of their form.
        tasks : int
            Tasks to draw; seven in ten train, the others calibrate and examine.
        rows, columns : (int, int)
            Numbers of rows and of columns of the tasks, log-uniform within.
        steps : int
            Steps of the optimiser.
        start : "shipped", None, path or Weights
            Weights to go on from; None begins with random ones.
        device : str
            Where tasks are drawn.
        progress : bool or callable
            A bar, or a function told (done, total).
        random_state : int
            Seed of tasks, weights and order: the same gives the same.
        units : {"nats", "bits", "bans"}
            Units of the results.

        Returns
        -------
        MIST
            With weights of its own: `save` keeps them, `card` says how they did on tasks that were
            held out. The intervals are for tasks from the same generators.

        Raises
        ------
        InvalidParameterError
            Where the generator or a parameter is none.
        UnsupportedError
            Where this machine does not have the device.
        DataError
            Where the generator draws other shapes, constants, or numbers that are not finite.
        MissingExtraError
            Where torch is not installed.
        """
        from infometric.neural.estimator import require_torch

        require_torch()
        from infometric.amortised.tuning import Course, trained
        from infometric.sources.progress import followed

        check_parameters("MIST.train", {"units": units}, {"units": UNITS})
        course = Course(tasks, rows, columns, steps, random_state, device)
        first = _start(start)
        with followed(progress, "drawing tasks and training"):
            return cls(weights=trained(generator, course, first), units=units)

    @property
    def card(self) -> dict[str, Any]:
        """What the weights are: data, seed, metrics; a copy."""
        return copy.deepcopy(dict(self._reader().weights.card))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags


def _start(start: Any) -> Weights | None:
    """Weights to go on from; None for random ones."""
    if start is None:
        return None
    if not isinstance(start, str | os.PathLike | Weights):
        raise InvalidParameterError(
            "The 'start' parameter of MIST.train must be 'shipped', None, or weights: a folder "
            "that save wrote.",
            got=start,
            hint="start='shipped'",
        )
    return weights_of(None if isinstance(start, str) and start == "shipped" else start)


def _named(pairs: Any) -> list[tuple[str, Any]]:
    """Pairs by name: by their own, or by their number."""
    if isinstance(pairs, Mapping):
        found = [(str(name), pair) for name, pair in pairs.items()]
    elif isinstance(pairs, Sequence | Iterator) and not isinstance(pairs, str | bytes):
        found = [(str(i), pair) for i, pair in enumerate(pairs)]
    else:
        raise DataError(
            "Pairs are a list of (x, y), or a mapping of names to them.",
            got=pairs if pairs is None else type(pairs).__name__,
            hint="estimate_pairs([(x, y), (x, z)])",
        )
    if not found:
        raise DataError("There are no pairs.", got=0, hint="estimate_pairs([(x, y)])")
    if twice := repeated([name for name, _ in found]):
        raise DataError(
            "Two pairs have one name: names are texts.", got=twice, hint="rename one of them"
        )
    return found


def _levels(q: Any) -> Array:
    try:
        found = np.asarray(q, dtype=float)
        fine = found.size > 0 and bool(((found >= TAIL) & (found <= 1 - TAIL)).all())
    except (TypeError, ValueError):
        fine = False
    if not fine:
        raise InvalidParameterError(
            f"Quantiles were learned for levels from {TAIL:g} to {1 - TAIL:g}.",
            got=q,
            hint="quantile([0.05, 0.5, 0.95])",
        )
    return found


def _as_read(x: Any, y: Any, scores: list[tuple[Array, Array]]) -> tuple[Any, Any]:
    """Tasks with rows, columns and signs as the estimate arranges them, and in its precision."""
    orders = [arrangement(*pair)._replace(swapped=False) for pair in scores]
    found = [order.of(u, v) for order, u, v in zip(orders, x, y, strict=True)]
    xp = namespace(x)
    return tuple(xp.stack(part).float() for part in zip(*found, strict=True))  # type: ignore[return-value]


def _tensors(X: Any, y: Any) -> tuple[Any, Any]:
    """Both variables, of one precision."""
    x, other = (_tensor(v, name) for v, name in ((X, "X"), (y, "y")))
    if x.device != other.device:
        raise DataError(
            "X and y are on two devices.",
            got={"X": str(x.device), "y": str(other.device)},
            hint="value(x, y.to(x.device))",
        )
    higher = namespace(x).promote_types(x.dtype, other.dtype)
    return x.to(higher), other.to(higher)


def _tensor(v: Any, name: str) -> Any:
    if not is_tensor(v) or not v.is_floating_point() or v.ndim not in (1, 2, 3):
        raise DataError(
            f"{name} must be a tensor of floating point numbers, of one, two or three axes.",
            got=type(v).__name__ if not is_tensor(v) else (str(v.dtype), tuple(v.shape)),
            hint="value(torch.as_tensor(x), torch.as_tensor(y)), or fit(x, y).estimate()",
        )
    if v.element_size() < 4:
        raise DataError(
            f"{name} is of half precision, in which ranks are coarse and distances overflow.",
            got=str(v.dtype),
            hint=f"value with {name}.float()",
        )
    if v.is_meta or str(v.layout) != "torch.strided":
        raise DataError(
            f"{name} is a tensor without numbers of its own, or a sparse one.",
            got=(str(v.device), str(v.layout)),
            hint=f"value with {name}.to_dense(), on a device that holds it",
        )
    v = v[:, None] if v.ndim == 1 else v
    if not v.numel():
        raise DataError(
            f"{name} holds nothing.",
            got=tuple(v.shape),
            hint="ten rows, one column and one task at least",
        )
    if not bool(v.detach().isfinite().all()):
        raise DataError(
            f"{name} contains NaN or infinity, which have no rank.",
            hint=f"keep = torch.isfinite({name}).all(dim=-1)",
        )
    return v


def _check_shape(x: Any, y: Any) -> None:
    """As the functional checks a sample, and no more rows than one pass takes."""
    from infometric.amortised.reading import MOST

    functional = AmortisedInformation()
    for task in zip(to_numpy(x), to_numpy(y), strict=True):
        functional.check(Sample((task,), ("continuous", "continuous")))
    if x.shape[1] > MOST:
        raise DataError(
            f"One pass takes {MOST:,} rows.",
            got={"rows": x.shape[1]},
            hint=f"batches: value(x[:{MOST}], y[:{MOST}])",
        )


__all__ = ["MIST"]
