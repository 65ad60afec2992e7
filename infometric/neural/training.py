"""Training of a critic: one step without a host synchronisation, epochs, and the max-test rule.

All trained weights are views of one flat tensor, so that gradient clipping, the optimiser and the
average of the weights are one operation each, however many layers there are. Nothing in an epoch
waits for the device: losses are summed where they are, and read once when the epoch is over.

The step exists twice: as torch's own operations, the fused optimiser among them, and written out
as one function that torch compiles whole. Both keep the same tensors, so either can follow the
other.
"""

from __future__ import annotations

import functools
import math
import statistics
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from infometric.exceptions import (
    DataError,
    InfometricWarning,
    MissingExtraError,
    UnsupportedError,
)
from infometric.functional.bounds import Bound
from infometric.neural.model import Model, Plain

try:
    import torch
    from torch import nn
except ImportError as error:
    raise MissingExtraError.of("torch", "neural") from error

BETAS = (0.9, 0.999)  # AdamW's, of its two moments
TINY = 1e-8  # AdamW's, beside the root of the second moment
FORMS = 64  # forms of the step (layers, sizes, bounds) that stay compiled in one process
STEEPEST = 0.99  # weight of the past in the average of the weights
LEAST_GAIN = 1e-3  # share by which a validation value must rise to count
WINDOW = 3  # epochs whose median is compared: the last ones, never later ones
JUDGED = 2000  # rows on which validation is computed, all against all
FEW = 128  # training rows on which weights are judged where none are held out
FAR = 100.0  # nats below the best at which a training that ends has diverged


@dataclass(frozen=True)
class Plan:
    """How a critic is trained; see `NeuralMI` for the meaning of each."""

    batch_size: int = 128
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    clip_norm: float = 5.0
    max_epochs: int = 300
    patience: int | None = 30
    compile: bool = False


@dataclass
class Course:
    """What happened while a critic was trained."""

    epochs: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = 0
    ended: str = "epochs"  # "patience", "epochs", "diverged" or "interrupted"


