r"""Entropy of the eigenvalues of an operator that is known by its products with vectors only.

With :math:`p = \lambda^t / T` and :math:`T = \operatorname{Tr} S^t`, the entropy is
:math:`\log T - (t / T) \operatorname{Tr} S^t \log S`. A trace of :math:`f(S)` is the sum of
:math:`q^\top f(S) q` over a basis :math:`Q` of a sketch of the range (Hutch++, Meyer et al. 2021)
and the mean over random signs :math:`z` of :math:`v^\top f(S) v` with :math:`v = z - QQ^\top z`.
Each such form is a quadrature whose nodes come of the Lanczos process (Golub and Meurant 2010;
Ubaru, Chen and Saad 2017).

Gauss' quadrature and that of Gauss and Radau with a node at zero bracket each form where the
derivatives of :math:`f` beyond the degree of the quadrature keep one sign, as those of
:math:`\lambda \log \lambda` do: the error of the quadrature is certified, not estimated. The error
of the random signs is estimated from their scatter, less what the traces of :math:`S` and
:math:`S^2`, which are known exactly, explain of it.

References
----------
Golub, G. H., Meurant, G. (2010). Matrices, Moments and Quadrature with Applications. Princeton.
doi:10.1515/9781400833888
Meyer, R. A., Musco, C., Musco, C., Woodruff, D. P. (2021). Hutch++: optimal stochastic trace
estimation. SOSA 2021, 142-155. doi:10.1137/1.9781611976496.16
Ubaru, S., Chen, J., Saad, Y. (2017). Fast estimation of tr(f(A)) via stochastic Lanczos
quadrature. SIAM Journal on Matrix Analysis and Applications 38, 1075-1099. doi:10.1137/16M1104974
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
from scipy.special import digamma, stdtrit

from infometric.exceptions import InvalidParameterError
from infometric.state.arrays import digits, empty, like, namespace, to_numpy
from infometric.typing import Array

DEFLATED = 60  # vectors of the sketch
FIRST = 24  # probes at first
LEAST = 8  # of which a standard error is told
CHECKS = 2  # steps between two looks at the bracket
CHUNK = 8  # steps of the basis made room for at once
SHARE = 0.25  # of the tolerance that the bracket may take
MEMORY = 500e6  # bytes of the bases of one batch
EXPECTED = 28  # steps, for that memory
ROUNDED = 3.0  # roundings of an entry
LOWEST = 1e-6  # share of its upper bound that a positive trace has at least
NEGATIVE = 1e3  # spacings of the largest eigenvalue below zero that no rounding explains
NOISE = 1e-3  # of the largest eigenvalue, in units of its digits: below it all is rounding
CONTROLS = 3  # 1, eigenvalue, squared eigenvalue: their traces are known

Progress = Callable[[int, int], None]


class Operator(Protocol):
    """A positive semidefinite matrix, as its products."""

    n: int
    like: Any

    def matmat(self, vectors: Any) -> Any:
        """Product with vectors of shape (n, k)."""

    def diagonal(self) -> Any:
        """Diagonal, shape (n,)."""

    def squares(self) -> Any:
        """Diagonal of the square, shape (n,)."""

    def adjoint(self, values: Any) -> Any:
        """Derivatives by the weights of rows."""


@dataclass(frozen=True, eq=False)
class LanczosEntropy:
    """Entropy of a spectrum, and how well it is known.

    Parameters
    ----------
    value : float
        Entropy in nats.
    se : float
        Standard error of the random probes.
    low, high : float
        Bracket of the quadrature: what the entropy would be for these very probes if the Lanczos
        process were run to its end lies between them.
    steps : int
        Steps of the Lanczos process, the most of any vector.
    probes, deflated : int
        Random vectors, and vectors of the sketch.
    converged : bool
        Whether the half-width of the interval is within the tolerance.
    certified : bool
        Whether theory proves the bracket; otherwise it is the change over the last half of the
        steps, or the difference of the two quadratures if that is more, to both sides.
    trace : float
        Trace of the operator to the power `time`.
    time, order : float
        Power of the eigenvalues, and order of the entropy.
    products : int
        Products of the operator with a vector.
    samples : array of shape (probes, n), optional
        Estimates of the diagonal of :math:`S f(S)`, where `f` is the derivative of the entropy by
        an eigenvalue: one for each probe, their mean is the estimate.
    """

    value: float
    se: float
    low: float
    high: float
    steps: int
    probes: int
    deflated: int
    converged: bool
    certified: bool
    trace: float
    time: float
    order: float
    products: int
    samples: Any = field(default=None, repr=False)

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Interval that covers the entropy of these rows: bracket and noise of the probes.

        Examples
        --------
        >>> exact = LanczosEntropy(1.0, 0.0, 1.0, 1.0, 0, 0, 0, True, True, 2.0, 1.0, 2.0, 0)
        >>> exact.interval()
        (1.0, 1.0)
        """
        noise = quantile(level, self.probes) * self.se if self.se else 0.0
        return self.low - noise, self.high + noise


