r"""Shannon entropy :math:`H = -\sum_k p_k \log p_k` by any of twenty estimators, and its intervals.

A sample that has not seen every cell says nothing of the rest but by its singletons: by Good and
Turing the share of the distribution that it has seen is about :math:`C = 1 - f_1 / N`. The
interval "good_turing" stands around Chao, Wang and Jost's estimate with its jackknife error, and
its upper end is raised by the part :math:`\Delta` of the estimate that comes from the unseen:
that part is a lower bound. It needs half of the distribution to have been seen.

References
----------
Shannon, C. E. (1948). A mathematical theory of communication. Bell System Technical Journal 27,
379-423. doi:10.1002/j.1538-7305.1948.tb01338.x
Miller, G. A. (1955). Note on the bias of information estimates. In: Information Theory in
Psychology.
Good, I. J. (1953). The population frequencies of species and the estimation of population
parameters. Biometrika 40, 237-264. doi:10.1093/biomet/40.3-4.237
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple

import numpy as np
from scipy.special import entr, ndtri

from infometric.exceptions import InvalidParameterError
from infometric.functional.base import Caution, Functional, Interval, entropy_terms, safe_log
from infometric.functional.bayes import Ansb, Dirichlet, Nsb, Posterior
from infometric.functional.entropy import Entropy
from infometric.functional.unseen import (
    Bonachela,
    Bub,
    ChaoShen,
    ChaoWangJost,
    Fingerprint,
    Grassberger,
    Grassberger1988,
    HorvitzThompson,
    JackknifedEntropy,
    JamesStein,
    Schuermann,
    Unseen,
    WuYang,
    Zhang,
)
from infometric.state.counts import Counts, coverage, is_whole, whole_counts
from infometric.typing import Array

ESTIMATORS: dict[str, Unseen] = {
    e.name: e
    for e in (
        Grassberger1988(), Grassberger(), Schuermann(), Zhang(), ChaoShen(), ChaoWangJost(),
        HorvitzThompson(), JackknifedEntropy(), Bonachela(), JamesStein(), Bub(), WuYang(),
        Dirichlet("jeffreys"), Dirichlet("laplace"), Dirichlet("perks"), Dirichlet("minimax"),
        Nsb(), Ansb(),
    )
}  # fmt: skip
PLAIN = ("plug_in", "miller_madow")  # defined on weights and fractions too
BIAS = ("auto", *PLAIN, *ESTIMATORS)
SEEN = 0.5  # coverage from which the interval "good_turing" held in simulations
WELL_SAMPLED = 10.0  # records a cell


class Completed(NamedTuple):
    """Chao, Wang and Jost's estimate, its jackknife error, and the part from the unseen."""

    value: Array
    se: Array
    unseen: Array