class Trainer:
    """Takes steps on a model: loss, gradient, clipping, AdamW, average of the weights.

    Parameters
    ----------
    model : Model or torch.nn.Module
        A model, or a critic ``(x, y) -> scores`` by itself.
    bound : Bound
        Whose loss is made small.
    plan : Plan, optional
        Learning rate, weight decay, clipping, and whether the step is compiled.

    Notes
    -----
    The parameters become views of one flat tensor while the trainer lives; `release` gives them
    memory of their own again. A step that torch cannot compile is taken uncompiled, with a
    warning.

    Examples
    --------
    >>> import torch
    >>> from infometric.functional.bounds import BOUNDS
    >>> from infometric.neural.critics import SeparableCritic
    >>> _ = torch.manual_seed(0)
    >>> x = torch.randn(512, 2)
    >>> y = x + torch.randn(512, 2)
    >>> trainer = Trainer(SeparableCritic(2, 2), BOUNDS["infonce"])
    >>> losses = [float(trainer.step(x, y)) for _ in range(200)]
    >>> losses[0] > -0.1 and losses[-1] < -0.4
    True
    """

    def __init__(self, model: nn.Module, bound: Bound, plan: Plan | None = None) -> None:
        self.model: Any = model
        self.bound, self.plan = bound, plan or Plan()
        weights = [p for p in model.parameters() if p.requires_grad]
        if not weights:
            raise UnsupportedError(
                "This critic has no weights to train.",
                got=type(model).__name__,
                hint="requires_grad_(True), or bound.value(critic(x, y)) without training",
            )
        _require_one_kind(weights)
        self._weights = weights
        whole = model if isinstance(model, Model) else Model(Plain(), Plain(), model)
        self._loss = Loss(whole, bound)
        places = _places(self._loss)
        self._parts = tuple((tuple(places[id(p)]), p.shape) for p in weights)
        # the scaling and the anchor have buffers too, long ones, which never change
        self._buffers_of: Any = getattr(model, "critic", model)
        with torch.no_grad():
            self.flat = nn.Parameter(torch.cat([p.detach().reshape(-1) for p in weights]))
            self.flat.grad = torch.zeros_like(self.flat)
            self._tie()
        self.average = self.flat.detach().clone()
        self.optimiser = torch.optim.AdamW(
            [self.flat],
            lr=self.plan.learning_rate,
            betas=BETAS,
            eps=TINY,
            weight_decay=self.plan.weight_decay,
            fused=True,
        )
        with torch.no_grad():
            self._moments = {
                "step": torch.zeros((), device=self.flat.device),
                "exp_avg": torch.zeros_like(self.flat),
                "exp_avg_sq": torch.zeros_like(self.flat),
            }
        self.optimiser.state[self.flat] = self._moments
        self.steps = 0
        self._memory: Any = None
        self._compiled = self.plan.compile

    def _tie(self) -> None:
        """Make every weight, and its gradient, a view of the flat ones."""
        start = 0
        for p in self._weights:
            end = start + p.numel()
            p.data = self.flat.data[start:end].view(p.shape)
            p.grad = self.flat.grad[start:end].view(p.shape)  # type: ignore[index]
            start = end

    def worth(self, x: Any, y: Any) -> Any:
        """What training makes large, of rows: minus the loss, the critic's price included."""
        return -self._loss(x, y)

    def step(self, x: Any, y: Any) -> Any:
        """One step on a batch; the loss, still on the device."""
        if self.steps == 0:
            # memory is of the scores' kind; all that is known of them before is the weights'
            self._memory = self.bound.fresh_memory(self.flat.detach()[:1, None])
        loss = self._compiled_step(x, y) if self._compiled else None
        loss = self._plain_step(x, y) if loss is None else loss
        self.steps += 1
        return loss

    def _compiled_step(self, x: Any, y: Any) -> Any:
        """The step as one compiled function; None, once and for all, where that cannot be had."""
        from torch._dynamo import config  # seconds, that only compiling costs

        kept = self._moments, self.average, self._memory
        constants = self.plan.learning_rate, self.plan.weight_decay, self.plan.clip_norm
        try:
            with config.patch(trace_autograd_ops=True, recompile_limit=FORMS):
                return whole_step()(self._loss, self._parts, constants, self.flat, *kept, x, y)
        except Exception as error:  # whatever a user's module makes of tracing; nothing has moved
            self._compiled = False
            warnings.warn(
                "The training step cannot be compiled with this critic and this torch; it is "
                f"taken uncompiled, which is slower ({type(error).__name__}). compile=False says "
                "so from the start.",
                InfometricWarning,
                stacklevel=2,
            )
        return None

    def _plain_step(self, x: Any, y: Any) -> Any:
        """The step as torch's own operations."""
        gradient: Any = self.flat.grad
        gradient.zero_()
        loss = self._loss(x, y, self._memory)
        loss.backward()
        with torch.no_grad():
            gradient.mul_((self.plan.clip_norm / (gradient.norm() + 1e-6)).clamp(max=1.0))
            self.optimiser.step()
            taken = self.steps + 1
            past = min(STEEPEST, (1 + taken) / (10 + taken))
            self.average.lerp_(self.flat, 1 - past)
        return loss.detach()

    def exchange(self) -> None:
        """Exchange the weights and their average."""
        with torch.no_grad():
            kept = self.flat.detach().clone()
            self.flat.copy_(self.average)
            self.average.copy_(kept)

    def snapshot(self) -> tuple[Any, list[Any]]:
        """Copies of the average weights and of the buffers."""
        return self.average.clone(), [b.detach().clone() for b in self._buffers_of.buffers()]

    def release(self, best: tuple[Any, list[Any]]) -> None:
        """Give the model the weights of a snapshot, in memory of their own."""
        with torch.no_grad():
            self.flat.copy_(best[0])
            for mine, kept in zip(self._buffers_of.buffers(), best[1], strict=True):
                mine.copy_(kept)
            for p in self._weights:
                p.data = p.data.clone()
                p.grad = None


