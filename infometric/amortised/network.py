r"""Network of the meta-estimator: from a portrait to quantiles of the mutual information.

Members of an ensemble are two-layer perceptrons whose weights are stacked. Each sees a portrait
twice, as it is and with x and y exchanged, and takes the mean: exchange is exact. On the scale
:math:`T(m) = \operatorname{asinh}(2m)`,

.. math::

    T(\text{median}) = \sum_a w_a T(\text{anchor}_a) + g c \tanh(r / c),

with weights over classical estimates (softmax), a gate g in (0, 1) and a residual that can not pass
the cap c: far from what it was trained on, the answer stays near that of classical estimators.
Other quantiles are cumulative sums of softplus, so that they cannot cross.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from infometric.functional.portrait import exchange, names
from infometric.state.arrays import like, logsumexp, namespace

LEVELS = (0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975)
MIDDLE = LEVELS.index(0.5)
ANCHORS = (
    "normal",
    "normal, corrected",
    "normal, left out",
    "normal, with norms",
    "spikes, information",
    "polynomials",
    "scores, 3, information",
    "white, 3, information",
    "canonical, 3, information",
    "scores, 1, information",
    "canonical, 1, information",
    "tables, largest",
    "atoms, information",
)
CAP = 1.5
FAR = 5.0  # standard deviations at which an input is cut
HEADS = len(ANCHORS) + 2 + len(LEVELS) - 1

Weights = Mapping[str, Any]


def squeezed(m: Any) -> Any:
    """T(m) = asinh(2m): linear near zero, logarithmic far out."""
    return namespace(m).arcsinh(2.0 * m)


def released(t: Any) -> Any:
    """The inverse of `squeezed`, not below zero."""
    return namespace(t).sinh(t.clip(0.0)) / 2.0


@cache
def anchor_places() -> tuple[int, ...]:
    """Places of the anchors in a portrait."""
    return tuple(names().index(name) for name in ANCHORS)


def inputs(weights: Weights, portraits: Any) -> Any:
    """Standardised portraits, cut far out."""
    return ((squeezed(portraits) - weights["mean"]) / weights["scale"]).clip(-FAR, FAR)


def perceptron(weights: Weights, z: Any) -> Any:
    """Outputs of the members, whose layers are stacked, for one order of x and y."""
    layer = 0
    while f"w{layer + 1}" in weights:
        z = z @ weights[f"w{layer}"] + weights[f"b{layer}"]
        z = z * _sigmoid(z)
        layer += 1
    return z @ weights[f"w{layer}"] + weights[f"b{layer}"]


def _sigmoid(x: Any) -> Any:
    """1 / (1 + e^-x), whose derivative is a number wherever it is asked for."""
    return 0.5 + 0.5 * namespace(x).tanh(0.5 * x)


def _softplus(x: Any) -> Any:
    xp = namespace(x)
    return xp.logaddexp(x, xp.zeros_like(x))


def heads(weights: Weights, portraits: Any) -> Any:
    """Raw outputs of every member, (members, tasks, HEADS), alike for x and y exchanged."""
    both = portraits, portraits[..., list(exchange())]  # first exchanged, then standardised
    one, other = (perceptron(weights, inputs(weights, v)) for v in both)
    return 0.5 * (one + other)


def quantiles_of(raw: Any, portraits: Any, cap: float = CAP) -> Any:
    """Quantiles on the scale T, (members, tasks, levels), from raw outputs."""
    xp = namespace(raw)
    count = len(ANCHORS)
    anchors = squeezed(portraits[..., list(anchor_places())].clip(0.0))
    logits = raw[..., :count]
    share = xp.exp(logits - logsumexp(logits, -1)[..., None])
    gate = _sigmoid(raw[..., count])
    residual = gate * cap * xp.tanh(raw[..., count + 1] / cap)
    middle = ((share * anchors).sum(-1) + residual)[..., None]
    steps = _softplus(raw[..., count + 2 :])
    below = xp.flip(xp.cumsum(xp.flip(steps[..., :MIDDLE], (-1,)), -1), (-1,))
    above = xp.cumsum(steps[..., MIDDLE:], -1)
    return xp.concatenate([middle - below, middle, middle + above], -1)


def quantiles(weights: Weights, portraits: Any) -> Any:
    """Quantiles in nats, (tasks, levels): the mean of the members on the scale T."""
    weights = {k: like(v, portraits) for k, v in weights.items()}
    t = quantiles_of(heads(weights, portraits), portraits)
    return released(t.mean(0))