@dataclass(frozen=True)
class ShannonEntropy(Entropy):
    """Shannon entropy.

    Parameters
    ----------
    bias_correction : str or Unseen
        A name in `BIAS`, or an estimator such as ``Schuermann(xi=0.7)``.
    alphabet_size : float, optional
        Number of possible symbols, seen or not.
    """

    name: ClassVar[str] = "entropy"
    bias_correction: str | Unseen = "plug_in"
    alphabet_size: float | None = None
    all_seen: bool = False  # whether no value is above the logarithm of the number of cells seen

    @property
    def whole(self) -> bool:  # type: ignore[override]
        """Whether the estimator counts singletons: fractions have none."""
        return self.bias_correction not in PLAIN

    @property
    def rule(self) -> Unseen | None:
        """The estimator; None for the two that are plain sums."""
        if isinstance(self.bias_correction, Unseen):
            return self.bias_correction
        return ESTIMATORS.get(self.bias_correction)

    def terms(self, p: Array) -> Array:
        """Summand ``-p log p``."""
        return entr(p[..., 0, :])

    def correction(self, n: Array, observed: Array) -> Array:
        """Miller-Madow term, where it was asked for."""
        if self.bias_correction != "miller_madow":
            return np.asarray(0.0)
        return ((observed - 1) / (2 * n))[..., 0]

    def value(self, s: Counts) -> Array:
        """Estimate in nats, shape (...)."""
        if self.bias_correction == "auto":
            return _row_by_row(lambda one: self.resolved(one).value(one), s)
        rule, size = self.rule, self._alphabet(s)
        if rule is None:
            plain = entropy_terms(s.table[..., 0, :], s.n[..., [0]]).sum(-1)
            return self._possible(s, plain + self.correction(s.n_eff, s.observed))
        return self._possible(s, rule(Fingerprint.of(whole_counts(s, rule.name)), size))

    def _possible(self, s: Counts, values: Array) -> Array:
        """Values from zero to the logarithm of the alphabet, where that is known or assumed."""
        most = self.even(s.observed[..., 0]) if self.all_seen else self._most
        assumed = None if s.key else self._alphabet(s)
        if assumed is not None:
            most = np.minimum(most, math.log(assumed))
        return np.clip(values, 0.0, most)

    @property
    def _most(self) -> float:
        return np.inf if self.alphabet_size is None else float(np.log(self.alphabet_size))

    def resolved(self, s: Counts) -> ShannonEntropy:
        """The estimator that "auto" means on these data.

        Miller-Madow with ten records a cell and nothing unseen (or with weights); else Chao, Wang
        and Jost's where half of the distribution has been seen; else NSB where the alphabet is
        known.
        """
        if self.bias_correction != "auto":
            return self
        capped = self.favoured(s) == "ncx2" and bool(self.interval_holds(s))
        return replace(self, bias_correction=self._chosen(s), all_seen=capped)

    def _chosen(self, s: Counts) -> str:
        n, cells = float(s.n_eff[..., 0]), float(s.observed[..., 0])
        if s.shares:
            return "plug_in"
        if not is_whole(s):
            return "miller_madow"
        seen = float(coverage(s))
        if n >= WELL_SAMPLED * cells and seen >= 1 - self.most_lone:
            return "miller_madow"
        known = self.alphabet_size is not None
        return "nsb" if known and seen < SEEN else "chao_wang_jost"

    def _alphabet(self, s: Counts) -> float | None:
        """Alphabet size: as given, else the cells of a table that no encoder made, else those seen.

        Raises
        ------
        InvalidParameterError
            Where more symbols were seen than there are said to be.
        """
        seen = int(s.observed.max())
        if self.alphabet_size is not None:
            if seen > self.alphabet_size:
                raise InvalidParameterError(
                    "alphabet_size must be at least the number of symbols seen.",
                    got=self.alphabet_size,
                    hint=f"alphabet_size={seen}, or more where some were not seen",
                )
            return self.alphabet_size
        if self.rule is None or not self.rule.alphabet:
            return None
        return float(seen if s.key else s.n_cells)

    def influence(self, s: Counts) -> Array:
        """Derivative ``-log p``."""
        return -safe_log(s.p)

    def curvature(self, s: Counts) -> Array:
        """Minus one in each observed cell."""
        return -1.0 * (s.table[..., 0, :] > 0)

    def bias(self, s: Counts) -> Array:
        """Leading bias ``-(K1 - 1) / (2 n)``; zero to that order once corrected."""
        return self.plain_bias(s) if self.bias_correction == "plug_in" else np.zeros(s.n.shape[:-1])

    def even(self, cells: Array) -> Array:
        """Logarithm of the number of cells."""
        return np.log(cells)

    def ceiling(self, s: Counts) -> Array:
        """As the base, and of a known alphabet as many cells more as even shares may have missed.

        Not the whole alphabet: a fair coin is as degenerate on three symbols as on two.
        """
        cells = np.maximum(s.observed[..., 0], 1)
        if self.alphabet_size is None:
            return self.even(cells)
        expected = cells * np.exp(-s.n_eff[..., 0] / cells)
        missed = np.rint(expected + 3 * np.sqrt(expected))
        return self.even(np.minimum(cells + missed, np.maximum(self.alphabet_size, cells)))

    def leave_one_out(self, s: Counts) -> Array:
        """Values with one record of each cell left out: alike for cells with the same count."""
        if self.bias_correction == "auto":  # decided by the whole sample
            return _row_by_row(lambda one: self.resolved(one).leave_one_out(one), s)
        rule = self.rule
        if rule is None:
            return self._possible(s, super().leave_one_out(s))
        if s.table.ndim > 2:
            return Functional.leave_one_out(self, s)
        fp = Fingerprint.of(whole_counts(s, rule.name))
        values = self._possible(s, rule.without_one(fp, self._alphabet(s)))
        found = np.searchsorted(fp.r, s.table[0]).clip(max=len(fp.r) - 1)
        return np.where(s.table > 0, values[found], np.nan)

    # -- intervals ----------------------------------------------------------------------------

    def favoured(self, s: Counts) -> str:
        """The posterior of a Bayesian estimator; else by how much has been seen."""
        if isinstance(self.rule, Posterior):
            return "posterior"
        if self.nearly_constant(s):
            return "clopper_pearson"
        return "ncx2" if not is_whole(s) or self._well_seen(s) else "good_turing"

    def _well_seen(self, s: Counts) -> bool:
        """Whether every cell has probably been seen, and five times on average."""
        return bool(self.interval_holds(s)) and bool(coverage(s) >= 1 - self.most_lone)

    def interval(self, kind: str, s: Counts, level: float) -> Interval | None:
        """Credible interval of a Bayesian estimator; interval from singletons of any."""
        z = ndtri(0.5 + level / 2)
        if kind == "posterior" and isinstance(self.rule, Posterior):
            fp = Fingerprint.of(whole_counts(s, self.rule.name))
            mean, sd, most = self.rule.moments(fp, self._alphabet(s))
            low, high = np.maximum(mean - z * sd, 0.0), np.minimum(mean + z * sd, most)
            known = low <= high  # ANSB may lie above the logarithm of the alphabet altogether
            return Interval(sd, *(np.where(known, end, np.nan) for end in (low, high)))
        if kind == "good_turing":
            whole = whole_counts(s, kind)
            found = completed(whole)
            # even counts vary by the second order alone
            found = found._replace(se=np.maximum(found.se, np.sqrt(self._curved(whole) / 2)))
            high = found.value + z * found.se + found.unseen
            high = np.maximum(high, self.reachable(whole, level))
            ceiling = self._most
            given = (coverage(s) >= SEEN) & (s.observed[..., 0] > 1)
            bounds = np.maximum(found.value - z * found.se, 0.0), np.minimum(high, ceiling)
            return Interval(found.se, *(np.where(given, b, np.nan) for b in bounds))
        return super().interval(kind, s, level)

    def alphabet(self, s: Counts) -> float:
        """Number of possible cells: as given, else as the base."""
        return super().alphabet(s) if self.alphabet_size is None else self.alphabet_size

    def facts(self, s: Counts) -> dict[str, Any]:
        """Name of the estimator, alphabet size and coverage."""
        name = self.bias_correction
        found: dict[str, Any] = {"bias_correction": name if isinstance(name, str) else name.name}
        size = self._alphabet(s)
        if size is not None:
            found["alphabet_size"] = size
        if is_whole(s):
            found["coverage"] = coverage(s)
        return found

    def cautions(self, s: Counts) -> tuple[Caution, ...]:
        """Say how much of the distribution has been seen, where that matters."""
        if not is_whole(s) or s.observed.max() < 2 or s.table.ndim > 2:
            return super().cautions(s)
        if isinstance(self.rule, Posterior):
            return self._of_prior(s)
        if self._well_seen(s):
            return super().cautions(s)
        seen, n = float(coverage(s)), float(s.n[0])
        if seen < SEEN:
            text = (
                f"the sample has seen about {100 * seen:.0f} % of the distribution "
                f"({n * (1 - seen):g} of {n:g} records are alone in their cell): the value may be "
                "far from the truth, and no interval is known to hold; take more data"
            )
            return (*self._of_alphabet(s), Caution("SparseCellWarning", text))
        if self.bias_correction in PLAIN and (missing := float(completed(s).unseen)) > 0.005:
            text = (
                f"the sample has seen about {100 * seen:.1f} % of the distribution, and "
                f"{self.bias_correction} leaves out the rest, some {missing:.2g} nats or more; "
                "bias='auto' estimates it"
            )
            return (Caution("BiasWarning", text),)
        if (dust := self._of_dust(s)) is not None:
            return (*self._of_alphabet(s), dust)
        if n < 50:
            text = f"{n:g} records: the interval covered 80 to 99 % in simulations of so few"
            return (*self._of_alphabet(s), Caution("SparseCellWarning", text))
        return self._of_alphabet(s)

    def _of_one_cell(self, s: Counts) -> Caution:
        """As the base; a prior knows more, or says so."""
        if isinstance(self.rule, Posterior):
            text = "only one cell is occupied: the interval says what the prior expects of the rest"
            return Caution("DegenerateWarning", text)
        return super()._of_one_cell(s)

    def _of_dust(self, s: Counts) -> Caution | None:
        """Say where lone records without pairs leave the number of their cells open."""
        records = whole_counts(s, self.name).table
        alone, pairs = int((records == 1).sum()), int((records == 2).sum())
        if alone < 3 or alone < 3 * (pairs + 1):
            return None
        text = (
            f"{alone} records are alone in their cell, and hardly any two share a rare one: how "
            "many cells such records come from is not known, and the value may be too low by more "
            "than its interval shows"
        )
        return Caution("SparseCellWarning", text)

    def _of_alphabet(self, s: Counts) -> tuple[Caution, ...]:
        """Say where the symbols seen stand for all there are."""
        rule = self.rule
        if rule is None or not rule.alphabet or self.alphabet_size is not None or not s.key:
            return ()
        text = (
            f"{rule.name} needs the number of possible symbols: the {int(s.observed.max())} seen "
            "were taken as all there are; alphabet_size=... says otherwise"
        )
        return (Caution("BiasWarning", text),)

    def _of_prior(self, s: Counts) -> tuple[Caution, ...]:
        """Say where the prior speaks louder than the data."""
        found = list(self._of_alphabet(s))
        n = float(s.n[0])
        if isinstance(self.rule, Dirichlet):
            mean, sd, _ = self.rule.moments(Fingerprint.of(s), self._alphabet(s))
            apart = float(abs(mean - completed(s).value))
            if n < 2 * (self._alphabet(s) or 0) or apart > sd / 2:
                text = (
                    f"under a Dirichlet prior the value is {apart:.2g} nats from what the counts "
                    "alone say: prior and interval may be too sure; bias='nsb' depends on it less"
                )
                found.append(Caution("BiasWarning", text))
        elif isinstance(self.rule, Ansb) and s.observed.max() < 0.9 * n:
            text = (
                f"{n:g} records of {int(s.observed.max())} symbols: ANSB is a limit for few "
                "coincidences, and far too high beyond; bias='nsb' has no such limit"
            )
            found.append(Caution("BiasWarning", text))
        elif float(coverage(s)) < 1 - self.most_lone:
            text = (
                f"the sample has seen about {100 * float(coverage(s)):.1f} % of the distribution: "
                "where shares fall off slowly, credible intervals covered less than their level "
                "in simulations"
            )
            found.append(Caution("SparseCellWarning", text))
        return tuple(found)


