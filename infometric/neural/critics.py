r"""Critics: torch modules that score every pair of rows, ``critic(x, y)`` of shape (n_x, n_y).

Any module of that shape is a critic. Those here are

.. math::

    \text{separable} &: g(x) \cdot h(y) + a(x) + b(y) \\
    \text{bilinear} &: g(x)^T W h(y) \\
    \text{concatenated} &: \mathrm{MLP}(x, y) \\
    \text{hybrid} &: \mathrm{MLP}(g(x), h(y)) .

The first two cost one pass per row, the third one per pair, the fourth one pass per row and a
small head per pair. `VariationalCritic` codes rows with noise and pays for what the code keeps;
`GaussianConditional` is a density, for the bounds that need one.

References
----------
van den Oord, A., Li, Y., Vinyals, O. (2018). Representation learning with contrastive predictive
coding. arXiv:1807.03748
Poole, B., Ozair, S., van den Oord, A., Alemi, A. A., Tucker, G. (2019). On variational bounds of
mutual information. arXiv:1905.06922
Abdelaleem, E., Nemenman, I., Martini, K. M. (2023). Deep variational multivariate information
bottleneck. arXiv:2310.03311
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from numbers import Integral
from typing import Any

from infometric.exceptions import InvalidParameterError, MissingExtraError, UnsupportedError

try:
    import torch
    from torch import nn
except ImportError as error:
    raise MissingExtraError.of("torch", "neural") from error

LOG_VARIANCE = (-10.0, 4.0)  # range of the log variance of a code
QUIET = -4.0  # log variance that codes start with: louder noise drowns the first gradients
HIDDEN = (64, 64, 64)
EMBEDDING = 16
PAIRS = 1 << 22  # values held at once where a pass is made for each pair


def mlp(inputs: int, hidden: Sequence[int], outputs: int) -> nn.Sequential:
    """Layers with SiLU between them."""
    sizes = (inputs, *widths_of(hidden))
    layers: list[nn.Module] = []
    for a, b in pairwise(sizes):
        layers += [nn.Linear(a, b), nn.SiLU()]
    return nn.Sequential(*layers, nn.Linear(sizes[-1], outputs))


def widths_of(hidden: Sequence[int], least: int = 0) -> tuple[int, ...]:
    """Widths of layers, if they are any.

    Raises
    ------
    InvalidParameterError
        Where a width is no whole number above zero, or there are too few.
    """
    given = tuple(hidden)
    if len(given) < least or any(not isinstance(h, Integral) or h < 1 for h in given):
        raise InvalidParameterError(
            f"Widths of layers must be whole numbers above 0, {least} of them or more.",
            got=hidden,
            hint="hidden=(64, 64)",
        )
    return tuple(int(h) for h in given)


class Encoder(nn.Module):
    """Rows to codes: a network of our own, or a user's with one linear layer after it.

    Parameters
    ----------
    inputs : int
        Numbers per row, or per output of `body`.
    outputs : int
        Numbers per code.
    hidden : sequence of int
        Widths of the layers, where there is no `body`.
    body : torch.nn.Module, optional
        Encoder of images or sequences, say; its output is flattened.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        hidden: Sequence[int] = HIDDEN,
        body: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.body = body
        self.head = mlp(inputs, hidden if body is None else (), outputs)

    def forward(self, rows: Any) -> Any:
        """Codes of rows, shape (n, outputs)."""
        if self.body is not None:
            rows = self.body(rows)
        return self.head(rows.flatten(1))

    @property
    def last(self) -> nn.Linear:
        """The last layer."""
        return self.head[-1]  # type: ignore[return-value]


class Critic(nn.Module):
    """Base of the critics: codes of the rows, and scores of codes.

    Attributes
    ----------
    anchorable : bool
        Whether scores of an anchor may be added to those of the critic.
    """

    anchorable = True

    def codes(self, x: Any, y: Any) -> tuple[Any, Any]:
        """Codes of which products are taken, without the terms of one variable."""
        return self.encode(x, y)

    def encode(self, x: Any, y: Any) -> tuple[Any, Any]:
        """Codes of the rows of both variables."""
        raise NotImplementedError

    def heads(self, z_x: Any, z_y: Any) -> Any:
        """Scores of every pair of codes, shape (n_x, n_y)."""
        raise NotImplementedError

    def forward(self, x: Any, y: Any) -> Any:
        """Scores of every pair of rows, shape (n_x, n_y)."""
        return self.heads(*self.encode(x, y))

    def silence(self) -> None:
        """Set the last layer so that every score is zero; training starts from there."""
        raise NotImplementedError

    def priced(self, x: Any, y: Any) -> tuple[Any, Any]:
        """Scores, and what their pass adds to the loss: zero for critics without a price."""
        return self(x, y), 0.0


