"""One critic from rows: what `NeuralMI` and `ReliableMI` share.

`Settings` holds every choice; `fit_critic` scales, anchors, builds and trains; `scored` says what
a critic gives for rows that it has not seen.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np

from infometric.exceptions import (
    DataError,
    InfometricError,
    InvalidParameterError,
    MissingExtraError,
    UnsupportedError,
)
from infometric.functional.bounds import BOUNDS, Bound
from infometric.neural.critics import CRITICS, EMBEDDING, HIDDEN
from infometric.neural.model import Model, Plain, anchor_of, baseline_net, scaling_of
from infometric.neural.training import JUDGED, Course, Plan, train
from infometric.typing import Array

try:
    import torch
    from torch import nn
except ImportError as error:
    raise MissingExtraError.of("torch", "neural") from error

LEAST_HELD = 10  # rows of validation, at least
MOST_BATCH = 128
TOGETHER = 2000  # rows scored all against all


@dataclass(frozen=True)
class Settings:
    """Every choice of a training; see `NeuralMI` for the meaning of each."""

    bound: Any = "infonce"
    critic: Any = "separable"
    anchor: str | None = "gaussian"
    scaling: str = "normal"
    embedding_dim: int = EMBEDDING
    hidden: tuple[int, ...] = HIDDEN
    encoder_x: Any = None
    encoder_y: Any = None
    validation: float = 0.15
    batch_size: Any = "auto"
    plan: Plan = field(default_factory=Plan)
    device: str = "auto"
    compile: Any = "auto"


@dataclass
class Fitted:
    """A trained critic, and how it came about."""

    model: Model
    course: Course
    bound: Bound
    trained: Array  # numbers of the rows it was trained on
    held: Array  # numbers of the rows that decided when to stop


def bound_of(bound: Any) -> Bound:
    """Bound of a name."""
    return BOUNDS[bound] if isinstance(bound, str) else bound


def device_of(name: str) -> torch.device:
    """Device of a name; "auto" is a GPU where there is one.

    Raises
    ------
    UnsupportedError
        Where the machine has no such device.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise UnsupportedError(
            "This machine has no such device.", got=name, hint="device='auto', or device='cpu'"
        ) from error
    return device


def tensor(rows: Any, device: torch.device) -> torch.Tensor:
    """Rows as a tensor on a device, in the precision they have."""
    if isinstance(rows, torch.Tensor):
        return rows.to(device)
    return torch.as_tensor(np.require(rows, requirements=("C", "W"))).to(device)


def _own(encoder: Any) -> nn.Module | None:
    """A copy of an encoder, or a new one from a function without arguments."""
    if encoder is None or isinstance(encoder, nn.Module):
        return copy.deepcopy(encoder)
    made = copy.deepcopy(_made(encoder, "encoder_x=torch.nn.Sequential(...)"))
    if not isinstance(made, nn.Module):
        raise InvalidParameterError(
            "An encoder must be a torch module, or a function that returns one.",
            got=type(made).__name__,
            hint="encoder_x=torch.nn.Sequential(...)",
        )
    return made


def _made(maker: Callable[..., Any], hint: str, *sizes: int, **encoders: nn.Module) -> Any:
    """What a user's function returns."""
    try:
        return maker(*sizes, **encoders)
    except InfometricError:
        raise
    except Exception as error:
        takes = f"{len(sizes)} number(s), {sizes}" if sizes else "no argument"
        takes += f" and {' and '.join(encoders)}" if encoders else ""
        raise InvalidParameterError(
            f"The function given is called with {takes}, and failed: {_first_line(error)}.",
            got=getattr(maker, "__name__", type(maker).__name__),
            hint=hint,
        ) from error


def _first_line(error: Exception) -> str:
    """Kind and first line of an error of a user's module."""
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0].rstrip('.')}"


def _width(rows: torch.Tensor, encoder: nn.Module | None) -> int:
    """Numbers per row of what a critic is given."""
    if encoder is None:
        return rows[:1].flatten(1).shape[1]
    encoder.eval()
    try:
        with torch.no_grad():
            found = encoder(rows[:2])
    except Exception as error:
        raise InvalidParameterError(
            f"The encoder cannot read rows of this shape: {_first_line(error)}.",
            got={"shape": tuple(rows.shape)},
            hint="an encoder of batches: encoder(rows) of shape (n, k) for rows of shape (n, ...)",
        ) from error
    encoder.train()
    if not isinstance(found, torch.Tensor) or found.ndim < 2 or len(found) != len(rows[:2]):
        raise InvalidParameterError(
            "An encoder must return one row of numbers for each row.",
            got=tuple(getattr(found, "shape", ())) or type(found).__name__,
            hint="torch.nn.Sequential(encoder, torch.nn.Flatten())",
        )
    return found.flatten(1).shape[1]


