"""TrainingProbe: spectral information of the layers of a model while it is trained."""

from __future__ import annotations

import math
import os
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from sklearn.base import clone
from threadpoolctl import threadpool_limits

from infometric import hooks
from infometric._version import __version__
from infometric.base import UNCERTAINTY, UNITS, Estimator
from infometric.estimators import DiffusionSpectralEntropy, DiffusionSpectralMI, RankMe
from infometric.estimators.spectral import CLASSES, REPRESENTATION, SIGMA, second_variable
from infometric.exceptions import (
    DataError,
    InfometricWarning,
    InvalidParameterError,
    OutputError,
    ReliabilityWarning,
    UnsupportedError,
)
from infometric.files import check_writable
from infometric.history import TrainingHistory
from infometric.hooks import (
    Call,
    Pool,
    activations,
    arrays,
    as_numpy,
    as_tensors,
    call_model,
    check_layers,
    count_rows,
    layer_names,
    numbers,
    pooled,
    refuse_unhooked,
    unbuilt,
    unwrapped,
)
from infometric.inference import check_level, generator_of
from infometric.result import ConfidenceInterval, Result
from infometric.state.arrays import is_tensor
from infometric.state.sample import Kind
from infometric.typing import RNG, Array
from infometric.validation import Constraint, Having, OneOf, Span, check_parameters

LEAST = 3  # rows of which a spectrum says something
CONSTRAINTS: dict[str, tuple[Constraint, ...]] = {
    "every": (Span(Integral, 1),),
    "max_rows": (Span(Integral, LEAST), OneOf((None,))),
    "pool": (
        OneOf(("flatten", "mean")),
        Span(Integral),
        Having(tuple, "a tuple of axes"),
        Having("__call__", "a function of an output"),
    ),
    "call": (OneOf((None,)), Having("__call__", "a function call(model, batch)")),
    "save": (OneOf((None,)), Having(str | os.PathLike, "the path of a file")),
    "rehearse": (OneOf((True, False)),),
    "batch_size": (Span(Integral, 1),),
    "sigma": SIGMA,
    "t": (Span(Real, 0, closed="neither"),),
    "alpha": (Span(Real, 0, 1),),
    "uncertainty": UNCERTAINTY,
    "test": (OneOf((False, True)),),
    "units": UNITS,
}
COLUMNS = 8  # times the number of rows: columns that are turned at once
REHEARSED = 12  # rows on which it is tried whether a strategy serves a measure
MEASURES = ("dse", "dsmi", "dsmi_input", "effective_rank")
NUMBER = re.compile(r"[-+]?\d[\d.,]*(e[-+]?\d+)?")  # what a trouble of one kind may differ in
NO_NUMBERS = "Activations must hold numbers, one row for each example."
NEEDS_A_TARGET = (
    "The measure compares activations with a target, and there is none.",
    "TrainingProbe(model, layers, X, y), or measures=('dse', 'effective_rank')",
)


