"""Weights of a user's own laws: drawn, trained, and calibrated on tasks that were held out.

A margin is added to each quantile, on the scale T of the network, so that among held-out tasks the
truth lies below it as often as its level says (split conformal prediction). Of m tasks the margin
of an upper level p is the order statistic of rank ``ceil((m + 1) p)`` of the residuals, of a lower
one that of rank ``floor((m + 1) p)``: intervals then hold the truth of a new task from the same
laws at least as often as they say. They promise nothing of other laws.

References
----------
Romano, Y., Patterson, E., Candès, E. (2019). Conformalized quantile regression. Advances in Neural
Information Processing Systems 32. arXiv:1905.03222
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from numbers import Integral
from typing import Any, ClassVar

import numpy as np

from infometric.amortised.calibration import ANCHOR, support
from infometric.amortised.evaluation import classical
from infometric.amortised.families.base import Draw, Family
from infometric.amortised.fitting import Settings, fit
from infometric.amortised.network import LEVELS, MIDDLE, quantiles, squeezed
from infometric.amortised.reading import FEWEST, MOST, WIDEST, widened
from infometric.amortised.stream import Stream
from infometric.amortised.table import Table
from infometric.amortised.weights import Weights
from infometric.exceptions import (
    DataError,
    InvalidParameterError,
    ReliabilityWarning,
    UnsupportedError,
)
from infometric.sources.progress import tell
from infometric.typing import Array
from infometric.validation import Span, repeated

SHARD = 256  # tasks drawn between two words of progress
HELD_OUT = 0.3  # share of the tasks that is not trained on: half calibrates, half is the exam
LEAST_TASKS = 500
GENTLE = 5e-4  # learning rate from weights that know something already


@dataclass(frozen=True)
class Own(Family):
    """Family of a user's function.

    Parameters
    ----------
    function : callable
        ``(batch, n, dx, dy, rng) -> (x, y, mi)`` or a `Draw`; `rng` is a torch.Generator.
    called : str
        Its name in messages.
    """

    name: ClassVar[str] = "own"
    group: ClassVar[str] = "own"
    function: Callable[..., Any]
    called: str = "own"

    def _draw(self, batch: int, n: int, dx: int, dy: int, rng: Any) -> Draw:
        drawn = self.function(batch, n, dx, dy, rng)
        whole = drawn if isinstance(drawn, tuple | list) else ()
        found = tuple(whole)[: 4 if isinstance(drawn, Draw) else None]
        if len(found) not in (3, 4):
            raise DataError(
                "A generator returns x, y and their mutual information.",
                got={"returned": len(found)},
                hint="return x, y, mi",
            )
        x, y, mi, *se = (self._tensor(v, rng) for v in found)
        for name, v, width in (("x", x, dx), ("y", y, dy)):
            if tuple(v.shape) != (batch, n, width):
                raise DataError(
                    f"A generator draws {name} of shape (batch, n, d{name}).",
                    got={"shape": tuple(v.shape), "wanted": (batch, n, width)},
                    hint="def generator(batch, n, dx, dy, rng): ...",
                )
            # of few rows one task may be constant, and yet be a fair one
            if bool((v == v[:, :1]).all()) and bool(v.isfinite().all()):
                raise DataError(
                    f"The family {self.called!r} draws {name} that is constant.",
                    got={"shape": tuple(v.shape)},
                    hint="draw rows that differ",
                )
        mi, *se = (_of_each(v, batch) for v in (mi, *se))
        return Draw(x, y, mi, se[0] if se else mi * 0.0)

    @staticmethod
    def _tensor(v: Any, rng: Any) -> Any:
        import torch

        try:
            found = torch.as_tensor(v, device=rng.device).detach()
        except (TypeError, ValueError, RuntimeError) as error:
            raise DataError(
                "A generator returns tensors, or arrays of numbers.",
                got=type(v).__name__,
                hint="return x, y, mi",
            ) from error
        return found if found.is_floating_point() else found.double()


def _of_each(value: Any, batch: int) -> Any:
    """A number of each task; one number is that of all."""
    if value.ndim and tuple(value.shape) != (batch,):
        raise DataError(
            "A generator returns the true information as (batch,), one number a task, or as one "
            "number that all tasks of the batch have.",
            got={"shape": tuple(value.shape), "wanted": (batch,)},
            hint="return x, y, mi.reshape(batch)",
        )
    return value.broadcast_to((batch,)).double()


def families_of(generator: Any) -> dict[str, Any]:
    """Families by name, of one or several families or functions."""
    if isinstance(generator, Mapping):
        named = [(str(name), g) for name, g in generator.items()]
    elif isinstance(generator, list | tuple):
        named = [(getattr(g, "name", f"own {i}"), g) for i, g in enumerate(generator)]
    else:
        named = [(getattr(generator, "name", "own"), generator)]
    found = {name: _family(g, name) for name, g in named}
    if twice := repeated([name for name, _ in named]):
        raise InvalidParameterError(
            "Two generators have one name.",
            got=twice,
            hint="MIST.train({'first': one, 'second': other})",
        )
    if not found:
        raise InvalidParameterError(
            "There is no generator to train on.", got=generator, hint="MIST.train(generator)"
        )
    return found


def _family(generator: Any, called: str) -> Any:
    if hasattr(generator, "draw") and hasattr(generator, "accepts"):
        return generator
    if callable(generator):
        return Own(generator, called)
    raise InvalidParameterError(
        "A generator is a family, or a function of (batch, n, dx, dy, rng).",
        got=generator,
        hint="def generator(batch, n, dx, dy, rng): return x, y, mi",
    )


@dataclass(frozen=True)
class Course:
    """Choices of a training on a user's own laws; see `MIST.train`."""

    tasks: int
    rows: tuple[int, int]
    columns: tuple[int, int]
    steps: int
    seed: int
    device: str

    def __post_init__(self) -> None:
        """Error for the first parameter that is none, by the name that `MIST.train` gives it."""
        steps = "a whole number, one or more"
        rows = f"two whole numbers, a range within {FEWEST} to {MOST}"
        columns = f"two whole numbers, a range within 1 to {WIDEST}"
        many = f"a whole number, {LEAST_TASKS} or more"
        for name, value, holds, wanted, example in (
            ("tasks", self.tasks, _whole(self.tasks, LEAST_TASKS), many, LEAST_TASKS),
            ("rows", self.rows, _range(self.rows, FEWEST, MOST), rows, (30, 300)),
            ("columns", self.columns, _range(self.columns, 1, WIDEST), columns, (1, 5)),
            ("steps", self.steps, _whole(self.steps, 1), steps, 2000),
            ("random_state", self.seed, _whole(self.seed, 0), "a whole number, 0 or more", 0),
        ):
            if not holds:
                raise InvalidParameterError(
                    f"The {name!r} parameter of MIST.train must be {wanted}.",
                    got=value,
                    hint=f"{name}={example!r}",
                )
        check_device(self.device)


