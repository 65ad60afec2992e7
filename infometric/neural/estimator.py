r"""NeuralMI: mutual information from a critic that is trained to tell pairs from strangers.

With K folds, the critic that scores a row has never seen it:

.. math:: \hat I = \frac1n \sum_{i=1}^n \psi_i, \qquad
   \mathrm{se} = \mathrm{sd}(\psi) / \sqrt n

with the influence values :math:`\psi` of the bound (`infometric.functional.bounds`).
"""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Callable
from dataclasses import replace
from hashlib import blake2b
from numbers import Integral, Real
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from scipy.special import ndtr
from sklearn.utils.validation import check_is_fitted

from infometric.base import UNCERTAINTY, UNITS, Estimator
from infometric.curves import LearningCurves
from infometric.estimators.continuous import without_weights
from infometric.exceptions import (
    DataError,
    MissingExtraError,
    ReliabilityWarning,
    UnsupportedError,
)
from infometric.functional.base import Caution
from infometric.functional.bounds import BOUNDS
from infometric.functional.learned import LearnedBound
from infometric.neural.data import Pair, flags_of, read_pair, refuse_weights, require_rows, unlike
from infometric.result import ConfidenceInterval, Result
from infometric.sources.progress import followed, tell
from infometric.state.critic import CriticScores
from infometric.typing import RNG, Array
from infometric.validation import Constraint, Having, OneOf, Span

LEAST_PART = 10  # rows of a fold, at least: they are one another's negatives
CRITIC_NAMES = ("separable", "bilinear", "concat", "hybrid", "variational", "gaussian")
CLIP = 5.0  # largest norm of a gradient
_POSITIVE = Span(Real, 0, closed="neither")
_BODY: tuple[Constraint, ...] = (
    Having(Callable, "a torch module or a function that returns one"),  # type: ignore[arg-type]
)
TRAINING: dict[str, tuple[Constraint, ...]] = {
    "critic": (
        OneOf(CRITIC_NAMES),
        Having(Callable, "a torch module or a function of (dx, dy)"),  # type: ignore[arg-type]
    ),
    "anchor": (OneOf(("gaussian", None)),),
    "scaling": (OneOf(("normal", "standard", "none")),),
    "embedding_dim": (Span(Integral, 1),),
    "hidden": (Having(tuple | list, "a sequence of layer widths"),),
    "encoder_x": (OneOf((None,)), *_BODY),
    "encoder_y": (OneOf((None,)), *_BODY),
    "batch_size": (OneOf(("auto",)), Span(Integral, 2)),
    "learning_rate": (_POSITIVE,),
    "weight_decay": (Span(Real, 0),),
    "clip_norm": (OneOf(("auto",)), _POSITIVE),
    "max_epochs": (Span(Integral, 1),),
    "patience": (OneOf((None,)), Span(Integral, 1)),
    "validation": (Span(Real, 0, 0.9, closed="neither"),),
    "split": (OneOf(("random", "blocks")),),
    "compile": (OneOf(("auto", True, False)),),
    "device": (Having(str, "the name of a device"),),
    "progress": (
        OneOf((True, False)),
        Having(Callable, "a function of (done, total)"),  # type: ignore[arg-type]
    ),
    "random_state": (
        OneOf((None,)),
        Span(Integral, 0),
        Having("integers", "a numpy Generator"),
    ),
    "units": UNITS,
    "uncertainty": UNCERTAINTY,
}


def require_torch() -> None:
    """Error, with the line that installs it, where torch is absent."""
    try:
        import torch  # noqa: F401
    except ImportError as error:
        raise MissingExtraError.of("torch", "neural") from error