class TrainingProbe:
    """Follow spectral entropy, information and effective rank of layers over training.

    Parameters
    ----------
    model : torch.nn.Module, optional
        The model that is trained; none where activations come through `record`.
    layers : sequence of str, or str
        Names of layers as in ``model.named_modules()``.
    X : array, tensor, or a tuple or dict of them, optional
        Examples that the model is shown: its argument, its arguments, or its named arguments.
    y : array-like of shape (n_examples,) or (n_examples, n_columns), optional
        Classes, numbers or another representation, for what the layers tell of them.
    measures : sequence of str, or mapping of str to Estimator, optional
        Of "dse" (diffusion spectral entropy), "dsmi" (spectral information about y), "dsmi_input"
        (about X) and "effective_rank"; or estimators by the names that they shall have. By default
        all but "dsmi_input", and "dsmi" only with a y.
    every : int
        Measure at every so many calls of `step`.
    max_rows : int or None
        Examples that are looked at: a fixed sample, with the shares of the classes of y.
    pool : {"flatten", "mean"}, int, tuple of int, or callable
        What is made of outputs with more than two axes. The mean is over the second of three axes
        (tokens, padding among them), and over all after the second of four and more (places of an
        image). Numbers name the axes of the mean: 2 for ``Conv1d``, (1, 2) where channels are
        last, 0 where tokens come first. A function takes the output of a batch and returns one
        row for each example.
    batch_size : int
        Examples of one forward pass.
    sigma, t, alpha
        As of `DiffusionSpectralEntropy`.
    level : float
        Nominal coverage of the intervals.
    uncertainty : str or Uncertainty
        Strategy of the intervals, by default that of each estimator; "none" measures values alone,
        many times faster.
    test : bool
        Whether "dsmi" gets the p-value of a permutation test beside its interval.
    units : {"nats", "bits", "bans"}
        Units of entropies.
    call : callable, optional
        ``call(model, batch)``, where the forward pass is not ``model(batch)``.
    save : str or path-like, optional
        JSON file that is written anew after each measurement.
    rehearse : bool
        Whether the model is shown three examples, and two, when the probe is made, so that what
        can never be measured is refused at once. Left out where layers have no weights yet.
    rng : int, Generator or None
        Source of randomness of the sample and of resampling; both stay the same at every step.

    Attributes
    ----------
    history : TrainingHistory
        All results so far.

    Notes
    -----
    Hooks are attached for the probe's own forward pass alone: training passes cost nothing more.
    That pass runs in evaluation mode without gradients; modes, gradients, buffers (counters,
    running means) and the random numbers of torch, numpy and Python are then as they were. Of a
    layer that is called several times in a pass the last call counts, of an output with several
    tensors the first tensor. The wrapper of a model on several devices is passed by. A call of
    `step` or `measure` from within that pass (a hook of one's own) does nothing.

    A layer that cannot be measured (NaN, say, or a pool that fails) gets a record without a value,
    with the reason, and a warning; training goes on, and so it does where `save` cannot be written
    any more. An exception of the model itself is not held back.

    References
    ----------
    Liao, D. et al. (2023). Assessing neural network representations during training using
    noise-resilient diffusion spectral entropy. arXiv:2312.04823

    Examples
    --------
    >>> import infometric as im
    >>> import numpy as np
    >>> y = np.repeat([0, 1], 20)
    >>> probe = im.TrainingProbe(y=y, measures=["dsmi"], units="bits", rng=0)
    >>> noise = np.random.default_rng(0).normal(size=(40, 2))
    >>> for step, gap in ((0, 0), (100, 6)):
    ...     probe.record(step, "hidden", noise + gap * y[:, None])
    >>> [round(r.value, 1) for r in probe.history.of("hidden", "dsmi").values()]
    [0.1, 0.8]
    """

    def __init__(
        self,
        model: Any = None,
        layers: Sequence[str] | str = (),
        X: Any = None,
        y: Any = None,
        *,
        measures: Sequence[str] | Mapping[str, Estimator] | None = None,
        every: int = 100,
        max_rows: int | None = 1000,
        pool: Pool = "flatten",
        batch_size: int = 256,
        sigma: Any = "median",
        t: float = 1.0,
        alpha: float = 0.0,
        level: float = 0.95,
        uncertainty: Any = "auto",
        test: bool = False,
        units: str = "nats",
        call: Call | None = None,
        save: str | os.PathLike[str] | None = None,
        rehearse: bool = True,
        rng: RNG = 0,
    ) -> None:
        given = {
            "every": every, "max_rows": max_rows, "pool": pool, "batch_size": batch_size,
            "sigma": sigma, "t": t, "alpha": alpha, "uncertainty": uncertainty, "test": test,
            "units": units,
        }  # fmt: skip
        also = {"call": call, "save": save, "rehearse": rehearse}
        check_parameters("TrainingProbe", given | also, CONSTRAINTS)
        check_axes(pool)
        check_level(level)
        check_writable(save)
        self.every, self.max_rows, self.pool = int(every), max_rows, pool
        self.batch_size, self.call, self.save = int(batch_size), call or call_model, save
        self.level, self.uncertainty, self.test = level, uncertainty, test
        generator = generator_of(rng)
        self._seeds = generator.integers(2**32, size=2).tolist()
        self._steps, self._warned, self._busy = 0, set[tuple[str, ...]](), False
        X = None if X is None else arrays(X)
        self._target(X, y)
        self._attach(model, layer_names(layers), X)
        chosen = _default_measures(y) if measures is None else measures
        self.estimators = _estimators(
            chosen, {"sigma": sigma, "t": float(t), "alpha": alpha, "units": units}
        )
        self._own = frozenset() if isinstance(chosen, Mapping) else frozenset(self.estimators)
        self._try_measures()
        if rehearse:
            self._try_model()
        kept = {**given, "level": level, "measures": list(self.estimators)}
        plain = str | int | float | None
        self.history = TrainingHistory(
            meta={
                "infometric": __version__,
                "parameters": {
                    k: list(v)
                    if isinstance(v, tuple)
                    else v
                    if isinstance(v, plain | list)
                    else type(v).__name__
                    for k, v in kept.items()
                },
            }
        )

    # -- set-up -----------------------------------------------------------------------------

    def _target(self, X: Any, y: Any) -> None:
        """Rows that are looked at, the same for ever, and what is known of them."""
        counts = set() if X is None else {count_rows(X)}
        target, kind = (None, "continuous") if y is None else _second(y)
        if target is not None:
            counts.add(len(target))
        if len(counts) > 1:
            raise DataError(
                "X and y must be of the same examples.",
                got={"rows": sorted(counts)},
                hint="TrainingProbe(model, layers, X, y) with len(X) == len(y)",
            )
        self._n: int | None = counts.pop() if counts else None
        if self._n is not None and self._n < LEAST:
            raise DataError(
                f"A probe needs at least {LEAST} examples.",
                got={"rows": self._n},
                hint="a few hundred examples that the model is shown",
            )
        classes = None if target is None or kind == "continuous" else target[:, 0]
        self.rows = None if self._n is None else self._sample(self._n, classes)
        self._kind: Kind = "discrete" if kind == "discrete" else "continuous"
        self._y = None if target is None or self.rows is None else target[self.rows]
        self._x = None
        if self.rows is not None and X is not None and not isinstance(X, Mapping | tuple):
            shown = as_numpy(X)[self.rows]
            self._x = shown.reshape(len(shown), -1)

    def _sample(self, n: int, classes: Array | None) -> Array:
        most = n if self.max_rows is None else min(self.max_rows, n)
        return stratified(n, most, classes, np.random.default_rng(self._seeds[0]))

    def _attach(self, model: Any, layers: list[str], X: Any) -> None:
        self._model, self._layers, self._inputs = None, layers, None
        if model is None:
            return
        base = unwrapped(model)
        check_layers(base, layers)
        refuse_unhooked(base, layers)
        if X is None or self.rows is None:
            raise DataError(
                "The probe needs examples to show to the model.",
                got=X,
                hint="TrainingProbe(model, layers, X, y)",
            )
        self._model, self._inputs = model, as_tensors(X, self.rows)

    def _try_model(self) -> None:
        """Error now for a forward pass or an output that no step of training could measure."""
        if self._model is None:
            return
        base = unwrapped(self._model)
        if unbuilt(base):  # the first batch of training must build it, not this one
            return
        with self._alone():
            hooks.rehearse(
                base,
                self._layers,
                self._inputs,
                pool=self.pool,
                batch_size=self.batch_size,
                call=self.call,
            )

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """The probe's own pass, in which hooks of others must not set off another."""
        self._busy = True
        try:
            yield
        finally:
            self._busy = False

    def _try_measures(self) -> None:
        """Error now, on noise, for what no measurement of a long training could give."""
        n = len(self.rows) if self.rows is not None else REHEARSED
        noise = np.random.default_rng(0).normal(size=(n, 2))
        for name, estimator in self.estimators.items():
            if _compares(estimator) and self._target_of(name) is None:
                what, hint = NEEDS_A_TARGET
                raise DataError(what, got={"measure": name, "y": None}, hint=hint)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                if name in self._own:  # what is wrong with y is wrong at every step
                    with self._telling_of_max_rows():
                        self._fit(name, estimator, noise)
                with suppress_all_but(UnsupportedError):
                    self._result(self._fit(name, estimator, noise, REHEARSED))

    @contextmanager
    def _telling_of_max_rows(self) -> Iterator[None]:
        """Errors about y name max_rows where it leaves too few rows of each class."""
        try:
            yield
        except DataError as error:
            if self.rows is None or self._y is None or len(self.rows) == self._n:
                raise
            classes = len(np.unique(self._y)) if self._kind == "discrete" else 0
            raise DataError(
                f"{error.what} max_rows={self.max_rows} leaves {len(self.rows)} of {self._n} rows.",
                got={"rows": len(self.rows), "classes": classes},
                hint=f"max_rows={min(self._n or 0, max(1000, 20 * classes))}, so that each class "
                "has several rows",
            ) from error

    def _target_of(self, name: str) -> Array | None:
        return self._x if name == "dsmi_input" else self._y

    def _fit(self, name: str, estimator: Estimator, rows: Array, most: int | None = None) -> Any:
        """Estimator fitted to rows and their target; `most` takes the first of them."""
        fresh, target = clone(estimator), self._target_of(name)
        if name != "dsmi_input" and fresh.get_params(deep=False).get("target") == "auto":
            fresh.set_params(target=CLASSES if self._kind == "discrete" else REPRESENTATION)
        if not _compares(estimator) or target is None:
            return fresh.fit(rows[:most])
        return fresh.fit(rows[:most], target[:most])

    # -- measuring --------------------------------------------------------------------------

    def step(self) -> bool:
        """Count one step of training, and measure where its turn has come.

        To be called once after each step of the optimizer.

        Returns
        -------
        bool
            Whether it was measured; never after `remove`.
        """
        if self._busy:
            return False
        self._steps += 1
        if self._model is None or self._steps % self.every:
            return False
        self.measure()
        return True

    def measure(self, step: int | None = None) -> None:
        """Show the model its examples, and measure all layers.

        Parameters
        ----------
        step : int, optional
            Number under which results are kept; the calls of `step` so far by default.

        Raises
        ------
        UnsupportedError
            Where the probe has no model (any more), or layers have no weights yet.
        """
        if self._model is None:
            raise UnsupportedError(
                "This probe has no model, or was removed from it.",
                got=None,
                hint="TrainingProbe(model, layers, X, y), or probe.record(step, layer, rows)",
            )
        at = self._steps if step is None else whole(step)
        if self._busy:
            return
        with self._alone():
            found = activations(
                unwrapped(self._model),
                self._layers,
                self._inputs,
                pool=self.pool,
                batch_size=self.batch_size,
                call=self.call,
            )
        for layer, seen in found.items():
            self._measure_layer(at, layer, seen.rows, self._y, seen.reason)
        self._write()

    def record(self, step: int, layer: str, activations: Any) -> None:
        """Measure activations that come from elsewhere.

        Parameters
        ----------
        step : int
            Step of training.
        layer : str
            Name of the layer.
        activations : array or tensor of shape (n_examples, ...)
            Of the examples of X and y, or of those that the probe looks at (``probe.rows``).

        Raises
        ------
        DataError
            Where there is not one row for each example, or no numbers.
        """
        step = whole(step)
        given = activations if is_tensor(activations) else numbers(activations, NO_NUMBERS)
        try:
            rows = as_numpy(pooled(given, self.pool))
        except Exception as error:  # of the pool: no reason to end a training run
            self._measure_layer(step, layer, None, self._y, f"pool fails: {told(error)}")
            self._write()
            return
        if rows.ndim != 2 or len(rows) != len(given):
            raise DataError(
                "Activations must have one row for each example.",
                got={"shape": tuple(rows.shape)},
                hint="probe.record(step, layer, activations.reshape(n_examples, -1))",
            )
        n = len(rows)
        if self.rows is None:
            rows = rows[self._sample(n, None)]
        elif n == self._n:
            rows = rows[self.rows]
        elif n != len(self.rows):
            raise DataError(
                "Activations must have a row for each example.",
                got={"rows": n, "examples": self._n},
                hint="probe.record(step, layer, activations[probe.rows])",
            )
        self._measure_layer(step, layer, rows, self._y, "")
        self._write()

    def _measure_layer(
        self, step: int, layer: str, rows: Array | None, y: Array | None, reason: str
    ) -> None:
        turned, why = None, reason or unfit(rows)
        if not why and rows is not None:
            try:
                turned = fewer_columns(rows)
            except Exception as error:
                why = told(error)
        for name, estimator in self.estimators.items():
            result = None
            if turned is not None and rows is not None:
                result, why = self._estimate(layer, name, estimator, rows, turned)
            if result is None:
                self._warn(ReliabilityWarning, layer, name, f"no value at step {step}: {why}")
                result = without_value(name, why, 0 if rows is None else len(rows), self.level)
            self.history.add(step, layer, name, result)

    def _estimate(
        self, layer: str, name: str, estimator: Estimator, rows: Array, turned: Array
    ) -> tuple[Result | None, str]:
        """Result of one measure, or none and the reason: a probe must not end a training run."""
        data = turned if name in self._own else rows
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always")
            try:  # many small matrices: threads would wait for one another more than they work
                with threadpool_limits(1, user_api="blas"):
                    result = self._result(self._fit(name, estimator, data))
            except Exception as error:
                return None, told(error)
        for w in heard:
            if issubclass(w.category, InfometricWarning):
                self._warn(w.category, layer, name, str(w.message))
        return replace(result, replicates=None), ""

    def _result(self, fitted: Estimator) -> Result:
        seed = self._seeds[1]
        own = None if self.uncertainty == "auto" else self.uncertainty  # that of the estimator
        result: Result = fitted.estimate(level=self.level, uncertainty=own, rng=seed)
        if self.test and _compares(fitted):
            tested = fitted.test(rng=seed)
            method = f"{result.method}, {tested.method}"
            result = replace(result, pvalue=tested.pvalue, method=method)
        return result

    def _warn(self, category: type[Warning], layer: str, measure: str, text: str) -> None:
        """Warn once of a layer, a measure and a kind of trouble: training is long."""
        key = (layer, measure, category.__name__, NUMBER.sub("", text))
        if key not in self._warned:
            self._warned.add(key)
            warnings.warn(f"{layer}, {measure}: {text}", category, stacklevel=5)

    def _write(self) -> None:
        if self.save is None:
            return
        try:
            self.history.to_json(self.save)
        except (OutputError, OSError) as error:  # a folder that is gone, a disk that is full
            text = f"{getattr(error, 'what', error)} Results are kept in probe.history."
            self._warn(ReliabilityWarning, "save", "history", text)

    # -- the end ----------------------------------------------------------------------------

    def remove(self) -> None:
        """Let go of the model and the examples; the history stays."""
        self._model = self._inputs = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.remove()

    def __repr__(self) -> str:
        return f"TrainingProbe({len(self._layers)} layers, {self.history!r})"


