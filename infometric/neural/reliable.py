r"""ReliableMI: mutual information of infinitely many rows, from critics trained on fewer and fewer.

Every critic of a fold is judged on the same held-out rows, against the same number of partners, so
that no ceiling depends on how many rows it was trained on. Held-out and training values are lines
in 1/m that meet at the information (`infometric.functional.extrapolation`); the variance of the
interval is that of the held-out rows, and of what the lines cannot know.

References
----------
Abdelaleem, E., Martini, K. M., Nemenman, I. (2025). Accurate estimation of mutual information in
high dimensional data. arXiv:2506.00330
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, replace
from itertools import pairwise
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from scipy.special import fdtrc

from infometric.curves import LearningCurves
from infometric.exceptions import (
    DataError,
    InvalidParameterError,
    ReliabilityWarning,
    UnsupportedError,
)
from infometric.extrapolation import Check, Extrapolation, Training
from infometric.functional.base import Caution
from infometric.functional.canonical import canonical
from infometric.functional.extrapolation import (
    BOUND,
    FIRST,
    Extrapolated,
    conditional_products,
    departure,
    mean_z,
    seen_value,
)
from infometric.functional.neighbor_information import KSG1
from infometric.neural.data import flags_of, require_rows
from infometric.neural.estimator import TRAINING, CriticEstimator, fingerprint, require_torch
from infometric.result import NATS_PER, ConfidenceInterval, Result
from infometric.sources.progress import followed, tell
from infometric.state.critic import CriticScores
from infometric.state.sample import Sample
from infometric.typing import RNG, Array
from infometric.validation import Constraint, Having, Span

CHUNKS = {1: 1, 2: 2}  # critics of a fold at each gamma; one beyond
MOST_TRAININGS = 15
COORDINATES = 20  # principal components of which canonical coordinates are made
LINEAR, ELSE = 0.2, 0.5  # share of the gap that the interval allows for: normal laws, and others
NEAR_COLUMNS, NEAR_ROWS = 6, 2000  # for which neighbours are looked at
SEEN = 3.0  # standard deviations above random pairings from which a dependence is seen
NOTHING = (
    " Nor do the critics see a dependence: NeuralMI().fit(x, y).test(), or "
    "mutual_information(x, y), may tell whether there is one."
)
LEAST_ALLOWED = 0.02  # nats, and share of the value, that it allows for at least beside the others
COLUMNS = 6  # columns of each variable of which pairs are looked at
LEARNED = 0.02  # nats that critics must add to lines, where lines do not tell all
BENT = 0.05  # p-value of a curvature below which the fewest rows are left out
CUT = ("diverged", "interrupted")
FEW_VARY = 3.0  # over the root of their number: how far a spread of few moments varies
LEAST = 0.05  # nats below which no distance is told from none
FEWEST_OF_ALL = 5  # rows of the smallest critics
TINY = 1e-9  # nats below which values are equal
LIMITS = {
    "ceiling": 0.85,
    "partners": 0.15,
    "gap": 0.2,
    "equality": 0.9995,
    "neighbours": 0.1,
    "shift": 0.2,
    "moments": 4.4,
    "spread of moments": 1.35,
}
REASONS = {
    "ceiling": "share of log(rows judged together) that the value reaches; near one, it is all "
    "that these rows can show",
    "partners": "nats given back for the number of partners; many tell of too few rows",
    "gap": "distance of training and held-out values over the value; wide, the critics have "
    "learned noise, and more rows are needed",
    "shift": "change of the value without the critics of all rows, over the value; large, the "
    "lines are not straight yet",
    "moments": "largest standard score of a moment of y given x that the critic gets wrong",
    "spread of moments": "root mean square of those standard scores; above one, the critic has "
    "missed something",
    "learned": "nats that critics lack of the least they must add to lines, where the rows are not "
    "those of a normal law",
    "equality": "largest correlation of a direction of x with one of y; near one they are all but "
    "the same, and the information is beyond what is told apart",
    "neighbours": "nats that the distances of neighbours see (Kraskov et al. 2004) beyond the "
    "interval; the critics have missed them",
    "training": "trainings that were cut off, diverged or interrupted",
    "rows": "copies, constants or equal variables",
}


@dataclass
class _Judged:
    """One critic and what it says of the rows of its fold."""

    training: Training
    fitted: Any
    blocks: list[Any]
    own: Array  # rows it was trained on
    products: Any = None


class ReliableMI(CriticEstimator):
    """Mutual information extrapolated to infinitely many rows, with checks that it can be trusted.

    Parameters
    ----------
    gammas : sequence of int
        How many times fewer rows critics are trained on, ascending from one.
    folds : int
        Parts of the rows that are held out in turn.
    embedding_dims : sequence of int
        Numbers per code of which the best is chosen, by the validation rows of one critic each.
    critic, anchor, scaling, hidden, encoder_x, encoder_y, split, batch_size, learning_rate, \