def quantile(level: float, probes: int) -> float:
    """Quantile of Student's law for a mean over probes, less a degree for each control."""
    return float(stdtrit(max(probes - CONTROLS, 1), 0.5 + level / 2))


@dataclass(frozen=True)
class Measure:
    r"""An entropy as a function of two traces, of :math:`S^t` and of a second function.

    Parameters
    ----------
    time : float
        Power t of the eigenvalues.
    order : float
        Order of the entropy; at 1 the second function is :math:`\lambda^t \log \lambda`, else
        it is :math:`\lambda^{t \cdot order}`.
    """

    time: float
    order: float

    def functions(self, nodes: Array) -> Array:
        """The two functions of eigenvalues, shape (2, ...); zero where those are not positive."""
        positive = nodes > 0
        safe = np.where(positive, nodes, 1.0)
        first = safe**self.time
        second = first * np.log(safe) if self.order == 1 else safe ** (self.time * self.order)
        return np.stack([first, second]) * positive

    def value(self, traces: Array) -> float:
        """Entropy in nats."""
        first, second = float(traces[0]), float(traces[1])
        if self.order == 1:
            return math.log(first) - self.time * second / first
        return (math.log(second) - self.order * math.log(first)) / (1 - self.order)

    def gradient(self, traces: Array) -> Array:
        """Derivatives of the entropy by the two traces."""
        first, second = float(traces[0]), float(traces[1])
        if self.order == 1:
            return np.array([1 / first + self.time * second / first**2, -self.time / first])
        return np.array([-self.order / first, 1 / second]) / (1 - self.order)

    def slopes(self, nodes: Array) -> Array:
        """Derivatives of the two functions times the eigenvalue, shape (2, ...)."""
        first, second = self.functions(nodes)
        if self.order == 1:
            return np.stack([self.time * first, self.time * second + first])
        return np.stack([self.time * first, self.time * self.order * second])

    def bounds(self, low: Array, high: Array) -> tuple[float, float]:
        """Least and greatest entropy of traces within bounds."""
        positive = np.array([True, self.order != 1])
        low = np.where(positive, np.maximum(low, LOWEST * np.abs(high)), low)
        corners = [(a, b) for a in (low[0], high[0]) for b in (low[1], high[1])]
        found = [self.value(np.array(corner)) for corner in corners]
        if self.order == 1:  # the entropy has one minimum in the trace, where the two terms balance
            for second in (low[1], high[1]):
                if low[0] < -self.time * second < high[0]:
                    found.append(self.value(np.array([-self.time * second, second])))
        return min(found), max(found)

    def proven(self, steps: int) -> bool:
        """Whether the quadratures bracket: derivatives keep one sign beyond their degree."""
        if not _one_sign(self.time, steps, logarithm=self.order == 1):
            return False
        return self.order == 1 or _one_sign(self.time * self.order, steps, logarithm=False)


def _one_sign(power: float, steps: int, *, logarithm: bool) -> bool:
    r"""Whether derivatives 2m and 2m + 1 of a power, also times a logarithm, keep one sign.

    That of :math:`\lambda^s \log \lambda` of order k is :math:`\lambda^{s - k} (s)_k` times
    :math:`\log \lambda + \sum_{j < k} 1 / (s - j)`; the sum must not be above zero.
    """
    if 2 * steps <= power:
        return False
    if not logarithm or power == round(power):
        return True
    # the sum is psi(s + 1) - psi(s - k + 1)
    return all(digamma(power + 1) - digamma(power - k + 1) <= 0 for k in (2 * steps, 2 * steps + 1))