class CriticEstimator(Estimator):
    """Base of the estimators that train critics: data, settings, seeds."""

    _constraints: ClassVar[dict[str, tuple[Constraint, ...]]] = TRAINING
    _expected_failures: ClassVar[dict[str, str]] = without_weights(
        "critics are trained on rows, and weights are refused"
    ) | {
        "check_merge": "rows of fit are scored by the critics that have not seen them, rows that "
        "come later by all"
    }
    bound: Any = "infonce"
    critic: Any
    anchor: str | None
    scaling: str
    embedding_dim: int
    hidden: Any
    encoder_x: Any
    encoder_y: Any
    batch_size: Any
    learning_rate: float
    weight_decay: float
    clip_norm: Any
    max_epochs: int
    patience: int | None
    validation: float
    split: str
    compile: Any
    device: str
    progress: Any
    random_state: Any

    def _settings(self) -> Any:
        """Every choice of a training."""
        from infometric.neural.fitting import Settings
        from infometric.neural.training import Plan

        plan = Plan(
            learning_rate=float(self.learning_rate),
            weight_decay=float(self.weight_decay),
            clip_norm=self._clip(),
            max_epochs=int(self.max_epochs),
            patience=None if self.patience is None else int(self.patience),
        )
        critic = self.critic
        if critic == "separable" and self._bound().needs == "densities":
            critic = "gaussian"  # the one critic whose scores are log densities
        return Settings(
            bound=self.bound,
            critic=critic,
            anchor=self.anchor,
            scaling=self.scaling,
            embedding_dim=int(self.embedding_dim),
            hidden=tuple(self.hidden),
            encoder_x=self.encoder_x,
            encoder_y=self.encoder_y,
            validation=float(self.validation),
            batch_size=self.batch_size,
            plan=plan,
            device=self.device,
            compile=self.compile,
        )

    def _clip(self) -> float:
        """Largest norm of a gradient."""
        if self.clip_norm != "auto":
            return float(self.clip_norm)
        return math.inf if getattr(self._bound(), "exponential", False) else CLIP

    def _bound(self) -> Any:
        return BOUNDS[self.bound] if isinstance(self.bound, str) else self.bound

    def _check(self) -> None:
        super()._check()
        given = [e for e in ("encoder_x", "encoder_y") if getattr(self, e) is not None]
        if given and hasattr(self.critic, "parameters"):  # a module; a function is given them
            raise UnsupportedError(
                "A critic of yours has its own encoders; another beside it would not be used.",
                got=given,
                hint="call the encoder in the critic's forward, or critic='separable'",
            )

    def _read(self, X: Any, y: Any, sample_weight: Any, seen: Any = None) -> Pair:
        """Rows as numbers; where `fit` has read others, as it did."""
        refuse_weights(type(self).__name__, sample_weight)
        pair = read_pair(type(self).__name__, X, y, seen)
        self._check_shapes(pair.x, pair.y)
        return pair

    def _pair(self, X: Any, y: Any, sample_weight: Any) -> tuple[list[str], Array, Array]:
        pair = self._read(X, y, sample_weight)
        return list(pair.readers[0].names), pair.x, pair.y

    def _new_rows(self, X: Any, y: Any, sample_weight: Any) -> tuple[Array, Array]:
        """Rows as numbers, as `fit` read its own."""
        pair = self._read(X, y, sample_weight, self.readers_)
        self._seen(pair.x, pair.y)
        return pair.x, pair.y

    def _check_shapes(self, x: Array, y: Array) -> None:
        for name, rows, encoder in (("X", x, self.encoder_x), ("y", y, self.encoder_y)):
            own = not isinstance(self.critic, str)
            if rows.ndim > 2 and encoder is None and not own:
                raise DataError(
                    f"Rows of {name} have a shape of their own; a critic takes a vector for each.",
                    got={"shape": rows.shape},
                    hint=f"{name}.reshape(len({name}), -1), or encoder_{name.lower()}=... for "
                    "images and sequences",
                )

    def _seen(self, x: Array, y: Array) -> None:
        """Error where new rows are not like those of `fit`."""
        for name, rows, shape in (("X", x, self.shape_x_), ("y", y, self.shape_y_)):
            if rows.shape[1:] != tuple(shape):
                widths = int(np.prod(rows.shape[1:])), int(np.prod(shape))
                raise unlike(type(self).__name__, name, *widths, {"shape": rows.shape})

    # -- files ------------------------------------------------------------------------------

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Write the trained critics and all that was learned to a folder.

        Parameters
        ----------
        folder : path
            Made if it is not there; an estimator that is there is replaced. Its parent must exist.

        Returns
        -------
        Path
            The folder, with ``neural_mi.json`` and the weights as safetensors; never pickle. Code
            of yours (a critic, encoders, a bound) is not in it, nor are the rows.

        Raises
        ------
        OutputError
            Where the folder cannot be written; what stood there is unchanged.

        Examples
        --------
        >>> import tempfile
        >>> import numpy as np
        >>> from infometric import NeuralMI
        >>> rng = np.random.default_rng(0)
        >>> x = rng.normal(size=(60, 1))
        >>> y = x + rng.normal(size=(60, 1))
        >>> fitted = NeuralMI(folds=2, max_epochs=2, random_state=0).fit(x, y)
        >>> folder = tempfile.mkdtemp()
        >>> NeuralMI.load(fitted.save(folder)).estimate() == fitted.estimate()
        True
        """
        check_is_fitted(self, "state_")
        from infometric.neural import storage

        return storage.save(self, folder)

    @classmethod
    def load(
        cls,
        folder: str | os.PathLike[str],
        *,
        critic: Any = None,
        encoder_x: Any = None,
        encoder_y: Any = None,
        bound: Any = None,
        device: str | None = None,
    ) -> Self:
        """Read an estimator that `save` wrote: the same numbers, to the last bit.

        Parameters
        ----------
        folder : path
            As given to `save`.
        critic, encoder_x, encoder_y, bound : optional
            Code of yours that the estimator was made with, again; weights come from the file.
        device : str, optional
            Another device than that of the fit.

        Raises
        ------
        SourceError
            Where a file is missing or is not JSON.
        DataError
            Where a file was changed, is of another version, or the weights are not those of the
            architecture given.
        InvalidParameterError
            Where code of yours is not given.
        """
        require_torch()
        from infometric.neural import storage

        given = {"critic": critic, "encoder_x": encoder_x, "encoder_y": encoder_y, "bound": bound}
        found: Self = storage.load(cls, folder, given | {"device": device})
        return found

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags


class NeuralMI(CriticEstimator):
    """Mutual information of two variables by a trained critic.

    ``fit(x, y)`` trains one critic per fold, ``estimate()`` scores every row by the critic that
    has not seen it, and ``estimate(x_test, y_test)`` scores new rows by all of them together.

    Parameters
    ----------
    bound : str or Bound
        Key of `infometric.functional.bounds.BOUNDS`: "infonce", "dv", "mine", "nwj", "js", "smile",
        "tuba", "interpolated", "club", "l1out", "doe", ...; what is trained and reported.
    critic : {"separable", "bilinear", "concat", "hybrid", "variational", "gaussian"}, module or \