class Loss(nn.Module):
    """What training makes small, of a batch of scaled rows: the bound's loss, and the price."""

    def __init__(self, model: Model, bound: Bound) -> None:
        super().__init__()
        self.model, self.bound = model, bound

    def forward(self, x: Any, y: Any, memory: Any = None) -> Any:
        """The loss."""
        model: Any = self.model
        scores, baseline, price = model.terms(x, y)
        return self.bound.loss(scores, baseline, memory) + price


@functools.cache
def whole_step() -> Callable[..., Any]:
    """The step, compiled; trainings whose models are built alike share what was compiled.

    CUDA graphs (``mode="reduce-overhead"``) are not asked for: they are left out where arguments
    are overwritten, as the weights are here, and a loss would live until the next step only.
    """
    return torch.compile(_step_of, fullgraph=True, dynamic=False)


def _step_of(
    loss_of: Loss,
    parts: tuple[tuple[tuple[str, ...], Any], ...],
    constants: tuple[float, float, float],
    flat: Any,
    moments: dict[str, Any],
    average: Any,
    memory: Any,
    x: Any,
    y: Any,
) -> Any:
    """Loss, gradient, clipping, AdamW and the average of the weights, in place; the loss.

    References
    ----------
    Loshchilov, I., Hutter, F. (2019). Decoupled weight decay regularization. arXiv:1711.05101
    """
    views: dict[str, Any] = {}
    start = 0
    for names, shape in parts:
        end = start + math.prod(shape)
        piece = flat[start:end].view(shape)
        views |= dict.fromkeys(names, piece)
        start = end
    loss = torch.func.functional_call(loss_of, views, (x, y, memory), tie_weights=False)
    (gradient,) = torch.autograd.grad(loss, flat)
    rate, decay, clip_norm = constants
    first, second = moments["exp_avg"], moments["exp_avg_sq"]
    with torch.no_grad():
        gradient = gradient * (clip_norm / (gradient.norm() + 1e-6)).clamp(max=1.0)
        moments["step"].add_(1)
        taken = moments["step"].to(flat.dtype)
        first.lerp_(gradient, 1 - BETAS[0])
        second.mul_(BETAS[1]).addcmul_(gradient, gradient, value=1 - BETAS[1])
        root = (second / (1 - BETAS[1] ** taken)).sqrt() + TINY
        flat.mul_(1 - rate * decay).sub_(rate / (1 - BETAS[0] ** taken) * first / root)
        average.lerp_(flat, 1 - ((1 + taken) / (10 + taken)).clamp(max=STEEPEST))
    return loss.detach()


def _places(module: nn.Module) -> dict[int, list[str]]:
    """Names of each weight, by its identity: several where layers share it, one in each layer."""
    found: dict[int, list[str]] = {}
    for prefix, layer in module.named_modules():
        for name, p in layer.named_parameters(recurse=False, remove_duplicate=False):
            found.setdefault(id(p), []).append(f"{prefix}.{name}")
    return found


def _require_one_kind(weights: list[nn.Parameter]) -> None:
    """Error unless all weights have one precision and one device, as one tensor has."""
    kinds = sorted({f"{p.dtype} on {p.device}".removeprefix("torch.") for p in weights})
    if len(kinds) > 1:
        raise UnsupportedError(
            "The trained weights of a critic must have one precision and be on one device.",
            got=kinds,
            hint="critic = critic.float()",
        )