class Process:
    """Lanczos process of several vectors at once, each orthogonal to all its earlier ones.

    Parameters
    ----------
    operator : Operator
        What is multiplied.
    starts : array of shape (vectors, n)
        First vectors, of any length; overwritten.
    """

    def __init__(self, operator: Operator, starts: Any) -> None:
        xp = namespace(starts)
        self.operator = operator
        self.lengths = to_numpy((starts * starts).sum(1)).astype(np.float64)  # squared
        self.active = np.flatnonzero(self.lengths > 0)
        self.steps = np.zeros(len(starts), int)
        self.alpha: list[Array] = []
        self.beta: list[Array] = []
        self.products = 0
        self.digits = digits(starts)
        self._tiny = 10 * self.digits
        self._chunks: list[Any] = []
        root = xp.sqrt((starts * starts).sum(1))[:, None]
        starts /= xp.where(root > 0, root, root + 1)
        self._room(starts)
        for c in self.active:
            self._chunks[0][c, 0] = starts[c]

    def _room(self, of: Any) -> None:
        self._chunks.append(empty((len(self.lengths), CHUNK, of.shape[1]), of))

    def vectors(self, c: Any) -> Iterator[Any]:
        """Basis of one vector, in parts of shape (steps, n)."""
        left = self.steps[c]
        for chunk in self._chunks:
            if left > 0:
                yield chunk[c, : min(left, CHUNK)]
            left -= CHUNK

    def advance(self) -> None:
        """One more step of the vectors that are active: one product for all of them."""
        at, place = divmod(len(self.alpha), CHUNK)
        chunk = self._chunks[at]
        whole = len(self.active) == len(self.lengths)
        latest = chunk[:, place] if whole else chunk[self.active, place]
        product = self.operator.matmat(latest.T)
        self.products += len(self.active)
        self.steps[self.active] += 1
        if place == CHUNK - 1:
            self._room(latest)
        alpha, beta = (np.zeros(len(self.lengths)) for _ in range(2))
        follow, next_place = self._chunks[-1], (place + 1) % CHUNK
        for i, c in enumerate(self.active):
            rest, alpha[c] = self._less_earlier(c, product[:, i])
            beta[c] = float(rest @ rest) ** 0.5
            if beta[c] > 0:
                follow[c, next_place] = rest / beta[c]
        self.alpha.append(alpha)
        self.beta.append(beta)
        scale = np.maximum(np.max(self.beta, axis=0), np.max(self.alpha, axis=0))
        worn = beta <= np.maximum(self._tiny * scale, NOISE * self._tiny * scale.max())
        self.active = self.active[~worn[self.active]]

    def _less_earlier(self, c: Any, product: Any) -> tuple[Any, float]:
        """Vector less its parts along all earlier ones, and its part along the latest."""
        rest = product + 0  # a copy without gaps
        along = 0.0
        for part in self.vectors(c):
            share = part @ rest
            rest -= share @ part
        along = float(share[-1])
        return rest, along

    def freeze(self, done: Array) -> None:
        """Go on without some of the vectors."""
        self.active = self.active[~done[self.active]]

    def quadrature(self, share: float = 1.0) -> Quadrature:
        """Nodes and weights after a share of the steps."""
        steps = np.maximum((self.steps * share).astype(int), np.minimum(self.steps, 1))
        alpha, beta = np.array(self.alpha).T, np.array(self.beta).T
        beyond = np.arange(alpha.shape[1]) >= steps[:, None]
        alpha = np.where(beyond, 0.0, alpha)
        last = np.take_along_axis(beta, np.maximum(steps - 1, 0)[:, None], 1)[:, 0]
        inner = np.where(np.arange(alpha.shape[1]) >= steps[:, None] - 1, 0.0, beta)
        return Quadrature(alpha, inner, last, steps, self.lengths, self._tiny)