def critic_of(settings: Settings, x: torch.Tensor, y: torch.Tensor) -> nn.Module:
    """A critic for rows like these, not trained yet.

    Raises
    ------
    InvalidParameterError
        Where a critic of the user's does not score every pair.
    """
    kind = settings.critic
    if isinstance(kind, nn.Module):
        critic = copy.deepcopy(kind)
    else:
        encoders = _own(settings.encoder_x), _own(settings.encoder_y)
        widths = _width(x, encoders[0]), _width(y, encoders[1])
        if isinstance(kind, str):
            critic = CRITICS[kind](
                *widths,
                hidden=settings.hidden,
                embedding_dim=settings.embedding_dim,
                encoder_x=encoders[0],
                encoder_y=encoders[1],
            )
        else:
            both = zip(("encoder_x", "encoder_y"), encoders, strict=True)
            given = {name: e for name, e in both if e is not None}
            hint = "critic=lambda dx, dy: MyCritic(dx, dy), or critic=MyCritic(...), a module"
            if given:
                hint = "critic=lambda dx, dy, **encoders: VariationalCritic(dx, dy, **encoders)"
            critic = copy.deepcopy(_made(kind, hint, *widths, **given))
    if isinstance(critic, nn.Module):
        critic = critic.to(x.device)
    check_shape(critic, x, y)
    return critic


def check_shape(critic: Any, x: torch.Tensor, y: torch.Tensor) -> None:
    """Error unless a critic gives a score for every pair."""
    if not isinstance(critic, nn.Module):
        raise InvalidParameterError(
            "critic must be a torch module, or a function of (dx, dy) that returns one.",
            got=type(critic).__name__,
            hint="critic='separable', or critic=lambda dx, dy: MyCritic(dx, dy)",
        )
    a, b = x[:3], y[: max(1, min(2, len(y)))]
    critic.eval()
    try:
        found = critic(a, b)
    except InfometricError:
        raise
    except Exception as error:
        raise InvalidParameterError(
            f"The critic cannot score {len(a)} rows of x against {len(b)} of y: "
            f"{_first_line(error)}.",
            got={"x": tuple(a.shape), "y": tuple(b.shape)},
            hint="critic(x, y) must return scores of shape (len(x), len(y))",
        ) from error
    _check_scores(found, a, b, any(p.requires_grad for p in critic.parameters()))
    critic.train()


def _check_scores(found: Any, x: torch.Tensor, y: torch.Tensor, trained: bool) -> None:
    """Error unless scores are a tensor of every pair, through which gradients flow."""
    shape = tuple(getattr(found, "shape", ()))
    if not isinstance(found, torch.Tensor) or shape != (len(x), len(y)):
        raise InvalidParameterError(
            "A critic must return a tensor with a score for every pair: shape (len(x), len(y)).",
            got={"x": tuple(x.shape), "y": tuple(y.shape), "scores": shape or type(found).__name__},
            hint="return g(x) @ h(y).T",
        )
    if not found.is_floating_point() or (trained and not found.requires_grad):
        raise InvalidParameterError(
            "No gradient flows from the critic's scores to its weights.",
            got={"dtype": str(found.dtype), "requires_grad": found.requires_grad},
            hint="return scores as they are, without detach(), item(), or torch.no_grad()",
        )