def completed(s: Counts) -> Completed:
    """Chao, Wang and Jost's estimate of each row, with its jackknife standard error."""
    shape = s.table.shape[:-2]
    found = np.array([_completed(one) for one in _rows(s)]).reshape(*shape, 3)
    return Completed(found[..., 0], found[..., 1], found[..., 2])


def _completed(s: Counts) -> tuple[float, float, float]:
    fp, rule = Fingerprint.of(s), ChaoWangJost()
    value = float(rule(fp, None))
    without = rule.without_one(fp, None)
    share = fp.r * fp.f / fp.n
    spread = (share * (without - (share * without).sum()) ** 2).sum()
    se = float(np.sqrt(max(fp.n - 1, 0.0) * spread))
    return value, se, value - float(Zhang()(fp, None))


def _rows(s: Counts) -> Iterator[Counts]:
    """The tables of a batch one by one."""
    for table in s.table.reshape(-1, *s.table.shape[-2:]):
        yield s.with_table(table)


def _row_by_row(value: Any, s: Counts) -> Array:
    """A value that depends on the table as a whole, for each of a batch."""
    if s.table.ndim == 2:
        return value(s)
    found = np.array([value(one) for one in _rows(s)])
    return found.reshape(*s.table.shape[:-2], *found.shape[1:])