@dataclass(frozen=True, eq=False)
class Quadrature:
    """Quadratures of several vectors from their tridiagonal matrices.

    Parameters
    ----------
    alpha, beta : array of shape (vectors, steps)
        Diagonals and what stands beside them, zero beyond the steps of a vector.
    last : array of shape (vectors,)
        What would stand beside the next diagonal entry.
    steps : array of shape (vectors,)
        Steps of each vector.
    lengths : array of shape (vectors,)
        Squared length of each vector.
    tiny : float
        Pivots below it, relative to the diagonal, are rounding.
    """

    alpha: Array
    beta: Array
    last: Array
    steps: Array
    lengths: Array
    tiny: float

    def gauss(self) -> tuple[Array, Array, Array]:
        """Nodes, weights and eigenvectors, shapes (vectors, steps) and (vectors, steps, steps)."""
        nodes, vectors = np.linalg.eigh(_tridiagonal(self.alpha, self.beta))
        return nodes, vectors[:, 0] ** 2 * self.lengths[:, None], vectors

    def radau(self) -> tuple[Array, Array]:
        """Nodes and weights with one node at zero; Gauss' where the process has come to its end."""
        count = len(self.alpha)
        rows = np.arange(count)
        pivot = self.alpha[:, 0].copy()
        for j in range(1, self.alpha.shape[1]):
            safe = np.where(pivot > 0, pivot, 1.0)
            here = self.alpha[:, j] - self.beta[:, j - 1] ** 2 / safe
            pivot = np.where(j < self.steps, np.where(pivot > 0, here, pivot), pivot)
        sound = pivot > NOISE * self.tiny * self.alpha.max(1, initial=0.0)
        alpha = np.pad(self.alpha, ((0, 0), (0, 1)))
        beta = np.pad(self.beta, ((0, 0), (0, 1)))
        bordered = np.where(sound, self.last, 0.0)
        alpha[rows, self.steps] = bordered**2 / np.where(sound, pivot, 1.0)
        beta[rows, np.maximum(self.steps - 1, 0)] = bordered
        nodes, vectors = np.linalg.eigh(_tridiagonal(alpha, beta))
        return nodes, vectors[:, 0] ** 2 * self.lengths[:, None]

    def moments(self) -> Array:
        """Forms of 1, of the operator and of its square, shape (3, vectors)."""
        first = self.alpha[:, 0]
        beside = self.last if self.alpha.shape[1] == 1 else self.beta[:, 0]
        beside = np.where(self.steps == 1, self.last, beside)
        return np.stack([np.ones_like(first), first, first**2 + beside**2]) * self.lengths


def _tridiagonal(alpha: Array, beta: Array) -> Array:
    count, size = alpha.shape
    found = np.zeros((count, size, size))
    at = np.arange(size)
    found[:, at, at] = alpha
    found[:, at[1:], at[:-1]] = found[:, at[:-1], at[1:]] = beta[:, : size - 1]
    return found


@dataclass(frozen=True, eq=False)
class Forms:
    """Quadratic forms of vectors.

    Parameters
    ----------
    low, high : array of shape (2, vectors)
        Bounds of the forms of the two functions of a measure.
    moments : array of shape (3, vectors)
        Forms of 1, of the operator and of its square.
    nodes, weights : array of shape (vectors, steps)
        Of Gauss' quadrature; zero beyond the steps of a vector.
    steps : array of shape (vectors,)
        Steps of each vector.
    certified : bool
        Whether the bounds are proven.
    """

    low: Array
    high: Array
    moments: Array
    nodes: Array
    weights: Array
    steps: Array
    certified: bool = True

    @classmethod
    def of(cls, process: Process, measure: Measure) -> Forms:
        """Forms after the steps that were made."""
        quadrature = process.quadrature()
        nodes, weights, _ = quadrature.gauss()
        gauss = (measure.functions(nodes) * weights).sum(2)
        radau_nodes, radau_weights = quadrature.radau()
        other = (measure.functions(radau_nodes) * radau_weights).sum(2)
        negative = nodes.min() < -NEGATIVE * process.digits * np.abs(nodes).max()
        certified = measure.proven(int(quadrature.steps.min())) and not negative
        if not certified:
            before_nodes, before_weights, _ = process.quadrature(0.5).gauss()
            before = (measure.functions(before_nodes) * before_weights).sum(2)
            half = np.maximum(np.abs(gauss - before), np.abs(gauss - other))
            gauss, other = gauss - half, gauss + half
        return cls(
            np.minimum(gauss, other),
            np.maximum(gauss, other),
            quadrature.moments(),
            nodes,
            weights,
            quadrature.steps,
            certified,
        )

    @classmethod
    def none(cls) -> Forms:
        """Forms of no vector."""
        two, three, nodes = np.zeros((2, 0)), np.zeros((3, 0)), np.zeros((0, 0))
        return cls(two, two, three, nodes, nodes, np.zeros(0, int))

    @property
    def count(self) -> int:
        """Number of vectors."""
        return int(self.low.shape[1])

    @property
    def middle(self) -> Array:
        """Forms of the functions, in the middle of their bounds."""
        return (self.low + self.high) / 2

    @property
    def width(self) -> Array:
        """Widths of the bounds."""
        return self.high - self.low

    def some(self, at: slice) -> Forms:
        """Forms of some vectors."""
        return Forms(
            self.low[:, at],
            self.high[:, at],
            self.moments[:, at],
            self.nodes[at],
            self.weights[at],
            self.steps[at],
            self.certified,
        )

    def joined(self, other: Forms) -> Forms:
        """Forms of these vectors and of others."""
        size = max(self.nodes.shape[1], other.nodes.shape[1])

        def both(a: Array, b: Array) -> Array:
            return np.concatenate([np.pad(v, ((0, 0), (0, size - v.shape[1]))) for v in (a, b)])

        return Forms(
            np.concatenate([self.low, other.low], 1),
            np.concatenate([self.high, other.high], 1),
            np.concatenate([self.moments, other.moments], 1),
            both(self.nodes, other.nodes),
            both(self.weights, other.weights),
            np.concatenate([self.steps, other.steps]),
            self.certified and other.certified,
        )