def _second(y: Any) -> tuple[Array, str]:
    """Rows of a target, and whether they are classes.

    Raises
    ------
    DataError
        Where it is a name, of which a probe has no table.
    """
    if isinstance(y, str):
        raise DataError(
            "y must be the values themselves, one for each example: a probe has no table.",
            got=y,
            hint=f"y=frame[{y!r}]",
        )
    found, kind = second_variable("TrainingProbe", None, y, "auto")
    return as_numpy(found), kind


def _compares(estimator: Estimator) -> bool:
    """Whether a measure is of two variables."""
    return bool(estimator.__sklearn_tags__().target_tags.required)


def _default_measures(y: Any) -> tuple[str, ...]:
    return ("dse", "effective_rank") if y is None else ("dse", "dsmi", "effective_rank")


def _estimators(measures: Any, options: Mapping[str, Any]) -> dict[str, Estimator]:
    """Estimators of the measures by name.

    Raises
    ------
    InvalidParameterError
        Where a name is unknown, or a value is no estimator.
    """
    if isinstance(measures, Mapping) and len(measures):
        for name, value in measures.items():
            if not isinstance(value, Estimator):
                raise InvalidParameterError(
                    f"Measure {name!r} is no estimator.",
                    got=value,
                    hint="measures={'vendi': im.VendiScore()}",
                )
        return dict(measures)
    found: dict[str, Estimator] = {}
    names = measures if isinstance(measures, list | tuple) and len(measures) else [measures]
    for name in names:
        if name not in MEASURES:
            raise InvalidParameterError(
                f"measures must be of {', '.join(map(repr, MEASURES))}.",
                got=name,
                hint="measures=('dse', 'dsmi'), or measures={'vendi': im.VendiScore()}",
            )
        found[name] = _estimator(name, options)
    return found


