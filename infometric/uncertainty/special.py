"""Intervals that only some functionals can give: credible ones, and those from singletons.

The functional knows the formula (`Functional.interval`); the strategy is its name in the interface,
and the refusal where there is none.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

from infometric.exceptions import UnsupportedError
from infometric.typing import RNG, Array
from infometric.uncertainty.base import Inference, trusted


@dataclass(frozen=True)
class Special:
    """Base of the intervals that a functional gives itself."""

    name: ClassVar[str] = ""
    needs: ClassVar[frozenset[str]] = frozenset({"influence"})
    only: ClassVar[str] = ""  # what can give it, in words

    def __call__(
        self, functional: Any, state: Any, theta: Array, *, level: float, rng: RNG = None
    ) -> Inference:
        """Standard error and interval.

        Raises
        ------
        UnsupportedError
            Where the functional has no interval of this kind.
        """
        found = functional.interval(self.name, state, level)
        if found is None:
            raise UnsupportedError(
                f"{functional.name} has no interval '{self.name}': {self.only}.",
                hint="uncertainty='auto'",
            )
        return Inference(self.name, *found)


@dataclass(frozen=True)
class Posterior(Special):
    """Credible interval: posterior mean and standard deviation, within the possible values."""

    name: ClassVar[str] = "posterior"
    only: ClassVar[str] = (
        "it belongs to entropies with bias='nsb', 'ansb', 'jeffreys', 'laplace', 'perks' or "
        "'minimax'"
    )


@dataclass(frozen=True)
class GoodTuring(Special):
    """Interval from what singletons say of the cells that nobody has seen."""

    name: ClassVar[str] = "good_turing"
    only: ClassVar[str] = "it belongs to Shannon entropy"


@dataclass(frozen=True)
class Simultaneous(Special):
    """Exact binomial bounds of the largest share, for every cell that may be the largest."""

    name: ClassVar[str] = "simultaneous"
    only: ClassVar[str] = "it belongs to Rényi entropies and Hill numbers of orders above two"


@dataclass(frozen=True)
class ClopperPearson(Special):
    """Exact binomial bounds of the share outside a cell that holds nearly everything."""

    name: ClassVar[str] = "clopper_pearson"
    only: ClassVar[str] = "it belongs to entropies of one sample"


@dataclass(frozen=True)
class Learned(Special):
    """Quantiles that a network learned from samples with known truth, and that were calibrated."""

    name: ClassVar[str] = "learned"
    only: ClassVar[str] = "it belongs to MIST, whose network has learned it"

    def __call__(
        self, functional: Any, state: Any, theta: Array, *, level: float, rng: RNG = None
    ) -> Inference:
        """Standard error and interval, and whether they can be relied on."""
        found = super().__call__(functional, state, theta, level=level, rng=rng)
        return trusted(found, functional.doubts(state), functional.hesitations(state))


@dataclass(frozen=True)
class Wilson(Special):
    """Score interval of a share."""

    name: ClassVar[str] = "wilson"
    only: ClassVar[str] = "it belongs to shares"


@dataclass(frozen=True)
class FisherZ(Special):
    """Interval of the correlations behind a Gaussian copula, and Bartlett's test of none.

    It is one-sided where the data contradict such a copula, and none for vectors.
    """

    name: ClassVar[str] = "fisher_z"
    only: ClassVar[str] = "it belongs to estimator='gaussian_copula'"

    def __call__(
        self, functional: Any, state: Any, theta: Array, *, level: float, rng: RNG = None
    ) -> Inference:
        """Standard error, interval and p-value, and what they rest on."""
        found = super().__call__(functional, state, theta, level=level, rng=rng)
        told = {"null_test": "bartlett"}
        found = replace(found, pvalue=functional.pvalue(state), diagnostics=told)
        return trusted(found, (), functional.hesitations(state))


@dataclass(frozen=True)
class Ranking(Special):
    """Base of the intervals that come with a test of their own, of rankings and proportions."""

    def __call__(
        self, functional: Any, state: Any, theta: Array, *, level: float, rng: RNG = None
    ) -> Inference:
        """Standard error, interval and p-value."""
        found = super().__call__(functional, state, theta, level=level, rng=rng)
        return replace(found, pvalue=functional.pvalue(state))


@dataclass(frozen=True)
class DeLong(Ranking):
    """DeLong's variance on the scale of the logit of the area, and Mann and Whitney's test."""

    name: ClassVar[str] = "delong"
    only: ClassVar[str] = "it belongs to the area under the curve and the Gini coefficient"


@dataclass(frozen=True)
class KolmogorovBand(Ranking):
    """Interval of the greatest distance of two distribution functions, and Kolmogorov's test."""

    name: ClassVar[str] = "kolmogorov"
    only: ClassVar[str] = "it belongs to the Kolmogorov-Smirnov statistic"


@dataclass(frozen=True)
class ScoreInterval(Ranking):
    """Values that the score test does not reject, and that test of equality."""

    name: ClassVar[str] = "score"
    only: ClassVar[str] = "it belongs to the ratio and the difference of two proportions"

    def __call__(
        self, functional: Any, state: Any, theta: Array, *, level: float, rng: RNG = None
    ) -> Inference:
        """Standard error, interval and p-value, and whether they are corrected for continuity."""
        found = super().__call__(functional, state, theta, level=level, rng=rng)
        corrected = functional.is_corrected(state)
        return replace(found, method=f"{self.name}+continuity" if corrected else self.name)


@dataclass(frozen=True)
class StudentInterval(Ranking):
    """Student's interval for the degrees of freedom of the smaller group, and its test."""

    name: ClassVar[str] = "student"
    only: ClassVar[str] = "it belongs to the standardised difference of two means"


@dataclass(frozen=True)
class NoInterval:
    """The value alone, for a loop that wants nothing else of it."""

    name: ClassVar[str] = "none"
    needs: ClassVar[frozenset[str]] = frozenset()

    def __call__(
        self, functional: Any, state: Any, theta: Array, *, level: float, rng: RNG = None
    ) -> Inference:
        """Neither standard error, interval nor p-value."""
        return Inference(self.name)