def controls(nodes: Array, weights: Array, values: Array) -> Array:
    """Coefficients of 1, x and x squared that fit functions best, shape (3, functions).

    The nodes and weights of all probes are the density of eigenvalues, so that the coefficients
    hardly depend on the noise of the probes.
    """
    weighty = weights > 0
    x, root = nodes[weighty], np.sqrt(weights[weighty])
    scale = max(float(np.abs(x).max(initial=0.0)), np.finfo(float).tiny)
    columns = np.stack([np.ones_like(x), x / scale, (x / scale) ** 2], axis=1)
    targets = np.stack([v[weighty] for v in values], axis=1)
    found = np.linalg.lstsq(columns * root[:, None], targets * root[:, None], rcond=None)[0]
    return found / np.array([1.0, scale, scale**2])[:, None]


@dataclass(frozen=True, eq=False)
class Estimate:
    """Traces from a sketch and probes, with the known traces taken into account.

    Parameters
    ----------
    traces : array of shape (2,)
        Traces of the two functions of a measure.
    half : array of shape (2,)
        Half-widths of their brackets.
    se : float
        Standard error of the entropy from the scatter of the probes.
    """

    traces: Array
    half: Array
    se: float

    @classmethod
    def of(cls, measure: Measure, sketch: Forms, probes: Forms, known: Array) -> Estimate:
        """Estimate from the forms of both."""
        mean = probes.middle.mean(1)
        base = sketch.middle.sum(1)
        fitted = controls(probes.nodes, probes.weights, measure.functions(probes.nodes))
        expected = known - sketch.moments.sum(1)
        traces = base + mean - (probes.moments.mean(1) - expected) @ fitted
        traces = np.where(traces * (base + mean) > 0, traces, base + mean)
        gradient = measure.gradient(traces)
        scatter = gradient @ (probes.middle - fitted.T @ probes.moments)
        se = float(np.std(scatter, ddof=CONTROLS) / math.sqrt(len(scatter)))
        return cls(traces, (sketch.width.sum(1) + probes.width.mean(1)) / 2, se)