weight_decay, clip_norm, max_epochs, patience, validation, compile, device, progress, \
random_state, units, uncertainty
        As in `NeuralMI`.

    Attributes
    ----------
    extrapolation_ : Extrapolation
        Every training, the lines, the checks; with `summary`, `to_frame` and `plot`.
    reliable_ : bool
        Whether every check holds.
    history_ : LearningCurves
        Values of every epoch of the critics that were trained on all rows but a fold.
    state_ : CriticScores
        Influence values of the held-out rows.
    critic_ : torch.nn.Module
        Mean of the critics that were trained on all rows but a fold.

    Notes
    -----
    Where a check fails no interval is given: the result says which one, and why. What no critic
    finds with these rows is invisible to every check: see the guide.

    Of new rows, ``estimate(X, y)`` judges the critics of `fit` and applies the same correction.

    References
    ----------
    Abdelaleem, E., Martini, K. M., Nemenman, I. (2025). Accurate estimation of mutual information
    in high dimensional data. arXiv:2506.00330

    Examples
    --------
    >>> import numpy as np
    >>> from infometric import ReliableMI
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(400, 2))
    >>> y = 0.8 * x + 0.6 * rng.normal(size=(400, 2))  # 1.02 nats
    >>> m = ReliableMI(random_state=0).fit(x, y)
    >>> r = m.estimate()
    >>> m.reliable_, bool(abs(r.value - 1.02) < 3 * r.se)
    (True, True)
    """

    _expected_failures: ClassVar[dict[str, str]] = (
        CriticEstimator._expected_failures
        | dict.fromkeys(
            (
                "check_n_features_in_after_fitting",
                "check_estimators_nan_inf",
                "check_fit2d_1feature",
            ),
            "of ten rows, a part of a fold leaves no critic anything to be trained on",
        )
    )
    _constraints: ClassVar[dict[str, tuple[Constraint, ...]]] = {
        k: v for k, v in TRAINING.items() if k != "embedding_dim"
    } | {
        "gammas": (Having(tuple | list, "a sequence of whole numbers, ascending from 1"),),
        "folds": (Span(Integral, 2),),
        "embedding_dims": (Having(tuple | list, "a sequence of whole numbers"),),
    }
    bound = BOUND
    embedding_dim = 16

    def __init__(
        self,
        *,
        critic: Any = "separable",
        anchor: str | None = "gaussian",
        scaling: str = "normal",
        gammas: Any = (1, 2, 4),
        folds: int = 3,
        embedding_dims: Any = (4, 16, 64),
        hidden: Any = (64, 64, 64),
        encoder_x: Any = None,
        encoder_y: Any = None,
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
        self.critic = critic
        self.anchor = anchor
        self.scaling = scaling
        self.gammas = gammas
        self.folds = folds
        self.embedding_dims = embedding_dims
        self.hidden = hidden
        self.encoder_x = encoder_x
        self.encoder_y = encoder_y
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

    def _functional(self) -> Extrapolated:
        if not hasattr(self, "extrapolation_"):
            return Extrapolated(BOUND)
        e = self.extrapolation_
        known = {
            "reliable": e.reliable,
            "checks": [
                {"name": c.name, "passed": c.passed, "value": c.value, "limit": c.limit}
                for c in e.checks
            ],
            "trainings": len(e),
            "embedding_dim": e.embedding_dim,
            "departure": self.departure_,
            "gap": e.gap,
            "se_of_folds": e.se_of_folds,
            "gammas_used": list(e.used),
        }
        flags = (*self.flags_, *verdict(e, self.state_.z))
        return Extrapolated(BOUND, flags, e.correction, self.extra_, known)

    # -- the protocol -----------------------------------------------------------------------

    def _learn(self, X: Any, y: Any, sample_weight: Any) -> dict[str, Any]:
        pair = self._read(X, y, sample_weight)
        x, other, names = pair.x, pair.y, pair.readers[0].names
        require_rows(type(self).__name__, len(x))
        gammas = check_gammas(self.gammas, int(self.folds), len(check_dims(self.embedding_dims)))
        check_rows(len(x), int(self.folds), gammas)
        require_torch()
        from infometric.neural.fitting import folds_of, frames
        from infometric.neural.model import Ensemble

        rng = np.random.default_rng(self.random_state)
        folds = folds_of(len(x), int(self.folds), self.split, rng)
        parts = [rng.permutation(part) for part in folds]  # halves of a part are alike
        with followed(self.progress, "training critics on fewer and fewer rows"):
            judged, dims = self._protocol(x, other, parts, gammas, rng)
        first = [j for j in judged if j.training.gamma == 1]
        same_rows(judged, first, parts)
        state = CriticScores.of(
            (b for j in first for b in j.blocks), key=fingerprint([j.fitted.model for j in first])
        )
        departure_, rho = self._departure(x, other)
        flags = flags_of(x, other)
        found = examined(judged, state, flags, dims, departure_)
        near = self._neighbours(x, other, found, state, departure_)
        found = replace(found, checks=(*found.checks, check("equality", rho), *near))
        return {
            "extrapolation_": found,
            "reliable_": found.reliable,
            "models_": [j.fitted.model for j in first],
            "critic_": Ensemble([j.fitted.model for j in first]),
            "history_": LearningCurves(
                frames([j.fitted.course for j in first]),
                best=[j.training.epochs for j in first],
                ended=[j.training.ended for j in first],
            ),
            "state_": state,
            "departure_": departure_,
            "extra_": allowance(found, departure_),
            "flags_": flags,
            "readers_": pair.readers,
            "shape_x_": x.shape[1:],
            "shape_y_": other.shape[1:],
            "n_features_in_": len(names),
            "feature_names_in_": np.array(names, dtype=object),
        }

    def _protocol(
        self,
        x: Array,
        y: Array,
        parts: list[Array],
        gammas: tuple[int, ...],
        rng: np.random.Generator,
    ) -> tuple[list[_Judged], dict[int, float]]:
        """Critics of every fold and gamma; those until there where training is interrupted."""
        jobs = [
            (k, gamma, chunk)
            for k in range(len(parts))
            for gamma in gammas
            for chunk in range(CHUNKS.get(gamma, 1))
        ]
        dims = check_dims(self.embedding_dims)
        if not isinstance(self.critic, str):
            dims = dims[:1]  # the user's critic has the dimension it has
        flat = self._coordinates_known(x, y)
        run = _Run(x, y, parts, self._settings(), rng, len(jobs) + len(dims) - 1, flat)
        tried = run.several([(jobs[0], d) for d in dims])
        values = [best_validation(j.fitted.course) for j in tried]
        best = int(np.argmax(values))
        judged = [tried[best], *run.several([(job, dims[best]) for job in jobs[1:]])]
        if run.stopped:
            judged[-1].training = replace(judged[-1].training, ended="interrupted")
            warnings.warn(
                f"Training was interrupted: {len(judged)} of {len(jobs)} critics are there.",
                ReliabilityWarning,
                stacklevel=4,
            )
        chosen = {dims[best]: values[best]}  # the chosen one comes first
        return judged, chosen | dict(zip(dims, values, strict=False))  # fewer where interrupted

    def _departure(self, x: Array, y: Array) -> tuple[float, float]:
        """How far the rows are from a normal law, and the largest canonical correlation.

        Infinite, and zero, where they cannot be seen.
        """
        if not self._coordinates_known(x, y):
            return math.inf, 0.0

        from infometric.neural.model import scores_of

        scores = [scores_of(v) for v in (x, y)]
        for found in canonical(scores[0], scores[1], [COORDINATES]):
            u, v = found.of(scores[0], scores[1])
            some = [s[:, spread(s.shape[1])] for s in scores]
            away = departure(np.hstack([u[:, :FIRST], v[:, :FIRST]]), np.hstack(some))
            return away, float(found.rho.max())
        return math.inf, 0.0

    def _neighbours(
        self, x: Array, y: Array, found: Extrapolation, state: CriticScores, away: float
    ) -> tuple[Check, ...]:
        """Whether neighbours see what critics do not, where columns are few enough for both."""
        if x.ndim > 2 or y.ndim > 2 or x.shape[1] + y.shape[1] > NEAR_COLUMNS:
            return ()
        from infometric.neural.model import scores_of

        rng = np.random.default_rng(0)
        rows = np.sort(rng.permutation(len(x))[:NEAR_ROWS])
        sample = Sample.of(*(scores_of(v[rows]) for v in (x, y)))
        with np.errstate(all="ignore"):
            seen = float(KSG1().value(sample))
        sure = 2 * math.hypot(float(np.sqrt(state.variance(np.ones(())))), allowance(found, away))
        return (check("neighbours", seen - found.lines.intercept - sure),)

    def _coordinates_known(self, x: Array, y: Array) -> bool:
        from infometric.neural.model import WIDEST

        encoded = self.encoder_x is not None or self.encoder_y is not None
        flat = x.ndim == y.ndim == 2 and max(x.shape[1], y.shape[1]) <= WIDEST
        return flat and not encoded

    # -- new rows ---------------------------------------------------------------------------

    def _count(self, X: Any, y: Any, sample_weight: Any) -> CriticScores:
        from infometric.neural.fitting import device_of, scored

        x, other = self._new_rows(X, y, sample_weight)
        device = device_of(self.device)
        runs = [list(scored(m.raw, BOUND, x, other, device)) for m in self.models_]
        blocks = [
            (np.mean([f for f, _ in same], axis=0), np.mean([i for _, i in same], axis=0))
            for same in zip(*runs, strict=True)
        ]
        return CriticScores.of(blocks, key=self.state_.key)

    def _finish(self, name: str, result: Result, state: Any) -> Result:
        """Result without error and interval where a check fails."""
        method = f"{result.method}, extrapolated"
        if self.reliable_:
            return replace(result, method=method)
        ends = [end * NATS_PER[result.units] for end in result.ci]  # as the other diagnostics
        told = result.diagnostics | {"interval_if_reliable": ends}
        nan = ConfidenceInterval(math.nan, math.nan)
        return replace(result, se=math.nan, ci=nan, method=method, diagnostics=told)

    def test(self, X: Any = None, y: Any = None, *, method: str = "auto", rng: RNG = None) -> Any:
        """Refused: the test of independence is that of `NeuralMI`.

        Raises
        ------
        UnsupportedError
            Always.
        """
        raise UnsupportedError(
            "The protocol is for the size of the information; a test needs one critic per fold.",
            got="test",
            hint="NeuralMI().fit(x, y).test()",
        )


class _Run:
    """Trains one critic after the other, and judges each on the rows of its fold."""

    def __init__(
        self,
        x: Array,
        y: Array,
        parts: list[Array],
        settings: Any,
        rng: np.random.Generator,
        total: int,
        flat: bool,
    ) -> None:
        from infometric.neural.fitting import device_of

        self.x, self.y, self.parts, self.settings, self.rng = x, y, parts, settings, rng
        self.flat = flat  # whether rows are vectors, of which moments can be looked at
        self.device = device_of(settings.device)
        everything = np.arange(len(x))
        self.others = [rng.permutation(np.setdiff1d(everything, part)) for part in parts]
        self.epochs = settings.plan.max_epochs
        self.total, self.done, self.stopped = total * self.epochs, 0, False

    def several(self, jobs: list[tuple[tuple[int, int, int], int]]) -> list[_Judged]:
        """Critics of jobs and dimensions; those until there where training is interrupted."""
        found: list[_Judged] = []
        for job, dim in jobs:
            if self.stopped:
                break
            try:
                found.append(self.one(job, dim))
                self.stopped = found[-1].training.ended == "interrupted"
                self.done += self.epochs
                tell(self.done, self.total)
            except KeyboardInterrupt:
                if not found and not self.done:
                    raise  # there is no critic to leave
                self.stopped = True
        return found

    def one(self, job: tuple[int, int, int], dim: int) -> _Judged:
        """Critic of a fold, a gamma and a chunk."""
        from infometric.neural.fitting import fit_critic

        fold, gamma, chunk = job
        rows = self.others[fold][chunk::gamma]
        settings = replace(self.settings, embedding_dim=dim)
        fitted = fit_critic(
            settings,
            self.x[rows],
            self.y[rows],
            self.rng,
            lambda e: tell(self.done + e, self.total),
        )
        return self._judged(fitted, rows, job)

    def _judged(self, fitted: Any, rows: Array, job: tuple[int, int, int]) -> _Judged:
        from infometric.neural.fitting import scored

        fold, gamma, chunk = job
        part, own = self.parts[fold], rows[fitted.trained]
        model = fitted.model
        blocks = list(scored(model.raw, BOUND, self.x[part], self.y[part], self.device))
        held = float(np.concatenate([i for _, i in blocks]).mean())
        train = float(np.mean([seen_value(*pair) for pair in self._seen(model, own, part)]))
        course = fitted.course
        told = Training(fold, gamma, chunk, len(rows), held, train, course.best_epoch, course.ended)
        known = self.flat and gamma == 1
        products = self._products(fitted, rows, part, blocks) if known else None
        return _Judged(told, fitted, blocks, own, products)

    def _seen(self, model: Any, own: Array, part: Array) -> list[tuple[Array, Array]]:
        """Scores of pairs trained on, and of each of both variables against rows of the fold."""
        import torch

        from infometric.neural.fitting import TOGETHER, blocks_of, tensor

        device = self.device

        pairs, by_x, by_y = [], [], []
        partners = part[blocks_of(len(part))[0]]
        with torch.no_grad():
            px, py = tensor(self.x[partners], device), tensor(self.y[partners], device)
            for block in blocks_of(min(len(own), 2 * TOGETHER), 500):
                a, b = (tensor(v[own[block]], device) for v in (self.x, self.y))
                pairs.append(model(a, b).diagonal().double().cpu().numpy())
                by_x.append(model(a, py).double().cpu().numpy())
                by_y.append(model(px, b).T.double().cpu().numpy())
        within = np.concatenate(pairs)
        return [(within, np.concatenate(by_x)), (within, np.concatenate(by_y))]

    def _products(self, fitted: Any, rows: Array, part: Array, blocks: list[Any]) -> Any:
        """Products whose mean is zero where the critic is right; None where none can be made."""
        import torch

        from infometric.neural.fitting import tensor

        model = fitted.model
        own = rows[fitted.trained]
        with torch.no_grad():
            seen, new = (
                [
                    scale(tensor(v[at], self.device)).double().cpu().numpy()
                    for scale, v in ((model.scale_x, self.x), (model.scale_y, self.y))
                ]
                for at in (own, part)
            )
        for found in canonical(seen[0], seen[1], [COORDINATES]):
            u, v = found.of(new[0], new[1])
            edges = np.cumsum([0, *(len(f) for f, _ in blocks)])
            spans = [slice(a, b) for a, b in pairwise(edges)]
            return np.concatenate(
                [
                    conditional_products(u[s], v[s], f)
                    for s, (f, _) in zip(spans, blocks, strict=True)
                ]
            )
        return None


def same_rows(judged: list[_Judged], first: list[_Judged], parts: list[Array]) -> None:
    """Move training values to what they would be on all rows, whatever rows a critic had.

    Every row has a value by the critic of its own fold, which has not seen it; what the mean over
    the rows of a critic differs from that over all is the luck of those rows.
    """
    worth = np.full(sum(len(p) for p in parts), np.nan)
    for j in first:
        values = [np.asarray(BOUND.contributions(f)) for f, _ in j.blocks]
        worth[parts[j.training.fold]] = np.concatenate(values)
    for j in judged:
        mine = worth[j.own][np.isfinite(worth[j.own])]
        if len(mine):
            luck = float(mine.mean() - np.nanmean(worth))
            j.training = replace(j.training, train=j.training.train - luck)


def allowance(found: Extrapolation, away: float) -> float:
    """Standard deviation of what the lines cannot know, nats."""
    gap = abs(found.gap)
    share = LINEAR * gap
    if away > 1:
        share = max(ELSE * gap, LEAST_ALLOWED * (1 + max(found.lines.intercept, 0.0)))
    between = (found.mean(1) + found.mean(1, "train")) / 2
    return math.hypot(share, found.lines.intercept - between)


def spread(columns: int) -> Array:
    """Numbers of at most so many columns, evenly spread."""
    return np.unique(np.linspace(0, columns - 1, min(columns, COLUMNS)).round().astype(int))


def best_validation(course: Any) -> float:
    """Validation value of the epoch that was kept."""
    return float(course.epochs[course.best_epoch]["validation"])


def check_gammas(gammas: Any, folds: int, dims: int) -> tuple[int, ...]:
    """Values of gamma, where they and the trainings are as many as they may be.

    Raises
    ------
    InvalidParameterError
        Where they do not ascend from one, or need too many trainings.
    """
    found = tuple(gammas)
    whole = all(isinstance(g, Integral) for g in found)
    if not whole or len(found) < 2 or found[0] != 1 or list(found) != sorted(set(found)):
        raise InvalidParameterError(
            "gammas must be two or more whole numbers that ascend from 1.",
            got=gammas,
            hint="gammas=(1, 2, 4)",
        )
    count = folds * sum(CHUNKS.get(int(g), 1) for g in found) + max(dims, 1) - 1
    if count > MOST_TRAININGS:
        raise InvalidParameterError(
            f"These are {count} trainings; more than {MOST_TRAININGS} bring no more.",
            got={"folds": folds, "gammas": found, "embedding_dims": dims},
            hint="folds=3, gammas=(1, 2, 4), embedding_dims=(4, 16, 64)",
        )
    return tuple(int(g) for g in found)


def check_dims(dims: Any) -> list[int]:
    """Numbers per code that are tried, ascending.

    Raises
    ------
    InvalidParameterError
        Where there are none, or they are no whole numbers from 1.
    """
    found = list(dims)
    if not found or not all(isinstance(d, Integral) and int(d) >= 1 for d in found):
        raise InvalidParameterError(
            "embedding_dims must be one or more whole numbers, 1 or greater.",
            got=dims,
            hint="embedding_dims=(4, 16, 64)",
        )
    return sorted({int(d) for d in found})


def check_rows(n: int, folds: int, gammas: tuple[int, ...]) -> None:
    """Error where the critics of the fewest rows have too few.

    Raises
    ------
    DataError
        Where they have less than `FEWEST_OF_ALL`.
    """
    fewest = (n - -(-n // folds)) // gammas[-1]
    if fewest < FEWEST_OF_ALL:
        raise DataError(
            f"The critics of the fewest rows would have {fewest} of {n}; they need "
            f"{FEWEST_OF_ALL} or more.",
            got={"rows": n, "folds": folds, "gammas": gammas},
            hint="NeuralMI().fit(x, y), or mutual_information(x, y), which needs fewer",
        )


# --- the checks -----------------------------------------------------------------------------------


def examined(
    judged: list[_Judged],
    state: CriticScores,
    flags: tuple[Caution, ...],
    dims: dict[int, float],
    away: float,
) -> Extrapolation:
    """Lines through the trainings, and the checks."""
    trainings = tuple(j.training for j in judged)
    gammas = tuple(sorted({t.gamma for t in trainings}))
    used = gammas
    if len(gammas) > 2 and curved(trainings) < BENT:
        used = gammas[:-1]
    found = Extrapolation(trainings, used, (), next(iter(dims)), dims)
    products = [j.products for j in judged if j.products is not None]
    checks = (
        *sizes(found, state, [j.blocks for j in judged if j.training.gamma == 1]),
        *distances(found, state),
        *moments(products),
        *learned([j.fitted.course for j in judged if j.training.gamma == 1], away),
        *soundness(trainings, flags),
    )
    return replace(found, checks=checks)


def check(name: str, value: float) -> Check:
    """Check of a value against its limit."""
    limit = LIMITS.get(name, 0.0)
    return Check(name, bool(value <= limit), float(value), limit, REASONS[name])


def sizes(found: Extrapolation, state: CriticScores, blocks: list[Any]) -> tuple[Check, ...]:
    """Whether there are partners enough for a value of this size."""
    given = float(np.mean([BOUND.correction(f) for same in blocks for f, _ in same]))
    top = max(found.mean(1), found.mean(1, "train"))
    return check("ceiling", top / math.log(state.block)), check("partners", given)


def distances(found: Extrapolation, state: CriticScores) -> tuple[Check, ...]:
    """Whether training and held-out values, and values with and without all rows, are near."""
    noise = 2 * float(np.sqrt(state.variance(np.ones(()))))
    value = max(abs(found.mean(1)), noise / LIMITS["gap"], LEAST / LIMITS["gap"])
    gap = check("gap", abs(found.gap) / value)
    if len(found.used) < 2 or len(found.gammas) < 3:
        return (gap,)
    without = found.fitted(found.gammas[1:]).intercept
    return gap, check("shift", abs(without - found.lines.intercept) / value)


def moments(products: list[Array]) -> tuple[Check, ...]:
    """Whether the critics get the moments of y given x right."""
    if not products:
        return ()
    z = mean_z(np.concatenate(products))
    spread_of = check("spread of moments", float(np.sqrt((z**2).mean())))
    limit = max(spread_of.limit, 1 + FEW_VARY / math.sqrt(z.size))
    return (
        check("moments", float(np.abs(z).max())),
        replace(spread_of, limit=limit, passed=spread_of.value <= limit),
    )


def learned(courses: list[Any], away: float) -> tuple[Check, ...]:
    """Whether critics added to lines, if the rows depart from the law of which lines tell all."""
    if away <= 1:
        return (check("learned", 0.0),)
    gain = float(np.mean([best_validation(c) - c.epochs[0]["validation"] for c in courses]))
    return (check("learned", max(LEARNED - gain, 0.0)),)


def soundness(trainings: tuple[Training, ...], flags: tuple[Caution, ...]) -> tuple[Check, ...]:
    """Whether every training ended by itself, and the rows are such that critics may be trusted."""
    cut = sum(t.ended in CUT or (t.ended == "epochs" and t.gamma == 1) for t in trainings)
    return check("training", float(cut)), check("rows", float(len(flags)))


def curved(trainings: tuple[Training, ...]) -> float:
    """p-value of a curvature of held-out values along gamma; each fold has its own level."""
    folds = sorted({t.fold for t in trainings})
    cells = [
        (k, g, np.mean([t.held for t in trainings if (t.fold, t.gamma) == (k, g)]))
        for k in folds
        for g in sorted({t.gamma for t in trainings if t.fold == k})
    ]
    fold, gamma, value = (np.array(v, dtype=float) for v in zip(*cells, strict=True))
    levels = (fold[:, None] == np.array(folds)).astype(float)
    freedom = len(value) - len(folds) - 2
    if freedom < 1:
        return 1.0

    def rest(*powers: int) -> float:
        design = np.column_stack([levels, *(gamma**p for p in powers)])
        found = np.linalg.lstsq(design, value, rcond=None)[0]
        return float(((value - design @ found) ** 2).sum())

    line, curve = rest(1), rest(1, 2)
    noise = max(curve / freedom, TINY**2)  # the same values at every gamma have none
    return float(fdtrc(1, freedom, max(line - curve, 0.0) / noise))


def verdict(found: Extrapolation, z: float) -> tuple[Caution, ...]:
    """A caution that names the checks that failed."""
    if found.reliable:
        return ()
    told = "; ".join(f"{c.name} {c.value:.3g} (at most {c.limit:.4g})" for c in found.failed)
    return (
        Caution(
            "ReliabilityWarning",
            f"Not reliable: {told}. No interval is given; extrapolation_.summary() says what each "
            "means." + (NOTHING if z < SEEN else ""),
        ),
    )
