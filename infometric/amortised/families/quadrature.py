r"""Tables of information that need an integral: entropies of sums, by convolution.

.. math:: I(X; Y) = h(S + Z) - h(Z),\qquad Y = S + Z,\ Z \text{ independent of } S = f(X)

where f may lose nothing that Y depends on. The density of S + Z is the convolution of a histogram
of S with the density of Z, by the fast Fourier transform on a fine grid.

References
----------
Cover, T. M., Thomas, J. A. (2006). Elements of information theory. Wiley. doi:10.1002/047174882X
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from scipy.special import i0e, ndtr, ndtri

from infometric.amortised.families.base import Table
from infometric.typing import Array

CELLS = 1 << 13
NODES = 500  # in each level of a rounded variable
REACH = 9.0  # standard deviations of noise that the grid goes beyond the signal


def smoothed_entropy(signal: Array, weight: Array, sigma: float) -> float:
    """Entropy of a weighted signal plus normal noise of standard deviation sigma, nats.

    Examples
    --------
    >>> round(smoothed_entropy(np.zeros(1), np.ones(1), 1.0), 6)
    1.418939
    """
    low, high = signal.min() - REACH * sigma, signal.max() + REACH * sigma
    step = (high - low) / CELLS
    place = (signal - low) / step - 0.5
    cell = np.floor(place).astype(int)
    part = place - cell  # shared between the two nearest cells: keeps the mean
    mass = np.bincount(cell, weight * (1 - part), CELLS) + np.bincount(
        cell + 1, weight * part, CELLS
    )
    frequency = 2 * math.pi * np.fft.rfftfreq(CELLS, step)
    smooth = np.fft.irfft(np.fft.rfft(mass) * np.exp(-0.5 * (frequency * sigma) ** 2), CELLS)
    p = np.clip(smooth, 1e-300, None)
    return float(-(p * np.log(p)).sum() + math.log(step))


def noise_information(signal: Array, weight: Array, sigma: float) -> float:
    """Information between a signal and itself with normal noise, nats."""
    noise = 0.5 * math.log(2 * math.pi * math.e) + math.log(sigma)
    return max(smoothed_entropy(signal, weight, sigma) - noise, 0.0)


@cache
def level_table(levels: int) -> Table:
    """Information of labels that shift a normal variable, over the distance of their means."""
    signal, weight = np.arange(levels, dtype=float), np.full(levels, 1 / levels)
    step = np.geomspace(0.02, 12.0, 120)
    return Table.of(step, np.array([noise_information(signal, weight, 1 / s) for s in step]))


@cache
def volatility_table() -> Table:
    """Information of (X, e^(aX) Z), X and Z normal, over a.

    The sign of Z tells nothing: log|Y| = aX + log|Z|, and its signal is log|Z|.
    """
    z = np.geomspace(1e-9, 12.0, 40_001)
    mass = np.exp(-0.5 * z**2) * z
    signal, weight = np.log(z), mass / mass.sum()
    # h(log|Z|) = h(|Z|) - E log|Z|
    plain = 0.5 * (math.log(math.pi * math.e) + np.euler_gamma)
    a = np.geomspace(0.02, 20.0, 120)
    return Table.of(a, np.array([smoothed_entropy(signal, weight, s) - plain for s in a]))


@cache
def ring_table() -> Table:
    r"""Information of the coordinates of a point of the unit circle with normal noise, over sigma.

    The density at radius r is :math:`e^{-(r-1)^2/2\sigma^2} I_0^e(r/\sigma^2)/(2\pi\sigma^2)`,
    that of a coordinate the convolution of the arcsine law.
    """
    t = (np.arange(1 << 15) + 0.5) / (1 << 15)
    signal, weight = np.cos(math.pi * t), np.full(1 << 15, 2.0**-15)
    sigma = np.geomspace(0.03, 8.0, 120)
    found = [2 * smoothed_entropy(signal, weight, s) - _ring_entropy(s) for s in sigma]
    return Table.of(sigma, np.array(found))


def _ring_entropy(sigma: float) -> float:
    r = np.linspace(max(0.0, 1 - REACH * sigma), 1 + REACH * sigma, 20_001)
    log_p = -0.5 * ((r - 1) / sigma) ** 2 + np.log(i0e(r / sigma**2))
    log_p -= math.log(2 * math.pi * sigma**2)
    mass = 2 * math.pi * r * np.exp(log_p)
    return float(-(mass @ log_p) / mass.sum())


@cache
def rounded_table(levels: int, both: bool) -> Table:
    """Information of a normal pair after rounding to equally likely levels, over rho.

    Parameters
    ----------
    levels : int
        Number of levels.
    both : bool
        Whether both variables are rounded, or the first only.
    """
    rho = np.r_[0.0, 1 - np.geomspace(1, 2e-4, 120)[1:]]
    edges = ndtri(np.arange(1, levels) / levels)
    found = [_rounded_information(r, edges, both) for r in rho]
    return Table.of(rho, np.array(found))


def _rounded_information(rho: float, edges: Array, both: bool) -> float:
    """Given the other variable z, a level has the probability of an interval of a normal law."""
    nodes, mass = _panels(np.r_[-8.5, edges, 8.5], rho)
    spread = math.sqrt(1 - rho**2)
    upper = ndtr((np.r_[edges, np.inf] - rho * nodes[..., None]) / spread)
    given = np.diff(upper, axis=-1, prepend=0.0)  # (panel, node, level)
    share = 1 / (len(edges) + 1)
    if both:
        cells = (mass[..., None] * given).sum(axis=1)
        cells = cells / cells.sum()
        return float(np.sum(cells * np.log(np.clip(cells, 1e-300, None) / share**2)))
    inner = given * np.log(np.clip(given, 1e-300, None) / share)
    return float((mass * inner.sum(axis=-1)).sum() / mass.sum())


def _panels(edges: Array, rho: float) -> tuple[Array, Array]:
    """Nodes and normal masses in each level, dense enough for the jumps of a strong dependence."""
    x = (np.arange(NODES) + 0.5) / NODES
    low, width = edges[:-1, None], np.diff(edges)[:, None]
    nodes = low + width * x
    return nodes, np.exp(-0.5 * nodes**2) * width / NODES / math.sqrt(2 * math.pi)
