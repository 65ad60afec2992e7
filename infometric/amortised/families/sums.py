r"""Pairs in which Y is X and noise that is not normal, on the line or around a circle.

With S and N independent, :math:`I(S; gS + N) = h(gS + N) - h(N)`; the law of the sum is the
convolution of two histograms. Around a circle of circumference 1, Y is uniform where X is, and
:math:`I = -h(N)`, N the noise once it is wrapped; so it is where whole multiples of both differ by
N.

References
----------
Cover, T. M., Thomas, J. A. (2006). Elements of information theory. Wiley. doi:10.1002/047174882X
Mardia, K. V., Jupp, P. E. (2000). Directional statistics. Wiley. doi:10.1002/9780470316979
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from scipy.special import expit, ndtr
from torch import Tensor

from infometric.amortised.families.base import Pairs, Table, few, normal, signs, uniform, whole
from infometric.typing import Array

CELLS = 1 << 13
TURNS = 12  # at most, around a circle
BANDS = 5  # about a torus, less one: finer ones are lost where there is more than one pair
GAINS = np.r_[0.0, np.geomspace(0.003, 16.0, 64)]


class Law(NamedTuple):
    """A law on the line: where it lies, its distribution function, quantiles, entropy in nats."""

    low: float
    high: float
    cdf: Callable[[Array], Array]
    quantile: Callable[[Tensor], Tensor]
    entropy: float


def _triangular_cdf(t: Array) -> Array:
    t = np.clip(t, -1, 1)
    return np.where(t < 0, 0.5 * (1 + t) ** 2, 1 - 0.5 * (1 - t) ** 2)


def _triangular_quantile(u: Tensor) -> Tensor:
    return torch.where(u < 0.5, (2 * u).sqrt() - 1, 1 - (2 * (1 - u)).sqrt())


def _laplace_quantile(u: Tensor) -> Tensor:
    return torch.sign(u - 0.5) * -torch.log(2 * torch.minimum(u, 1 - u).clamp(min=1e-16))


NORMAL = Law(-7.5, 7.5, ndtr, torch.special.ndtri, 0.5 * math.log(2 * math.pi * math.e))
UNIFORM = Law(-0.5, 0.5, lambda t: np.clip(t + 0.5, 0, 1), lambda u: u - 0.5, 0.0)
TRIANGULAR = Law(-1.0, 1.0, _triangular_cdf, _triangular_quantile, 0.5)
ARCSINE = Law(
    -1.0,
    1.0,
    lambda t: 0.5 + np.arcsin(np.clip(t, -1, 1)) / math.pi,
    lambda u: torch.sin(math.pi * (u - 0.5)),
    math.log(math.pi / 2),
)
LAPLACE = Law(
    -22.0,
    22.0,
    lambda t: np.where(t < 0, 0.5 * np.exp(-np.abs(t)), 1 - 0.5 * np.exp(-np.abs(t))),
    _laplace_quantile,
    1 + math.log(2),
)
EXPONENTIAL = Law(
    0.0,
    22.0,
    lambda t: -np.expm1(-np.clip(t, 0, None)),
    lambda u: -torch.log1p(-u).clamp(max=-1e-300),
    1.0,
)


def sum_information(signal: Law, noise: Law, gain: float) -> float:
    """Information between a signal S and gain * S + N, nats.

    Examples
    --------
    >>> round(sum_information(NORMAL, NORMAL, 1.0), 4)  # log(2) / 2
    0.3466
    """
    if gain == 0:
        return 0.0
    low, high = gain * signal.low + noise.low, gain * signal.high + noise.high
    step = (high - low) / CELLS
    parts = [
        _masses(lambda t: signal.cdf(t / gain), gain * signal.low, gain * signal.high, step),
        _masses(noise.cdf, noise.low, noise.high, step),
    ]
    length = 2 * CELLS
    spectra = [np.fft.rfft(part, length) for part in parts]
    p = np.clip(np.fft.irfft(spectra[0] * spectra[1], length), 1e-300, None)
    entropy = -(p * np.log(p)).sum() + math.log(step)
    return max(float(entropy) - noise.entropy, 0.0)


def _masses(cdf: Callable[[Array], Array], low: float, high: float, step: float) -> Array:
    edges = low + step * np.arange(math.ceil((high - low) / step) + 1)
    mass = np.diff(cdf(edges))
    return np.asarray(mass / mass.sum())


LOGISTIC = Law(
    -30.0,
    30.0,
    expit,
    torch.logit,
    2.0,
)
LAWS = {
    "normal": NORMAL,
    "uniform": UNIFORM,
    "triangular": TRIANGULAR,
    "arcsine": ARCSINE,
    "laplace": LAPLACE,
    "exponential": EXPONENTIAL,
    "logistic": LOGISTIC,
}


@cache
def sum_table(signal: str, noise: str) -> Table:
    """Information of a signal with noise, over the gain of the signal."""
    found = [sum_information(LAWS[signal], LAWS[noise], float(gain)) for gain in GAINS]
    return Table.of(GAINS, np.array(found))


@dataclass(frozen=True)
class BoundedNoise(Pairs):
    """Y = gX + N with noise of bounded range: uniform, triangular or arcsine."""

    name: ClassVar[str] = "bounded_noise"
    group: ClassVar[str] = "curve"
    cap: ClassVar[float] = 3.0
    signals: ClassVar[tuple[str, ...]] = ("normal", "uniform", "arcsine")
    noises: ClassVar[tuple[str, ...]] = ("uniform", "triangular", "arcsine")

    def pairs(self, mi: Tensor, n: int, rng: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Pairs with the gain from a table; one signal and one noise for the batch."""
        signal = self.signals[whole(rng, 0, len(self.signals) - 1)]
        noise = self.noises[whole(rng, 0, len(self.noises) - 1)]
        gain, known = sum_table(signal, noise).nearest(mi)
        x = LAWS[signal].quantile(self._inside(mi, n, rng))
        y = gain[:, None, :] * x + LAWS[noise].quantile(self._inside(mi, n, rng))
        return x, y * signs(rng, len(mi), 1, mi.shape[1]), known

    @staticmethod
    def _inside(mi: Tensor, n: int, rng: torch.Generator) -> Tensor:
        return uniform(rng, len(mi), n, mi.shape[1]).clamp(1e-13, 1 - 1e-13)


