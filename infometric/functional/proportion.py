r"""Share of events among the records of one sample: two cells, non-events and events.

References
----------
Wilson, E. B. (1927). Probable inference, the law of succession, and statistical inference. J. Amer.
Statist. Assoc. 22, 209-212. doi:10.1080/01621459.1927.10502953
Brown, L. D., Cai, T. T., DasGupta, A. (2001). Interval estimation for a binomial proportion.
Statist. Sci. 16, 101-133. doi:10.1214/ss/1009213286
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy.special import betaincinv, ndtri, pdtr, pdtrc

from infometric.functional.base import Functional, Interval
from infometric.state.counts import Counts
from infometric.typing import Array, Units

_MOST_EXACT = 20_000  # records, beyond which Poisson's law stands for the exact one


@dataclass(frozen=True)
class EventRate(Functional):
    """Share of the second of two cells; Wilson's interval by default.

    "posterior" is the credible interval of Jeffreys' prior, "clopper_pearson" the exact one. Record
    weights count as Kish's effective number of records.

    Examples
    --------
    >>> from infometric import Counts, infer
    >>> infer(EventRate(), Counts.from_counts([95, 5])).summary()
    'event_rate = 0.05, 95% CI [0.02154, 0.1118], n = 100'
    """

    name: ClassVar[str] = "event_rate"
    units: ClassVar[Units] = "dimensionless"
    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)
    ordered: ClassVar[bool] = True

    def value(self, s: Counts) -> Array:
        """The share."""
        return s.p[..., 0, 1]

    def influence(self, s: Counts) -> Array:
        """One for events."""
        return np.broadcast_to(np.arange(s.n_cells) == 1, s.table.shape).astype(float)

    def favoured(self, s: Any) -> str:
        """Wilson's interval."""
        return "wilson"

    def interval(self, kind: str, s: Counts, level: float) -> Interval | None:
        """Wilson's, Jeffreys' or Clopper and Pearson's interval."""
        p, n, tail = self.value(s), s.n_eff[..., 0], (1 - level) / 2
        se = np.sqrt(p * (1 - p) / n)
        if kind == "wilson":
            return Interval(se, *wilson(p, n, ndtri(1 - tail)))
        events, others = p * n, (1 - p) * n
        if kind == "posterior":
            low, high = (betaincinv(events + 0.5, others + 0.5, q) for q in (tail, 1 - tail))
        elif kind == "clopper_pearson":
            low = betaincinv(np.maximum(events, 1e-300), others + 1, tail)
            high = betaincinv(events + 1, np.maximum(others, 1e-300), 1 - tail)
        else:
            return None
        return Interval(se, np.where(events > 0, low, 0.0), np.where(others > 0, high, 1.0))


def wilson(p: Array, n: Array, z: float) -> tuple[Array, Array]:
    """Shares that a score test does not reject.

    Examples
    --------
    >>> [round(float(end), 4) for end in wilson(np.array(0.05), np.array(100), 1.959964)]
    [0.0215, 0.1118]
    """
    shrink = 1 + z**2 / n
    centre = (p + z**2 / (2 * n)) / shrink
    half = z / shrink * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    return np.where(p > 0, centre - half, 0.0), np.where(p < 1, centre + half, 1.0)


def event_count_tails(probability: Array, events: int) -> tuple[float, float]:
    """Chances of at most, and of at least, so many events of unlike probabilities.

    The law of the number is the Poisson binomial, summed record by record; of more than 20,000
    records Poisson's, which has the greater variance.

    Parameters
    ----------
    probability : ndarray of shape (n_records,)
        Probability of each record's event.
    events : int
        Number of events.

    Examples
    --------
    >>> [round(tail, 4) for tail in event_count_tails(np.full(20, 0.001), 1)]
    [0.9998, 0.0198]
    """
    p = np.asarray(probability, dtype=float)
    turned = p.sum() > len(p) / 2  # count what is rare
    rare, k = (1 - p, len(p) - events) if turned else (p, events)
    if len(p) > _MOST_EXACT:
        upto, least = float(pdtr(k, rare.sum())), float(pdtrc(k - 1, rare.sum())) if k else 1.0
    else:
        law = np.zeros(k + 1)
        law[0] = 1.0
        for share in rare.tolist():
            law[1:] = law[1:] * (1 - share) + law[:-1] * share
            law[0] *= 1 - share
        upto, least = float(law.sum()), float(1 - law[:-1].sum())
    return (least, upto) if turned else (upto, least)