class SeparableCritic(Critic):
    r"""Inner product of two codes, :math:`g(x) \cdot h(y) + a(x) + b(y)`.

    Parameters
    ----------
    dx, dy : int
        Numbers per row.
    embedding_dim : int
        Rank of the scores, less the two of the terms of one variable. The log ratio of normal
        variables has the rank of their correlation and those two.
    hidden : sequence of int
        Widths of the layers.
    encoder_x, encoder_y : torch.nn.Module, optional
        Encoders whose outputs have `dx` and `dy` numbers.

    Examples
    --------
    >>> import torch
    >>> SeparableCritic(3, 2)(torch.zeros(5, 3), torch.zeros(4, 2)).shape
    torch.Size([5, 4])
    """

    def __init__(
        self,
        dx: int,
        dy: int,
        *,
        embedding_dim: int = EMBEDDING,
        hidden: Sequence[int] = HIDDEN,
        encoder_x: nn.Module | None = None,
        encoder_y: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.g = Encoder(dx, embedding_dim + 1, hidden, encoder_x)
        self.h = Encoder(dy, embedding_dim + 1, hidden, encoder_y)

    def encode(self, x: Any, y: Any) -> tuple[Any, Any]:
        """Codes, whose last number is the term of one variable."""
        return self.g(x), self.h(y)

    def codes(self, x: Any, y: Any) -> tuple[Any, Any]:
        """Codes without their last number."""
        z_x, z_y = self.encode(x, y)
        return z_x[:, :-1], z_y[:, :-1]

    def heads(self, z_x: Any, z_y: Any) -> Any:
        """Inner products and the terms of one variable."""
        return z_x[:, :-1] @ z_y[:, :-1].T + z_x[:, -1:] + z_y[:, -1]

    def silence(self) -> None:
        """Make every score zero; the other half of the product keeps its weights."""
        with torch.no_grad():
            for values in (self.g.last.weight, self.g.last.bias):
                values.zero_()
            self.h.last.weight[-1].zero_()
            self.h.last.bias[-1].zero_()


class BilinearCritic(Critic):
    r"""Bilinear form of two codes, :math:`g(x)^T W h(y)`.

    Parameters
    ----------
    dx, dy, embedding_dim, hidden, encoder_x, encoder_y
        As in `SeparableCritic`.
    """

    def __init__(
        self,
        dx: int,
        dy: int,
        *,
        embedding_dim: int = EMBEDDING,
        hidden: Sequence[int] = HIDDEN,
        encoder_x: nn.Module | None = None,
        encoder_y: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.g = Encoder(dx, embedding_dim, hidden, encoder_x)
        self.h = Encoder(dy, embedding_dim, hidden, encoder_y)
        self.weight = nn.Parameter(torch.eye(embedding_dim))

    def encode(self, x: Any, y: Any) -> tuple[Any, Any]:
        """Codes of the rows."""
        return self.g(x), self.h(y)

    def heads(self, z_x: Any, z_y: Any) -> Any:
        """The bilinear form."""
        return z_x @ self.weight @ z_y.T

    def silence(self) -> None:
        """Make every score zero."""
        with torch.no_grad():
            self.weight.zero_()


def by_parts(score: Callable[..., Any], z_x: Any, per_row: int) -> Any:
    """Scores of pairs, some rows of x at a time where no gradient is asked for.

    Parameters
    ----------
    score : callable
        Scores of rows of x, or of their codes, against all of y.
    z_x : tensor of shape (n_x, ...)
        Rows of x.
    per_row : int
        Values held for each of them.
    """
    if torch.is_grad_enabled():
        return score(z_x)
    step = max(1, PAIRS // max(1, per_row))
    return torch.cat([score(part) for part in z_x.split(step)])


class PairHead(nn.Module):
    """A network on every pair, whose first layer is computed once per row.

    That layer is linear, so that of the pair is the sum of those of its rows.
    """

    def __init__(self, dx: int, dy: int, hidden: Sequence[int]) -> None:
        super().__init__()
        hidden = widths_of(hidden, least=1)
        self.of_x = nn.Linear(dx, hidden[0])
        self.of_y = nn.Linear(dy, hidden[0], bias=False)
        self.top = nn.Sequential(nn.SiLU(), mlp(hidden[0], hidden[1:], 1))
        self.width = max(hidden)

    def forward(self, x: Any, y: Any) -> Any:
        """Scores, shape (n_x, n_y); rows by rows where no gradient is asked for."""
        a, b = self.of_x(x), self.of_y(y)
        return by_parts(lambda part: self.top(part[:, None] + b)[..., 0], a, len(b) * self.width)

    def silence(self) -> None:
        """Make every score zero."""
        last = self.top[-1][-1]  # type: ignore[index]
        with torch.no_grad():
            last.weight.zero_()
            last.bias.zero_()


class ConcatCritic(Critic):
    """One network on the two rows together: the most general critic, a pass for every pair.

    Parameters
    ----------
    dx, dy, hidden, encoder_x, encoder_y
        As in `SeparableCritic`; encoders are passed through once per row.
    """

    def __init__(
        self,
        dx: int,
        dy: int,
        *,
        hidden: Sequence[int] = HIDDEN,
        encoder_x: nn.Module | None = None,
        encoder_y: nn.Module | None = None,
        embedding_dim: int = EMBEDDING,
    ) -> None:
        super().__init__()
        self.encoder_x, self.encoder_y = encoder_x, encoder_y
        self.head = PairHead(dx, dy, hidden)

    def encode(self, x: Any, y: Any) -> tuple[Any, Any]:
        """The rows themselves, or what the encoders make of them."""
        x = x if self.encoder_x is None else self.encoder_x(x)
        y = y if self.encoder_y is None else self.encoder_y(y)
        return x.flatten(1), y.flatten(1)

    def heads(self, z_x: Any, z_y: Any) -> Any:
        """A pass for every pair."""
        return self.head(z_x, z_y)

    def silence(self) -> None:
        """Make every score zero."""
        self.head.silence()


class HybridCritic(Critic):
    """A small network on the two codes: nearly as general as one on the rows, and much cheaper.

    Parameters
    ----------
    dx, dy, embedding_dim, hidden, encoder_x, encoder_y
        As in `SeparableCritic`.
    head : sequence of int
        Widths of the network on pairs of codes.
    """

    def __init__(
        self,
        dx: int,
        dy: int,
        *,
        embedding_dim: int = EMBEDDING,
        hidden: Sequence[int] = HIDDEN,
        encoder_x: nn.Module | None = None,
        encoder_y: nn.Module | None = None,
        head: Sequence[int] = (32, 32),
    ) -> None:
        super().__init__()
        self.g = Encoder(dx, embedding_dim, hidden, encoder_x)
        self.h = Encoder(dy, embedding_dim, hidden, encoder_y)
        self.head = PairHead(embedding_dim, embedding_dim, head)

    def encode(self, x: Any, y: Any) -> tuple[Any, Any]:
        """Codes of the rows."""
        return self.g(x), self.h(y)

    def heads(self, z_x: Any, z_y: Any) -> Any:
        """A small pass for every pair."""
        return self.head(z_x, z_y)

    def silence(self) -> None:
        """Make every score zero."""
        self.head.silence()


class VariationalCritic(Critic):
    r"""Codes with noise, and a price for what they keep: the variational information bottleneck.

    An encoder gives mean and log variance; training sees :math:`z = \mu + \sigma \epsilon`,
    evaluation :math:`z = \mu`. With the bound :math:`\hat I` on what the codes share, training
    makes small

    .. math:: L = KL_x + KL_y - \beta \hat I(z_x; z_y), \qquad
       KL = \tfrac12 \sum_j (\mu_j^2 + \sigma_j^2 - 1 - \log \sigma_j^2),

    plus :math:`w_x`, :math:`w_y` times the squared error of decoders where those weights are not
    zero. The loss is divided by :math:`\beta`, which moves no optimum and keeps the learning rate
    of other critics. Validation values are :math:`\hat I` less that price. No anchor stands
    beside the codes: it would carry for nothing what they are to pay for.

    Parameters
    ----------
    dx, dy, embedding_dim, hidden, encoder_x, encoder_y
        As in `SeparableCritic`.
    compress : {"both", "x"}
        Which variables are coded with noise and pay: both (the symmetric form), or x alone.
    beta : float
        Worth of information against its price, above 0. A nat that both codes share costs a nat
        or more in each, so that below 2 (1 with one code) nothing is worth it.
    head : {"separable", "bilinear", "hybrid"}
        Scores of codes. A concatenated critic has no codes that could be compressed.
    reconstruction : (float, float)
        Weights of the decoders of x and y.

    References
    ----------
    Alemi, A. A., Fischer, I., Dillon, J. V., Murphy, K. (2017). Deep variational information
    bottleneck. arXiv:1612.00410
    Abdelaleem, E., Nemenman, I., Martini, K. M. (2023). Deep variational multivariate information
    bottleneck. arXiv:2310.03311
    """

    anchorable = False

    def __init__(
        self,
        dx: int,
        dy: int,
        *,
        embedding_dim: int = EMBEDDING,
        hidden: Sequence[int] = HIDDEN,
        encoder_x: nn.Module | None = None,
        encoder_y: nn.Module | None = None,
        compress: str = "both",
        beta: float = 1024.0,
        head: str = "separable",
        reconstruction: tuple[float, float] = (0.0, 0.0),
    ) -> None:
        super().__init__()
        if head not in CODED:
            raise UnsupportedError(
                "A variational critic compresses codes, of which a concatenated critic has none."
                if head == "concat"
                else f"head must be one of {', '.join(map(repr, CODED))}.",
                got=head,
                hint="VariationalCritic(dx, dy, head='hybrid')",
            )
        if not 0 < beta < math.inf:
            raise InvalidParameterError("beta must be above 0.", got=beta, hint="beta=1024.0")
        weights = tuple(reconstruction)
        if len(weights) != 2 or not all(0 <= w < math.inf for w in weights):
            raise InvalidParameterError(
                "reconstruction must be two weights, of x and of y, of 0 or more.",
                got=reconstruction,
                hint="reconstruction=(0.0, 1.0)",
            )
        if compress not in ("both", "x"):
            raise InvalidParameterError(
                "compress must be 'both' or 'x'.", got=compress, hint="compress='both'"
            )
        if any(weights) and (encoder_x is not None or encoder_y is not None):
            raise UnsupportedError(
                "Decoders are of rows of numbers; beside an encoder of yours there is none.",
                got=reconstruction,
                hint="reconstruction=(0.0, 0.0)",
            )
        self.beta, self.reconstruction = float(beta), weights
        twice = 2 * embedding_dim
        self.g = Encoder(dx, twice, hidden, encoder_x)
        self.h = Encoder(dy, twice if compress == "both" else embedding_dim, hidden, encoder_y)
        self.both = compress == "both"
        self.head = CODED[head](embedding_dim, hidden)
        sizes = zip((dx, dy), self.reconstruction, strict=True)
        self.decoders = nn.ModuleList(
            [mlp(embedding_dim, hidden, d) if w else nn.Identity() for d, w in sizes]
        )
        with torch.no_grad():
            for encoder in (self.g, self.h)[: 2 if self.both else 1]:
                encoder.last.bias[embedding_dim:] = QUIET

    def _coded(self, parts: Any) -> tuple[Any, Any]:
        """Code, and its mean divergence from the standard normal law."""
        mean, log_variance = parts.chunk(2, dim=1)
        log_variance = log_variance.clamp(*LOG_VARIANCE)
        kl = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(1).mean()
        if not self.training:
            return mean, kl
        return mean + torch.randn_like(mean) * (0.5 * log_variance).exp(), kl

    def _bought(self, x: Any, y: Any) -> tuple[Any, Any, Any]:
        """Codes of the rows, and their price over beta."""
        z_x, price = self._coded(self.g(x))
        if self.both:
            z_y, more = self._coded(self.h(y))
            price = price + more
        else:
            z_y = self.h(y)
        for decoder, weight, z, rows in zip(
            self.decoders, self.reconstruction, (z_x, z_y), (x, y), strict=True
        ):
            if weight:
                price = price + weight * ((decoder(z) - rows.flatten(1)) ** 2).sum(1).mean()
        return z_x, z_y, price / self.beta

    def encode(self, x: Any, y: Any) -> tuple[Any, Any]:
        """Codes of the rows; with noise while training."""
        return self._bought(x, y)[:2]

    def priced(self, x: Any, y: Any) -> tuple[Any, Any]:
        """Scores, and the price of the codes that they are of, over beta."""
        z_x, z_y, price = self._bought(x, y)
        return self.heads(z_x, z_y), price

    def heads(self, z_x: Any, z_y: Any) -> Any:
        """Scores of codes."""
        return self.head.heads(z_x, z_y)

    def silence(self) -> None:
        """Make every score zero."""
        self.head.silence()


class _Inner(Critic):
    """Inner product of codes as they are, with a scale that starts at one."""

    def __init__(self, embedding_dim: int, hidden: Sequence[int]) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(embedding_dim))

    def heads(self, z_x: Any, z_y: Any) -> Any:
        return (z_x * self.scale) @ z_y.T

    def silence(self) -> None:
        with torch.no_grad():
            self.scale.zero_()


class _Form(_Inner):
    """Bilinear form of codes."""

    def __init__(self, embedding_dim: int, hidden: Sequence[int]) -> None:
        super().__init__(embedding_dim, hidden)
        self.scale = nn.Parameter(torch.eye(embedding_dim))

    def heads(self, z_x: Any, z_y: Any) -> Any:
        return z_x @ self.scale @ z_y.T


class _Pairs(Critic):
    """A small network on pairs of codes."""

    def __init__(self, embedding_dim: int, hidden: Sequence[int]) -> None:
        super().__init__()
        self.head = PairHead(embedding_dim, embedding_dim, (32, 32))

    def heads(self, z_x: Any, z_y: Any) -> Any:
        return self.head(z_x, z_y)

    def silence(self) -> None:
        self.head.silence()


CODED: dict[str, Callable[[int, Sequence[int]], Critic]] = {
    "separable": _Inner,
    "bilinear": _Form,
    "hybrid": _Pairs,
}


class GaussianConditional(Critic):
    r"""Densities in place of scores: :math:`\log q(y_j | x_i)`, normal with learned moments.

    The moments given x are a network's; those of y alone (`baseline`, :math:`\log q(y)`) are one
    normal law with all its correlations. For the bounds "club", "l1out" and "doe".

    Parameters
    ----------
    dx, dy, hidden, encoder_x
        As in `SeparableCritic`. An encoder of y is refused: a density is of y itself.
    """

    def __init__(
        self,
        dx: int,
        dy: int,
        *,
        hidden: Sequence[int] = HIDDEN,
        encoder_x: nn.Module | None = None,
        encoder_y: nn.Module | None = None,
        embedding_dim: int = EMBEDDING,
    ) -> None:
        super().__init__()
        if encoder_y is not None:
            raise UnsupportedError(
                "A conditional density is of y itself; an encoder of y would change it.",
                got="encoder_y",
                hint="fit(y, x) to encode the other variable, or bound='infonce'",
            )
        self.g = Encoder(dx, 2 * dy, hidden, encoder_x)
        self.mean = nn.Parameter(torch.zeros(dy))
        self.root = nn.Parameter(torch.eye(dy))  # of the precision of y, lower triangular

    def encode(self, x: Any, y: Any) -> tuple[Any, Any]:
        """Moments given x, and y itself."""
        return self.g(x), y.flatten(1)

    def heads(self, z_x: Any, z_y: Any) -> Any:
        """Log q(y_j | x_i), shape (n_x, n_y)."""

        def density(moments: Any) -> Any:
            mean, log_variance = moments.chunk(2, dim=1)
            log_variance = log_variance.clamp(*LOG_VARIANCE)
            apart = (z_y - mean[:, None]) ** 2 * (-log_variance).exp()[:, None]
            return -0.5 * (apart.sum(2) + log_variance.sum(1, keepdim=True) + self._constant())

        return by_parts(density, z_x, 2 * z_y.numel())

    def baseline(self, y: Any) -> Any:
        """Log q(y), shape (n_y,)."""
        root = self.root.tril()
        apart = ((y.flatten(1) - self.mean) @ root) ** 2
        log_det = root.diagonal().abs().clamp_min(1e-6).log().sum()
        return -0.5 * (apart.sum(1) + self._constant()) + log_det

    def _constant(self) -> float:
        return len(self.mean) * math.log(2 * math.pi)

    def silence(self) -> None:
        """Make the density given x that of a standard normal law."""
        with torch.no_grad():
            self.g.last.weight.zero_()
            self.g.last.bias.zero_()


CRITICS: dict[str, Callable[..., Critic]] = {
    "separable": SeparableCritic,
    "bilinear": BilinearCritic,
    "concat": ConcatCritic,
    "hybrid": HybridCritic,
    "variational": VariationalCritic,
    "gaussian": GaussianConditional,
}
