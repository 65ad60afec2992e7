"""Fit of the network to a table of portraits: all members at once, each with families left out."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch

from infometric.amortised.checkpoint import Checkpoint
from infometric.amortised.network import (
    ANCHORS,
    HEADS,
    LEVELS,
    inputs,
    perceptron,
    quantiles_of,
    squeezed,
)
from infometric.exceptions import DataError, InvalidParameterError
from infometric.functional.portrait import exchange, names

LOOKED_AT = 50  # steps from one look at the loss to the next


@dataclass(frozen=True)
class Settings:
    """Numbers of a fit.

    Parameters
    ----------
    members : int
        Networks of the ensemble.
    hidden : tuple of int
        Widths of their layers.
    steps, batch : int
        Steps of the optimiser, and tasks in each.
    learning_rate, weight_decay : float
        Of AdamW; the rate falls along a cosine.
    left_out : int
        Members that never see a family, for each family.
    seed : int
        Of initial weights and batches.
    emphasis : tuple of (str, float)
        Groups of families that do not weigh one in the loss, and what each family of them weighs.

    Raises
    ------
    InvalidParameterError
        Where a weight is no positive number, or a group is named twice.
    """

    members: int = 8
    hidden: tuple[int, ...] = (160, 160)
    steps: int = 6000
    batch: int = 1024
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    left_out: int = 2
    seed: int = 0
    emphasis: tuple[tuple[str, float], ...] = ()

    def __post_init__(self) -> None:
        try:
            said = {str(group): float(weight) for group, weight in self.emphasis}
            fine = all(0 < w < math.inf for w in said.values()) and len(said) == len(self.emphasis)
        except (TypeError, ValueError):
            fine = False
        if not fine:
            raise InvalidParameterError(
                "The 'emphasis' of a fit names each group once, with a positive number.",
                got=self.emphasis,
                hint='emphasis = [["parity", 2.0]]',
            )


def weight_of(groups: Sequence[str], settings: Settings) -> np.ndarray:
    """Weight in the loss of each family, by its group.

    Raises
    ------
    InvalidParameterError
        Where no family is of a group that weighs otherwise.

    Examples
    --------
    >>> weight_of(["grid", "parity"], Settings(emphasis=(("parity", 2.0),))).tolist()
    [1.0, 2.0]
    """
    said = dict(settings.emphasis)
    for name in said:
        if name not in groups:
            raise InvalidParameterError(
                f"No family is of the group {name!r}, which is to weigh otherwise.",
                got=name,
                hint=f"emphasis of {', '.join(sorted(set(groups)))}",
            )
    return np.array([said.get(group, 1.0) for group in groups])


def assignment(
    families: int, settings: Settings, groups: Sequence[str] | None = None
) -> np.ndarray:
    """Who sees whom, (members, families): each family is hidden from as many members.

    Relatives are hidden from different members, where there are members enough: who is asked about
    a family knows its relatives. Families are dealt out group by group; after each round the next
    group begins one place on, so that members who share a family differ in the next.

    Parameters
    ----------
    families : int
        How many there are.
    settings : Settings
        Members, and how many of them never see a family.
    groups : sequence of str, optional
        Group of each family; by default neighbours are relatives.

    Examples
    --------
    >>> seen = assignment(20, Settings(members=8, left_out=2))
    >>> (~seen).sum(0).tolist() == [2] * 20, (~seen).sum(1).tolist()
    (True, [5, 5, 5, 5, 5, 5, 5, 5])
    """
    seen = np.ones((settings.members, families), dtype=bool)
    order = range(families) if groups is None else sorted(range(families), key=groups.__getitem__)
    turn, moved, last = 0, 0, None
    for family in order:
        group = family if groups is None else groups[family]
        if group != last:
            moved, last = turn // settings.members, group
        for _ in range(settings.left_out):
            seen[(turn + moved) % settings.members, family] = False
            turn += 1
    return seen


def initial(table: Any, settings: Settings) -> dict[str, Any]:
    """Random weights, and the scales of the inputs."""
    z = np.arcsinh(2.0 * table.features.astype(np.float64))
    weights = {"mean": z.mean(0), "scale": z.std(0) + 1e-3}
    sizes = (len(names()), *settings.hidden, HEADS)
    rng = np.random.default_rng(settings.seed + 1)
    for i, (a, b) in enumerate(pairwise(sizes)):
        spread = (0.1 if i == len(settings.hidden) else 1.0) * math.sqrt(2.0 / a)
        weights[f"w{i}"] = spread * rng.normal(size=(settings.members, a, b))
        weights[f"b{i}"] = np.zeros((settings.members, 1, b))
    last = weights[f"b{len(settings.hidden)}"]
    last[..., len(ANCHORS)] = -1.0  # the gate: nearly shut
    last[..., len(ANCHORS) + 2 :] = -2.0
    return {k: v.astype(np.float32) for k, v in weights.items()}


def pinball(found: Any, target: Any) -> Any:
    """Mean over levels of the quantile loss, (members, tasks)."""
    level = torch.as_tensor(LEVELS, dtype=found.dtype, device=found.device)
    error = target[None, :, None] - found
    return torch.maximum(level * error, (level - 1.0) * error).mean(-1)


def fit(
    table: Any,
    settings: Settings,
    *,
    seen: np.ndarray | None = None,
    weight: np.ndarray | None = None,
    start: Mapping[str, np.ndarray] | None = None,
    progress: Callable[[int, float], None] | None = None,
    resume: Checkpoint | None = None,
    device: str = "cpu",
) -> dict[str, np.ndarray]:
    """Weights of all members.

    Parameters
    ----------
    table : Table
        Portraits and truths.
    settings : Settings
        Numbers of the fit.
    seen : ndarray of bool, shape (members, families), optional
        Who sees whom; see `assignment`.
    weight : ndarray of shape (families,), optional
        Of each family in the loss; by default all weigh the same.
    start : mapping of str to ndarray, optional
        Weights to go on from, with their scales of the inputs; random ones by default.
    progress : callable, optional
        Called with the step and its loss.
    resume : Checkpoint, optional
        Where to keep the state of the fit, and to go on from.
    device : str
        Device of torch.

    Returns
    -------
    dict of str to ndarray
        Stacked by member; ``mean`` and ``scale`` of the inputs, and layers ``w0``, ``b0``, ...
    """
    seen = assignment(len(table.families), settings) if seen is None else seen
    first = initial(table, settings) if start is None else start
    weights = {k: torch.tensor(np.asarray(v), dtype=torch.float32, device=device)
               for k, v in first.items()}  # fmt: skip
    trained = {k: v.requires_grad_() for k, v in weights.items() if k not in ("mean", "scale")}
    optimiser = _optimiser(trained, settings)
    features = torch.as_tensor(table.features, device=device)
    target = squeezed(torch.as_tensor(table.truth, device=device))
    count = np.bincount(table.family)
    share = len(table.family) / (np.count_nonzero(count) * count.clip(1))
    share = share if weight is None else share * weight
    mask = (table.seen_by(seen) * share[table.family]).T.astype(np.float32)
    mask = torch.as_tensor(np.ascontiguousarray(mask), device=device)
    turned = torch.as_tensor(exchange(), device=device)
    rng = torch.Generator().manual_seed(settings.seed)
    done = 0 if resume is None else resume.load(trained, optimiser, rng)
    for step in range(done, settings.steps):
        for group in optimiser.param_groups:
            group["lr"] = settings.learning_rate * _rate(step, settings.steps)
        rows = torch.randint(len(features), (settings.batch,), generator=rng).to(device)
        swapped = bool(torch.randint(2, (), generator=rng))  # one order of x and y: half the work
        portraits = features[rows]
        raw = perceptron(weights, inputs(weights, portraits[..., turned] if swapped else portraits))
        counted = mask[rows].T
        losses = pinball(quantiles_of(raw, portraits), target[rows]) * counted
        each = losses.sum(1) / counted.sum(1).clamp(min=1e-9)  # members learn for themselves
        optimiser.zero_grad()
        each.sum().backward()
        _clip(trained)
        optimiser.step()
        if step % LOOKED_AT == 0 and not bool(each.isfinite().all()):
            raise DataError(
                "The fit has diverged: its loss is no number any more.",
                got={"step": step, "learning_rate": settings.learning_rate},
                hint=f"learning_rate = {settings.learning_rate / 3:.1g}",
            )
        if resume is not None and resume.due(step + 1):
            resume.save(step + 1, trained, optimiser, rng)
        if progress is not None:
            progress(step, float(each.detach().mean()))
    return {k: v.detach().cpu().numpy() for k, v in weights.items()}


def _clip(trained: Mapping[str, torch.Tensor]) -> None:
    """Gradients of every member to a norm of one at most."""
    grads = [v.grad for v in trained.values() if v.grad is not None]
    square = torch.stack([(g * g).flatten(1).sum(1) for g in grads]).sum(0)
    scale = 1.0 / square.sqrt().clamp(min=1.0)
    for g in grads:
        g.mul_(scale.view(-1, *[1] * (g.ndim - 1)))


def _optimiser(trained: Mapping[str, torch.Tensor], settings: Settings) -> torch.optim.Optimizer:
    """AdamW that draws weights, not biases, to zero."""
    groups: list[dict[str, Any]] = [
        {"params": [v for k, v in trained.items() if k.startswith("w")]},
        {"params": [v for k, v in trained.items() if k.startswith("b")], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=settings.learning_rate, weight_decay=settings.weight_decay)


def _rate(step: int, steps: int) -> float:
    """Share of the learning rate: up over a hundred steps, then down along a cosine."""
    return 0.5 * (1 + math.cos(math.pi * step / steps)) * min(1.0, (step + 1) / 100)
