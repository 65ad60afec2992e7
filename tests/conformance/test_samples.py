"""The laws of the library on samples: every functional with every strategy that serves it."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import infometric as im
from infometric.amortised.reading import AmortisedInformation
from infometric.exceptions import InfometricWarning
from infometric.functional import differential, neighbor_divergence, neighbor_information
from infometric.functional.automatic import AutoInformation
from infometric.functional.gaussian import GaussianCopula, GaussianCopulaEntropy
from infometric.functional.sample import SampleFunctional
from infometric.testing import check_state, check_strategies

RNG = np.random.default_rng(4)
X, Y, Z = RNG.multivariate_normal(np.zeros(3), 0.5 + 0.5 * np.eye(3), size=90).T
ONE = im.Sample.of(X)
PAIR = im.Sample.of(X, Y)
CLASSED = im.Sample.of((X > 0).astype(float), Y, kinds=("discrete", "continuous"))
TRIPLE = im.Sample.of(X, Y, Z)
TWO = im.Sample.of_groups([X], [RNG.normal(0.5, 1.3, 120)])

CASES = [
    (differential.KozachenkoLeonenko(), ONE),
    (differential.BerrettSamworthYuan(), ONE),
    (differential.LeonenkoPronzatoSavani(), ONE),
    (differential.TsallisNeighbors(), ONE),
    (differential.Vasicek(), ONE),
    (differential.Ebrahimi(), ONE),
    (differential.VanEs(), ONE),
    (differential.Correa(), ONE),
    (differential.GaussianEntropy(), ONE),
    (GaussianCopulaEntropy(), ONE),
    (neighbor_information.KSG1(), PAIR),
    (neighbor_information.KSG2(), PAIR),
    (neighbor_information.MixedKSG(), PAIR),
    (neighbor_information.LNC(), PAIR),
    (neighbor_information.Ross(), CLASSED),
    (AutoInformation(), CLASSED),
    (GaussianCopula(), PAIR),
    (neighbor_information.TotalCorrelation(), TRIPLE),
    (neighbor_information.TotalCorrelation2(), TRIPLE),
    (neighbor_information.FrenzelPompe(), TRIPLE),
    (neighbor_information.MesnerShalizi(), TRIPLE),
    (AmortisedInformation(), PAIR),
    (neighbor_divergence.WangKulkarniVerdu(), TWO),
    (neighbor_divergence.WeightedKullbackLeibler(), TWO),
    (neighbor_divergence.AdaptiveKullbackLeibler(), TWO),
    (neighbor_divergence.NeighborJeffreys(), TWO),
    (neighbor_divergence.NeighborJensenShannon(), TWO),
    (neighbor_divergence.PoczosSchneider(), TWO),
    (neighbor_divergence.TsallisNeighborDivergence(), TWO),
    (neighbor_divergence.AlphaNeighborDivergence(), TWO),
]


def label(case):
    return type(case).__name__ if isinstance(case, SampleFunctional) else ""


def concrete(kind):
    for sub in kind.__subclasses__():
        yield sub
        yield from concrete(sub)


def test_every_functional_of_samples_is_checked():
    bases = {"DifferentialEntropy", "_Neighbors", "Spacings", "NeighborInformation",
             "NeighborDivergence", "Conditional"}  # fmt: skip
    public = {
        k.__name__ for k in concrete(SampleFunctional) if k.__module__.startswith("infometric")
    }
    assert public - bases == {type(f).__name__ for f, _ in CASES}


@pytest.mark.parametrize(("functional", "state"), CASES, ids=label)
def test_strategies(functional, state):
    found = check_strategies(functional, state)
    assert {"none", "subsampling", "partitions"} <= set(found)
    assert {"bootstrap", "jackknife", "ncx2", "chi2"}.isdisjoint(found)
    assert ("permutation" in found) is functional.least
    assert len({r.value for r in found.values()}) == 1  # the strategy leaves the estimate alone
    assert all(0 < r.pvalue <= 1 for r in found.values() if "permutation" in r.method)


@pytest.mark.parametrize(("functional", "state"), CASES, ids=label)
def test_results(functional, state):
    """Same seed, same bits; levels nest; units and JSON keep the number."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InfometricWarning)
        wide, again = (im.infer(functional, state, "subsampling", rng=1) for _ in range(2))
        narrow = im.infer(functional, state, "subsampling", level=0.5, rng=1)
    assert wide.to_dict() == again.to_dict()
    assert im.Result.from_json(wide.to_json()).to_dict() == wide.to_dict()
    if np.isfinite(wide.ci.low):
        assert wide.ci.low <= narrow.ci.low <= narrow.ci.high <= wide.ci.high
    if functional.units == "information":
        assert wide.to("bits").value == pytest.approx(wide.value / np.log(2))


@pytest.mark.parametrize("make", [
    lambda k: im.Sample.of(RNG.normal(size=k)),
    lambda k: im.Sample.of(RNG.normal(size=(k, 2)), RNG.integers(0, 3, k),
                           kinds=("continuous", "discrete")),
    lambda k: im.Sample.of_groups([RNG.normal(size=k)], [RNG.normal(size=2 * k)]),
])  # fmt: skip
def test_samples_obey_the_laws_of_a_state(make):
    check_state(*(make(k) for k in (5, 9, 40)))