def train(
    model: nn.Module,
    bound: Bound,
    data: tuple[Any, Any],
    held: tuple[Any, Any] | None,
    plan: Plan,
    generator: torch.Generator,
    say: Callable[[int], None] = lambda epoch: None,
) -> Course:
    """Train a model in place; it is left with the best weights seen, in evaluation mode.

    Parameters
    ----------
    model : Model
        What is trained.
    bound : Bound
        Whose loss is made small.
    data : (tensor, tensor)
        Scaled training rows, on the device.
    held : (tensor, tensor), optional
        Scaled validation rows. The max-test rule keeps the weights with the greatest median of the
        last validation values; without them, the last weights are kept.
    plan : Plan
        Sizes and lengths.
    generator : torch.Generator
        Order of the rows.
    say : callable
        Told the number of each epoch when it is over.

    Returns
    -------
    Course
        Values by epoch, the best one, and why training ended. A run that diverges or is
        interrupted ends there, with the best weights until then.
    """
    x, y = data
    if len(x) < plan.batch_size:
        raise DataError(
            "A batch has more rows than there are to train on.",
            got={"batch_size": plan.batch_size, "training_rows": len(x)},
            hint=f"batch_size={max(2, len(x) // 2)}, or batch_size='auto'",
        )
    trainer, course = Trainer(model, bound, plan), Course()
    judge = _Judge(trainer, data, held)
    best = trainer.snapshot()
    try:
        judge.first(course)
        for epoch in range(1, plan.max_epochs + 1):
            total = _epoch(trainer, x, y, generator)
            value = judge.value()
            judge.tell(course, epoch, -float(total), value)
            say(epoch)
            if not _finite(total, value, trainer):
                course.ended = "diverged"
                break
            if judge.better(value):
                best, course.best_epoch = trainer.snapshot(), epoch
            elif plan.patience is not None and epoch - course.best_epoch >= plan.patience:
                course.ended = "patience"
                break
        course.ended = "diverged" if judge.lost() else course.ended
    except KeyboardInterrupt:
        course.ended = "interrupted"
    trainer.release(best)
    model.eval()
    return course


def _finite(total: Any, value: float, trainer: Trainer) -> bool:
    """Whether an epoch's values, and the weights after it, are numbers."""
    sound = torch.isfinite(total) & torch.isfinite(trainer.average).all()
    return bool(sound) and value == value and abs(value) < 1e30


def _epoch(trainer: Trainer, x: Any, y: Any, generator: torch.Generator) -> Any:
    """One pass over the rows in a new order; mean loss, on the device."""
    n, size = len(x), trainer.plan.batch_size
    order = torch.randperm(n, generator=generator).to(x.device)
    xs, ys = x[order], y[order]
    total = torch.zeros((), device=x.device)
    trainer.model.train()
    batches = n // size
    for i in range(batches):  # a last batch of fewer rows would have another ceiling
        total += trainer.step(xs[i * size : (i + 1) * size], ys[i * size : (i + 1) * size])
    trainer.model.eval()
    return total / batches


class _Judge:
    """The max-test rule: which epoch's weights are kept.

    Without validation rows the last weights are kept, unless a few training rows show that they
    have run away.
    """

    def __init__(self, trainer: Trainer, data: Any, held: Any) -> None:
        self.trainer, self.tested = trainer, held is not None
        rows, most = (held, JUDGED) if self.tested else (data, FEW)
        self.rows = rows[0][:most], rows[1][:most]
        self.values: list[float] = []
        self.best: float | None = None

    def value(self) -> float:
        """Value of the average weights, of what training makes large."""
        self.trainer.exchange()
        with torch.no_grad():
            found = float(self.trainer.worth(*self.rows))
        self.trainer.exchange()
        return found

    def first(self, course: Course) -> None:
        """Judge the weights that training starts from."""
        self.trainer.model.eval()
        start = self.value()
        self.tell(course, 0, math.nan, start)
        self.better(start if start == start else -math.inf)

    def tell(self, course: Course, epoch: int, train: float, value: float) -> None:
        """Add an epoch to the course."""
        shown = value if self.tested else math.nan
        course.epochs.append({"epoch": float(epoch), "train": train, "validation": shown})

    def better(self, value: float) -> bool:
        """Whether the median of the last values is the greatest so far by a margin."""
        self.values.append(value)
        if not self.tested:
            self.best = value if self.best is None else max(self.best, value)
            return not self.lost()
        recent = statistics.median(self.values[-WINDOW:])
        gained = self.best is None or recent > self.best + self._margin()
        self.best = recent if gained else self.best
        return gained

    def _margin(self) -> float:
        best = self.best or 0.0
        return LEAST_GAIN * abs(best) if math.isfinite(best) else 0.0

    def lost(self) -> bool:
        """Whether the last value lies so far below the best that training has run away."""
        return self.best is not None and self.values[-1] < self.best - FAR
