"""Laws that the evidence of MIST is drawn from: well-known problems, new laws, and limits.

The new laws are in none of the families that the weights were trained on. Truths are closed forms,
or quadratures that use nothing of the library but its oracles.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from scipy.signal import fftconvolve
from scipy.special import digamma, entr, expit, gammaincinv, i0e, ndtr, ndtri, xlogy

from infometric.oracles import Dirichlet, GaussianPair, StudentPair

Rng = np.random.Generator
Rows = Any
NODES, WEIGHTS = (np.polynomial.legendre.leggauss(400)[i] / 2 + (0.5, 0.0)[i] for i in (0, 1))


class Drawn(NamedTuple):
    """Rows of two variables, columns second, and their information in nats."""

    x: Rows
    y: Rows
    truth: float


Law = Callable[[Rng, int], Drawn]


def column(v: Rows) -> Rows:
    """One column."""
    return np.asarray(v, dtype=float)[:, None]


def log_uniform(rng: Rng, low: float, high: float) -> float:
    """A number between two, uniform in its logarithm."""
    return float(np.exp(rng.uniform(math.log(low), math.log(high))))


def normal(rng: Rng, n: int, d: int, nats: float) -> Drawn:
    """Columns correlated in pairs."""
    rho = math.sqrt(-math.expm1(-2 * nats / d))
    oracle = GaussianPair.independent_pairs(rho, pairs=d)
    x, y = (v.reshape(n, d) for v in oracle.sample(n, rng=rng))
    return Drawn(x, y, oracle.truth("mutual_information"))


def mixed(rng: Rng, z: Rows) -> Rows:
    """Columns through a random matrix that is well conditioned: nothing is lost."""
    d = z.shape[1]
    turn, _ = np.linalg.qr(rng.normal(size=(d, d)))
    return z @ (turn * np.exp(rng.normal(size=d) / 2))


# --- well-known problems --------------------------------------------------------------------------

PARABOLA = 0.44127  # noise at which x² + noise tells .881 nats of x


CURVES: dict[str, Callable[[Rows, float], Rows]] = {  # of shares, which are uniform
    "parabola": lambda p, _: ndtri(p) ** 2,
    "sine": lambda p, turns: np.sin(2 * np.pi * turns * p),
    "half wave": lambda p, _: ndtri(p).clip(0),
    "length": lambda p, d: np.sqrt(2 * gammaincinv(d / 2, p)),  # of a normal vector
}


@cache
def smeared(curve: str, noise: float, setting: float = 1.0) -> float:
    """Information of a variable and a curve of it with normal noise, by quadrature."""
    f = CURVES[curve]((np.arange(20_000) + 0.5) / 20_000, setting)
    y = np.linspace(f.min() - 8 * noise, f.max() + 8 * noise, 6001)
    step = y[1] - y[0]
    mass, _ = np.histogram(f, np.append(y - step / 2, y[-1] + step / 2))
    reach = np.arange(-int(8 * noise / step), int(8 * noise / step) + 1)
    kernel = np.exp(-((reach * step / noise) ** 2) / 2)
    density = np.convolve(mass, kernel)
    density = density / density.sum()
    entropy = float(entr(density).sum()) + math.log(step)
    return entropy - 0.5 * math.log(2 * math.pi * math.e * noise**2)


def parabola(rng: Rng, n: int) -> Drawn:
    """A curve that ranks and lines do not see."""
    x = rng.normal(size=n)
    y = x**2 + PARABOLA * rng.normal(size=n)
    return Drawn(column(x), column(y), smeared("parabola", PARABOLA))


def student(rng: Rng, n: int) -> Drawn:
    """Three columns a side, uncorrelated; the scale is common."""
    oracle = StudentPair(3, np.eye(6), 3)
    return Drawn(*oracle.sample(n, rng=rng), oracle.truth("mutual_information"))


def spiral(rng: Rng, n: int) -> Drawn:
    """Two columns a side, one block turned by an angle that grows with its length."""
    x, y, truth = normal(rng, n, 2, 1.0)
    angle = 1.5 * np.linalg.norm(y, axis=1)
    c, s = np.cos(angle), np.sin(angle)
    return Drawn(x, np.column_stack([c * y[:, 0] - s * y[:, 1], s * y[:, 0] + c * y[:, 1]]), truth)


def independent(rng: Rng, n: int) -> Drawn:
    """Ten columns a side."""
    return Drawn(rng.normal(size=(n, 10)), rng.normal(size=(n, 10)), 0.0)


PROBLEMS: dict[str, Law] = {
    "normal, 5 + 5 columns": lambda rng, n: normal(rng, n, 5, 1.5),
    "parabola, 1 + 1": parabola,
    "t, 3 degrees, 3 + 3": student,
    "spiral, 2 + 2": spiral,
    "independent, 10 + 10": independent,
}


# --- new laws: parameters are drawn with the rows -------------------------------------------------


@cache
def plackett_truth(theta: float) -> float:
    """Information of one pair, by quadrature of its density."""
    u, v = NODES[:, None], NODES[None, :]
    s = 1 + (theta - 1) * (u + v)
    root = s**2 - 4 * u * v * theta * (theta - 1)
    density = theta * (1 + (theta - 1) * (u + v - 2 * u * v)) / root**1.5
    return float(WEIGHTS @ xlogy(density, density) @ WEIGHTS)


def plackett(rng: Rng, n: int) -> Drawn:
    """Pairs with one odds ratio wherever the quadrants are cut; columns of a block mixed."""
    d, theta = int(rng.integers(1, 7)), round(log_uniform(rng, 1.5, 60), 1)
    u, t = rng.uniform(size=(2, n, d))
    a = t * (1 - t)
    b = theta + a * (theta - 1) ** 2
    c = 2 * a * (u * theta**2 + 1 - u) + theta * (1 - 2 * a)
    root = np.sqrt(theta) * np.sqrt(theta + 4 * a * u * (1 - u) * (1 - theta) ** 2)
    v = (c - (1 - 2 * t) * root) / (2 * b)
    u, v = (ndtri(z.clip(1e-12, 1 - 1e-12)) for z in (u, v))
    return Drawn(mixed(rng, u), mixed(rng, v), d * plackett_truth(theta))


@cache
def powers_truth(square: float) -> float:
    """Information of two exponential variables of this correlation, by quadrature."""
    x, y = -np.log1p(-NODES)[:, None], -np.log1p(-NODES)[None, :]
    z = 2 * np.sqrt(square * x * y) / (1 - square)
    logs = np.log(i0e(z)) + z - square * (x + y) / (1 - square) - math.log1p(-square)
    return float(WEIGHTS @ (np.exp(logs) * logs) @ WEIGHTS)


def powers(rng: Rng, n: int) -> Drawn:
    """Powers of two correlated waves (Kibble's law), one to six such pairs, mixed."""
    d, square = int(rng.integers(1, 7)), round(float(rng.uniform(0.1, 0.9)), 2)
    z, noise = rng.normal(size=(2, 2, n, d))
    other = math.sqrt(square) * z + math.sqrt(1 - square) * noise
    x, y = ((v**2).sum(0) / 2 for v in (z, other))
    return Drawn(mixed(rng, x), mixed(rng, y), d * powers_truth(square))


def shares(rng: Rng, n: int) -> Drawn:
    """Shares of a whole (Dirichlet), parted in two; some belong to neither."""
    dx, dy = (int(k) for k in rng.integers(1, 5, 2))
    alpha = np.exp(rng.normal(0, 0.7, dx + dy + 1))
    rows = rng.dirichlet(alpha, n)
    parts = [alpha[:dx], alpha[dx : dx + dy]]
    entropies = [
        Dirichlet([*part, alpha.sum() - part.sum()]).truth("differential_entropy") for part in parts
    ]
    joint = Dirichlet(alpha).truth("differential_entropy")
    return Drawn(rows[:, :dx], rows[:, dx : dx + dy], float(sum(entropies) - joint))


def order(rng: Rng, n: int) -> Drawn:
    """Two order statistics of uniform draws, one to four such pairs, mixed."""
    d, k = int(rng.integers(1, 5)), int(rng.integers(2, 12))
    i, j = sorted(int(v) for v in rng.choice(np.arange(1, k + 1), 2, replace=False))
    drawn = np.sort(rng.uniform(size=(n, d, k)), axis=-1)
    entropies = [
        Dirichlet(a).truth("differential_entropy")
        for a in ([i, k + 1 - i], [j, k + 1 - j], [i, j - i, k + 1 - j])
    ]
    truth = d * float(entropies[0] + entropies[1] - entropies[2])
    return Drawn(mixed(rng, drawn[..., i - 1]), mixed(rng, drawn[..., j - 1]), truth)


def half_wave(rng: Rng, n: int) -> Drawn:
    """A weighted sum of columns, zero where it is negative, with noise."""
    d, noise = int(rng.integers(1, 7)), round(log_uniform(rng, 0.05, 1), 2)
    x = rng.normal(size=(n, d))
    weights = rng.normal(size=d)
    y = (x @ (weights / np.linalg.norm(weights))).clip(0) + noise * rng.normal(size=n)
    return Drawn(mixed(rng, x), column(y), smeared("half wave", noise))


def length(rng: Rng, n: int) -> Drawn:
    """How long a normal vector is, with noise."""
    d, noise = int(rng.integers(2, 7)), round(log_uniform(rng, 0.05, 1), 2)
    x = rng.normal(size=(n, d))
    y = np.linalg.norm(x, axis=1) + noise * rng.normal(size=n)
    return Drawn(x, column(y), smeared("length", noise, d))


@cache
def figure_truth(a: int, b: int, noise: float) -> float:
    """Information of the coordinates of a Lissajous figure with noise, by quadrature."""
    t = (np.arange(4000) + 0.5) * 2 * np.pi / 4000
    grid = np.linspace(-1 - 7 * noise, 1 + 7 * noise, 701)
    one, other = (
        np.exp(-(((grid - v[:, None]) / noise) ** 2) / 2)
        for v in (np.sin(a * t + 1), np.sin(b * t))
    )
    joint = one.T @ other
    joint /= joint.sum()
    margins = entr(joint.sum(0)).sum() + entr(joint.sum(1)).sum()
    return float(margins - entr(joint).sum())


def figure(rng: Rng, n: int) -> Drawn:
    """Two vibrations of one to three beats, with noise."""
    a, b = ((1, 2), (3, 2), (2, 1))[rng.integers(3)]
    noise = float(rng.choice([0.1, 0.15, 0.25, 0.4]))
    t = rng.uniform(0, 2 * np.pi, n)
    x, y = (v + noise * rng.normal(size=n) for v in (np.sin(a * t + 1), np.sin(b * t)))
    return Drawn(column(x), column(y), figure_truth(a, b, noise))


def roll(rng: Rng, n: int) -> Drawn:
    """A number rolled up in three columns, and one correlated with it."""
    x, y, truth = normal(rng, n, 1, log_uniform(rng, 0.05, 2))
    t = 1.5 * np.pi * (1 + 2 * ndtr(x[:, 0]))
    return Drawn(np.column_stack([t * np.cos(t), t * np.sin(t), rng.normal(size=n)]), y, truth)


@cache
def logistic_truth(strength: float, shift: float) -> float:
    """Information of a normal score and an event of logistic probability."""
    z = np.linspace(-9, 9, 20_001)
    weight = np.exp(-(z**2) / 2)
    weight /= weight.sum()
    p = expit(shift + strength * z)
    mean = float(weight @ p)
    return float(entr([mean, 1 - mean]).sum() - weight @ (entr(p) + entr(1 - p)))


def event(rng: Rng, n: int) -> Drawn:
    """Columns whose weighted sum says how likely an event is; the event is one column."""
    d, strength = int(rng.integers(1, 7)), round(log_uniform(rng, 0.5, 8), 1)
    shift = round(float(rng.uniform(-1.5, 0.5)), 1)
    x = rng.normal(size=(n, d))
    weights = rng.normal(size=d)
    score = x @ (weights / np.linalg.norm(weights))
    y = rng.uniform(size=n) < expit(shift + strength * score)
    return Drawn(mixed(rng, x), column(y), logistic_truth(strength, shift))


FRESH: dict[str, Law] = {
    "Plackett pairs, mixed": plackett,
    "powers of waves, mixed": powers,
    "order statistics, mixed": order,
    "shares of a whole": shares,
    "half wave of a sum": half_wave,
    "length of a vector": length,
    "Lissajous figures": figure,
    "rolled up": roll,
    "columns and an event": event,
}


# --- limits ---------------------------------------------------------------------------------------


def sine(rng: Rng, n: int, turns: float) -> Drawn:
    """A wave of so many turns, with noise: the information hardly changes with the turns."""
    x = rng.uniform(size=n)
    y = np.sin(2 * np.pi * turns * x) + 0.2 * rng.normal(size=n)
    return Drawn(column(x), column(y), smeared("sine", 0.2, turns))


def oblique(rng: Rng, n: int, turns: float) -> Drawn:
    """A wave of so many turns along each of two columns, with noise."""
    x = rng.uniform(size=(n, 2))
    y = np.sin(2 * np.pi * turns * x.sum(1)) + 0.3 * rng.normal(size=n)
    return Drawn(x, column(y), smeared("sine", 0.3, 1.0))


def bands(rng: Rng, n: int, turns: int) -> Drawn:
    """Two pairs: thrice a column of y is so many times that of x and noise, around a circle."""
    x, noise = rng.uniform(size=(n, 2)), rng.uniform(size=(n, 2)) / math.e
    y = (turns * x + noise + rng.integers(3, size=(n, 2))) / 3 % 1.0
    return Drawn(x, y, 2.0)  # of each pair -log of the width of the noise


def parity(rng: Rng, n: int, columns: int) -> Drawn:
    """The sign of y is the product of the signs of all columns of x."""
    x = rng.normal(size=(n, columns))
    y = np.abs(rng.normal(size=n)) * np.sign(x).prod(1)
    return Drawn(x, column(y), math.log(2))


def rounded(rng: Rng, n: int, levels: int) -> Drawn:
    """A normal pair of half a nat, both in so many equally likely levels."""
    x, y, _ = normal(rng, n, 1, 0.5)
    cells = [np.floor(levels * ndtr(v)) for v in (x, y)]
    return Drawn(cells[0], cells[1], rounded_truth(levels))


@cache
def rounded_truth(levels: int) -> float:
    """Information of the levels, by quadrature over x within each."""
    rho = math.sqrt(-math.expm1(-1.0))
    edges = ndtri(np.arange(levels + 1) / levels)
    table = np.empty((levels, levels))
    for i in range(levels):
        x = ndtri((i + NODES) / levels)[:, None]
        below = ndtr((edges - rho * x) / math.sqrt(1 - rho**2))
        table[i] = WEIGHTS @ np.diff(below, axis=1) / levels
    margins = entr(table.sum(0)).sum() + entr(table.sum(1)).sum()
    return float(margins - entr(table).sum())


def series(rng: Rng, n: int, memory: float) -> Drawn:
    """Two autoregressions that know nothing of each other: rows are not independent."""
    x, y = shocks = rng.normal(size=(2, n))
    for t in range(1, n):
        shocks[:, t] = memory * shocks[:, t - 1] + math.sqrt(1 - memory**2) * shocks[:, t]
    return Drawn(column(x), column(y), 0.0)


def twice(rng: Rng, n: int, times: int) -> Drawn:
    """A normal pair of a quarter nat of which each row was entered so many times."""
    x, y, truth = normal(rng, n // times, 1, 0.25)
    return Drawn(np.repeat(x, times, 0), np.repeat(y, times, 0), truth)


def rare(rng: Rng, n: int, share: float) -> Drawn:
    """Independent rows but for a share of them, far out, where y follows x closely."""
    x, y = rng.normal(size=(2, n))
    out = rng.uniform(size=n) < share
    z = rng.normal(size=n)
    x = np.where(out, 20 + z, x)
    y = np.where(out, 20 + 0.995 * z + 0.1 * y, y)  # 2.3 nats among them
    inside = -0.5 * math.log(1 - 0.995**2 / (0.995**2 + 0.01))
    return Drawn(column(x), column(y), float(entr([share, 1 - share]).sum()) + share * inside)


def diluted(rng: Rng, n: int, d: int) -> Drawn:
    """One pair of columns with one nat, d columns a side in all."""
    told = normal(rng, n, 1, 1.0)
    x, y = (np.column_stack([v, rng.normal(size=(n, d - 1))]) for v in told[:2])
    return Drawn(x, y, told.truth)


def doubled(rng: Rng, n: int, noise: float) -> Drawn:
    """Two pairs of columns, 1.02 nats, each column with a near copy beside it."""
    told = normal(rng, n, 2, 1.02)
    x, y = (np.column_stack([v, v + noise * rng.normal(size=v.shape)]) for v in told[:2])
    return Drawn(x, y, told.truth)


@cache
def volatile_truth(strength: float) -> float:
    """Information of a normal x and e^(strength x) times a normal number, by convolution.

    The sign of the latter tells nothing, so it is that of strength x and the logarithm of a normal
    number's size.
    """
    z = np.linspace(-40, 40, 160_001)
    step = z[1] - z[0]
    noise = np.sqrt(2 / math.pi) * np.exp(z - np.exp(2 * z) / 2)
    near = np.arange(-int(10 * strength / step), int(10 * strength / step) + 1) * step
    kernel = np.exp(-((near / strength) ** 2) / 2)
    smooth = fftconvolve(noise, kernel / kernel.sum(), mode="same").clip(0)
    parts = [float(entr(v / v.sum()).sum()) for v in (smooth, noise)]
    return parts[0] - parts[1]


def volatile(rng: Rng, n: int, d: int) -> Drawn:
    """Each column of x sets the scale of one of y."""
    x = rng.normal(size=(n, d))
    return Drawn(x, np.exp(x) * rng.normal(size=(n, d)), d * volatile_truth(1.0))


def nothing(rng: Rng, n: int, d: int) -> Drawn:
    """Independent columns, d a side."""
    return Drawn(rng.normal(size=(n, d)), rng.normal(size=(n, d)), 0.0)


def log_ball(d: int) -> float:
    """Logarithm of the volume of a ball of radius one."""
    return d / 2 * math.log(math.pi) - math.lgamma(d / 2 + 1)


def ball(rng: Rng, n: int, d: int) -> Drawn:
    """Rows spread evenly in a ball of 2 d columns: both halves know how little room is left."""
    rows = rng.normal(size=(n, 2 * d))
    rows *= rng.uniform(size=(n, 1)) ** (1 / (2 * d)) / np.linalg.norm(rows, axis=1)[:, None]
    half = log_ball(d) - log_ball(2 * d) + d / 2 * (digamma(d / 2 + 1) - digamma(d + 1))
    return Drawn(rows[:, :d], rows[:, d:], float(-log_ball(2 * d) - 2 * half))


class Limit(NamedTuple):
    """One question: a law at several settings."""

    title: str
    setting: str
    law: Callable[[Rng, int, Any], Drawn]
    settings: tuple[Any, ...]
    rows: int = 500
    seeds: int = 20


LIMITS: dict[str, Limit] = {
    "waves": Limit("A sine with noise", "turns", sine, (1, 2, 4, 8, 16, 24)),
    "oblique": Limit("A wave along the sum of two columns", "turns", oblique, (1, 2, 3, 4, 5)),
    "bands": Limit("Two pairs of bands about a torus", "times x", bands, (2, 4, 5, 8, 13)),
    "parity": Limit("The sign of a product", "columns of x", parity, (1, 2, 3, 4), 1000),
    "information": Limit(
        "Normal, 10 + 10 columns, 100 rows", "nats", lambda r, n, i: normal(r, n, 10, i),
        (2.0, 5.0, 10.0, 20.0, 40.0), 100,
    ),
    "close": Limit(
        "Normal, 1 + 1, 100 rows", "nats", lambda r, n, i: normal(r, n, 1, i),
        (1.0, 2.0, 4.0, 6.0, 8.0), 100,
    ),
    "prior": Limit(
        "Normal, 3 + 3, 50 rows", "nats", lambda r, n, i: normal(r, n, 3, i),
        (0.0, 0.05, 0.2, 0.5, 1.0, 2.0, 4.0), 50, 100,
    ),
    "volatile": Limit("The scale of y set by x", "columns a side", volatile, (1, 2, 5), 300),
    "ball": Limit("Rows spread evenly in a ball", "columns a side", ball, (1, 2, 5, 10)),
    "wide": Limit("Independent, 500 rows", "columns a side", nothing, (2, 8, 16, 32)),
    "levels": Limit("A normal pair in levels", "levels", rounded, (2, 3, 5, 10, 30)),
    "rare": Limit("Dependence in few rows, far out", "share", rare, (0.01, 0.03, 0.1)),
    "series": Limit("Two series, independent", "memory", series, (0.0, 0.8, 0.95, 0.99), 500, 40),
    "diluted": Limit("One pair among columns of noise", "columns", diluted, (1, 3, 10, 32)),
    "doubled": Limit("Near copies of columns", "noise", doubled, (0.3, 0.03, 0.003)),
    "copies": Limit("Rows entered more than once", "times", twice, (1, 2, 4)),
    "rows": Limit(
        "Normal, 1 + 1, .02 nats", "rows", lambda r, _, n: normal(r, n, 1, 0.02),
        (1_000, 3_000, 10_000, 30_000, 100_000), 0, 5,
    ),
}  # fmt: skip