def _whole(value: Any, least: int) -> bool:
    return Span(Integral, least).holds(value)


def _range(value: Any, least: int, most: int) -> bool:
    if not isinstance(value, list | tuple) or len(value) != 2:
        return False
    return all(_whole(v, least) for v in value) and value[0] <= value[1] <= most


def check_device(device: Any) -> None:
    """Error where torch has no such device, or this machine has none.

    Raises
    ------
    InvalidParameterError
        Where it is no name of a device.
    UnsupportedError
        Where it is not here.
    """
    import torch

    try:
        torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise InvalidParameterError(
            "The 'device' parameter of MIST.train must be the name of a device of torch.",
            got=device,
            hint="device='cpu'",
        ) from error
    try:
        torch.Generator(torch.empty(0, device=device).device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise UnsupportedError(
            f"The 'device' parameter of MIST.train is {str(device)!r}, and tasks cannot be drawn "
            "there: this machine or this torch has none.",
            got=device,
            hint="device='cpu'",
        ) from error


def trained(generator: Any, course: Course, start: Weights | None) -> Weights:
    """Weights trained on drawn tasks and calibrated on held-out ones; see `MIST.train`."""
    families = families_of(generator)
    shards = math.ceil(course.tasks / max(SHARD, len(families)))
    stream = Stream(
        families,
        seed=course.seed,
        bands=((*course.rows, 1.0),),
        columns=course.columns,
        tasks=max(SHARD, len(families)),
        device=course.device,
    )
    total, drawn = 2 * shards, []
    for i in range(shards):
        drawn.append(stream.shard(i))
        tell(i + 1, total)
    whole = Table.joined(drawn)
    place = np.random.default_rng(course.seed).permutation(len(whole))
    cuts = [round(share * len(whole)) for share in (1 - HELD_OUT, 1 - HELD_OUT / 2)]
    learn, settle, exam = (whole.rows(part) for part in np.split(place, cuts))
    settings = _settings(course, start)
    seen = np.ones((settings.members, len(families)), dtype=bool)

    def say(step: int, loss: float) -> None:
        tell(shards + int(shards * (step + 1) / settings.steps), total)

    network = fit(
        learn,
        settings,
        seen=seen,
        start=None if start is None else dict(start.network),
        progress=say,
    )
    network = {k: v.astype(np.float32) for k, v in network.items()}
    centre, whitening, limit = support(squeezed(settle.features.astype(float)))
    calibration = margins_of(network, settle) | {
        "centre": centre,
        "whitening": whitening,
        "limit": np.asarray(limit),
    }
    made = Weights(network, calibration)
    card: dict[str, Any] = {
        "families": list(families),
        "tasks": {"trained": len(learn), "calibrated": len(settle), "examined": len(exam)},
        "rows": list(course.rows),
        "columns": list(course.columns),
        "seed": course.seed,
        "steps": settings.steps,
        "start": "random" if start is None else str(start.card.get("sha256", ""))[:16],
        "stream": stream.key,
        "calibration": "held-out tasks of the same families: nothing is known of others",
    } | examined(made, exam)
    if card["mse"] > card["anchor_mse"]:
        warnings.warn(
            "On held-out tasks the network is no better than the classical estimate beside it; "
            "more tasks, more steps, or shapes that are more alike.",
            ReliabilityWarning,
            stacklevel=3,
        )
    return Weights(network, calibration, card)


def _settings(course: Course, start: Weights | None) -> Settings:
    batch = 256
    if start is None:
        return Settings(
            members=4, hidden=(96, 96), steps=course.steps, batch=batch, seed=course.seed
        )
    first = start.network["w0"]
    layers = sum(1 for k in start.network if k.startswith("w"))
    widths = tuple(int(start.network[f"w{i}"].shape[-1]) for i in range(layers - 1))
    return Settings(
        members=len(first),
        hidden=widths,
        steps=course.steps,
        batch=batch,
        learning_rate=GENTLE,
        seed=course.seed,
    )


def margins_of(network: Mapping[str, Array], table: Table) -> dict[str, Array]:
    """Margin of every level, on the scale T, from tasks that were held out."""
    t = squeezed(np.asarray(quantiles(network, table.features), dtype=float))
    residuals = np.sort(squeezed(table.truth.astype(float))[:, None] - t, axis=0)
    m, levels = len(table), np.array(LEVELS)
    ranks = np.where(levels < 0.5, np.floor((m + 1) * levels), np.ceil((m + 1) * levels))
    places = np.clip(ranks.astype(int) - 1, 0, m - 1)
    return {"margins": residuals[places, np.arange(len(levels))]}


def examined(weights: Weights, table: Table) -> dict[str, Any]:
    """Error and coverage on tasks that neither trained nor calibrated."""
    learned = np.asarray(quantiles(weights.network, table.features))
    found = widened(weights, learned, table.features)
    truth = table.truth.astype(float)
    anchors = classical(table)[ANCHOR]
    coverage = {}
    for i in range(MIDDLE):
        low, high = found[:, i], found[:, len(LEVELS) - 1 - i]
        nominal = round(LEVELS[-1 - i] - LEVELS[i], 6)
        coverage[f"{nominal:g}"] = float(((low <= truth) & (truth <= high)).mean())
    return {
        "mse": float(((found[:, MIDDLE] - truth) ** 2).mean()),
        "anchor_mse": float(((anchors - truth) ** 2).mean()),
        "coverage": coverage,
    }