@dataclass(frozen=True)
class SkewedNoise(BoundedNoise):
    """Y = gX + N with noise sharp at its centre or on one side: Laplace or exponential."""

    name: ClassVar[str] = "skewed_noise"
    signals: ClassVar[tuple[str, ...]] = ("normal", "uniform", "laplace", "exponential")
    noises: ClassVar[tuple[str, ...]] = ("laplace", "exponential")


@dataclass(frozen=True)
class SmoothNoise(BoundedNoise):
    """Y = gX + N with X that is not normal, and noise that is, or logistic."""

    name: ClassVar[str] = "smooth_noise"
    signals: ClassVar[tuple[str, ...]] = ("uniform", "arcsine", "laplace", "exponential")
    noises: ClassVar[tuple[str, ...]] = ("normal", "logistic")


@dataclass(frozen=True)
class Oscillation(BoundedNoise):
    """Y = g w(mX) + N with a sine or zigzag w of m whole turns, a phase of its own, X uniform."""

    name: ClassVar[str] = "oscillation"
    cap: ClassVar[float] = 2.5
    noises: ClassVar[tuple[str, ...]] = ("normal", "uniform", "laplace")

    def pairs(self, mi: Tensor, n: int, rng: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Pairs with up to twelve turns, mostly few; one wave and one noise for the batch."""
        signal = ("arcsine", "uniform")[whole(rng, 0, 1)]  # law of the sine, and of the zigzag
        noise = self.noises[whole(rng, 0, len(self.noises) - 1)]
        gain, known = sum_table(signal, noise).nearest(mi)
        u = uniform(rng, len(mi), n, mi.shape[1])
        turns = few(rng, len(mi), 1, mi.shape[1], high=TURNS) * u
        turns = turns + uniform(rng, len(mi), 1, mi.shape[1])
        wave = torch.sin(2 * math.pi * turns) if signal == "arcsine" else zigzag(turns)
        y = gain[:, None, :] * wave + LAWS[noise].quantile(self._inside(mi, n, rng))
        return u - 0.5, y, known


@dataclass(frozen=True)
class LeaningWave(Oscillation):
    """Y = g w(mX) + N with a zigzag that leans: slow one way and fast the other, or with a jump."""

    name: ClassVar[str] = "leaning_wave"
    noises: ClassVar[tuple[str, ...]] = ("normal", "triangular", "uniform")

    def pairs(self, mi: Tensor, n: int, rng: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Pairs with turns and a phase as an oscillation's; each leans by itself."""
        noise = self.noises[whole(rng, 0, len(self.noises) - 1)]
        gain, known = sum_table("uniform", noise).nearest(mi)
        u = uniform(rng, len(mi), n, mi.shape[1])
        turns = few(rng, len(mi), 1, mi.shape[1], high=TURNS) * u
        turns = turns + uniform(rng, len(mi), 1, mi.shape[1])
        wave = leaning(turns, uniform(rng, len(mi), 1, mi.shape[1], low=0.5, high=1.2).clamp(max=1))
        wave = wave * signs(rng, len(mi), 1, mi.shape[1])
        y = gain[:, None, :] * wave + LAWS[noise].quantile(self._inside(mi, n, rng))
        return u - 0.5, y, known


@cache
def wrapped_table() -> Table:
    """Information between a uniform angle and itself with normal noise, over sigma in turns."""
    t = (np.arange(CELLS // 2) + 0.5) / (CELLS // 2)
    turns = np.arange(-4, 5)[:, None]
    found = [0.0]
    sigma = np.geomspace(0.7, 0.008, 90)
    for s in sigma:
        p = np.exp(-0.5 * ((t - 0.5 + turns) / s) ** 2).sum(axis=0)
        p = np.clip(p / p.mean(), 1e-300, None)
        found.append(max(float((p * np.log(p)).mean()), 0.0))
    return Table.of(np.r_[1e3, sigma], np.array(found))


def circle_noise(mi: Tensor, n: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Noise in turns, (batch, n, k), that leaves a uniform angle this information; and what it has.

    It is wrapped normal, or uniform of width :math:`e^{-I}`.
    """
    sigma, known = wrapped_table().nearest(mi)
    width, u = torch.exp(-mi)[:, None, :], uniform(rng, len(mi), n, mi.shape[1])
    apart = (known <= 0)[:, None, :]  # normal noise beyond all turns is uniform
    wrapped = torch.where(apart, u, sigma[:, None, :] * normal(rng, *u.shape))
    return (width * u, mi) if whole(rng, 0, 1) else (wrapped, known)


def around(total: Tensor, rng: torch.Generator) -> Tensor:
    """Turns as an angle between -1/2 and 1/2, with a shift and a direction of their own."""
    batch, _, k = total.shape
    total = (total + uniform(rng, batch, 1, k)) * signs(rng, batch, 1, k)
    return total - torch.floor(total) - 0.5


def zigzag(turns: Tensor) -> Tensor:
    """Wave of straight lines from -1/2 to 1/2: uniform where the turns are."""
    return 2 * (turns - torch.floor(turns) - 0.5).abs() - 0.5


def leaning(turns: Tensor, share: Tensor) -> Tensor:
    """Wave that rises from -1/2 to 1/2 in this share of a turn and falls in the rest: uniform.

    Examples
    --------
    >>> wave = leaning(torch.tensor([0.0, 0.4, 0.8, 0.9, 1.0]), torch.tensor(0.8))
    >>> wave.round(decimals=6).tolist()
    [-0.5, 0.0, 0.5, 0.0, -0.5]
    """
    part = turns - torch.floor(turns)
    falling = (1 - part) / (1 - share).clamp(min=1e-12)
    return torch.where(part < share, part / share, falling) - 0.5


@dataclass(frozen=True)
class Circular(Pairs):
    """Y = mX + noise around a circle, X uniform: the noise is uniform or wrapped normal."""

    name: ClassVar[str] = "circular"
    group: ClassVar[str] = "parity"
    cap: ClassVar[float] = 3.0

    def pairs(self, mi: Tensor, n: int, rng: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Pairs with m of up to twelve turns, mostly few, and a shift of their own."""
        noise, known = circle_noise(mi, n, rng)
        u = uniform(rng, *noise.shape)
        turns = few(rng, len(mi), 1, mi.shape[1], high=TURNS)
        return u - 0.5, around(turns * u + noise, rng), known


@dataclass(frozen=True)
class Torus(Pairs):
    """lY = mX + noise around a circle, X uniform: bands that wind about a torus."""

    name: ClassVar[str] = "torus"
    group: ClassVar[str] = "parity"
    cap: ClassVar[float] = 3.0

    def pairs(self, mi: Tensor, n: int, rng: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Pairs with m of two to six turns, mostly few, and l of two or three.

        Which of the l values Y takes tells nothing: given X, Y has the density of the noise at
        lY - mX.
        """
        noise, known = circle_noise(mi, n, rng)
        u = uniform(rng, *noise.shape)
        m = 1 + few(rng, len(mi), 1, mi.shape[1], high=BANDS)
        times = 1 + few(rng, len(mi), 1, mi.shape[1], high=2)
        which = torch.floor(times * uniform(rng, *noise.shape))
        return u - 0.5, around((m * u + noise + which) / times, rng), known
