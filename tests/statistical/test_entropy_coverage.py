"""What the intervals of entropies are worth where the sample may have missed symbols."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from infometric.functional.entropy import RenyiEntropy, TsallisEntropy
from infometric.functional.shannon import SEEN, ShannonEntropy
from infometric.oracles import Categorical
from infometric.state.counts import Counts, coverage
from infometric.uncertainty import GoodTuring, Jackknife, NoncentralChi2, Posterior, Simultaneous

SOURCES = {
    "uniform": Categorical.even(100),
    "Zipf 1": Categorical.zipf(100),
    "Zipf 1, long": Categorical.zipf(1000),
    "Zipf 1.5": Categorical.zipf(1000, 1.5),
    "geometric": Categorical.geometric(60, 0.7),
    "lognormal": Categorical(np.random.default_rng(4).lognormal(0, 1.5, 300)),
}
SIZES = (100, 300, 1000, 3000)
CASES = list(product(SOURCES, SIZES))
LEAST = 0.93


def share_held(found, truth, *, slack=1e-12):
    """Coverage among the intervals given, and how many they are."""
    given = np.isfinite(found.low)
    held = (found.low <= truth + slack) & (truth - slack <= found.high)
    return float(held[given].mean()), int(given.sum())


def run(strategy, functional, s, level=0.95):
    return strategy(functional, s, functional.value(s), level=level)


def not_below(share, draws, least=LEAST):
    """At least that, give or take three standard errors of the simulation."""
    assert share >= least - 3 * np.sqrt(least * (1 - least) / draws), share


@pytest.mark.statistical
@pytest.mark.parametrize(("name", "n"), [c for c in CASES if c != ("Zipf 1, long", 100)])
def test_interval_from_singletons(name, n):
    oracle = SOURCES[name]
    s = oracle.draw(n, size=1500, rng=n)
    assert coverage(s).mean() >= SEEN
    share, given = share_held(
        run(GoodTuring(), ShannonEntropy("chao_wang_jost"), s), oracle.truth("entropy")
    )
    not_below(share, given)


@pytest.mark.statistical
@pytest.mark.parametrize(("name", "n"), CASES)
def test_simultaneous_interval_of_the_min_entropy(name, n):
    oracle = SOURCES[name]
    s, f = oracle.draw(n, size=2000, rng=n), RenyiEntropy(np.inf)
    share, given = share_held(run(Simultaneous(), f, s), -np.log(oracle.shares.max()))
    assert given == 2000
    not_below(share, given, 0.95)


THIN = [("uniform", 100), ("uniform", 300), ("Zipf 1", 100), ("Zipf 1, long", 300),
        ("Zipf 1, long", 1000), ("Zipf 1.5", 100), ("lognormal", 100)]  # fmt: skip


@pytest.mark.statistical
@pytest.mark.parametrize("family", [RenyiEntropy, TsallisEntropy])
@pytest.mark.parametrize(("name", "n"), THIN)
def test_jackknife_of_the_unbiased_second_order(family, name, n):
    """Where it is the default: few records a cell, coincidences enough."""
    oracle = SOURCES[name]
    f = family(2.0, bias_correction="unbiased")
    states = [Counts(t) for t in oracle.draw(n, size=500, rng=n).table]
    states = [s for s in states if f.favoured(s) == "jackknife"]
    assert len(states) > 200
    found = [run(Jackknife(), f, s) for s in states]
    order = {"order" if family is RenyiEntropy else "q": 2.0}
    truth = oracle.truth(f.name, **order)
    share = float(np.mean([r.low - 1e-12 <= truth <= r.high + 1e-12 for r in found]))
    not_below(share, len(states), 0.92)


@pytest.mark.statistical
@pytest.mark.parametrize(("cells", "size"), [(2, 3), (2, 5), (10, 11), (10, 1000), (100, 101)])
def test_even_shares_within_a_larger_alphabet(cells, size):
    """Symbols that never occur must not take the ceiling away from the interval."""
    oracle = Categorical.even(cells)
    s = oracle.draw(20 * cells, size=3000, rng=size)
    f = ShannonEntropy("miller_madow", size)
    share, given = share_held(run(NoncentralChi2(), f, s), oracle.truth("entropy"))
    assert given == 3000
    not_below(share, given, 0.94)


@pytest.mark.statistical
def test_credible_interval_at_its_own_prior():
    """Shares drawn from the prior: there, and only there, the level is exact."""
    rng = np.random.default_rng(8)
    hits = []
    for beta in np.geomspace(0.05, 5, 400):
        p = rng.dirichlet(np.full(50, beta))
        s = Counts(rng.multinomial(100, p)[None])
        found = run(Posterior(), ShannonEntropy("nsb", 50), s)
        truth = -np.sum(p[p > 0] * np.log(p[p > 0]))
        hits.append(found.low <= truth <= found.high)
    not_below(float(np.mean(hits)), len(hits), 0.95)