def fit_critic(
    settings: Settings,
    x: Any,
    y: Any,
    rng: np.random.Generator,
    say: Callable[[int], None] = lambda epoch: None,
) -> Fitted:
    """Train one critic on rows, part of which decide when to stop.

    Parameters
    ----------
    settings : Settings
        Every choice.
    x, y : ndarray or tensor of shape (n, ...)
        Rows as they come.
    rng : Generator
        Source of weights, order and split.
    say : callable
        Told each epoch.
    """
    device = device_of(settings.device)
    bound = bound_of(settings.bound)
    n = len(x)
    order = rng.permutation(n)
    held = round(n * settings.validation)
    held = 0 if settings.plan.patience is None else min(max(LEAST_HELD, held), max(2, n // 2))
    val, fit = np.sort(order[:held]), np.sort(order[held:])
    if len(fit) < 2:
        raise too_few(n)
    seeds = [int(s) for s in rng.integers(2**63, size=2)]
    raw_x, raw_y = tensor(x, device), tensor(y, device)
    at = torch.as_tensor(fit, device=device)
    scales = [
        _scaling(settings, rows[at], encoder).to(device)
        for rows, encoder in ((raw_x, settings.encoder_x), (raw_y, settings.encoder_y))
    ]
    sx, sy = scales[0](raw_x), scales[1](raw_y)
    out = torch.as_tensor(val, device=device)
    parts = (sx[at], sy[at]), (sx[out], sy[out])
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seeds[0])
        model = _build(settings, bound, scales, *parts)
        generator = torch.Generator().manual_seed(seeds[1])
        plan = replace(
            settings.plan,
            batch_size=batch_of(settings.batch_size, len(fit)),
            compile=device.type == "cuda" if settings.compile == "auto" else settings.compile,
        )
        course = train(model, bound, parts[0], parts[1] if held else None, plan, generator, say)
    return Fitted(model, course, bound, fit, val)


def too_few(n: int) -> DataError:
    """Error for rows that are too few to train on."""
    return DataError(
        f"A critic cannot be trained on {n} row(s), part of which are held out.",
        got={"rows": n},
        hint="mutual_information(x, y), which needs fewer",
    )


def batch_of(size: Any, rows: int) -> int:
    """Rows of a batch; "auto" takes 128, or half of fewer rows."""
    if size != "auto":
        return int(size)
    return MOST_BATCH if rows >= 2 * MOST_BATCH else max(2, rows // 2)


def _scaling(settings: Settings, rows: torch.Tensor, encoder: Any) -> nn.Module:
    if rows.ndim > 2 or encoder is not None:
        return Plain()  # an encoder knows what its input must look like
    return scaling_of(settings.scaling, rows.detach().cpu().numpy())


def _build(settings: Settings, bound: Bound, scales: Any, fit: Any, held: Any) -> Model:
    critic = critic_of(settings, *fit)
    anchor = None
    silence = getattr(critic, "silence", None) if getattr(critic, "anchorable", True) else None
    if anchored(settings, bound) and callable(silence) and len(held[0]):
        rows = [v.flatten(1).cpu().numpy() for v in fit]
        judged = [v[:JUDGED].flatten(1) for v in held]  # all against all
        anchor = anchor_of(*rows, *judged)
        if anchor is not None:
            silence()
    net = None
    if bound.needs == "baseline" and not hasattr(critic, "baseline"):
        net = baseline_net(fit[1].flatten(1).shape[1])
    if bound.needs == "densities" and not hasattr(critic, "baseline"):
        raise UnsupportedError(
            f"The bound {bound.name!r} needs log densities, and this critic gives scores.",
            got=settings.critic,
            hint="critic='gaussian', or bound='infonce'",
        )
    return Model(scales[0], scales[1], critic, anchor, net).to(fit[0].device)


def anchored(settings: Settings, bound: Bound) -> bool:
    """Whether the critic starts from the Gaussian log ratio."""
    plain = settings.encoder_x is None and settings.encoder_y is None
    return settings.anchor == "gaussian" and plain and bound.needs != "densities"


def blocks_of(n: int, most: int = TOGETHER) -> list[slice]:
    """Even blocks of at most so many rows."""
    count = -(-n // most)
    edges = np.linspace(0, n, count + 1).round().astype(int)
    return [slice(a, b) for a, b in pairwise(edges)]


def scored(
    score: Callable[[Any, Any], tuple[Any, Any]],
    bound: Bound,
    x: Any,
    y: Any,
    device: torch.device,
    most: int = TOGETHER,
) -> Iterator[tuple[Array, Array]]:
    """Scores and influence values of rows, block by block."""
    if len(x) < 2:
        raise DataError(
            "One row has nothing to be compared with.", got={"rows": len(x)}, hint="more rows"
        )
    for part in blocks_of(len(x), most):
        with torch.no_grad():
            f, baseline = score(tensor(x[part], device), tensor(y[part], device))
        f = f.double().cpu().numpy()
        b = None if baseline is None else baseline.double().cpu().numpy()
        yield f, np.asarray(bound.influence(f, b))


def folds_of(n: int, folds: int, split: str, rng: np.random.Generator) -> list[Array]:
    """Rows held out by each critic: at random, or in blocks of neighbours."""
    order = rng.permutation(n) if split == "random" else np.arange(n)
    return [np.sort(part) for part in np.array_split(order, folds)]


def frames(courses: Sequence[Course]) -> list[dict[str, float]]:
    """Values of each epoch of each fold."""
    return [{"fold": float(k), **e} for k, c in enumerate(courses) for e in c.epochs]