def _estimator(name: str, options: Mapping[str, Any]) -> Estimator:
    if name == "effective_rank":
        return RankMe()
    if name == "dse":
        return DiffusionSpectralEntropy(**options)
    target = REPRESENTATION if name == "dsmi_input" else "auto"
    return DiffusionSpectralMI(**options, target=target)


def check_axes(pool: Any) -> None:
    """Error for a tuple that holds anything but different axes."""
    if not isinstance(pool, tuple):
        return
    if not pool or len(set(pool)) < len(pool) or not all(map(Span(Integral).holds, pool)):
        raise InvalidParameterError(
            "A tuple given as pool must hold different axes, as whole numbers.",
            got=pool,
            hint="pool=(1, 2) for places of images whose channels are last",
        )


def told(error: Exception) -> str:
    """Kind of an exception and the first line of its message."""
    what = str(getattr(error, "what", None) or error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {what[0][:300]}"


def whole(step: Any) -> int:
    """Number of a step.

    Raises
    ------
    InvalidParameterError
        Where it is no whole number.
    """
    if not Span(Integral).holds(step):
        raise InvalidParameterError(
            "step must be a whole number.", got=step, hint="probe.measure(step=100)"
        )
    return int(step)


@contextmanager
def suppress_all_but(kind: type[Exception]) -> Iterator[None]:
    """Let errors of one kind through, and no others."""
    try:
        yield
    except kind:
        raise
    except Exception:
        return


def stratified(n: int, most: int, classes: Array | None, rng: np.random.Generator) -> Array:
    """Numbers of at most so many rows, ascending; classes keep their shares.

    Examples
    --------
    >>> rows = stratified(9, 3, np.repeat([0, 1, 2], 3), np.random.default_rng(0))
    >>> (rows // 3).tolist()
    [0, 1, 2]
    """
    order = rng.permutation(n)
    if classes is not None:
        codes = np.unique(classes[order], return_inverse=True)[1]
        place = np.empty(n)  # of each row within its class, as a share of the class
        for code in range(codes.max() + 1):
            members = np.flatnonzero(codes == code)
            place[members] = (np.arange(len(members)) + 0.5) / len(members)
        order = order[np.argsort(place, kind="stable")]
    return np.sort(order[:most])


def unfit(rows: Array | None) -> str:
    """Why rows cannot be measured; empty where they can."""
    if rows is None:
        return "no rows"
    if np.iscomplexobj(rows):
        return "activations are complex"
    if rows.shape[1] == 0:
        return "activations have no columns"
    bad = int((~np.isfinite(rows).all(axis=1)).sum())
    return f"{bad} of {len(rows)} rows hold NaN or infinity" if bad else ""


def fewer_columns(rows: Array) -> Array:
    """Rows with the same products and distances, in double precision, of at most n columns."""
    n, d = rows.shape
    if d <= n:
        return np.ascontiguousarray(rows, dtype=float)
    turned = np.empty((0, n))
    for start in range(0, d, COLUMNS * n):  # so that wide rows are never held in double precision
        more = rows[:, start : start + COLUMNS * n].T.astype(float)
        turned = np.asarray(np.linalg.qr(np.vstack([turned, more]), mode="r"))
    return np.ascontiguousarray(turned.T)


def without_value(measure: str, reason: str, n: int, level: float) -> Result:
    """Record of what could not be measured."""
    return Result(
        measure,
        math.nan,
        math.nan,
        ConfidenceInterval(math.nan, math.nan),
        level,
        "nats",
        (n,),
        "none",
        diagnostics={"reason": reason},
        warnings=(reason,),
    )