callable
        Form of the critic; or a torch module ``critic(x, y) -> (n_x, n_y)``, copied for each fold;
        or a function of (dx, dy) that returns one, as
        ``functools.partial(VariationalCritic, beta=8)``; it is given ``encoder_x=`` and
        ``encoder_y=`` too, where there are any. Bounds of densities need "gaussian", which is
        taken for them by default.
    anchor : {"gaussian", None}
        Whether training starts from the log ratio of a normal law with the canonical correlations
        of the rows, so that the network learns what is left. Not with encoders.
    scaling : {"normal", "standard", "none"}
        Columns as normal scores of their ranks (the information stays what it is), in standard
        units, or as they are; learned from the training rows.
    embedding_dim : int
        Numbers per code.
    hidden : sequence of int
        Widths of the layers.
    encoder_x, encoder_y : torch.nn.Module or callable, optional
        Encoders of images or sequences, copied for each fold, or functions that return a new one.
    folds : int
        Critics; each scores one part of the rows and is trained on the others. One trains a single
        critic, and the rows that ended its training are scored.
    split : {"random", "blocks"}
        Rows of a fold: at random, or neighbours (of a series).
    batch_size : int or "auto"
        Rows per step, each scored against all; 128, or half of the rows where they are fewer.
    learning_rate, weight_decay : float
        Of AdamW.
    clip_norm : float or "auto"
        Largest norm of a gradient; "auto" is 5, and none for "nwj" and "tuba", whose large
        gradients hold the partition down.
    max_epochs : int
        Passes over the training rows, at most.
    patience : int or None
        Epochs without a gain on the validation rows after which training ends; the best weights are
        kept. None trains to the end and keeps the last weights.
    validation : float
        Share of the training rows that decide when to stop.
    compile : {"auto", True, False}
        Whether the training step is compiled by torch, as a whole; "auto" on a GPU alone. It
        takes a minute or so, once for all models of one build.
    device : str
        "auto" is a GPU where there is one, else the CPU.
    progress : bool or callable
        A bar, or a function told (epochs done, epochs in all).
    random_state : int, Generator or None
        Source of weights, order and folds.
    units : {"nats", "bits", "bans"}
        Units of the result.
    uncertainty : str or Uncertainty
        "auto" is the standard error of the influence values.

    Attributes
    ----------
    critic_ : torch.nn.Module
        Mean of the trained critics, of rows as they come; gradients flow through it.
    models_ : list of Model
        Critic of each fold.
    history_ : LearningCurves
        Values of every epoch, with `to_frame` and `plot`.
    state_ : CriticScores
        Influence values of the held-out rows.

    Notes
    -----
    The interval is one of the bound with these critics. That the bound is near the information is
    another claim, which `ReliableMI` examines.

    Strings and categories are classes, with a column of zeros and ones each; whole numbers are
    numbers, and ``y.astype(str)`` makes classes of them.

    `partial_fit` and `merge` add rows to those that are scored: rows that the critics have not
    seen, which nobody can check. The critics stay as they are.

    Training stops at Ctrl-C and where it diverges; the estimator then has the critics until
    there, and a warning says so.

    Examples
    --------
    >>> import numpy as np
    >>> from infometric import NeuralMI
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(400, 2))
    >>> y = 0.8 * x + 0.6 * rng.normal(size=(400, 2))  # 1.02 nats
    >>> r = NeuralMI(folds=2, max_epochs=20, random_state=0).fit(x, y).estimate()
    >>> bool(r.ci.low < 1.02 < r.ci.high)
    True
    """

    _constraints: ClassVar[dict[str, tuple[Constraint, ...]]] = TRAINING | {
        "bound": (OneOf(tuple(BOUNDS)), Having("fresh_memory", "a bound")),
        "folds": (Span(Integral, 1),),
    }

    def __init__(
        self,
        *,
        bound: Any = "infonce",
        critic: Any = "separable",
        anchor: str | None = "gaussian",
        scaling: str = "normal",
        embedding_dim: int = 16,
        hidden: Any = (64, 64, 64),
        encoder_x: Any = None,
        encoder_y: Any = None,
        folds: int = 5,
        split: str = "random",
        batch_size: Any = "auto",
        learning_rate: float = 2e-3,
        weight_decay: float = 1e-2,
        clip_norm: Any = "auto",
        max_epochs: int = 300,
        patience: int | None = 30,
        validation: float = 0.15,
        compile: Any = "auto",
        device: str = "auto",
        progress: Any = False,
        random_state: Any = None,
        units: str = "nats",
        uncertainty: Any = "auto",
    ) -> None:
        super().__init__(units=units, uncertainty=uncertainty)
        self.bound = bound
        self.critic = critic
        self.anchor = anchor
        self.scaling = scaling
        self.embedding_dim = embedding_dim
        self.hidden = hidden
        self.encoder_x = encoder_x
        self.encoder_y = encoder_y
        self.folds = folds
        self.split = split
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.clip_norm = clip_norm
        self.max_epochs = max_epochs
        self.patience = patience
        self.validation = validation
        self.compile = compile
        self.device = device
        self.progress = progress
        self.random_state = random_state

    def _functional(self) -> LearnedBound:
        return LearnedBound(self._bound(), getattr(self, "flags_", ()))

    # -- training ---------------------------------------------------------------------------

    def _learn(self, X: Any, y: Any, sample_weight: Any) -> dict[str, Any]:
        pair = self._read(X, y, sample_weight)
        x, other, names = pair.x, pair.y, pair.readers[0].names
        require_rows(type(self).__name__, len(x))
        require_torch()
        from infometric.neural.fitting import device_of, folds_of, frames
        from infometric.neural.model import Ensemble

        rng = np.random.default_rng(self.random_state)
        parts = [np.array([], dtype=int)]
        if self.folds > 1:
            folds = min(int(self.folds), max(2, len(x) // LEAST_PART))
            parts = folds_of(len(x), folds, self.split, rng)
        with followed(self.progress, f"training {len(parts)} critic(s)"):
            found = self._critics(x, other, parts, rng)
        models = [f.model for f, _ in found]
        courses = [f.course for f, _ in found]
        key = fingerprint(models)
        device = device_of(self.device)
        blocks = [b for f, rows in found for b in self._blocks(f.model, x, other, rows, device)]
        return {
            "models_": models,
            "critic_": Ensemble(models),
            "history_": LearningCurves(
                frames(courses),
                best=[c.best_epoch for c in courses],
                ended=[c.ended for c in courses],
            ),
            "state_": CriticScores.of(blocks, key=key),
            "flags_": (*flags_of(x, other), *told(courses, len(parts), self.folds == 1)),
            "readers_": pair.readers,
            "shape_x_": x.shape[1:],
            "shape_y_": other.shape[1:],
            "n_features_in_": len(names),
            "feature_names_in_": np.array(names, dtype=object),
        }

    def _critics(
        self, x: Array, y: Array, parts: list[Array], rng: np.random.Generator
    ) -> list[tuple[Any, Array]]:
        """Critic of each fold and the rows that it scores; fewer where training is interrupted."""
        from infometric.neural.fitting import fit_critic

        settings, found, total = self._settings(), [], len(parts) * int(self.max_epochs)
        everything = np.arange(len(x))
        for k, part in enumerate(parts):
            rows = np.setdiff1d(everything, part)
            done = k * int(self.max_epochs)

            def say(epoch: int, done: int = done) -> None:
                tell(done + epoch, total)

            try:
                fitted = fit_critic(settings, x[rows], y[rows], rng, say)
                held = fitted.held if len(fitted.held) else fitted.trained
                found.append((fitted, part if len(part) else rows[held]))
                stopped = fitted.course.ended == "interrupted"
                if not stopped:
                    tell(done + int(self.max_epochs), total)
            except KeyboardInterrupt:
                if not found:
                    raise
                found[-1][0].course.ended, stopped = "interrupted", True
            if stopped:
                warnings.warn(
                    f"Training was interrupted in fold {k + 1} of {len(parts)}; the critics until "
                    "there are kept, and the rows of later folds are not scored.",
                    ReliabilityWarning,
                    stacklevel=4,
                )
                break
        return found

    def _blocks(self, model: Any, x: Array, y: Array, rows: Array, device: Any) -> list[Any]:
        from infometric.neural.fitting import scored

        def score(a: Any, b: Any) -> Any:
            return model.score(model.scale_x(a), model.scale_y(b))

        return list(scored(score, self._bound(), x[rows], y[rows], device))

    # -- new rows ---------------------------------------------------------------------------

    def _count(self, X: Any, y: Any, sample_weight: Any) -> CriticScores:
        from infometric.neural.fitting import device_of, scored

        x, other = self._new_rows(X, y, sample_weight)
        blocks = scored(self.critic_.score, self._bound(), x, other, device_of(self.device))
        return CriticScores.of(blocks, key=self.state_.key)

    def pointwise(self, X: Any, y: Any) -> Array:
        """Log density ratio of each pair, log p(x, y) / p(x) p(y), as the critic tells it.

        Parameters
        ----------
        X, y : array-like
            Rows, as in `estimate`.

        Returns
        -------
        ndarray of shape (n,)
            In `units`; the critic's score, normalised over the partners of its row and column.

        Raises
        ------
        UnsupportedError
            Where the bound has densities in place of scores.
        """
        check_is_fitted(self, "state_")
        if self._bound().needs == "densities":
            raise UnsupportedError(
                "The bound's critic is a density, not a ratio.",
                got=self.bound,
                hint="bound='infonce'",
            )
        from infometric.functional.bounds import InfoNCE
        from infometric.neural.fitting import device_of, scored
        from infometric.result import NATS_PER

        x, other = self._new_rows(X, y, None)
        blocks = scored(self.critic_.score, self._bound(), x, other, device_of(self.device))
        ratio = InfoNCE().contributions
        return np.concatenate([np.asarray(ratio(f)) for f, _ in blocks]) / NATS_PER[self.units]

    def _finish(self, name: str, result: Result, state: Any) -> Result:
        """Result with the permutation test of its scores; zero of a constant, by definition."""
        if any(f.category == "DegenerateWarning" for f in self.flags_) and state is self.state_:
            return zero(result)
        z = float(state.z)
        told = result.diagnostics | {"permutation_z": z}
        return replace(
            result,
            pvalue=float(ndtr(-z)),
            method=f"{result.method}, {self._bound().name}",
            diagnostics=told,
        )

    def test(self, X: Any = None, y: Any = None, *, method: str = "auto", rng: RNG = None) -> Any:
        """Test of independence: held-out scores of the pairs against random pairings.

        The moments over all pairings are exact, the law of the sum is taken as normal; ``method``
        is "auto" alone.
        """
        if method not in ("auto", "permutation"):
            raise UnsupportedError(
                "The test of a critic compares pairs with random pairings.",
                got=method,
                hint="test()",
            )
        return self.estimate(X, y, uncertainty="none", rng=rng)


def fingerprint(models: Any) -> str:
    """Hash of the weights of models."""
    import torch

    digest = blake2b(digest_size=12)
    for model in models:
        for name, value in sorted(model.state_dict().items()):
            digest.update(name.encode())
            digest.update(value.detach().cpu().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def zero(result: Result) -> Result:
    """Result of a constant variable: nothing was estimated."""
    none = ConfidenceInterval(0.0, 0.0)
    return replace(result, value=0.0, se=0.0, ci=none, pvalue=1.0, method="constant")


def told(courses: Any, folds: int, single: bool) -> tuple[Caution, ...]:
    """What the training gives to know."""
    found = []
    diverged = [k + 1 for k, c in enumerate(courses) if c.ended == "diverged"]
    if diverged:
        start = all(courses[k - 1].best_epoch == 0 for k in diverged)
        found.append(
            Caution(
                "ReliabilityWarning",
                f"Training diverged in fold(s) {', '.join(map(str, diverged))}: the last good "
                f"weights are kept{', those it started from' if start else ''}. "
                "Try learning_rate=5e-4.",
            )
        )
    if any(c.ended == "interrupted" for c in courses):
        found.append(
            Caution(
                "ReliabilityWarning",
                f"Training was interrupted: {len(courses)} of {folds} critics are there.",
            )
        )
    if single:
        found.append(
            Caution(
                "ReliabilityWarning",
                "The rows that are scored ended the training: the value is a little too high. "
                "estimate(x_test, y_test), or folds=5, is honest.",
            )
        )
    return tuple(found)