@dataclass(frozen=True, eq=False)
class Derivative:
    """Derivative of an entropy by an eigenvalue, times the eigenvalue.

    Parameters
    ----------
    measure : Measure
        Which entropy.
    gradient : array of shape (2,)
        Its derivatives by the two traces.
    fitted : array of shape (3,)
        Coefficients of 1, x and x squared that fit the function best.
    """

    measure: Measure
    gradient: Array
    fitted: Array

    @classmethod
    def of(cls, measure: Measure, gradient: Array, probes: Forms) -> Derivative:
        """Derivative with its fit to the eigenvalues that probes saw."""
        values = np.tensordot(gradient, measure.slopes(probes.nodes), 1)
        return cls(measure, gradient, controls(probes.nodes, probes.weights, values[None])[:, 0])

    def rest(self, nodes: Array) -> Array:
        """What is left of the function beside the terms whose diagonals are known."""
        found = np.tensordot(self.gradient, self.measure.slopes(nodes), 1)
        return np.asarray(found - self.fitted[1] * nodes - self.fitted[2] * nodes**2)

    def applied(self, process: Process, of: Any) -> Any:
        """That rest as a function of the operator, times the first vectors: (vectors, n)."""
        nodes, _, vectors = process.quadrature().gauss()
        share = np.einsum("cij,cj,cj->ci", vectors, self.rest(nodes), vectors[:, 0])
        share *= np.sqrt(process.lengths)[:, None]
        out = empty((len(share), process.operator.n), of)
        for c, mine in enumerate(share):
            out[c] = 0
            start = 0
            for part in process.vectors(c):
                out[c] += like(mine[start : start + len(part)], part) @ part
                start += len(part)
        return out


@dataclass
class Search:
    """Sketch and probes of an operator, made in batches until the entropy is known well enough."""

    operator: Operator
    measure: Measure
    tolerance: float
    most_probes: int
    most_steps: int
    memory: float
    rng: np.random.Generator
    progress: Progress | None
    diagonal: bool
    products: int = 0
    samples: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        operator = self.operator
        self.squares = operator.squares()
        self.own = operator.diagonal()
        self.known = np.array([operator.n, self.own.sum(), self.squares.sum()], dtype=float)
        self.sketch = self.probes = Forms.none()
        self.basis: Any = None
        self.total = (DEFLATED + FIRST) * EXPECTED
        self.vector = operator.n * operator.like.dtype.itemsize  # bytes

    def signs(self, count: int) -> Any:
        """Random signs, shape (count, n)."""
        drawn = self.rng.integers(0, 2, (count, self.operator.n), dtype=np.int8)
        return like(2 * drawn - 1, self.operator.like)

    def deflate(self, count: int) -> None:
        """Basis of the range of the operator, turned so that its vectors are near eigenvectors."""
        algebra = namespace(self.operator.like).linalg
        basis = self.signs(count).T
        for _ in range(2):
            basis = algebra.qr(self.product(basis))[0]
        self.basis = basis @ algebra.eigh(basis.T @ self.product(basis))[1]

    def product(self, vectors: Any) -> Any:
        """Product of the operator with vectors, told to whoever listens."""
        found = self.operator.matmat(vectors)
        self.told(vectors.shape[1])
        return found

    def told(self, products: int, total: int | None = None) -> None:
        """Tell whoever listens how many products were made."""
        self.products += products
        if self.progress is not None:
            self.total = max(self.total if total is None else total, self.products)
            self.progress(self.products, self.total)

    def batch(self, count: int) -> None:
        """Forms of more probes; of the sketch too at first."""
        first = not self.probes.count
        signs = self.signs(count)
        starts = signs - (signs @ self.basis) @ self.basis.T
        known = self.basis.shape[1] if first else 0
        if first:
            starts = namespace(starts).vstack([self.basis.T, starts])
        process = Process(self.operator, starts + 0)
        forms = self.settled(process, known)
        if first:
            self.sketch = forms.some(slice(None, known))
        self.probes = self.probes.joined(forms.some(slice(known, None)))
        if self.diagonal:
            applied = self.derivative(first).applied(process, self.operator.like)
            if first:
                self.sure = self.of_sketch(applied[:known].T)
            self.samples.append(self.sure + signs * self.outside(applied[known:]))

    def settled(self, process: Process, known: int) -> Forms:
        """Forms after as many steps as the bracket needs."""
        vectors = len(process.lengths)
        weights = np.r_[np.ones(known), np.full(vectors - known, 1 / (vectors - known))]
        aim = SHARE * self.tolerance
        while True:
            before = process.products
            process.advance()
            self.told(process.products - before)
            steps = len(process.alpha)
            full = process.products * self.vector > self.memory
            ended = not len(process.active) or steps >= self.most_steps or full
            if not ended and (steps < 2 * CHECKS or steps % CHECKS):
                continue
            forms = Forms.of(process, self.measure)
            gaps = self.gaps(forms, known) * weights
            if ended or gaps.sum() <= aim:
                return forms
            process.freeze(gaps <= aim / (2 * vectors))
            if not len(process.active):
                return forms

    def gaps(self, forms: Forms, known: int) -> Array:
        """Widths of the brackets of single vectors in units of the entropy."""
        probes = forms.middle[:, known:].mean(1)
        sketch = self.sketch if self.sketch.count else forms.some(slice(None, known))
        traces = sketch.middle.sum(1) + probes
        return np.abs(self.measure.gradient(traces)) @ forms.width

    def estimate(self) -> Estimate:
        """What is known so far."""
        found = Estimate.of(self.measure, self.sketch, self.probes, self.known)
        return replace(found, half=found.half + self.rounding())

    def rounding(self) -> Array:
        """What rounding may add to the traces: it makes zeros as large as the noise of entries."""
        spacing = digits(self.operator.like)
        noise = ROUNDED * spacing * math.sqrt(self.known[2] / self.operator.n)
        zeros = self.probes.weights[self.probes.nodes < 100 * noise].sum() / self.probes.count
        return np.asarray(np.abs(self.measure.functions(np.array(noise))) * zeros)

    def room(self) -> int:
        """Vectors that a batch has memory for."""
        return int(self.memory / (EXPECTED * self.vector))

    def run(self) -> Estimate:
        """Probes until the interval is narrow enough, or there are as many as are allowed."""
        n = self.operator.n
        deflated = min(DEFLATED, n // 3, max(2 * self.room() // 3, 1))
        self.deflate(deflated)
        self.batch(min(max(self.room() - deflated, LEAST), FIRST, self.most_probes))
        while True:
            found = self.estimate()
            count = self.probes.count
            low, high = self.measure.bounds(found.traces - found.half, found.traces + found.half)
            aim = max(self.tolerance - (high - low) / 2, self.tolerance / 2)
            noise = quantile(0.95, count) * found.se
            if noise <= aim or count >= self.most_probes:
                return found
            wanted = count * (noise / aim) ** 2 * 1.1
            more = min(math.ceil(wanted), self.most_probes) - count
            self.batch(max(min(more, max(self.room(), LEAST)), 1))

    def derivative(self, first: bool) -> Derivative:
        """Derivative of the entropy at what the first batch tells of the traces."""
        if first:
            gradient = self.measure.gradient(self.estimate().traces)
            self._derivative = Derivative.of(self.measure, gradient, self.probes)
        return self._derivative

    def outside(self, applied: Any) -> Any:
        """Parts of vectors of shape (vectors, n) that are not in the sketch."""
        return applied - (applied @ self.basis) @ self.basis.T

    def of_sketch(self, applied: Any) -> Any:
        """Diagonal that the sketch and the known diagonals tell, from the function of the basis."""
        basis = self.basis
        inside = (basis * applied).sum(1) * 2 - ((basis @ (basis.T @ applied)) * basis).sum(1)
        _, linear, square = self._derivative.fitted
        return inside + like(linear * self.own + square * self.squares, inside)


def trace_entropy(
    operator: Operator,
    t: float = 1.0,
    order: float = 1.0,
    *,
    tolerance: float = 0.002,
    most_probes: int = 400,
    most_steps: int = 120,
    memory: float = MEMORY,
    diagonal: bool = False,
    rng: int | np.random.Generator | None = None,
    progress: Progress | None = None,
) -> LanczosEntropy:
    """Entropy of the eigenvalues of an operator, from products with vectors.

    Parameters
    ----------
    operator : Operator
        Positive semidefinite: `DiffusionBlocks` or `GramBlocks`.
    t : float
        Power of the eigenvalues, above zero.
    order : float
        Order of the entropy, above zero and finite; of order 2 at `t` = 1 the value is exact.
    tolerance : float
        Half-width of the 95 % interval that is aimed at, in nats.
    most_probes, most_steps : int
        What is spent at most.
    memory : float
        Bytes of the vectors that the Lanczos process keeps at a time, about.
    diagonal : bool
        Whether to estimate the diagonal that `influence` needs.
    rng : int or Generator, optional
        Same seed, same value.
    progress : callable, optional
        Called with the products made and to be made, about.

    Returns
    -------
    LanczosEntropy
        Value, bracket, standard error.

    Raises
    ------
    InvalidParameterError
        Where a parameter is outside its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> from infometric.state.blocks import DiffusionBlocks
    >>> from infometric.state.kernels import Kernel
    >>> rows = np.random.default_rng(0).normal(size=(300, 3))
    >>> operator = DiffusionBlocks(rows, Kernel(sigma=1.0))
    >>> found = trace_entropy(operator, rng=1)
    >>> exact = np.linalg.eigvalsh(operator.matmat(np.eye(300))).clip(1e-300)
    >>> p = exact / exact.sum()
    >>> bool(abs(found.value + p @ np.log(p)) < 0.004), found.certified
    (True, True)
    """
    _refuse(t, order, tolerance, most_probes, most_steps)
    measure = Measure(float(t), float(order))
    if order == 2 and t == 1:
        traces = np.array([operator.diagonal().sum(), operator.squares().sum()])
        value = measure.value(traces)
        return LanczosEntropy(
            value, 0.0, value, value, 0, 0, 0, True, True, float(traces[0]), t, order, 0
        )
    search = Search(
        operator,
        measure,
        tolerance,
        most_probes,
        most_steps,
        memory,
        np.random.default_rng(rng),
        progress,
        diagonal,
    )
    found = search.run()
    return _told(search, found)


def _told(search: Search, found: Estimate) -> LanczosEntropy:
    measure, probes = search.measure, search.probes
    value = measure.value(found.traces)
    low, high = measure.bounds(found.traces - found.half, found.traces + found.half)
    count = probes.count
    steps = np.concatenate([search.sketch.steps, probes.steps])
    half = (high - low) / 2 + quantile(0.95, count) * found.se
    samples = namespace(search.basis).vstack(search.samples) if search.samples else None
    search.told(0, search.products)
    return LanczosEntropy(
        value,
        found.se,
        low,
        high,
        int(steps.max()),
        count,
        search.basis.shape[1],
        half <= search.tolerance,
        probes.certified and search.sketch.certified,
        float(found.traces[0]),
        measure.time,
        measure.order,
        search.products,
        samples,
    )


def _refuse(t: float, order: float, tolerance: float, probes: int, steps: int) -> None:
    if not (t > 0 and math.isfinite(t)):
        raise InvalidParameterError("t must be above zero.", got=t, hint="t=1")
    if not (order > 0 and math.isfinite(order)):
        raise InvalidParameterError(
            "Probes tell entropies of an order above zero and finite.",
            got=order,
            hint='order=1, or fewer rows with solver="exact": X[:10000]',
        )
    if not tolerance > 0:
        raise InvalidParameterError(
            "tolerance must be above zero.", got=tolerance, hint="tolerance=0.002"
        )
    if probes < LEAST or steps < 2 * CHECKS:
        raise InvalidParameterError(
            f"There must be {LEAST} probes and {2 * CHECKS} steps at least.",
            got={"most_probes": probes, "most_steps": steps},
            hint="most_probes=400, most_steps=120",
        )


def influence(operator: Operator, estimate: LanczosEntropy) -> tuple[Array, float]:
    """Influence of each row on the entropy, and the noise in it.

    Parameters
    ----------
    operator : Operator
        That of the estimate.
    estimate : LanczosEntropy
        Made with ``diagonal=True``.

    Returns
    -------
    values : array of shape (n,)
        n times the derivative of the entropy by the weight of a row.
    noise : float
        Mean variance of the values over the random probes: take it off the mean square of the
        values where a standard error is made of them.

    Raises
    ------
    InvalidParameterError
        Where the estimate has no samples of the diagonal.
    """
    if estimate.samples is None:
        raise InvalidParameterError(
            "This estimate has no diagonal.", got=None, hint="trace_entropy(..., diagonal=True)"
        )
    found = to_numpy(operator.adjoint(estimate.samples.T)).astype(np.float64)
    count = found.shape[1]
    noise = float(found.var(axis=1, ddof=1).mean() / count)
    return operator.n * found.mean(axis=1), operator.n**2 * noise


__all__ = ["LanczosEntropy", "influence", "trace_entropy"]
